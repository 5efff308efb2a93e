/**
 * Segments as SYSCALL, SYSRET, SYSENTER and SYSEXIT load them: flat, whatever the descriptor tables hold (SDM volume 2).
 *
 * @module
 */

import { Flag, SegmentAttribute } from "./state.ts";

const { ACCESSED, READ_WRITE, EXECUTABLE, S, PRESENT, LONG, DB, GRANULARITY } = SegmentAttribute;

/** Attributes of code and data segments of any size, at privilege level 0. */
const DATA = ACCESSED | READ_WRITE | S | PRESENT;
const CODE = DATA | EXECUTABLE;

/** Of privilege level 0; that of user segments is to be added. */
export const CODE64_ATTRIBUTES: number = CODE | LONG | GRANULARITY;
export const CODE32_ATTRIBUTES: number = CODE | DB | GRANULARITY;
export const FLAT_DATA_ATTRIBUTES: number = DATA | DB | GRANULARITY;

/** Flags that SYSRET loads from R11. */
export const SYSRET_FLAGS: number = 0x3c7fd7 & ~(Flag.RF | Flag.VM);
