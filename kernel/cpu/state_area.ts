/**
 * XSAVE and XRSTOR of x87 and SSE state together, as kernels have it at each context switch, in generated WebAssembly
 * (SDM volume 1, 13.7 and 13.8). What is out of the ordinary is left to `system/xsave.ts`.
 *
 * @module
 */

import { Access } from "./page_walk.ts";
import {
  CODE_MODE,
  CodeMode,
  CR,
  Cr0,
  Cr4,
  GPR,
  MXCSR,
  WATCHING,
  X87,
  X87_CONTROL,
  X87_CS,
  X87_DP,
  X87_DS,
  X87_IP,
  X87_OPCODE,
  X87_STATUS,
  X87_TAG,
  XCR0,
  XMM,
  XMM_SIZE,
} from "./state.ts";
import { state32 } from "./state_emitter.ts";
import { type Expression, i32, select } from "./wasm/expression.ts";
import { type FunctionBuilder, type Label, type Local, Memory, NOWHERE } from "./wasm/function_builder.ts";
import {
  FCS,
  FCW,
  FDP,
  FDS,
  FIP,
  FOP,
  FSW,
  FTW,
  MXCSR_AT,
  MXCSR_BITS,
  MXCSR_MASK_AT,
  ST0,
  X87_EXCEPTIONS,
  X87_PENDING,
  XMM0,
} from "./system/legacy_region.ts";
import { ALL_COMPONENTS, AREA_LENGTH, HEADER_RESERVED, XCOMP_BV, XSTATE_BV } from "./system/xsave.ts";

/** An area may lie at multiples of this. */
const ALIGNMENT = 64;
/** Operand size of XSAVE64 and XRSTOR64. */
const WIDE = 8n;

/** (linear address, operand size) -> 1 if it has been done. `page`: see `MmuFunctions.plainPage`. */
export function saveStateBody(f: FunctionBuilder, page: number): void {
  f.block((other) => {
    const area = new Area(f, page, Access.WRITE, other);
    area.save();
    f.return(i32(1));
  });
  f.return(i32(0));
}

/** The same for XRSTOR. */
export function restoreStateBody(f: FunctionBuilder, page: number): void {
  f.block((other) => {
    const area = new Area(f, page, 0, other);
    area.restore();
    f.return(i32(1));
  });
  f.return(i32(0));
}

/** An area in plain RAM whose components are all asked for. */
class Area {
  readonly #at: Local<"i32">;
  readonly #wide: Local<"i32">;

  constructor(
    private readonly f: FunctionBuilder,
    page: number,
    access: number,
    private readonly other: Label,
  ) {
    const linear = f.param("i64", 0);
    this.#unless(state32(f, CR + 4 * 8).and(Cr4.OSXSAVE));
    this.#unless(state32(f, CR).and(Cr0.TS).or(state32(f, WATCHING)).eqz());
    this.#unless(state32(f, XCR0).and(state32(f, GPR)).eq(ALL_COMPONENTS));
    const offset = f.let(linear.wrap().and(0xfff));
    this.#unless(offset.and(ALIGNMENT - 1).eqz().and(offset.leU(0x1000 - AREA_LENGTH)));
    this.#at = f.callFor("i32", page, linear, i32(access));
    this.#unless(this.#at.ne(-1));
    this.#wide = f.let(f.param("i64", 1).eq(WIDE));
  }

