/**
 * A vCPU's registers as a saved state.
 *
 * @module
 */

import type { StateFields } from "../abi/state.ts";
import type { SoftwareCpu } from "./software_cpu.ts";
import {
  CPL,
  CR,
  DR,
  EFER,
  GDTR,
  HALTED,
  IDTR,
  MXCSR,
  NMI_BLOCKED,
  NMI_PENDING,
  PAGE_DIRECTORY_POINTERS,
  PAT,
  Segment,
  SHADOW_RIP,
  STAR,
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
} from "./state.ts";
import { modelSpecificRegisters } from "./system/mod.ts";

/** 64-bit registers by name. */
const WIDE: { readonly [name: string]: number } = {
  gdtrBase: GDTR,
  gdtrLimit: GDTR + 8,
  idtrBase: IDTR,
  idtrLimit: IDTR + 8,
  cr0: CR,
  cr2: CR + 16,
  cr3: CR + 24,
  cr4: CR + 32,
  dr0: DR,
  dr1: DR + 8,
  dr2: DR + 16,
  dr3: DR + 24,
  dr6: DR + 48,
  dr7: DR + 56,
  xcr0: XCR0,
  efer: EFER,
  x87InstructionPointer: X87_IP,
  x87DataPointer: X87_DP,
  interruptShadow: SHADOW_RIP,
};

/** 32-bit registers by name. */
const NARROW: { readonly [name: string]: number } = {
  cpl: CPL,
  halted: HALTED,
  nmiBlocked: NMI_BLOCKED,
  nmiPending: NMI_PENDING,
  mxcsr: MXCSR,
  x87Control: X87_CONTROL,
  x87Status: X87_STATUS,
  x87Tag: X87_TAG,
  x87Opcode: X87_OPCODE,
  x87CodeSelector: X87_CS,
  x87DataSelector: X87_DS,
};

/** Ranges of engine memory that are saved as bytes. */
const BYTES: { readonly [name: string]: readonly [start: number, length: number] } = {
  xmm: [XMM, 256],
  x87: [X87, 128],
  pageDirectoryPointers: [PAGE_DIRECTORY_POINTERS, 32],
  // STAR to TSC_OFFSET: what RDMSR shows of the CPU's own operation.
  modelSpecific: [STAR, PAT + 32 - STAR],
};

/** The registers as named fields. */
export function saveVcpu(cpu: SoftwareCpu, executed: bigint): StateFields {
  const fields: Record<string, StateFields[string]> = {
    executed,
    registers: [...cpu.gpr],
    rip: cpu.rip,
    rflags: cpu.rflags,
    otherModelSpecific: modelSpecificRegisters(cpu).save(),
  };
  for (const [name, address] of Object.entries(WIDE)) fields[name] = cpu.get64(address);
  for (const [name, address] of Object.entries(NARROW)) fields[name] = cpu.get32(address);
  for (const [name, [start, length]] of Object.entries(BYTES)) {
    fields[name] = new Uint8Array(cpu.view.buffer, start, length).slice();
  }
  const segments: StateFields[] = [];
  for (let segment = Segment.ES; segment <= Segment.TR; segment++) {
    segments.push({
      selector: cpu.segmentSelector(segment),
      base: cpu.segmentBase(segment),
      limit: cpu.segmentLimit(segment),
      attributes: cpu.segmentAttributes(segment),
    });
  }
  fields["segments"] = segments;
  return fields;
}

/** Takes over what {@link saveVcpu} gave; gives the instructions executed. @throws {TypeError} */
export function restoreVcpu(cpu: SoftwareCpu, fields: StateFields): bigint {
  const registers = list(fields, "registers", 16).map((value) => integer(value, "registers"));
  const segments = list(fields, "segments", 8).map((value) => record(value, "segments"));
  for (const [name, address] of Object.entries(WIDE)) cpu.set64(address, integer(fields[name], name));
  for (const [name, address] of Object.entries(NARROW)) cpu.set32(address, number(fields[name], name));
  for (const [name, [start, length]] of Object.entries(BYTES)) {
    const bytes = fields[name];
    if (!(bytes instanceof Uint8Array) || bytes.length !== length) throw malformed(name);
    new Uint8Array(cpu.view.buffer, start, length).set(bytes);
  }
  registers.forEach((value, index) => cpu.gpr[index] = value);
  for (const [segment, saved] of segments.entries()) {
    cpu.setSegment(
      segment,
      number(saved["selector"], "selector"),
      integer(saved["base"], "base"),
      number(saved["limit"], "limit"),
      number(saved["attributes"], "attributes"),
    );
  }
  modelSpecificRegisters(cpu).restore(record(fields["otherModelSpecific"], "otherModelSpecific"));
  cpu.rip = integer(fields["rip"], "rip");
  cpu.rflags = number(fields["rflags"], "rflags");
  cpu.pagingChanged({ kind: "mode" });
  cpu.debugRegistersChanged();
  return integer(fields["executed"], "executed");
}

function malformed(name: string): TypeError {
  return new TypeError(`Saved vCPU has no valid "${name}"`);
}

function integer(value: StateFields[string] | undefined, name: string): bigint {
  if (typeof value !== "bigint") throw malformed(name);
  return value;
}

function number(value: StateFields[string] | undefined, name: string): number {
  if (typeof value !== "number") throw malformed(name);
  return value;
}

function record(value: StateFields[string] | undefined, name: string): StateFields {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw malformed(name);
  }
  return value as StateFields;
}

function list(fields: StateFields, name: string, length: number): readonly StateFields[string][] {
  const value = fields[name];
  if (!Array.isArray(value) || value.length !== length) throw malformed(name);
  return value;
}
