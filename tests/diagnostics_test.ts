import { assert, assertEquals, assertMatch } from "@std/assert";
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
    assertMatch(line, /^[0-9a-f]+:[0-9a-f]+ Bits32 fl=[0-9a-f]+( R\w+=[0-9a-f]+){16} \| [a-z][^|]*$/);
  }
  assert(lines[0]!.endsWith(" | mov esp,80000h"));
  // What powers it off, and what it would go on with.
  assert(lines.some((line) => line.endsWith(" | out dx,ax")));
});
