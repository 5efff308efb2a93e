import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { readHostFile } from "./testing/host_files.ts";
import type { Manifest } from "../devices/device.ts";
import { ControlType, type DomainStatistics } from "./abi/control.ts";
import { encodeIoRange } from "./abi/io_range.ts";
import { MessageType } from "./abi/message.ts";
import { ECHO_MANIFEST, ECHO_PORT } from "./testing/echo_device.ts";
import { LOG, Op } from "./testing/fake_vcpu.ts";
import type { RogueMessages } from "./testing/rogue_server.ts";
import { TestKernel, TRANSPORTS } from "./testing/test_kernel.ts";

const ECHO_SERVER = new URL("./testing/echo_server.ts", import.meta.url);
const ROGUE_SERVER = new URL("./testing/rogue_server.ts", import.meta.url);
const ROGUE: Manifest = { ...ECHO_MANIFEST, name: "rogue", ranges: [], interrupts: [5], dma: false };

const range = (type: number, first: number, last: number) =>
  encodeIoRange({ type, first, last, posted: false }).toHex();

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** What a server must not send once it is ready, and a part of what the kernel says of it. */
const VIOLATIONS: readonly (readonly [what: string, sent: RogueMessages, said: string])[] = [
  ["another's interrupt", { messages: [{ type: 0x85, body: "0400000001000000" }] }, "Interrupt 4"],
  ["an interrupt level of 2", { messages: [{ type: 0x85, body: "0500000002000000" }] }, "level 2"],
  ["an interrupt cut short", { messages: [{ type: 0x85, body: "0500" }] }, "body of 2 bytes"],
  [
    "an MSI without DMA",
    { messages: [{ type: 0x86, body: "0000e0fe000000000000000000000000" }] },
    "without DMA",
  ],
  [
    "a value for a port that it has not",
    { messages: [{ type: 0x91, body: "6400000001000000" }] },
    "ports 0x64",
  ],
  ["a value that is no byte", { messages: [{ type: 0x91, body: "6400000000010000" }] }, "0x100"],
  ["written memory without DMA", { messages: [{ type: 0x90, body: "00".repeat(16) }] }, "without DMA"],
  ["a copy without DMA", { messages: [{ type: 0x8e, id: 1, body: "00".repeat(16) }] }, "without DMA"],
  ["a write without DMA", { messages: [{ type: 0x8f, id: 1, body: "00".repeat(9) }] }, "without DMA"],
  [
    "a range that it may not have",
    { messages: [{ type: 0x81, id: 1, body: range(0, 0x60, 0x64) }] },
    "ports 0x60",
  ],
  ["a range that is none", { messages: [{ type: 0x81, id: 1, body: "00" }] }, "I/O range"],
  ["an impossible range", { messages: [{ type: 0x81, id: 1, body: "ff".repeat(24) }] }, "I/O range"],
  ["an answer to nothing", { messages: [{ type: 0x84, id: 0x0100_0001 }] }, "was not made"],
  ["an answer to no vCPU", { messages: [{ type: 0x84, id: 0x7f00_0001 }] }, "was not made"],
  ["Done to nothing", { messages: [{ type: 0x8c, id: 77 }] }, "was not made"],
  ["State to nothing", { messages: [{ type: 0x8b, id: 77 }] }, "was not made"],
  ["Hello twice", { messages: [{ type: 0x80, body: "41544f4c01000000" }] }, "Hello twice"],
  ["Ready twice", { messages: [{ type: 0x83 }] }, "Ready"],
  ["a timer that does not exist", { messages: [{ type: 0x87, body: "10".padEnd(32, "0") }] }, "Timer 16"],
  ["a timer for never", { messages: [{ type: 0x87, body: "0000000000000000000000000000f07f" }] }, "Timer 0"],
  ["a power request", { messages: [{ type: 0x89, body: "0900000000000000" }] }, "Power request 9"],
  ["a log level", { messages: [{ type: 0x8a, body: "0900000000000000" }] }, "Log level 9"],
  ["a log line that is not text", { messages: [{ type: 0x8a, body: "0000000000000000ff" }] }, "UTF-8"],
  ["a log line that is a book", { messages: [{ type: 0x8a, body: "00".repeat(10_000) }] }, "body of"],
  ["a message of the kernel's", { messages: [{ type: 0x0d, id: 1 }] }, "Accepted"],
  ["the end", { messages: [], ends: true }, "Server has ended"],
];

