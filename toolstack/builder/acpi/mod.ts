/**
 * The ACPI tables of a domain, which describe exactly the devices that are there.
 *
 * @module
 */

import type { PlatformDevices, Segment } from "../boot_image.ts";
import { ACPI_TABLES_BASE, ACPI_TABLES_SIZE, FACS_BASE } from "../memory_map.ts";
import { encodeDsdt } from "./dsdt.ts";
import { encodeFacs } from "./facs.ts";
import { encodeFadt } from "./fadt.ts";
import { encodeMadt } from "./madt.ts";
import { encodeRsdp, RSDP_SIZE } from "./rsdp.ts";
import { encodeXsdt } from "./xsdt.ts";

const ALIGNMENT = 16;

/** What the tables tell of. */
export interface AcpiPlatform {
  readonly vcpus: number;
  readonly devices: PlatformDevices;
}

/** Tables in memory. */
export interface AcpiTables {
  readonly segments: readonly Segment[];
  /** Address of the RSDP. */
  readonly rsdp: number;
}

/** Makes the tables. */
export function buildAcpiTables({ vcpus, devices }: AcpiPlatform): AcpiTables {
  const segments: Segment[] = [{ gpa: FACS_BASE, bytes: encodeFacs() }];
  let next = align(ACPI_TABLES_BASE + RSDP_SIZE);
  const add = (bytes: Uint8Array) => {
    const gpa = next;
    segments.push({ gpa, bytes });
    next = align(gpa + bytes.length);
    return gpa;
  };
  const dsdt = add(encodeDsdt(devices));
  const fadt = add(encodeFadt(FACS_BASE, dsdt, devices));
  const madt = add(encodeMadt(vcpus));
  const xsdt = add(encodeXsdt([fadt, madt]));
  if (next > ACPI_TABLES_BASE + ACPI_TABLES_SIZE) throw new RangeError("ACPI tables are too long");
  segments.push({ gpa: ACPI_TABLES_BASE, bytes: encodeRsdp(xsdt) });
  return { segments, rsdp: ACPI_TABLES_BASE };
}

function align(address: number): number {
  return Math.ceil(address / ALIGNMENT) * ALIGNMENT;
}
