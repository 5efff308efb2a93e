import { assert, assertEquals } from "@std/assert";
import { raiseAttention } from "./attention.ts";
import { InterruptController } from "./interrupt/interrupt_controller.ts";
import { type Vcpu, VcpuExit } from "./vcpu.ts";
import { VcpuLoop } from "./vcpu_loop.ts";

const SVR = 0xfee0_00f0;
const LVT_TIMER = 0xfee0_0320;
const INITIAL_COUNT = 0xfee0_0380;
const DIVIDE_BY_1 = 0xfee0_03e0;

/** A loop whose vCPU does what the test says, at a speed of one instruction each nanosecond. */
class Bench {
  time = 0;
  readonly budgets: number[] = [];
  readonly delivered: number[] = [];
  /** What each run does. */
  readonly exits: VcpuExit[] = [];
  interruptible = true;
  readonly interrupts: InterruptController;
  readonly loop: VcpuLoop;
  readonly attention = { words: new Int32Array(new SharedArrayBuffer(4)), index: 0 };
  instructions = 0n;
  interruptWindow = false;
  shutdowns = 0;

  constructor() {
    const now = () => this.time;
    this.interrupts = new InterruptController({
      clocks: [{ now, tscFrequency: 1e9, tsc: () => BigInt(this.time) }],
      physicalAddressBits: 40,
      signal: () => {},
    });
    this.loop = new VcpuLoop({
      index: 0,
      vcpu: this.#vcpu(),
      interrupts: this.interrupts,
      now,
      takeEvents: () => {},
      takeRequests: () => {},
      shutdown: () => this.shutdowns++,
    });
    this.loop.running = true;
    this.interrupts.writeMemory(0, SVR, 4, 0x1ff);
  }

  /** Arms the local APIC's timer: vector 0x55 after `nanoseconds`. */
  arm(nanoseconds: number): void {
    this.interrupts.writeMemory(0, DIVIDE_BY_1, 4, 0xb);
    this.interrupts.writeMemory(0, LVT_TIMER, 4, 0x55);
    this.interrupts.writeMemory(0, INITIAL_COUNT, 4, nanoseconds);
  }

  #vcpu(): Vcpu {
    // deno-lint-ignore no-this-alias
    const bench = this;
    return {
      get interruptible() {
        return bench.interruptible;
      },
      get interruptWindow() {
        return bench.interruptWindow;
      },
      set interruptWindow(value) {
        bench.interruptWindow = value;
      },
      get instructions() {
        return bench.instructions;
      },
      attention: this.attention,
      statistics: {},
      run(instructions) {
        bench.budgets.push(instructions);
        bench.instructions += BigInt(instructions);
        bench.time += instructions;
        return bench.exits.shift() ?? VcpuExit.Budget;
      },
      interrupt: (vector) => void bench.delivered.push(vector),
      nonMaskableInterrupt: () => void bench.delivered.push(2),
      reset() {},
      enter() {},
      registers: () => "",
      save: () => ({}),
      restore() {},
      memoryModified() {},
    };
  }
}

Deno.test("a vCPU gets instructions up to the next deadline, within bounds", () => {
  const bench = new Bench();
  for (let round = 0; round < 40; round++) bench.loop.step();
  assertEquals(bench.budgets.at(-1), 500_000);
  bench.arm(200_000);
  bench.loop.step();
  const budget = bench.budgets.at(-1)!;
  assert(budget > 150_000 && budget <= 210_000, `${budget}`);
  bench.arm(10);
  bench.loop.step();
  assertEquals(bench.budgets.at(-1), 20_000);
});

Deno.test("a timer interrupt is delivered once it is due, and at once to a halted vCPU", () => {
  const bench = new Bench();
  bench.arm(30_000);
  bench.exits.push(VcpuExit.Halt);
  bench.loop.step();
  bench.time = 30_000;
  bench.loop.step();
  assertEquals(bench.delivered, [0x55]);
  assertEquals(bench.budgets.length, 2);
});

Deno.test("an interrupt waits for a vCPU that takes none, which is told to say when it does", () => {
  const bench = new Bench();
  bench.interruptible = false;
  bench.interrupts.injectMsi(0xfee0_0000, 0x41);
  bench.interrupts.injectMsi(0xfee0_0000, 0x31);
  bench.loop.step();
  assertEquals([bench.delivered, bench.interruptWindow], [[], true]);
  bench.interruptible = true;
  bench.loop.step();
  // The second one has a lower priority: it waits for the end of the first.
  assertEquals([bench.delivered, bench.interruptWindow], [[0x41], false]);
  bench.interrupts.writeMemory(0, 0xfee0_00b0, 4, 0);
  bench.loop.step();
  assertEquals(bench.delivered, [0x41, 0x31]);
});

Deno.test("a halted vCPU executes nothing until an interrupt", () => {
  const bench = new Bench();
  bench.exits.push(VcpuExit.Halt);
  bench.loop.step();
  raiseAttention(bench.attention);
  const runs = bench.budgets.length;
  bench.arm(1);
  bench.interruptible = false;
  bench.time += 10;
  // It cannot take it, so it sleeps until somebody wants something; the word is cleared before it is looked at.
  bench.loop.nonMaskableInterrupt();
  bench.loop.step();
  assertEquals([bench.delivered, bench.budgets.length], [[2], runs + 1]);
});

Deno.test("a vCPU that shut down does not run again", () => {
  const bench = new Bench();
  bench.exits.push(VcpuExit.Shutdown);
  bench.loop.step();
  assertEquals([bench.shutdowns, bench.loop.running], [1, false]);
});
