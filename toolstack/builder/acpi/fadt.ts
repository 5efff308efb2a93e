/**
 * Fixed ACPI description table (ACPI 6.5, 5.2.9).
 *
 * @module
 */

import {
  PM1A_CONTROL_PORT,
  PM1A_EVENT_PORT,
  PM_TIMER_PORT,
  RESET_PORT,
  RESET_VALUE,
  SCI_INTERRUPT,
} from "../../../devices/acpi_pm.ts";
import type { PlatformDevices } from "../boot_image.ts";
import { encodeTable, HEADER_SIZE, writeText } from "./table.ts";

const SIZE = 276;
const REVISION = 6;
const MINOR_REVISION = 5;

const PM1_EVENT_LENGTH = 4;
const PM1_CONTROL_LENGTH = 2;
const PM_TIMER_LENGTH = 4;

/** Latencies above 100 and 1000 microseconds: there is no C2 and no C3 state. */
const NO_C2_LATENCY = 101;
const NO_C3_LATENCY = 1001;

/** Bits of the field Flags, 5.2.9, table 5.10. A clear PWR_BUTTON makes the power button fixed hardware. */
enum Flags {
  Wbinvd = 1 << 0,
  ProcC1 = 1 << 2,
  NoSleepButton = 1 << 5,
  /** The RTC's alarm does not wake through fixed registers. */
  FixRtc = 1 << 6,
  TimerValueExtended = 1 << 8,
  ResetRegisterSupported = 1 << 10,
}

/** Bits of IAPC_BOOT_ARCH, 5.2.9.3. */
enum BootArchitecture {
  LegacyDevices = 1 << 0,
  Has8042 = 1 << 1,
  VgaNotPresent = 1 << 2,
  CmosRtcNotPresent = 1 << 5,
}

/** Address spaces and access sizes of a generic address structure, 5.2.3.2. */
const SYSTEM_IO = 1;
enum AccessSize {
  Byte = 1,
  Word = 2,
  Dword = 3,
}

/** Encodes a FADT for a FACS and a DSDT at these addresses. */
export function encodeFadt(facs: number, dsdt: number, devices: PlatformDevices): Uint8Array {
  const body = new Uint8Array(SIZE - HEADER_SIZE);
  const view = new DataView(body.buffer);
  // Offsets as in the specification, from the start of the table.
  const byte = (at: number, value: number) => view.setUint8(at - HEADER_SIZE, value);
  const word = (at: number, value: number) => view.setUint16(at - HEADER_SIZE, value, true);
  const dword = (at: number, value: number) => view.setUint32(at - HEADER_SIZE, value, true);
  const port = (at: number, address: number, bits: number, access: AccessSize) => {
    byte(at, SYSTEM_IO);
    byte(at + 1, bits);
    byte(at + 3, access);
    view.setBigUint64(at + 4 - HEADER_SIZE, BigInt(address), true);
  };
  dword(36, facs);
  dword(40, dsdt);
  word(46, SCI_INTERRUPT);
  // SMI_CMD stays zero: the machine is in ACPI mode from the start.
  dword(56, PM1A_EVENT_PORT);
  dword(64, PM1A_CONTROL_PORT);
  dword(76, PM_TIMER_PORT);
  byte(88, PM1_EVENT_LENGTH);
  byte(89, PM1_CONTROL_LENGTH);
  byte(91, PM_TIMER_LENGTH);
  word(96, NO_C2_LATENCY);
  word(98, NO_C3_LATENCY);
  word(
    109,
    BootArchitecture.LegacyDevices | BootArchitecture.VgaNotPresent |
      (devices.i8042 ? BootArchitecture.Has8042 : 0) |
      (devices.rtc ? 0 : BootArchitecture.CmosRtcNotPresent),
  );
  dword(
    112,
    Flags.Wbinvd | Flags.ProcC1 | Flags.NoSleepButton | Flags.FixRtc | Flags.TimerValueExtended |
      Flags.ResetRegisterSupported,
  );
  port(116, RESET_PORT, 8, AccessSize.Byte);
  byte(128, RESET_VALUE);
  byte(131, MINOR_REVISION);
  view.setBigUint64(140 - HEADER_SIZE, BigInt(dsdt), true);
  port(148, PM1A_EVENT_PORT, PM1_EVENT_LENGTH * 8, AccessSize.Word);
  port(172, PM1A_CONTROL_PORT, PM1_CONTROL_LENGTH * 8, AccessSize.Word);
  port(208, PM_TIMER_PORT, PM_TIMER_LENGTH * 8, AccessSize.Dword);
  writeText(body, 268 - HEADER_SIZE, "ATOLL", 8);
  return encodeTable("FACP", REVISION, body);
}
