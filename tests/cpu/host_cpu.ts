/**
 * The host's own CPU as an oracle: runs one instruction after another on registers and memory of one's choice.
 *
 * @module
 */

import { CodeMode } from "../../kernel/cpu/state.ts";
import {
  BASE,
  BATCH,
  Case,
  CASE_LENGTH,
  DATA,
  DATA_LENGTH,
  Fx,
  INSTRUCTION,
  PADS,
  TEST,
  TEST_LENGTH,
} from "./case_layout.ts";
import {
  DATA_SELECTOR,
  ENTRY,
  HANDLER,
  hostCode,
  padCode,
  RUN,
  USER32_CS,
  USER_CS,
  USER_DS,
} from "./host_code.ts";

const PROT_NONE = 0;
const PROT_ALL = 7;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MAP_FIXED_NOREPLACE = 0x100000;
/** SA_SIGINFO, SA_ONSTACK and SA_NODEFER. */
const SIGNAL_FLAGS = 0x4 | 0x0800_0000 | 0x4000_0000;
const SIG_SETMASK = 2;
/** SIGILL, SIGTRAP, SIGBUS, SIGFPE and SIGSEGV: what exceptions become. */
const SIGNALS = [4, 5, 7, 8, 11];
const SIGACTION_LENGTH = 152;
const AT_HWCAP2 = 26n;
/** RDFSBASE and its like may be used. */
const HWCAP2_FSGSBASE = 2n;

/** Signal stack, cases and results, behind what the layout names. */
const SIGNAL_STACK = BASE + 0x30000;
const SIGNAL_STACK_LENGTH = 0x10000;
const CASES = BASE + 0x40000;
const RESULTS = CASES + BATCH * CASE_LENGTH;
const END = RESULTS + BATCH * CASE_LENGTH;

const LAR_RBX_RAX = Uint8Array.of(0x0f, 0x02, 0xd8);
/** P as LAR gives it. */
const DESCRIPTOR_PRESENT = 1 << 15;

const LIBC = {
  mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "usize" },
  mprotect: { parameters: ["usize", "usize", "i32"], result: "i32" },
  munmap: { parameters: ["usize", "usize"], result: "i32" },
  sigaction: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  sigaltstack: { parameters: ["buffer", "buffer"], result: "i32" },
  pthread_sigmask: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getauxval: { parameters: ["u64"], result: "u64" },
} as const;

const RUN_DEFINITION = { parameters: ["usize", "usize", "usize"], result: "void" } as const;

/** Why this host's CPU cannot be asked, or `undefined` if it can. Needs the FFI permission. */
export function hostObstacle(): string | undefined {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return "the host is not x86-64 Linux";
  const libc = Deno.dlopen("libc.so.6", LIBC);
  const hwcap2 = libc.symbols.getauxval(AT_HWCAP2);
  libc.close();
  return (hwcap2 & HWCAP2_FSGSBASE) !== 0n ? undefined : "the host's kernel does not allow WRFSBASE";
}

/** The host's CPU. */
export class HostCpu implements Disposable {
  readonly #libc = Deno.dlopen("libc.so.6", LIBC);
  readonly #run: Deno.UnsafeFnPointer<typeof RUN_DEFINITION>;
  readonly #test: Uint8Array;
  /** Cases to run, and what became of them. */
  readonly cases: Uint8Array<ArrayBuffer>;
  readonly results: Uint8Array<ArrayBuffer>;
  /** The pages at `DATA`. */
  readonly data: Uint8Array;
  #length = 0;
  #mode = CodeMode.Bits64;

  constructor() {
    const { mmap, mprotect } = this.#libc.symbols;
    const flags = MAP_PRIVATE_ANONYMOUS | MAP_FIXED_NOREPLACE;
    if (mmap(BigInt(BASE), BigInt(END - BASE), PROT_ALL, flags, -1, 0n) !== BigInt(BASE)) {
      throw new Error(`Cannot map executable memory at 0x${BASE.toString(16)}`);
    }
    mprotect(BigInt(TEST + TEST_LENGTH), 0x2000n, PROT_NONE);
    mprotect(BigInt(BASE + 0x20000), BigInt(DATA - BASE - 0x20000), PROT_NONE);
    mprotect(BigInt(DATA + DATA_LENGTH), BigInt(SIGNAL_STACK - DATA - DATA_LENGTH), PROT_NONE);
    for (const [address, code] of hostCode()) memoryAt(address, code.length).set(code);
    this.#run = new Deno.UnsafeFnPointer(pointerTo<typeof RUN_DEFINITION>(RUN), RUN_DEFINITION);
    this.#test = memoryAt(TEST, TEST_LENGTH);
    this.cases = memoryAt(CASES, BATCH * CASE_LENGTH);
    this.results = memoryAt(RESULTS, BATCH * CASE_LENGTH);
    this.data = memoryAt(DATA, DATA_LENGTH);
    this.enter(CodeMode.Bits64);
  }

