/**
 * Guest time as the time-stamp counter shows it.
 *
 * To ask the host for the time takes as long as a hundred instructions, and kernels read the counter in every system
 * call. So for some instructions a reading of the host's clock is good enough, with a nanosecond for each of them.
 *
 * @module
 */

import {
  BUDGET,
  CLOCK_BUDGET,
  CLOCK_GOOD_FOR,
  CLOCK_READING,
  CPL,
  CR,
  Cr4,
  GPR,
  Gpr,
  LAST_TIME_STAMP,
  TSC_AUX,
  TSC_OFFSET,
} from "./state.ts";
import { state32, state64 } from "./state_emitter.ts";
import { i32, i64 } from "./wasm/expression.ts";
import { type FunctionBuilder, NOWHERE } from "./wasm/function_builder.ts";

/** Readings of a clock, and what is made of them between. They lie in the state, for generated code. */
export class TimeStamps {
  constructor(
    private readonly state: DataView,
    private readonly now: () => number,
    /** For how many instructions a reading is good; 0: for none. */
    private readonly window: number,
  ) {}

  /** Guest time in nanoseconds where `left` instructions are left of the budget. It never goes back. */
  read(left: number): bigint {
    const { state } = this;
    const executed = state.getInt32(CLOCK_BUDGET, true) - left;
    if (executed >= 0 && executed < state.getInt32(CLOCK_GOOD_FOR, true)) {
      return this.#give(state.getBigInt64(CLOCK_READING, true) + BigInt(executed));
    }
    let reading = BigInt(Math.floor(this.now()));
    // What was made of the last reading may have been ahead; further back it is the clock that has been set.
    const ahead = state.getBigInt64(LAST_TIME_STAMP, true) - reading;
    if (ahead > 0n && ahead < BigInt(this.window)) reading += ahead;
    state.setBigInt64(CLOCK_READING, reading, true);
    state.setInt32(CLOCK_BUDGET, left, true);
    state.setInt32(CLOCK_GOOD_FOR, this.window, true);
    return this.#give(reading);
  }

  #give(time: bigint): bigint {
    this.state.setBigInt64(LAST_TIME_STAMP, time, true);
    return time;
  }

  /** Time has passed that instructions do not tell of, or the budget is another one. */
  forget(): void {
    this.state.setInt32(CLOCK_GOOD_FOR, 0, true);
  }
}

/** RDTSC as a function of generated code, as long as the last reading is good: gives whether it is. */
export function timeStampBody(f: FunctionBuilder): void {
  f.block((other) => {
    const forbidden = state32(f, CPL).ne(0).and(state32(f, CR + 4 * 8).and(Cr4.TSD).ne(0));
    f.branchIf(forbidden, other);
    const executed = f.let(state32(f, CLOCK_BUDGET).sub(state32(f, BUDGET)));
    f.branchIf(executed.geU(state32(f, CLOCK_GOOD_FOR)), other);
    const time = f.let(state64(f, CLOCK_READING).add(executed.extendU()));
    f.store(8, NOWHERE, time, LAST_TIME_STAMP);
    const shown = f.let(time.add(state64(f, TSC_OFFSET)));
    f.store(8, NOWHERE, shown.zeroExtend(4), GPR + Gpr.RAX * 8);
    f.store(8, NOWHERE, shown.shrU(32), GPR + Gpr.RDX * 8);
    f.return(i32(1));
  });
  f.return(i32(0));
}

/** The same for RDTSCP. */
export function timeStampAndAuxBody(f: FunctionBuilder, timeStamp: number): void {
  f.if(f.callFor("i32", timeStamp, i64(0), i64(0)).eqz(), () => f.return(i32(0)));
  f.store(8, NOWHERE, f.load(4, NOWHERE, TSC_AUX), GPR + Gpr.RCX * 8);
  f.return(i32(1));
}
