/**
 * Model-specific registers that only WRMSR and RDMSR touch, and what tells the vCPUs of a domain apart.
 *
 * @module
 */

import type { StateFields } from "../../abi/state.ts";
import type { Cpu } from "../cpu.ts";

/** Pairs of IA32_MTRR_PHYSBASE and IA32_MTRR_PHYSMASK. */
export const VARIABLE_RANGES = 8;
/** IA32_MTRR_FIX64K_00000, two of 16K, eight of 4K. */
export const FIXED_RANGES = 11;

/** IA32_MTRR_DEF_TYPE: enabled, write-back, no ranges. That is what a domain builder leaves in place of a BIOS. */
const MTRR_DEF_TYPE_RESET = 0x806n;
/** IA32_MISC_ENABLE: fast strings; no branch trace store, no precise event sampling. */
const MISC_ENABLE_RESET = 0x1801n;

/** Registers of one vCPU. Memory types are stored and have no effect. */
export class ModelSpecificRegisters {
  /** Initial local APIC id, which CPUID reports. */
  apicId = 0;
  /** vCPUs of the domain. */
  processors = 1;

  mtrrDefType = MTRR_DEF_TYPE_RESET;
  /** PHYSBASE0, PHYSMASK0, PHYSBASE1, ... */
  readonly mtrrVariable: BigUint64Array = new BigUint64Array(VARIABLE_RANGES * 2);
  readonly mtrrFixed: BigUint64Array = new BigUint64Array(FIXED_RANGES);
  miscEnable = MISC_ENABLE_RESET;
  debugControl = 0n;

  /** The registers as named fields, without the topology. */
  save(): StateFields {
    return {
      mtrrDefType: this.mtrrDefType,
      mtrrVariable: [...this.mtrrVariable],
      mtrrFixed: [...this.mtrrFixed],
      miscEnable: this.miscEnable,
      debugControl: this.debugControl,
    };
  }

  /** Takes over what {@link save} gave. @throws {TypeError} if a field is missing or of another type. */
  restore(fields: StateFields): void {
    const mtrrDefType = register(fields, "mtrrDefType");
    const mtrrVariable = registers(fields, "mtrrVariable", this.mtrrVariable.length);
    const mtrrFixed = registers(fields, "mtrrFixed", this.mtrrFixed.length);
    const miscEnable = register(fields, "miscEnable");
    const debugControl = register(fields, "debugControl");
    this.mtrrDefType = mtrrDefType;
    this.mtrrVariable.set(mtrrVariable);
    this.mtrrFixed.set(mtrrFixed);
    this.miscEnable = miscEnable;
    this.debugControl = debugControl;
  }
}

function register(fields: StateFields, name: string): bigint {
  const value = fields[name];
  if (typeof value !== "bigint") throw new TypeError(`Cannot restore the CPU: "${name}" is not an integer`);
  return value;
}

function registers(fields: StateFields, name: string, length: number): bigint[] {
  const value = fields[name];
  const values = Array.isArray(value) ? value.filter((element) => typeof element === "bigint") : [];
  if (values.length !== length) {
    throw new TypeError(`Cannot restore the CPU: "${name}" has not ${length} integers`);
  }
  return values;
}

const byCpu = new WeakMap<Cpu, ModelSpecificRegisters>();

/** The registers of a vCPU; in their reset state when first asked for. */
export function modelSpecificRegisters(cpu: Cpu): ModelSpecificRegisters {
  let registers = byCpu.get(cpu);
  if (registers === undefined) byCpu.set(cpu, registers = new ModelSpecificRegisters());
  return registers;
}
