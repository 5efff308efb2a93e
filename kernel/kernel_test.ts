import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ControlType, type DomainState, type DomainStatistics } from "./abi/control.ts";
import { ECHO_INTERRUPT, ECHO_MANIFEST, ECHO_MMIO, ECHO_PORT, FATAL_INPUT } from "./testing/echo_device.ts";
import { DATA, LOG, MODIFIED, Op, type Step } from "./testing/fake_vcpu.ts";
import { TestKernel, TRANSPORTS } from "./testing/test_kernel.ts";

const ECHO_SERVER = new URL("./testing/echo_server.ts", import.meta.url);
const ROGUE_SERVER = new URL("./testing/rogue_server.ts", import.meta.url);
const COMMAND_PORT = ECHO_PORT + 5;

/** Programs the 8259A pair for vectors from 0x20 on and unmasks all, and lets its output through the local APIC. */
const PIC_WRITES: readonly (readonly [port: number, value: number])[] = [
  [0x20, 0x11],
  [0x21, 0x20],
  [0x21, 0x04],
  [0x21, 0x01],
  [0xa0, 0x11],
  [0xa1, 0x28],
  [0xa1, 0x02],
  [0xa1, 0x01],
  [0x21, 0x00],
  [0xa1, 0x00],
];
const SET_UP_PIC: readonly Step[] = [
  ...PIC_WRITES.map(([address, value]) => ({ op: Op.Out, address, value })),
  { op: Op.WriteMmio, address: 0xfee0_00f0, size: 4, value: 0x1ff },
  { op: Op.WriteMmio, address: 0xfee0_0350, size: 4, value: 0x700 },
];
const ECHO_VECTOR = 0x20 + ECHO_INTERRUPT;

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** What a guest sees, whichever way the server is reached. */
const SCENARIOS: readonly (readonly [name: string, test: (kernel: TestKernel) => Promise<void>])[] = [
  ["the guest reads back what it wrote", async (kernel) => {
    await kernel.run(
      { op: Op.Out, address: ECHO_PORT, value: 0x5a },
      { op: Op.In, address: ECHO_PORT },
      { op: Op.In, address: ECHO_PORT + 8, size: 4 },
      { op: Op.WriteMmio, address: ECHO_MMIO + 16, size: 8, value: 0x1_2345_6789 },
      { op: Op.ReadMmio, address: ECHO_MMIO + 16, size: 8 },
      { op: Op.ReadMmio, address: ECHO_MMIO + 19, size: 1 },
    );
    assertEquals(await kernel.log(4), [0x5a, 4, 0x1_2345_6789, 0x23]);
  }],
  ["nobody answers where no server is", async (kernel) => {
    await kernel.run(
      { op: Op.In, address: 0x1234, size: 4 },
      { op: Op.ReadMmio, address: 0xe000_0000, size: 8 },
      { op: Op.Out, address: 0x1234, value: 1 },
      { op: Op.WriteMmio, address: 0xe000_0000, size: 4, value: 1 },
      { op: Op.In, address: 0x1234 },
    );
    const [port, mmio, byte] = await kernel.log(3);
    assertEquals([port, mmio > 1.8e19, byte], [0xffff_ffff, true, 0xff]);
  }],
  ["an access across ranges is made byte by byte", async (kernel) => {
    await kernel.run(
      { op: Op.Out, address: ECHO_PORT, value: 0x12 },
      { op: Op.In, address: ECHO_PORT, size: 2 },
      { op: Op.In, address: ECHO_PORT + 14, size: 4 },
      { op: Op.In, address: ECHO_PORT - 1, size: 2 },
      { op: Op.ReadMmio, address: ECHO_MMIO + 0xffe, size: 4 },
    );
    assertEquals(await kernel.log(4), [0x0012, 0xffff_0101, 0xffff, 0xffff_0000]);
  }],
  ["an access that begins where nobody is reaches nobody", async (kernel) => {
    await kernel.run(
      { op: Op.Out, address: ECHO_PORT, value: 0x12 },
      { op: Op.Out, address: ECHO_PORT - 1, size: 4, value: 0x3456_7890 },
      { op: Op.WriteMmio, address: ECHO_MMIO - 2, size: 4, value: 0x3456_7890 },
      { op: Op.In, address: ECHO_PORT },
      { op: Op.ReadMmio, address: ECHO_MMIO, size: 2 },
      { op: Op.In, address: ECHO_PORT - 3, size: 4 },
    );
    assertEquals(await kernel.log(3), [0x12, 0, 0xffff_ffff]);
  }],
  ["string accesses of any length arrive", async (kernel) => {
    await kernel.load(DATA, Uint8Array.from({ length: 6000 }, (_, index) => index % 251));
    await kernel.run(
      { op: Op.OutString, address: ECHO_PORT, value: 6000 },
      { op: Op.In, address: ECHO_PORT },
      { op: Op.InString, address: ECHO_PORT + 8, size: 2, value: 5000 },
      { op: Op.In, address: ECHO_PORT },
    );
    assertEquals(await kernel.log(2), [5999 % 251, 5999 % 251]);
    assertEquals([...await kernel.read(DATA + 9996, 6)], [2, 0, 2, 0, 0, 0]);
  }],
  ["string accesses where nobody answers give ones", async (kernel) => {
    await kernel.run(
      { op: Op.InString, address: 0x1234, size: 2, value: 3 },
      { op: Op.OutString, address: 0x1234, size: 2, value: 3 },
      { op: Op.In, address: ECHO_PORT },
    );
    await kernel.log(1);
    assertEquals([...await kernel.read(DATA, 7)], [255, 255, 255, 255, 255, 255, 0]);
  }],
  ["more posted writes than a pipe holds all arrive", async (kernel) => {
    await kernel.run(
      { op: Op.Out, address: ECHO_PORT, value: 7 },
      { op: Op.Repeat, address: 0, value: 20_000 },
      { op: Op.Out, address: ECHO_PORT, value: 8 },
      { op: Op.In, address: ECHO_PORT },
    );
    assertEquals(await kernel.log(1), [8]);
    const { ioreqs } = await kernel.ask<DomainStatistics>(ControlType.Statistics);
    assertEquals(ioreqs, { echo: 20_002 });
  }],
  ["what is published for a port is read without asking", async (kernel) => {
    await kernel.run(
      { op: Op.Out, address: ECHO_PORT + 6, value: 0x42 },
      { op: Op.In, address: ECHO_PORT + 6 },
      { op: Op.Repeat, address: 1, value: 100 },
      { op: Op.In, address: ECHO_PORT + 6, size: 2 },
      { op: Op.Out, address: ECHO_PORT + 6, value: 0xff },
      { op: Op.In, address: ECHO_PORT + 6 },
    );
    assertEquals(await kernel.log(102), [...new Array(100).fill(0x42), 2, 1]);
    const { ioreqs } = await kernel.ask<DomainStatistics>(ControlType.Statistics);
    assertEquals(ioreqs, { echo: 4 });
  }],
  ["an interrupt reaches a halted guest and one that spins", async (kernel) => {
    await kernel.run(
      ...SET_UP_PIC,
      { op: Op.SetIf, value: 1 },
      { op: Op.Out, address: ECHO_PORT + 2, value: 1 },
      { op: Op.AwaitInterrupts, value: 1 },
      { op: Op.In, address: ECHO_PORT + 2 },
      { op: Op.Out, address: ECHO_PORT + 1, value: 5 },
      { op: Op.SpinForInterrupts, value: 2 },
      { op: Op.In, address: ECHO_PORT + 2 },
    );
    assertEquals(await kernel.log(2), [1, 1]);
    assertEquals(await kernel.vectors(2), [ECHO_VECTOR, ECHO_VECTOR]);
  }],
  ["an interrupt that a read lowers is not seen after it", async (kernel) => {
    await kernel.run(
      ...SET_UP_PIC,
      // Level-triggered, so that the line itself counts.
      { op: Op.Out, address: 0x4d0, value: 1 << ECHO_INTERRUPT },
      { op: Op.Out, address: ECHO_PORT + 2, value: 1 },
      { op: Op.In, address: ECHO_PORT + 2 },
      { op: Op.Repeat, address: SET_UP_PIC.length + 1, value: 300 },
      { op: Op.SetIf, value: 1 },
      { op: Op.Time },
    );
    await kernel.log(301);
    assertEquals(await kernel.vectors(0), []);
  }],
  ["interrupts wait until the guest takes them", async (kernel) => {
    await kernel.run(
      ...SET_UP_PIC,
      { op: Op.Out, address: ECHO_PORT + 2, value: 1 },
      { op: Op.Time },
      { op: Op.SetIf, value: 1 },
      { op: Op.SpinForInterrupts, value: 1 },
      { op: Op.Time },
    );
    await kernel.log(2);
    assertEquals(await kernel.vectors(1), [ECHO_VECTOR]);
  }],
  ["a timer is due in guest time, which stands still while paused", async (kernel) => {
    await kernel.run(
      ...SET_UP_PIC,
      { op: Op.SetIf, value: 1 },
      { op: Op.Time },
      { op: Op.Out, address: ECHO_PORT + 1, value: 100 },
      { op: Op.AwaitInterrupts, value: 1 },
      { op: Op.Time },
      { op: Op.In, address: ECHO_PORT + 1 },
    );
    await kernel.log(1);
    await kernel.request(ControlType.Pause);
    const { guestTime } = await kernel.ask<DomainStatistics>(ControlType.Statistics);
    await delay(1000);
    assertEquals((await kernel.ask<DomainStatistics>(ControlType.Statistics)).guestTime, guestTime);
    assertEquals(await kernel.count(LOG), 1);
    await kernel.request(ControlType.Resume);
    const [start, end, timers] = await kernel.log(3);
    assert(end - start >= 100e6 && end - start < 1000e6, `${end - start}`);
    assertEquals(timers, 1);
  }],
  ["bytes go to the toolstack and come from it", async (kernel) => {
    await kernel.run(
      { op: Op.Out, address: ECHO_PORT + 3, value: 65 },
      { op: Op.Time },
    );
    await kernel.log(1);
    await kernel.input("echo", Uint8Array.from({ length: 10_000 }, (_, index) => index));
    const output = await kernel.outputOf("echo", 10_001);
    assertEquals(output, [65, ...Array.from({ length: 10_000 }, (_, index) => index & 0xff)]);
  }],
  ["a device reads and writes guest memory", async (kernel) => {
    await kernel.load(0x80, Uint8Array.of(0x11));
    await kernel.run(
      { op: Op.Out, address: ECHO_PORT, value: 0x80 },
      { op: Op.In, address: ECHO_PORT + 4 },
      { op: Op.Out, address: ECHO_PORT + 4, value: 0x42 },
      { op: Op.LoadByte, address: 0x80 },
      { op: Op.Halt },
    );
    assertEquals(await kernel.log(2), [0x11, 0x42]);
    await kernel.request(ControlType.Pause);
    assert(await kernel.count(MODIFIED) > 0);
  }],
  ["power off and reset stop the domain", async (kernel) => {
    await kernel.run({ op: Op.Out, address: COMMAND_PORT, value: 2 }, { op: Op.Spin });
    assertEquals(await kernel.event("power"), { kind: "power", request: "reset" });
    await kernel.request(ControlType.Pause);
    await kernel.request(ControlType.Reset);
    kernel.events.length = 0;
    await kernel.run({ op: Op.Out, address: COMMAND_PORT, value: 1 }, { op: Op.Spin });
    assertEquals(await kernel.event("power"), { kind: "power", request: "off" });
    const before = await kernel.ask<DomainStatistics>(ControlType.Statistics);
    await delay(20);
    assertEquals(await kernel.ask<DomainStatistics>(ControlType.Statistics), before);
  }],
  ["what a device prints goes to the log", async (kernel) => {
    await kernel.run({ op: Op.Out, address: COMMAND_PORT, value: 4 }, { op: Op.In, address: ECHO_PORT + 8 });
    await kernel.log(1);
    assertEquals((await kernel.event("log")).text, 'printed { by: "the device" }');
    await kernel.request(ControlType.Pause);
    assertEquals(kernel.events.length, 1);
  }],
  ["a device that throws fails with its error, and the rest goes on", async (kernel) => {
    await kernel.run({ op: Op.Out, address: COMMAND_PORT, value: 3 }, { op: Op.In, address: 0x1234 });
    const { server, reason } = await kernel.event("server-failed");
    assertEquals([server, reason], ["echo", "Server ends: Error: broken in two lines"]);
    await kernel.json(ControlType.Detach, { name: "echo" });
    assertEquals(await kernel.log(1), [0xff]);
  }],
  ["a device that hangs is given up, also while the guest writes to it", async (kernel) => {
    await kernel.run(
      { op: Op.In, address: ECHO_PORT + 8 },
      { op: Op.OutString, address: COMMAND_PORT, value: 1 },
      { op: Op.Out, address: ECHO_PORT, value: 7 },
      { op: Op.Repeat, address: 2, value: 20_000 },
      { op: Op.In, address: ECHO_PORT + 8 },
      { op: Op.Spin },
    );
    const { server, reason } = await kernel.event("server-failed");
    assertEquals(server, "echo");
    assertStringIncludes(reason, "within 5 s");
    await kernel.json(ControlType.Detach, { name: "echo" });
    assertEquals(await kernel.log(2), [1, 0xff]);
    await kernel.request(ControlType.Pause);
  }],
  ["a detached server is not there any more", async (kernel) => {
    await kernel.run({ op: Op.In, address: ECHO_PORT + 8 }, { op: Op.Halt });
    await kernel.log(1);
    await kernel.json(ControlType.Detach, { name: "echo" });
    await kernel.request(ControlType.Reset);
    await kernel.run({ op: Op.In, address: ECHO_PORT + 8 });
    assertEquals(await kernel.log(1), [0xff]);
    assertEquals(kernel.events, []);
    await assertRejects(() => kernel.input("echo", Uint8Array.of(1)), Error, 'no server "echo"');
  }],
];

