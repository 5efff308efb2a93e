/**
 * The device servers that there are.
 *
 * @module
 */

import { ACPI_PM_MANIFEST } from "../devices/acpi_pm.ts";
import type { Manifest } from "../devices/device.ts";
import { I8042_MANIFEST } from "../devices/i8042.ts";
import { PIT_MANIFEST } from "../devices/pit.ts";
import { RTC_MANIFEST } from "../devices/rtc.ts";
import { uartManifest } from "../devices/uart.ts";

/** A device server that can be started. */
export interface ServerEntry {
  readonly name: string;
  /** Main module, for a process or a Worker. */
  readonly url: string | URL;
  readonly manifest: Manifest;
}

function entry(module: string, manifest: Manifest): ServerEntry {
  return { name: manifest.name, url: new URL(module, import.meta.url), manifest };
}

/** The second serial port, for domains that ask for it. */
export const SECOND_SERIAL_PORT: ServerEntry = entry("./uart1.ts", uartManifest(1));

/** The device servers that every domain has. */
export const SERVERS: readonly ServerEntry[] = [
  entry("./pit.ts", PIT_MANIFEST),
  entry("./rtc.ts", RTC_MANIFEST),
  entry("./uart.ts", uartManifest(0)),
  entry("./i8042.ts", I8042_MANIFEST),
  entry("./acpi_pm.ts", ACPI_PM_MANIFEST),
];
