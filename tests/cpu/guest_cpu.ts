/**
 * The software CPU, run like the host's: the same cases give the same kind of results.
 *
 * @module
 */

import type { CompileServiceFactory } from "../../kernel/cpu/compiler/compile_service.ts";
import { CpuEngine } from "../../kernel/cpu/engine.ts";
import { FlagsKind } from "../../kernel/cpu/flags.ts";
import { resetRegisters } from "../../kernel/cpu/reset.ts";
import {
  ARITHMETIC_FLAGS,
  BUDGET,
  CodeMode,
  CPL,
  CR,
  Cr0,
  Cr4,
  EFER,
  Efer,
  FAULT_ADDRESS,
  FAULT_ERROR,
  FAULT_VECTOR,
  FLAGS_KIND,
  FLAGS_RESULT,
  GPR,
  INSTRUCTION_RIP,
  MXCSR,
  RFLAGS,
  RIP,
  Segment,
  SEGMENT_BASE,
  SegmentAttribute,
  X87,
  X87_CONTROL,
  X87_STATUS,
  X87_TAG,
  XCR0,
  XMM,
} from "../../kernel/cpu/state.ts";
import type { VcpuBus } from "../../kernel/vcpu.ts";
import {
  BASE,
  Case,
  CASE_LENGTH,
  DATA,
  DATA_LENGTH,
  Fx,
  INSTRUCTION,
  PADS,
  TEST,
  TEST_LENGTH,
  WINDOW,
  WINDOW_LENGTH,
} from "./case_layout.ts";
import { USER32_CS, USER_CS, USER_DS } from "./host_code.ts";

/** Test pages for code that is compiled. */
const FRAMES = 4096;
const FIRST_FRAME = 0x100000;
const RAM_SIZE = FIRST_FRAME + FRAMES * TEST_LENGTH;
/** What the engine keeps behind guest RAM. */
const ENGINE_ROOM = 0x10000;
/** Page tables for `BASE`, one of each level. */
const PAGE_TABLES = 0x1000;
/** Guest-physical address of `BASE`. */
const RAM_BASE = 0x8000;
const PRESENT_WRITABLE_USER = 7;

/** Access bytes of a process's segments, with their granularity. */
const USER_CODE = 0xfb | SegmentAttribute.GRANULARITY;
const USER_DATA = 0xf3 | SegmentAttribute.DB | SegmentAttribute.GRANULARITY;
/** After this many an endless loop is given up. */
const MOST_RUNS = 20_000;
const JUMP_TO_SELF = Uint8Array.of(0xeb, 0xfe);
const NULL_SELECTOR = SegmentAttribute.UNUSABLE;

function unexpected(): never {
  throw new Error("A test case left RAM");
}

const NO_DEVICES: VcpuBus = {
  readPort: unexpected,
  writePort: unexpected,
  readPortString: unexpected,
  writePortString: unexpected,
  readMmio: unexpected,
  writeMmio: unexpected,
  now: () => 0,
  readApicMsr: unexpected,
  writeApicMsr: unexpected,
  cr8: 0,
};

/** How cases are run. */
export interface Pace {
  /** One instruction, else up to a jump at which the budget is used up. */
  readonly singly: boolean;
  readonly budget: number;
  /** Address to go on to, as often as the budget is used up; by default the start is left, no more. */
  readonly end?: number;
}

/** One instruction. */
export const SINGLY: Pace = { singly: true, budget: 0 };
/** Up to the first jump. */
export const TO_A_JUMP: Pace = { singly: false, budget: 0 };

/** The software CPU at CPL 3 of 64-bit mode. */
export class GuestCpu {
  #engine!: CpuEngine;
  #words!: Int32Array;
  readonly #memory: WebAssembly.Memory;
  readonly #ram: Uint8Array;
  #mode = CodeMode.Bits64;
  /** Offset in RAM of the test pages. */
  #test = RAM_BASE + TEST - BASE;
  #usedFrames = 0;
  /** Regions that had been compiled when code was placed last. */
  #compiledBefore = 0;
  /** The pages at `DATA`. */
  readonly data: Uint8Array;
  readonly #window: Uint8Array;

  /** Makes one that interprets, or one that has `compile` compile all code when it is entered first. */
  constructor(private readonly compile?: CompileServiceFactory) {
    const pages = (RAM_SIZE + ENGINE_ROOM) / 65536;
    this.#memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.#ram = new Uint8Array(this.#memory.buffer);
    this.data = this.#ram.subarray(RAM_BASE + DATA - BASE, RAM_BASE + DATA - BASE + DATA_LENGTH);
    this.#window = this.data.subarray(WINDOW - DATA, WINDOW - DATA + WINDOW_LENGTH);
    // Where jumps lead, decoding ends soon.
    for (const pad of PADS) this.#ram.set(JUMP_TO_SELF, RAM_BASE + pad - BASE);
    this.#buildPageTables();
    this.#start();
  }

