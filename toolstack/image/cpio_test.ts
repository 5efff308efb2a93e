import { assertEquals, assertThrows } from "@std/assert";
import { CpioArchive } from "./cpio.ts";

interface Entry {
  name: string;
  mode: number;
  links: number;
  device: [number, number];
  contents: string;
}

/** Reads an archive by the format's rules, strictly. */
function read(archive: Uint8Array): Entry[] {
  const text = (at: number, length: number) => new TextDecoder().decode(archive.subarray(at, at + length));
  const entries: Entry[] = [];
  for (let at = 0;;) {
    assertEquals(at % 4, 0);
    assertEquals(text(at, 6), "070701");
    const field = (index: number) => parseInt(text(at + 6 + index * 8, 8), 16);
    const name = text(at + 110, field(11) - 1);
    const contents = Math.ceil((at + 110 + field(11)) / 4) * 4;
    const entry: Entry = {
      name,
      mode: field(1),
      links: field(4),
      device: [field(9), field(10)],
      contents: text(contents, field(6)),
    };
    if (name === "TRAILER!!!") {
      assertEquals(contents, archive.length);
      return entries;
    }
    entries.push(entry);
    at = Math.ceil((contents + field(6)) / 4) * 4;
  }
}

Deno.test("every kind of entry is written with its type, mode and contents", () => {
  const archive = new CpioArchive()
    .addDirectory("tmp", 0o1777)
    .addFile("bin/sh", new TextEncoder().encode("hello"), 0o755)
    .addSymlink("bin/ls", "sh")
    .addDevice("dev/console", "char", { major: 5, minor: 1 })
    .addDevice("dev/vda", "block", { major: 254, minor: 0 }, 0o660);
  assertEquals(read(archive.finish()), [
    { name: "tmp", mode: 0o041777, links: 2, device: [0, 0], contents: "" },
    { name: "bin", mode: 0o040755, links: 2, device: [0, 0], contents: "" },
    { name: "bin/sh", mode: 0o100755, links: 1, device: [0, 0], contents: "hello" },
    { name: "bin/ls", mode: 0o120777, links: 1, device: [0, 0], contents: "sh" },
    { name: "dev", mode: 0o040755, links: 2, device: [0, 0], contents: "" },
    { name: "dev/console", mode: 0o020600, links: 1, device: [5, 1], contents: "" },
    { name: "dev/vda", mode: 0o060660, links: 1, device: [254, 0], contents: "" },
  ]);
});

Deno.test("the same entries give the same bytes", () => {
  const make = () => new CpioArchive().addFile("a/b/c", Uint8Array.of(1, 2, 3)).addSymlink("d", "a").finish();
  assertEquals(make(), make());
});

Deno.test("paths that leave the root, or are there already, are refused", () => {
  for (const path of ["/a", "a/", "", "..", "a/../b", "./a"]) {
    assertThrows(() => new CpioArchive().addDirectory(path), TypeError, `Path "${path}"`);
  }
  const archive = new CpioArchive().addFile("a/b", new Uint8Array(0));
  assertThrows(() => archive.addDirectory("a"), TypeError, "is in the archive already");
});
