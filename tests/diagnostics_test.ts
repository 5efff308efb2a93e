import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AtollHost } from "./atoll_command.ts";

Deno.test("a trace has a line for each instruction, which ends in the instruction", async () => {
  await using host = await AtollHost.create();
  const trace = `${host.files}/trace`;
  const { code, stderr } = await host.run(
    ["run", "--kernel", await host.tinyGuest(), "--memory", "16MiB", "--trace", trace],
    "p",
  );
  assertEquals([code, stderr], [0, ""]);
  const lines = (await Deno.readTextFile(trace)).trimEnd().split("\n");
  for (const line of lines) {
    assertMatch(line, /^[0-9a-f]+:[0-9a-f]+ Flat32 fl=[0-9a-f]+( R\w+=[0-9a-f]+){16} \| [a-z][^|]*$/);
  }
  assert(lines[0]!.endsWith(" | mov esp,80000h"));
  // What powers it off, and what it would go on with.
  assert(lines.some((line) => line.endsWith(" | out dx,ax")));
});

Deno.test("a guest on which both tiers of the CPU agree runs under the check as it does without", async () => {
  await using host = await AtollHost.create();
  const args = ["run", "--kernel", await host.tinyGuest(), "--memory", "16MiB"];
  const { stdout: expected } = await host.run(args, "abcp");
  const { code, stdout, stderr } = await host.run([...args, "--cpu-check"], "abcp");
  assertEquals([code, stdout, stderr], [0, expected, ""]);
  assertEquals(await host.leftovers(), []);
});

Deno.test("counters of the CPU are shown at the end, in groups of aligned lines", async () => {
  await using host = await AtollHost.create();
  const { code, stdout, stderr } = await host.run(
    ["run", "--kernel", await host.tinyGuest(), "--memory", "16MiB", "--cpu-stats"],
    "p",
  );
  assertEquals(code, 0);
  assertStringIncludes(stdout, "Tiny guest");
  const lines = stderr.trimEnd().split("\n");
  for (const line of lines) assertMatch(line, /^$|^[a-z0-9]+(\.\w+)+ +\d+(\.\d{3} ms| bytes)?$/);
  assertMatch(stderr, /^cpu\.instructions +[1-9]/m);
  assertMatch(stderr, /^tier0\.instructionsDecoded +[1-9]/m);
  // Values end in one column.
  const ends = lines.filter((line) => line !== "").map((line) => line.match(/^\S+ +[\d.]+/)![0].length);
  assertEquals(new Set(ends).size, 1);
});
