import { assertEquals, assertStringIncludes } from "@std/assert";
import { BENCHMARKS, chooseBenchmarks } from "./catalogue.ts";
import { BEGIN, END, guestScript, hostScript, parseLine } from "./guest_script.ts";

Deno.test("a result is read with its time and checksum", () => {
  assertEquals(parseLine("@result sieve 1234567 00000000deadbeef"), {
    kind: "result",
    name: "sieve",
    nanoseconds: 1234567,
    checksum: "00000000deadbeef",
  });
});

Deno.test("start and end of a measurement are read", () => {
  assertEquals(parseLine("@start sieve"), { kind: "start", name: "sieve" });
  assertEquals(parseLine("@stop sieve"), { kind: "stop", name: "sieve" });
});

Deno.test("other lines of the console are nobody's results", () => {
  for (const line of ["", "[    0.5] PCI: Fatal", "@result sieve 12", "x @start sieve"]) {
    assertEquals(parseLine(line), undefined);
  }
});

Deno.test("the script says nothing that is taken for its own output", () => {
  for (const line of guestScript(BENCHMARKS).split("\n")) {
    assertEquals(parseLine(line), undefined);
    assertEquals(/^@(?:begin|end) 42$/.test(line), false);
  }
});

Deno.test("commands run among Debian's programs, compiled benchmarks by name", () => {
  const script = guestScript(chooseBenchmarks(["sieve", "gzip"]));
  assertStringIncludes(script, "/bin/bench sieve\n");
  assertStringIncludes(script, "/bin/bench gzip /debian dash -c 'gzip ");
});

Deno.test("the host's script gives the program each name, between the same marks", async () => {
  const script = hostScript(chooseBenchmarks(["sieve", "crc32"]));
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script, "echo"] }).output();
  assertEquals(new TextDecoder().decode(stdout), `${BEGIN}\nsieve\ncrc32\n${END}\n`);
});
