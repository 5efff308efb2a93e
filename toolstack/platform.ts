/**
 * Which device servers a domain's parts are, and what the kernel process is told of a boot image.
 *
 * @module
 */

import type { BootEntry } from "../kernel/abi/control.ts";
import type { ServerEntry } from "../servers/mod.ts";
import type { BootImage, PlatformDevices } from "./builder/boot_image.ts";

/** Server of the first serial port. */
export const CONSOLE_SERVER = "uart";
/** Server of keyboard and mouse. */
export const INPUT_SERVER = "i8042";
/** Server of the power button. */
export const POWER_BUTTON_SERVER = "acpi_pm";

/** The legacy devices among `servers`, for the domain's ACPI tables. */
export function platformDevices(servers: readonly ServerEntry[]): PlatformDevices {
  const has = (name: string) => servers.some(({ manifest }) => manifest.name === name);
  return { pit: has("pit"), rtc: has("rtc"), i8042: has(INPUT_SERVER), uart: has(CONSOLE_SERVER) };
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
