import { assertEquals, assertRejects } from "@std/assert";
import { ConfigurationError } from "../configuration_error.ts";
import { parseElf, PT_LOAD, PT_NOTE, pvhEntry } from "./elf.ts";
import { MemoryFile } from "./image_file.ts";
import { ELF_CODE, makeElf } from "./test_kernel.ts";

Deno.test("an ELF kernel gives its segments and its PVH entry", async () => {
  const elf = await parseElf(new MemoryFile(makeElf({ address: 0x20_0000, entry: 0x20_0010 }), "k"));
  assertEquals(elf.is64Bit, true);
  assertEquals(elf.entry, 0x20_0000);
  assertEquals(elf.programHeaders.map(({ type }) => type), [PT_LOAD, PT_NOTE]);
  assertEquals(elf.programHeaders[0]?.physicalAddress, 0x20_0000);
  assertEquals(elf.programHeaders[0]?.memorySize, 0x1000);
  const { offset, fileSize } = elf.programHeaders[0]!;
  assertEquals(await elf.file.read(offset, fileSize), ELF_CODE);
  assertEquals(await pvhEntry(elf), 0x20_0010);
});

Deno.test("a kernel without the note has no PVH entry", async () => {
  assertEquals(await pvhEntry(await parseElf(new MemoryFile(makeElf({ entry: undefined }), "k"))), undefined);
});

Deno.test("a 32-bit ELF kernel is read too", async () => {
  const file = new Uint8Array(52 + 32 + 24);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint16(18, 3, true);
  view.setUint32(24, 0x10_0000, true);
  view.setUint32(28, 52, true);
  view.setUint16(42, 32, true);
  view.setUint16(44, 1, true);
  view.setUint32(52, PT_NOTE, true);
  view.setUint32(56, 84, true);
  view.setUint32(68, 20, true);
  view.setUint32(72, 20, true);
  new Uint32Array(file.buffer, 84, 5).set([4, 4, 18, 0x006e6558, 0x10_0040]);
  const elf = await parseElf(new MemoryFile(file, "k"));
  assertEquals(elf.is64Bit, false);
  assertEquals(await pvhEntry(elf), 0x10_0040);
});

Deno.test("an ELF kernel cut off anywhere is refused", async () => {
  const file = makeElf();
  for (let length = 4; length < file.length; length++) {
    await assertRejects(() => parseElf(new MemoryFile(file.subarray(0, length), "k")), ConfigurationError);
  }
});

Deno.test("notes with lengths that are not possible are passed over", async () => {
  const file = makeElf();
  new DataView(file.buffer).setUint32(0x100, 0xffff_fff0, true);
  assertEquals(await pvhEntry(await parseElf(new MemoryFile(file, "k"))), undefined);
});

Deno.test("ELF files for another machine are refused", async () => {
  await assertRejects(
    () => parseElf(new MemoryFile(makeElf({ machine: 183 }), "k")),
    ConfigurationError,
    "ELF machine 183",
  );
  await assertRejects(
    () => parseElf(new MemoryFile(new Uint8Array(100), "k")),
    ConfigurationError,
    "not an x86 ELF file",
  );
  await assertRejects(
    () => parseElf(new MemoryFile(makeElf({ memorySize: 1 }), "k")),
    ConfigurationError,
    "longer than its memory",
  );
});
