/**
 * Which device servers a domain's parts are, and what the kernel process is told of a boot image.
 *
 * @module
 */

import type { BootEntry } from "../kernel/abi/control.ts";
import { SECOND_SERIAL_PORT, type ServerEntry, SERVERS } from "../servers/mod.ts";
import type { BootImage, PlatformDevices } from "./builder/boot_image.ts";

/** Server of the first serial port. */
export const CONSOLE_SERVER = "uart";
/** Server of keyboard and mouse. */
export const INPUT_SERVER = "i8042";
/** Server of the power button. */
export const POWER_BUTTON_SERVER = "acpi_pm";

/** The device servers of a domain with one or two serial ports. */
export function domainServers({ serialPorts }: { readonly serialPorts: 1 | 2 }): readonly ServerEntry[] {
  return serialPorts === 2 ? [...SERVERS, SECOND_SERIAL_PORT] : SERVERS;
}

/** The legacy devices among `servers`, for the domain's ACPI tables. */
export function platformDevices(servers: readonly ServerEntry[]): PlatformDevices {
  const has = (name: string) => servers.some(({ manifest }) => manifest.name === name);
  return {
    pit: has("pit"),
    rtc: has("rtc"),
    i8042: has(INPUT_SERVER),
    uart: has(CONSOLE_SERVER),
    uart1: has(SECOND_SERIAL_PORT.name),
  };
}

/** The entry of a boot image as the control protocol has it. */
export function bootEntry(entry: BootImage["entry"]): BootEntry {
  if (entry.kind === "pvh") return entry;
  return {
    kind: "long",
    rip: String(entry.rip),
    rsi: String(entry.rsi),
    rsp: "0",
    cr3: String(entry.cr3),
    gdt: String(entry.gdtBase),
    gdtLimit: entry.gdtLimit,
  };
}