  #start(): void {
    const { compile } = this;
    this.#engine = new CpuEngine({
      ram: this.#memory,
      ramSize: RAM_SIZE,
      bus: NO_DEVICES,
      index: 0,
      ...(compile === undefined ? {} : { compileThreshold: 1, compileService: compile }),
    });
    this.#words = new Int32Array(this.#engine.memory.buffer);
    this.#usedFrames = 0;
    this.#enterUserMode();
  }

  #buildPageTables(): void {
    this.#map(0, 0, PAGE_TABLES + 0x1000);
    this.#map(1, BASE >>> 30, PAGE_TABLES + 0x2000);
    this.#map(2, (BASE >>> 21) & 511, PAGE_TABLES + 0x3000);
    for (const [start, length] of [[TEST, TEST_LENGTH], [DATA, DATA_LENGTH]] as const) {
      for (let page = start; page < start + length; page += 0x1000) {
        this.#map(3, (page - BASE) >>> 12, RAM_BASE + page - BASE);
      }
    }
  }

  #map(table: number, index: number, address: number): void {
    const entry = PAGE_TABLES + table * 0x1000 + index * 8;
    new DataView(this.#ram.buffer).setBigUint64(entry, BigInt(address | PRESENT_WRITABLE_USER), true);
  }

  #enterUserMode(): void {
    const { cpu } = this.#engine;
    resetRegisters(cpu);
    cpu.set64(CR, BigInt(Cr0.PE | Cr0.MP | Cr0.ET | Cr0.NE | Cr0.WP) | BigInt(Cr0.PG));
    cpu.set64(CR + 3 * 8, BigInt(PAGE_TABLES));
    const cr4 = Cr4.PAE | Cr4.PGE | Cr4.OSFXSR | Cr4.OSXMMEXCPT | Cr4.FSGSBASE | Cr4.OSXSAVE | Cr4.UMIP;
    cpu.set64(CR + 4 * 8, BigInt(cr4));
    cpu.set64(EFER, BigInt(Efer.SCE | Efer.LME | Efer.LMA | Efer.NXE));
    cpu.set64(XCR0, 3n);
    cpu.set32(CPL, 3);
    cpu.setSegment(Segment.SS, USER_DS, 0n, 0xffffffff, USER_DATA);
    this.enter(this.#mode);
    // No I/O permission bitmap.
    cpu.setSegment(Segment.TR, 0x40, 0n, 0x66, 0x8b);
    cpu.stepping = true;
    cpu.pagingChanged({ kind: "mode" });
  }

  /** Chooses between 64-bit and 32-bit code, that in flat segments or in one that ends a byte below 4 GiB. */
  enter(mode: CodeMode): void {
    this.#mode = mode;
    const { cpu } = this.#engine;
    const long = mode === CodeMode.Bits64;
    const limit = mode === CodeMode.Bits32 ? 0xfffffffe : 0xffffffff;
    for (const segment of [Segment.FS, Segment.GS]) cpu.setSegment(segment, 0, 0n, 0, NULL_SELECTOR);
    for (const segment of [Segment.ES, Segment.DS]) {
      if (long) cpu.setSegment(segment, 0, 0n, 0, NULL_SELECTOR);
      else cpu.setSegment(segment, USER_DS, 0n, limit, USER_DATA);
    }
    const size = long ? SegmentAttribute.LONG : SegmentAttribute.DB;
    cpu.setSegment(Segment.CS, long ? USER_CS : USER32_CS, 0n, 0xffffffff, USER_CODE | size);
  }

  /** Places the instructions that the cases run, and a jump to itself behind them. */
  place(instructions: Uint8Array): void {
    if (this.compile !== undefined) this.#takeFrames();
    if (this.#engine.code.full) this.#engine.code.flush();
    this.#compiledBefore = this.#engine.regions?.compiled ?? 0;
    this.placeAt(INSTRUCTION, instructions);
    this.placeAt(INSTRUCTION + instructions.length, JUMP_TO_SELF);
  }

  /** Places other code at an address of the test pages. */
  placeAt(address: number, bytes: Uint8Array): void {
    const at = this.#test + address - TEST;
    this.#ram.set(bytes, at);
    this.#engine.code.written(at, bytes.length);
  }

  /** Puts pages of RAM in the place of the test pages that held no code: those that are overwritten are not compiled for long. */
  #takeFrames(): void {
    if (this.#usedFrames === FRAMES) this.#start();
    this.#test = FIRST_FRAME + this.#usedFrames++ * TEST_LENGTH;
    this.#ram.fill(0, this.#test, this.#test + TEST_LENGTH);
    for (const pad of PADS) this.#ram.set(JUMP_TO_SELF, this.#test + pad - TEST);
    for (let offset = 0; offset < TEST_LENGTH; offset += 0x1000) {
      this.#map(3, (TEST + offset - BASE) >>> 12, this.#test + offset);
      this.#engine.cpu.invalidatePage(BigInt(TEST + offset));
    }
  }

  /** Whether something of what was placed last has been compiled. */
  get compiled(): boolean {
    return (this.#engine.regions?.compiled ?? 0) > this.#compiledBefore;
  }

  /** Runs `count` cases. */
  run(cases: Uint8Array, results: Uint8Array, count: number, pace: Pace): void {
    const { cpu } = this.#engine;
    if (cpu.stepping !== pace.singly) {
      cpu.stepping = pace.singly;
      cpu.contextChanged();
    }
    const { end, budget } = pace;
    const input = wordsOf(cases);
    const output = wordsOf(results);
    for (let index = 0; index < count; index++) {
      const at = index * CASE_LENGTH;
      this.#load(cases, input, at);
      let vector: number;
      let runs = 0;
      let rip: number;
      // A repeated instruction stops after each element.
      do {
        this.#words[BUDGET >> 2] = budget;
        this.#engine.run();
        vector = this.#words[FAULT_VECTOR >> 2]!;
        rip = this.#words[RIP >> 2]!;
      } while (vector < 0 && (end === undefined ? rip === INSTRUCTION : rip !== end && runs++ < MOST_RUNS));
      this.#words[FAULT_VECTOR >> 2] = -1;
      this.#save(results, output, at, vector);
    }
  }

  #load(cases: Uint8Array, input: Int32Array, at: number): void {
    const state = this.#words;
    const from = at >> 2;
    copyWords(state, GPR >> 2, input, from, 32);
    copyWords(state, (SEGMENT_BASE >> 2) + Segment.FS * 2, input, from + (Case.FS_BASE >> 2), 4);
    const flags = input[from + (Case.RFLAGS >> 2)]!;
    state[RFLAGS >> 2] = (flags & ~ARITHMETIC_FLAGS) | 2;
    state[FLAGS_KIND >> 2] = FlagsKind.Materialized * 4;
    state[FLAGS_RESULT >> 2] = flags & ARITHMETIC_FLAGS;
    state[(FLAGS_RESULT >> 2) + 1] = 0;
    state[RIP >> 2] = INSTRUCTION;
    state[(RIP >> 2) + 1] = 0;
    const fx = from + (Case.FX >> 2);
    const status = input[fx]! >>> 16;
    state[X87_CONTROL >> 2] = input[fx]! & 0xffff;
    state[X87_STATUS >> 2] = status;
    state[X87_TAG >> 2] = input[fx + 1]! & 0xff;
    state[MXCSR >> 2] = input[fx + (Fx.MXCSR >> 2)]!;
    for (let i = 0; i < 8; i++) {
      copyWords(state, (X87 >> 2) + (((status >>> 11) + i) & 7) * 4, input, fx + (Fx.ST0 >> 2) + i * 4, 3);
    }
    copyWords(state, XMM >> 2, input, fx + (Fx.XMM0 >> 2), 64);
    this.#window.set(cases.subarray(at + Case.WINDOW, at + Case.WINDOW + WINDOW_LENGTH));
  }

  #save(results: Uint8Array, output: Int32Array, at: number, vector: number): void {
    const state = this.#words;
    const { cpu } = this.#engine;
    const to = at >> 2;
    copyWords(output, to, state, GPR >> 2, 32);
    output[to + (Case.RFLAGS >> 2)] = cpu.rflags;
    copyWords(output, to + (Case.RIP >> 2), state, (vector < 0 ? RIP : INSTRUCTION_RIP) >> 2, 2);
    output[to + (Case.VECTOR >> 2)] = vector;
    output[to + (Case.ERROR >> 2)] = vector < 0 ? 0 : state[FAULT_ERROR >> 2]!;
    copyWords(output, to + (Case.ADDRESS >> 2), state, FAULT_ADDRESS >> 2, 2);
    const fx = to + (Case.FX >> 2);
    const status = state[X87_STATUS >> 2]!;
    output[fx] = (state[X87_CONTROL >> 2]! & 0xffff) | (status << 16);
    output[fx + 1] = state[X87_TAG >> 2]! & 0xff;
    output[fx + (Fx.MXCSR >> 2)] = state[MXCSR >> 2]!;
    for (let i = 0; i < 8; i++) {
      copyWords(output, fx + (Fx.ST0 >> 2) + i * 4, state, (X87 >> 2) + (((status >>> 11) + i) & 7) * 4, 3);
    }
    copyWords(output, fx + (Fx.XMM0 >> 2), state, XMM >> 2, 64);
    results.set(this.#window, at + Case.WINDOW);
  }
}

function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
}

function copyWords(to: Int32Array, at: number, from: Int32Array, start: number, count: number): void {
  for (let index = 0; index < count; index++) to[at + index] = from[start + index]!;
}
