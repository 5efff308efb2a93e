import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AtollHost } from "./atoll_command.ts";
import { GREETING, PANIC } from "./tiny_guest.ts";

for (const isolation of ["process", "worker"]) {
  Deno.test(`the command ends as its guest does (${isolation} isolation)`, async (test) => {
    await using host = await AtollHost.create();
    const run = async (input: string, ...args: string[]) =>
      await host.run(["run", "--kernel", await host.tinyGuest(), "--isolation", isolation, ...args], input);

    await test.step("power off", async () => {
      assertEquals(await run("p"), { code: 0, stdout: GREETING, stderr: "" });
    });
    await test.step("input is echoed, and its end does not end the guest", async () => {
      const { code, stdout } = await run("abc\np");
      assertEquals([code, stdout], [0, `${GREETING}abc\n`]);
    });
    await test.step("a reset boots the guest again", async () => {
      const { code, stdout } = await run("r\np");
      assertEquals([code, stdout.replaceAll("\n# \n", "\n# ")], [0, GREETING + GREETING]);
    });
    await test.step("a reset that is one too many ends it", async () => {
      const { code, stdout } = await run("r", "--reset-limit", "0");
      assertEquals([code, stdout], [0, GREETING]);
    });
    await test.step("a triple fault", async () => {
      const { code, stderr } = await run("t");
      assertMatch(stderr, /\batoll: Guest stopped with a triple fault[^\n]*\n$/);
      assertStringIncludes(stderr.toLowerCase(), "rip");
      assertEquals(code, 3);
    });
    await test.step("a panic with reset", async () => {
      const { code, stdout, stderr } = await run("k");
      assertStringIncludes(stdout, PANIC);
      assertStringIncludes(stderr, `atoll: Guest stopped: ${PANIC}\n`);
      assertStringIncludes(stderr.toLowerCase(), "rip");
      assertEquals(code, 3);
    });
    await test.step("a panic without reset", async () => {
      const { code, stderr } = await run("h");
      assertStringIncludes(stderr, `atoll: Guest stopped: ${PANIC}\n`);
      assertEquals(code, 3);
    });
    assertEquals(await host.leftovers(), []);
  });
}