for (const transport of TRANSPORTS) {
  for (const [name, test] of SCENARIOS) {
    Deno.test(`${transport}: ${name}`, async () => {
      await using kernel = await TestKernel.create();
      await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, transport);
      if (name.includes("hangs")) await kernel.load(DATA, Uint8Array.of(5));
      await test(kernel);
    });
  }

  Deno.test(`${transport}: a saved domain goes on in another one`, async () => {
    const steps: Step[] = [
      ...SET_UP_PIC,
      { op: Op.SetIf, value: 1 },
      { op: Op.Out, address: ECHO_PORT, value: 0x77 },
      { op: Op.Time },
      { op: Op.Out, address: ECHO_PORT + 1, value: 200 },
      { op: Op.AwaitInterrupts, value: 1 },
      { op: Op.In, address: ECHO_PORT },
      { op: Op.Time },
    ];
    let state: DomainState;
    let ram: Uint8Array;
    {
      await using kernel = await TestKernel.create();
      await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, transport);
      await kernel.run(...steps);
      await kernel.log(1);
      await delay(20);
      await assertRejects(() => kernel.request(ControlType.Save), Error, "pause it first");
      await kernel.request(ControlType.Pause);
      state = await kernel.ask<DomainState>(ControlType.Save);
      ram = await kernel.read(0, 1 << 19);
    }
    assertEquals(Object.keys(state.parts).sort(), ["interrupts", "server:echo", "vcpu0"]);
    await using kernel = await TestKernel.create();
    await assertRejects(() => kernel.json(ControlType.Restore, state), Error, 'no server "echo"');
    await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, transport);
    await kernel.load(0, ram);
    await kernel.json(ControlType.Restore, state);
    await kernel.request(ControlType.Start);
    const [start, value, end] = await kernel.log(3);
    assertEquals(value, 0x77);
    assertEquals(await kernel.vectors(1), [ECHO_VECTOR]);
    assert(end - start >= 200e6, `${end - start}`);
  });

  Deno.test(`${transport}: what a failed server has published is not read any more`, async () => {
    await using kernel = await TestKernel.create();
    await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, transport);
    await kernel.run(
      ...SET_UP_PIC,
      { op: Op.SetIf, value: 1 },
      { op: Op.Out, address: ECHO_PORT + 6, value: 0x42 },
      { op: Op.In, address: ECHO_PORT + 6 },
      { op: Op.AwaitInterrupts, value: 1 },
      { op: Op.In, address: ECHO_PORT + 6 },
    );
    await kernel.log(1);
    await kernel.input("echo", Uint8Array.of(FATAL_INPUT));
    await kernel.event("server-failed");
    const waker = { ...ECHO_MANIFEST, name: "rogue", ranges: [], dma: false };
    const argument = JSON.stringify({ messages: [{ type: 0x85, body: "0500000001000000" }] });
    const attached = kernel.attach(waker, ROGUE_SERVER, transport, { argument });
    await delay(100);
    await kernel.json(ControlType.Detach, { name: "echo" });
    assertEquals(await kernel.log(2), [0x42, 0xff]);
    await attached;
  });

  Deno.test(`${transport}: an access waits for the replacement of a failed server`, async () => {
    await using kernel = await TestKernel.create();
    await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, transport);
    await kernel.run(
      { op: Op.Out, address: ECHO_PORT + 8, value: 1 },
      { op: Op.Repeat, address: 0, value: 2 ** 40 },
    );
    const instructions = async () => {
      const statistics = await kernel.ask<DomainStatistics>(ControlType.Statistics);
      return Number(statistics.instructions);
    };
    await kernel.input("echo", Uint8Array.of(FATAL_INPUT));
    await kernel.event("server-failed");
    // The vCPU's thread waits, so this is answered once it goes on.
    const after = instructions();
    await delay(100);
    await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, transport);
    const first = await after;
    while (await instructions() < first + 1000);
    await kernel.request(ControlType.Pause);
    assertEquals(kernel.events.map(({ kind }) => kind), ["log", "server-failed"]);
  });
}