  /** Chooses between 64-bit and 32-bit code. */
  enter(mode: CodeMode): void {
    this.#mode = mode;
    const long = mode === CodeMode.Bits64;
    const entry = new DataView(memoryAt(ENTRY, 16).buffer);
    entry.setUint32(0, INSTRUCTION, true);
    entry.setUint16(4, long ? USER_CS : USER32_CS, true);
    entry.setUint16(DATA_SELECTOR - ENTRY, long ? 0 : USER_DS, true);
    for (const pad of PADS) this.#test.set(padCode(pad, mode), pad - TEST);
  }

  /** Whether 32-bit code can run: kernels can do without it. */
  get hasCompatibilityMode(): boolean {
    this.enter(CodeMode.Bits64);
    this.place(LAR_RBX_RAX);
    const view = new DataView(this.cases.buffer);
    this.cases.fill(0, 0, CASE_LENGTH);
    view.setUint32(Case.GPR, USER32_CS, true);
    view.setUint32(Case.RFLAGS, 2, true);
    view.setUint32(Case.FX + Fx.MXCSR, 0x1f80, true);
    this.run(1);
    const attributes = new DataView(this.results.buffer).getUint32(Case.GPR + 3 * 8, true);
    return (attributes & DESCRIPTOR_PRESENT) !== 0;
  }

  /** Places the instructions that the cases run. */
  place(instructions: Uint8Array): void {
    const end = INSTRUCTION + instructions.length;
    this.placeAt(INSTRUCTION, instructions);
    this.placeAt(end, padCode(end, this.#mode));
    this.#length = instructions.length;
  }

  /** Places other code at an address of the test pages. */
  placeAt(address: number, bytes: Uint8Array): void {
    this.#test.set(bytes, address - TEST);
  }

  /** Runs the first `count` of {@link cases}. */
  run(count: number): void {
    if (this.#length === 0) throw new Error("No instruction has been placed");
    const { sigaction, sigaltstack, pthread_sigmask } = this.#libc.symbols;
    // Signals for other reasons would be delivered on whatever stack a case has.
    const oldMask = new Uint8Array(128);
    const mask = new BigUint64Array(16);
    mask[0] = ~SIGNALS.reduce((bits, signal) => bits | (1n << BigInt(signal - 1)), 0n);
    pthread_sigmask(SIG_SETMASK, new Uint8Array(mask.buffer), oldMask);
    const oldStack = new Uint8Array(24);
    const stack = new BigUint64Array([BigInt(SIGNAL_STACK), 0n, BigInt(SIGNAL_STACK_LENGTH)]);
    sigaltstack(new Uint8Array(stack.buffer), oldStack);
    const action = new DataView(new ArrayBuffer(SIGACTION_LENGTH));
    action.setBigUint64(0, BigInt(HANDLER), true);
    action.setUint32(136, SIGNAL_FLAGS, true);
    const old = SIGNALS.map((signal) => {
      const before = new Uint8Array(SIGACTION_LENGTH);
      sigaction(signal, new Uint8Array(action.buffer), before);
      return before;
    });
    this.#run.call(BigInt(CASES), BigInt(RESULTS), BigInt(count));
    SIGNALS.forEach((signal, index) => sigaction(signal, old[index]!, null));
    sigaltstack(oldStack, null);
    pthread_sigmask(SIG_SETMASK, oldMask, null);
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.munmap(BigInt(BASE), BigInt(END - BASE));
    this.#libc.close();
  }
}

function pointerTo<T>(address: number): Deno.PointerObject<T> {
  return Deno.UnsafePointer.create<T>(BigInt(address))!;
}

function memoryAt(address: number, length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointerTo(address), length));
}