/** What only a stream of bytes can be. */
const MALFORMED: readonly (readonly [what: string, sent: RogueMessages, said: string])[] = [
  ["a length of 0", { messages: [], raw: "00".repeat(16) }, "Message length 0"],
  ["a length of 2 GiB", { messages: [], raw: "000000808300".padEnd(32, "0") }, "Message length"],
  ["an unknown type", { messages: [], raw: "10000000ff00".padEnd(32, "0") }, "type 0xff"],
  ["a header that is not clean", { messages: [], raw: "100000008300ffff".padEnd(32, "0") }, "Reserved"],
];

for (const transport of TRANSPORTS) {
  Deno.test(`${transport}: what a server must not send ends it, and nothing else`, async (test) => {
    await using kernel = await TestKernel.create();
    await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, transport);
    await kernel.run({ op: Op.Out, address: ECHO_PORT + 8 }, { op: Op.Repeat, value: 2 ** 40 });
    for (const [what, sent, said] of [...VIOLATIONS, ...transport === "fifo" ? MALFORMED : []]) {
      await test.step(what, async () => {
        // What is wrong may be seen before Ready is: then the server is not attached.
        const error = await kernel.attach(ROGUE, ROGUE_SERVER, transport, { argument: JSON.stringify(sent) })
          .then(() => undefined, (error) => error);
        const reason = error?.message ?? (await kernel.event("server-failed")).reason;
        assertStringIncludes(reason, said);
        assertMatch(reason, /^[^\n]+$/);
        if (error === undefined) await kernel.json(ControlType.Detach, { name: "rogue" });
        const failed = kernel.events.flatMap((event) => event.kind === "server-failed" ? [event.server] : []);
        assertEquals(failed, error === undefined ? ["rogue"] : []);
        kernel.events.length = 0;
      });
    }
    const before = await kernel.ask<DomainStatistics>(ControlType.Statistics);
    await delay(20);
    const after = await kernel.ask<DomainStatistics>(ControlType.Statistics);
    assert(after.ioreqs.echo > before.ioreqs.echo);
    await kernel.request(ControlType.Pause);
  });

  Deno.test(`${transport}: a server that begins with anything but a proper Hello is not attached`, async () => {
    await using kernel = await TestKernel.create();
    const hello = (body: string): RogueMessages => ({
      messages: [{ type: MessageType.Hello, body }],
      first: true,
    });
    const name = "726f677565";
    for (
      const [sent, said] of [
        [{ messages: [{ type: MessageType.Ready }], first: true }, "before Hello"],
        [hello("41544f4c02000000" + name), "version 2"],
        [hello("41544f4d01000000" + name), "does not begin with Hello"],
        [hello("4154"), "does not begin with Hello"],
        [hello("41544f4c01000000706974"), 'says that it is "pit"'],
        [{ messages: [], first: true, ends: true }, "Server has ended"],
      ] as const
    ) {
      const attached = kernel.attach(ROGUE, ROGUE_SERVER, transport, { argument: JSON.stringify(sent) });
      const error = await assertRejects(() => attached, Error);
      if (!error.message.includes("was detached")) assertStringIncludes(error.message, said);
    }
    assertEquals(kernel.events, []);
  });
}

Deno.test("random bytes from a server end it, and nothing else", async () => {
  await using kernel = await TestKernel.create();
  await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, "fifo");
  let seed = 1;
  const random = () => (seed = Math.imul(seed, 1103515245) + 12345 >>> 0) >>> 16;
  for (let round = 0; round < 25; round++) {
    // Proper headers now and then, so that bodies are looked at.
    const messages = Array.from({ length: 20 }, () => ({
      type: 0x80 + random() % 18,
      id: random() % 4 === 0 ? random() << 16 | random() : 0,
      body: Uint8Array.from(
        { length: [0, 8, 16, 24, 31][random() % 5] },
        () => random() % 3 === 0 ? random() : 0,
      ).toHex(),
    }));
    const raw = Uint8Array.from({ length: 64 }, random).toHex();
    const argument = JSON.stringify({ messages, raw, first: round % 5 === 0 });
    const attached = kernel.attach({ ...ROGUE, dma: true }, ROGUE_SERVER, "fifo", { argument });
    if (await attached.then(() => true, () => false)) {
      assertEquals((await kernel.event("server-failed")).server, "rogue");
      await kernel.json(ControlType.Detach, { name: "rogue" });
    }
    kernel.events.length = 0;
  }
  await kernel.run({ op: Op.In, address: ECHO_PORT + 8 });
  assertEquals(await kernel.log(1), [1]);
});

