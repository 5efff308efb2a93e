import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { toText } from "@std/streams";
import { AtollHost, killProcesses, readUntil } from "./atoll_command.ts";
import { GREETING } from "./tiny_guest.ts";

/** Time in milliseconds that killed processes get to be gone. */
const GONE_TIMEOUT = 5000;

/** Starts a domain with a guest that shows a prompt. */
async function startGuest(host: AtollHost, ...args: string[]): Promise<Deno.ChildProcess> {
  const process = host.start(["run", "--kernel", await host.tinyGuest(), ...args]);
  await readUntil(process.stdout, GREETING);
  return process;
}

async function assertNothingLeft(host: AtollHost): Promise<void> {
  const deadline = Date.now() + GONE_TIMEOUT;
  let left = await host.leftovers();
  while (left.length > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    left = await host.leftovers();
  }
  assertEquals(left, []);
}

/** Process ids of the domain's processes whose command line holds `text`. */
async function processIds(host: AtollHost, text: string): Promise<number[]> {
  const { stdout } = await new Deno.Command("sh", {
    args: [
      "-c",
      `for p in /proc/[0-9]*; do grep -qsF "$1" "$p/environ" && grep -qsF "$2" "$p/cmdline" && echo "\${p#/proc/}"; done`,
      "sh",
      host.runtime,
      text,
    ],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "").map(Number);
}

Deno.test("a domain whose toolstack is killed leaves nothing, whenever that is", async (test) => {
  await using host = await AtollHost.create();
  for (const milliseconds of [20, 60, 100, 150, 200, 300, 500]) {
    await test.step(`after ${milliseconds} ms`, async () => {
      const process = host.start(["run", "--kernel", await host.tinyGuest()]);
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      process.kill("SIGKILL");
      await Promise.all([process.stdin.close(), process.stdout.cancel(), process.stderr.cancel()]);
      await process.status;
      await assertNothingLeft(host);
    });
  }
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`${signal} ends a domain without leaving anything`, async () => {
    await using host = await AtollHost.create();
    const process = await startGuest(host);
    process.kill(signal);
    const [{ code }, stderr] = await Promise.all([
      process.status,
      toText(process.stderr),
      process.stdin.close(),
      process.stdout.cancel(),
    ]);
    assertEquals(code, 128 + { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }[signal]);
    assertEquals(stderr, "");
    await assertNothingLeft(host);
  });
}

for (
  const [module, name] of [["kernel/main.ts", "Kernel process"], [
    "servers/pit.ts",
    'Device server "pit"',
  ]] as const
) {
  Deno.test(`killing ${module} ends the domain with one line that names it`, async () => {
    await using host = await AtollHost.create();
    const process = await startGuest(host);
    await killProcesses(await processIds(host, module));
    const [{ code }, stderr] = await Promise.all([
      process.status,
      toText(process.stderr),
      process.stdin.close(),
      process.stdout.cancel(),
    ]);
    assertMatch(stderr, /^atoll: [^\n]*\n$/);
    assertStringIncludes(stderr, `${name} was ended by SIGKILL`);
    assertEquals(code, 2);
    await assertNothingLeft(host);
  });
}

Deno.test("a domain whose janitor is killed cleans up by itself", async () => {
  await using host = await AtollHost.create();
  const process = await startGuest(host);
  await killProcesses(await processIds(host, "atoll-janitor"));
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode("p"));
  const [{ code }] = await Promise.all([
    process.status,
    writer.close(),
    process.stdout.cancel(),
    process.stderr.cancel(),
  ]);
  assertEquals(code, 0);
  await assertNothingLeft(host);
});

Deno.test("what dead toolstacks left is removed at the next start", async () => {
  await using host = await AtollHost.create();
  const dead = new Deno.Command("sh", { args: ["-c", ":"] }).spawn();
  await dead.status;
  const [stale, alive, other] = [`atoll-${dead.pid}-0a1b`, `atoll-${Deno.pid}-0a1b`, "atoll-notes"];
  for (const name of [stale, alive, other]) await Deno.mkdir(`${host.runtime}/${name}`);
  const { code } = await host.run(["run", "--kernel", await host.tinyGuest()], "p");
  assertEquals(code, 0);
  const left = (await host.leftovers()).sort();
  assertEquals(left, [alive, other].sort());
});
