import { assertEquals, assertMatch } from "@std/assert";
import { AtollHost } from "./atoll_command.ts";

/** Boots in a row after which nothing may be left. */
const BOOTS = 20;

Deno.test("Debian boots to a shell that runs commands, counts interrupts and powers off", async () => {
  await using host = await AtollHost.create();
  const commands = ["uname -a", "cat /proc/interrupts", "echo $((6 * 7))", "poweroff -f", ""];
  const { code, stdout, stderr } = await host.run(["start"], commands.join("\n"));
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^Linux \S+ 6\.\d+\S* .*x86_64/m);
  assertMatch(stdout, /^ +4: +[1-9]\d* .*ttyS0/m);
  assertMatch(stdout, /^LOC: +[1-9]/m);
  assertMatch(stdout, /^42\r?$/m);
  assertEquals(await host.leftovers(), []);
});

Deno.test(`${BOOTS} boots in a row leave no process and no file`, async () => {
  await using host = await AtollHost.create();
  for (let boot = 0; boot < BOOTS; boot++) {
    const { code, stdout, stderr } = await host.run(
      ["start", "--append", "quiet"],
      `echo boot-$((${boot} + 100))\npoweroff -f\n`,
    );
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, new RegExp(`^boot-${boot + 100}\\r?$`, "m"));
    assertEquals(await host.leftovers(), []);
  }
});
