/**
 * Differentiated system description table: the devices that a guest cannot find by itself.
 *
 * The power button is not among them: it is fixed hardware, which the FADT tells.
 *
 * @module
 */

import { SLEEP_TYPE_S5 } from "../../../devices/acpi_pm.ts";
import type { PlatformDevices } from "../boot_image.ts";
import {
  type Aml,
  device,
  eisaId,
  integer,
  ioPorts,
  irq,
  name,
  packageOf,
  resourceTemplate,
  scope,
} from "./aml.ts";
import { encodeTable } from "./table.ts";

interface LegacyDevice {
  readonly presentWith: keyof PlatformDevices;
  readonly path: string;
  readonly hardwareId: string;
  readonly uniqueId?: number;
  readonly resources: readonly Aml[];
}

const LEGACY_DEVICES: readonly LegacyDevice[] = [
  { presentWith: "pit", path: "TIMR", hardwareId: "PNP0100", resources: [ioPorts(0x40, 4), irq(0)] },
  { presentWith: "rtc", path: "RTC", hardwareId: "PNP0B00", resources: [ioPorts(0x70, 2), irq(8)] },
  {
    presentWith: "i8042",
    path: "KBD",
    hardwareId: "PNP0303",
    resources: [ioPorts(0x60, 1), ioPorts(0x64, 1), irq(1)],
  },
  { presentWith: "i8042", path: "MOU", hardwareId: "PNP0F13", resources: [irq(12)] },
  {
    presentWith: "uart",
    path: "COM1",
    hardwareId: "PNP0501",
    uniqueId: 1,
    resources: [ioPorts(0x3f8, 8), irq(4)],
  },
  {
    presentWith: "uart1",
    path: "COM2",
    hardwareId: "PNP0501",
    uniqueId: 2,
    resources: [ioPorts(0x2f8, 8), irq(3)],
  },
];

/** Encodes a DSDT for the devices that are present. */
export function encodeDsdt(devices: PlatformDevices): Uint8Array {
  const present = LEGACY_DEVICES.filter(({ presentWith }) => devices[presentWith]);
  const sleepType = integer(SLEEP_TYPE_S5);
  const aml = [
    ...name("\\_S5", packageOf(sleepType, sleepType, integer(0), integer(0))),
    ...scope("\\_SB", ...present.map(describe)),
  ];
  return encodeTable("DSDT", 2, new Uint8Array(aml));
}

function describe({ path, hardwareId, uniqueId, resources }: LegacyDevice): Aml {
  return device(
    path,
    name("_HID", eisaId(hardwareId)),
    ...(uniqueId === undefined ? [] : [name("_UID", integer(uniqueId))]),
    name("_CRS", resourceTemplate(...resources)),
  );
}