Deno.test("two servers cannot have the same ports", async () => {
  await using kernel = await TestKernel.create();
  await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, "fifo");
  const ranges = [{ type: 0, first: ECHO_PORT + 8, last: ECHO_PORT + 20, posted: false }];
  const argument = JSON.stringify({
    messages: [{ type: 0x81, id: 3, body: range(0, ECHO_PORT + 8, ECHO_PORT + 20) }],
  });
  await kernel.attach({ ...ROGUE, ranges }, ROGUE_SERVER, "fifo", { argument });
  await kernel.run({ op: Op.In, address: ECHO_PORT + 8 }, { op: Op.In, address: ECHO_PORT + 17 });
  assertEquals(await kernel.log(2), [1, 0xff]);
  assertEquals(kernel.events, []);
});

Deno.test("a killed server fails, and the guest's access waits until it is detached", async () => {
  await using kernel = await TestKernel.create();
  const server = await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, "fifo");
  await kernel.run(
    { op: Op.In, address: ECHO_PORT + 8 },
    { op: Op.Out, address: ECHO_PORT },
    { op: Op.Repeat, address: 1, value: 100_000 },
    { op: Op.In, address: ECHO_PORT + 8 },
  );
  await kernel.log(1);
  server!.kill("SIGKILL");
  assertEquals(await kernel.event("server-failed"), {
    kind: "server-failed",
    server: "echo",
    reason: "Server has ended",
  });
  await kernel.json(ControlType.Detach, { name: "echo" });
  assertEquals(await kernel.log(2), [1, 0xff]);
});

Deno.test("a server that never comes up can be detached, and its name used again", async () => {
  await using kernel = await TestKernel.create();
  const [requests, replies] = ["a", "b"].map((name) => `${kernel.directory}/${name}`);
  await new Deno.Command("mkfifo", { args: [requests, replies] }).output();
  const { interrupts, dma, ranges } = ECHO_MANIFEST;
  const body = { name: "echo", interrupts, dma, ranges, transport: { kind: "fifo", requests, replies } };
  const attached = kernel.json(ControlType.Attach, body);
  await kernel.json(ControlType.Detach, { name: "echo" });
  await assertRejects(() => attached, Error, 'Server "echo" was detached');
  await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, "fifo");
});

Deno.test("a part of a file is put into RAM, also after the file is gone", async () => {
  await using kernel = await TestKernel.create();
  const bytes = Uint8Array.from({ length: (1 << 20) + 5000 }, (_, index) => index % 251);
  const path = `${kernel.directory}/image`;
  await Deno.writeFile(path, bytes);
  const load = (gpa: number) =>
    kernel.json(ControlType.LoadFile, { path, offset: 1000, length: bytes.length - 2000, gpa });
  await load(0x1000);
  await Deno.remove(path);
  await load(0x20_0000);
  for (const gpa of [0x1000, 0x20_0000]) {
    assertEquals(await kernel.read(gpa - 1, 3), Uint8Array.of(0, bytes[1000], bytes[1001]));
    const end = gpa + bytes.length - 2000;
    assertEquals(await kernel.read(end - 2, 3), Uint8Array.of(bytes.at(-1002)!, bytes.at(-1001)!, 0));
    assertEquals(await kernel.read(gpa + (1 << 20), 1000), bytes.slice((1 << 20) + 1000, (1 << 20) + 2000));
  }
});

Deno.test("guest memory is shared through a file, which is gone afterwards", async () => {
  // Not in /dev/shm: a process that may not do everything cannot open files there.
  const directory = await Deno.makeTempDir();
  const ramFile = `${directory}/ram`;
  {
    await using kernel = await TestKernel.create({ ramFile });
    await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, "fifo", {
      argument: ramFile,
      flags: [`--allow-read=${ramFile}`, `--allow-write=${ramFile}`],
    });
    await kernel.load(0x80, Uint8Array.of(0x11));
    await kernel.run(
      { op: Op.Out, address: ECHO_PORT, value: 0x80 },
      { op: Op.In, address: ECHO_PORT + 4 },
      { op: Op.Out, address: ECHO_PORT + 4, value: 0x42 },
      { op: Op.LoadByte, address: 0x80 },
    );
    assertEquals(await kernel.log(2), [0x11, 0x42]);
    const bytes = await Deno.readFile(ramFile);
    assertEquals([bytes.length, bytes[0x80], bytes[LOG]], [4 << 20, 0x42, 2]);
  }
  // Fails if something is left in it.
  await Deno.remove(directory);
});

