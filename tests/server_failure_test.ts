import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { type ServerEntry, SERVERS } from "../servers/mod.ts";
import { Supervisor } from "../toolstack/supervisor.ts";
import { killProcesses } from "./atoll_command.ts";

/** A server that is made of one line of code. */
function brokenServer(code: string): ServerEntry {
  return {
    name: "broken",
    url: `data:application/javascript,${encodeURIComponent(code)}`,
    manifest: {
      name: "broken",
      description: "server that does not work",
      ranges: [],
      interrupts: [],
      dma: false,
      permissions: {},
      stateVersion: 1,
    },
  };
}

const BROKEN: readonly (readonly [name: string, code: string, message: string])[] = [
  ["throws at its start", `throw new Error("no such chip")`, "no such chip"],
  ["ends at its start", "Deno.exit(7)", "exit code 7"],
  ["is no program", "}{", "SyntaxError"],
  [
    "speaks garbage",
    `await Deno.stdout.write(new Uint8Array(64).fill(7)); await new Promise(() => setInterval(() => {}, 1000))`,
    "",
  ],
  [
    "claims to be another",
    `await Deno.stdout.write(Uint8Array.from([28,0,0,0,128,0,0,0,0,0,0,0,0,0,0,0,65,84,79,76,1,0,0,0,112,105,116,33])); await new Promise(() => setInterval(() => {}, 1000))`,
    "",
  ],
  ["touches what it may not", `Deno.readTextFileSync("/etc/passwd")`, "NotCapable"],
];

Deno.test("a server that cannot start ends the domain with one line that names it", async (test) => {
  for (const [name, code, message] of BROKEN) {
    await test.step(name, async () => {
      const error = await assertRejects(() =>
        Supervisor.start({
          memory: 16 << 20,
          isolation: "process",
          shareMemory: false,
          logLevel: 0,
          images: [],
          servers: [brokenServer(code)],
          load: () => Promise.resolve(),
        }, { event() {}, serverOutput() {}, line() {}, failed() {} }), Error);
      assertMatch(error.message, /^Device server "broken" [^\n]+$/);
      assertStringIncludes(error.message, message);
    });
  }
});

Deno.test("a server that dies later fails the domain with one line that names it", async () => {
  const failed = Promise.withResolvers<string>();
  const supervisor = await Supervisor.start({
    memory: 16 << 20,
    isolation: "process",
    shareMemory: false,
    logLevel: 0,
    images: [],
    servers: SERVERS.slice(0, 1),
    load: () => Promise.resolve(),
  }, { event() {}, serverOutput() {}, line() {}, failed: failed.resolve });
  const name = SERVERS[0]!.manifest.name;
  await killProcesses([supervisor.processes.get(name)!]);
  assertEquals(await failed.promise, `Device server "${name}" was ended by SIGKILL: start the domain again`);
  await supervisor.close();
});