  save(): void {
    const { f } = this;
    this.#put(2, FCW, X87_CONTROL);
    this.#put(2, FSW, X87_STATUS);
    f.storeAs("i32.store16", this.#at, state32(f, X87_TAG).and(0xff), FTW, Memory.Ram);
    f.storeAs("i32.store16", this.#at, state32(f, X87_OPCODE).and(0x7ff), FOP, Memory.Ram);
    this.#put(8, FIP, X87_IP);
    this.#put(8, FDP, X87_DP);
    f.if(this.#wide.eqz(), () => {
      for (const [at, selector] of [[FCS, X87_CS], [FDS, X87_DS]] as const) {
        f.storeAs("i32.store", this.#at, state32(f, selector).and(0xffff), at, Memory.Ram);
      }
    });
    this.#put(4, MXCSR_AT, MXCSR);
    f.storeAs("i32.store", this.#at, i32(MXCSR_BITS), MXCSR_MASK_AT, Memory.Ram);
    this.#forEachX87((register, at) => {
      f.store(8, this.#at, f.load(8, register, X87), at, Memory.Ram);
      f.store(8, this.#at, f.load(2, register, X87 + 8), at + 8, Memory.Ram);
    });
    this.#forEachXmm((number) => {
      const value = f.loadVector(NOWHERE, XMM + number * XMM_SIZE);
      f.storeVector(this.#at, value, XMM0 + number * XMM_SIZE, Memory.Ram);
    });
    const inUse = f.load(8, this.#at, XSTATE_BV, Memory.Ram);
    f.store(8, this.#at, inUse.or(BigInt(ALL_COMPONENTS)), XSTATE_BV, Memory.Ram);
  }

  restore(): void {
    const { f } = this;
    this.#unless(this.#get(8, XSTATE_BV).eq(BigInt(ALL_COMPONENTS)));
    this.#unless(this.#get(8, XCOMP_BV).or(this.#get(8, HEADER_RESERVED)).eqz());
    const mxcsr = f.loadAs("i32.load", this.#at, MXCSR_AT, Memory.Ram);
    this.#unless(mxcsr.and(~MXCSR_BITS).eqz());
    f.storeAs("i32.store", NOWHERE, mxcsr, MXCSR);
    const half = (at: number) => f.loadAs("i32.load16_u", this.#at, at, Memory.Ram);
    const control = half(FCW);
    const image = half(FSW);
    const pending = image.and(control.xor(-1)).and(X87_EXCEPTIONS);
    f.storeAs("i32.store", NOWHERE, control, X87_CONTROL);
    const status = select(pending, image.or(X87_PENDING), image.and(~X87_PENDING));
    f.storeAs("i32.store", NOWHERE, status, X87_STATUS);
    f.storeAs("i32.store", NOWHERE, half(FTW).and(0xff), X87_TAG);
    f.storeAs("i32.store", NOWHERE, half(FOP).and(0x7ff), X87_OPCODE);
    f.if(this.#wide, () => {
      f.store(8, NOWHERE, this.#get(8, FIP), X87_IP);
      f.store(8, NOWHERE, this.#get(8, FDP), X87_DP);
      f.storeAs("i32.store", NOWHERE, i32(0), X87_CS);
      f.storeAs("i32.store", NOWHERE, i32(0), X87_DS);
    }, () => {
      f.store(8, NOWHERE, this.#get(4, FIP), X87_IP);
      f.store(8, NOWHERE, this.#get(4, FDP), X87_DP);
      f.storeAs("i32.store", NOWHERE, half(FCS), X87_CS);
      f.storeAs("i32.store", NOWHERE, half(FDS), X87_DS);
    });
    this.#forEachX87((register, at) => {
      f.store(8, register, this.#get(8, at), X87);
      f.store(8, register, this.#get(2, at + 8), X87 + 8);
    });
    this.#forEachXmm((number) => {
      const value = f.loadVector(this.#at, XMM0 + number * XMM_SIZE, Memory.Ram);
      f.storeVector(NOWHERE, value, XMM + number * XMM_SIZE);
    });
  }

  #unless(condition: Expression<"i32">): void {
    this.f.branchIf(condition.eqz(), this.other);
  }

  #get(size: number, at: number): Local<"i64"> {
    return this.f.load(size, this.#at, at, Memory.Ram);
  }

  /** Copies a register of the state to the area. */
  #put(size: number, at: number, address: number): void {
    this.f.store(size, this.#at, this.f.load(size, NOWHERE, address), at, Memory.Ram);
  }

  /** Runs `copy` with the offset among the physical registers of each ST(i), and where it lies in the area. */
  #forEachX87(copy: (register: Local<"i32">, at: number) => void): void {
    const { f } = this;
    const top = f.let(state32(f, X87_STATUS).shrU(11));
    for (let i = 0; i < 8; i++) copy(f.let(top.add(i).and(7).shl(4)), ST0 + i * 16);
  }

  /** Outside of 64-bit mode there are eight. */
  #forEachXmm(copy: (number: number) => void): void {
    const { f } = this;
    for (let number = 0; number < 8; number++) copy(number);
    f.if(state32(f, CODE_MODE).eq(CodeMode.Bits64), () => {
      for (let number = 8; number < 16; number++) copy(number);
    });
  }
}