Deno.test("when the toolstack is killed, nothing is left", async () => {
  const ramFile = `/dev/shm/atoll-test-parent-${Deno.pid}`;
  const parent = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", new URL("./testing/parent.ts", import.meta.url).pathname, ramFile],
    stdout: "piped",
  }).spawn();
  const reader = parent.stdout.getReader();
  const { pids, directory } = JSON.parse(new TextDecoder().decode((await reader.read()).value));
  parent.kill("SIGKILL");
  await Promise.all([parent.status, reader.cancel()]);
  const alive = () =>
    pids.filter((pid: number) => readHostFile(`/proc/${pid}/stat`)?.includes(") Z ") === false);
  for (let wait = 0; wait < 100 && alive().length > 0; wait++) await delay(20);
  assertEquals(alive(), []);
  assertEquals(readHostFile(ramFile), undefined);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("Destroy ends the servers and the kernel process in good order", async () => {
  await using kernel = await TestKernel.create();
  const server = await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, "fifo");
  await kernel.attach(ROGUE, ROGUE_SERVER, "worker", { argument: `{"messages":[]}` });
  await kernel.run({ op: Op.Spin });
  await kernel.request(ControlType.Destroy);
  assertEquals((await server!.status).code, 0);
  assertEquals((await kernel.process.status).code, 0);
  assertEquals(kernel.events, []);
});

Deno.test("a triple fault stops the domain and shows the registers", async () => {
  await using kernel = await TestKernel.create();
  await kernel.run({ op: Op.Shutdown });
  const event = await kernel.event("triple-fault");
  assertEquals(event.vcpu, 0);
  assertStringIncludes(event.registers, "IP 4096");
  await kernel.request(ControlType.Pause);
  await kernel.request(ControlType.Reset);
  await kernel.run({ op: Op.Time });
  await kernel.log(1);
});

Deno.test("a failure of the CPU is one fatal event, and ends the kernel process", async () => {
  await using kernel = await TestKernel.create();
  await kernel.run({ op: Op.Throw });
  assertEquals(
    (await kernel.event("fatal")).reason,
    "vCPU 0 cannot go on: Error: Scripted failure with a second line",
  );
  assertEquals((await kernel.process.status).code, 1);
});

Deno.test("a vCPU that finds itself unreliable tells what it knows", async () => {
  await using kernel = await TestKernel.create();
  await kernel.run({ op: Op.Fail });
  const { reason, details } = await kernel.event("fatal");
  assertEquals([reason, details], ["vCPU 0 cannot go on: Scripted failure", "first line\nsecond line"]);
  assertEquals((await kernel.process.status).code, 1);
});

Deno.test("an idle guest takes no processor time", async () => {
  await using kernel = await TestKernel.create();
  await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, "fifo");
  await kernel.run({ op: Op.SetIf, value: 1 }, { op: Op.Halt });
  const ticks = () => {
    const fields = readHostFile(`/proc/${kernel.process.pid}/stat`)!.split(") ")[1].split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  await delay(300);
  const before = ticks();
  await delay(1000);
  // A tick is 10 ms.
  assert(ticks() - before <= 5, `${ticks() - before} ticks`);
  const { idle } = await kernel.ask<DomainStatistics>(ControlType.Statistics);
  assert(idle > 0);
});

