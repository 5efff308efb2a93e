/**
 * Multiple APIC description table (ACPI 6.5, 5.2.12).
 *
 * @module
 */

import { SCI_INTERRUPT } from "../../../devices/acpi_pm.ts";
import { encodeTable } from "./table.ts";

/** Where every vCPU finds its local APIC. */
const LOCAL_APIC_BASE = 0xfee0_0000;
const IO_APIC_BASE = 0xfec0_0000;
const IO_APIC_ID = 0;

/** The machine has a pair of 8259s too. */
const PCAT_COMPAT = 1;

/** Types of a structure, table 5.21. */
enum Structure {
  LocalApic = 0,
  IoApic = 1,
  InterruptSourceOverride = 2,
  LocalApicNmi = 4,
}

const ENABLED = 1;
const ALL_PROCESSORS = 0xff;
const ISA_BUS = 0;

/** MPS INTI flags, table 5.26. */
const CONFORMS_TO_BUS = 0;
const ACTIVE_HIGH_LEVEL = 0b1101;

/** Encodes a MADT for `vcpus` local APICs, whose ids count from 0, and one I/O APIC. */
export function encodeMadt(vcpus: number): Uint8Array {
  const body = [...dword(LOCAL_APIC_BASE), ...dword(PCAT_COMPAT)];
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    body.push(...structure(Structure.LocalApic, [vcpu, vcpu, ...dword(ENABLED)]));
  }
  body.push(
    ...structure(Structure.IoApic, [IO_APIC_ID, 0, ...dword(IO_APIC_BASE), ...dword(0)]),
    // On a PC the timer's interrupt 0 arrives at input 2, because the 8259's output takes input 0.
    ...override(0, 2, CONFORMS_TO_BUS),
    ...override(SCI_INTERRUPT, SCI_INTERRUPT, ACTIVE_HIGH_LEVEL),
    ...structure(Structure.LocalApicNmi, [ALL_PROCESSORS, ...word(CONFORMS_TO_BUS), 1]),
  );
  return encodeTable("APIC", 5, new Uint8Array(body));
}

function override(source: number, globalInterrupt: number, flags: number): number[] {
  return structure(Structure.InterruptSourceOverride, [
    ISA_BUS,
    source,
    ...dword(globalInterrupt),
    ...word(flags),
  ]);
}

function structure(type: Structure, fields: readonly number[]): number[] {
  return [type, fields.length + 2, ...fields];
}

function word(value: number): number[] {
  return [value & 0xff, value >>> 8];
}

function dword(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}