Deno.test("control requests that cannot be had fail with one line", async (test) => {
  await using unborn = new TestKernel();
  const options = { version: 1, memory: 4 << 20, vcpus: 1, logLevel: 2 };
  for (
    const [what, ask, said] of [
      ["before Create", () => unborn.request(ControlType.Start), "not been created"],
      ["another version", () => unborn.json(ControlType.Create, { ...options, version: 9 }), "version"],
    ] as const
  ) await test.step(what, () => assertRejects(ask, Error, said).then(() => {}));

  for (
    const [what, changed, said] of [
      ["odd memory", { memory: 3 << 20 }, "2 MiB"],
      ["too much memory", { memory: 2 ** 40 }, "is the most"],
      ["two vCPUs", { vcpus: 2 }, "2 vCPUs"],
      ["no FFI", { ramFile: "/dev/shm/atoll-test-x" }, "ffi"],
    ] as const
  ) {
    await test.step(what, async () => {
      await using kernel = new TestKernel();
      await assertRejects(() => kernel.json(ControlType.Create, { ...options, ...changed }), Error, said);
    });
  }

  await using kernel = await TestKernel.create();
  const attach = (changed: object) => () => {
    const transport = { kind: "worker", url: ECHO_SERVER.href, options: "" };
    const body = { name: "x", interrupts: [], dma: false, ranges: [], transport };
    return kernel.json(ControlType.Attach, { ...body, ...changed });
  };
  const withRange = (type: number, first: number, last: number) =>
    attach({ ranges: [{ type, first, last, posted: false }] });
  const image = `${kernel.directory}/image`;
  await Deno.writeFile(image, new Uint8Array(100));
  const loadFile = (changed: Record<string, unknown>) => () =>
    kernel.json(ControlType.LoadFile, { path: image, offset: 0, length: 100, gpa: 0, ...changed });
  for (
    const [what, ask, said] of [
      ["Create twice", () => kernel.json(ControlType.Create, options), "already"],
      ["no JSON", () => kernel.request(ControlType.SetEntry, Uint8Array.of(1)), "not JSON"],
      ["no such request", () => kernel.request(0x70 as ControlType), "0x70 does not exist"],
      ["no such entry", () => kernel.json(ControlType.SetEntry, { kind: "far" }), '"far"'],
      ["no entry", () => kernel.request(ControlType.Start), "no entry"],
      ["not paused", () => kernel.request(ControlType.Resume), "stopped"],
      ["load outside RAM", () => kernel.load(4 << 20, Uint8Array.of(1)), "not RAM"],
      ["load nothing", () => kernel.request(ControlType.Load), "no address"],
      ["load a file outside RAM", loadFile({ gpa: (4 << 20) - 99 }), "not RAM"],
      ["load more than a file has", loadFile({ offset: 1 }), "truncated: get it again"],
      ["load no file", loadFile({ path: `${image}s` }), "No such file"],
      ["load a file that is not granted", loadFile({ path: "/etc/passwd" }), "read access"],
      ["load a file to nowhere", loadFile({ gpa: -1 }), '"gpa" is not a whole number'],
      ["read outside RAM", () => kernel.read((4 << 20) - 1, 2), "not RAM"],
      ["read too much", () => kernel.read(0, 1 << 20), "at once"],
      ["input for nobody", () => kernel.input("uart", Uint8Array.of(1)), 'no server "uart"'],
      ["input without a name", () => kernel.request(ControlType.ServerInput, Uint8Array.of(9)), "name"],
      ["detach nobody", () => kernel.json(ControlType.Detach, { name: "uart" }), 'no server "uart"'],
      ["restore nothing", () => kernel.json(ControlType.Restore, { version: 7 }), "version 7"],
      ["an improper name", attach({ name: "a b" }), '"a b"'],
      ["an interrupt that is none", attach({ interrupts: [24] }), "Interrupt 24"],
      ["PIC ports", withRange(0, 0x18, 0x20), "8259A"],
      ["local APIC", withRange(1, 0xfee0_0000, 0xfee0_0fff), "interrupt controllers"],
      ["RAM", withRange(1, 0x3f_f000, 0x40_0fff), "hold RAM"],
      ["no transport", attach({ transport: { kind: "smoke" } }), '"smoke"'],
      [
        "no FIFO",
        attach({ transport: { kind: "fifo", requests: kernel.directory, replies: "" } }),
        "not a FIFO",
      ],
      [
        "no module",
        attach({ transport: { kind: "worker", url: "file:///nowhere.ts", options: "" } }),
        "cannot run",
      ],
    ] as const
  ) {
    await test.step(what, async () => {
      const error = await assertRejects(ask, Error, said);
      assertMatch(error.message, /^[A-Z][^\n]*[^.\n]$/);
    });
  }
  await kernel.run({ op: Op.Spin });
  await assertRejects(() => kernel.load(0, Uint8Array.of(1)), Error, "pause it first");
  await assertRejects(loadFile({}), Error, "pause it first");
  await assertRejects(() => kernel.request(ControlType.Start), Error, "running");
  assertEquals(kernel.events, []);
});
