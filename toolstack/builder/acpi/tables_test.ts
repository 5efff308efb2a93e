import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  PM1A_CONTROL_PORT,
  PM1A_EVENT_PORT,
  PM_TIMER_PORT,
  RESET_PORT,
  RESET_VALUE,
} from "../../../devices/acpi_pm.ts";
import type { PlatformDevices } from "../boot_image.ts";
import { buildAcpiTables } from "./mod.ts";

const ALL: PlatformDevices = { pit: true, rtc: true, i8042: true, uart: true, uart1: true };
const NONE: PlatformDevices = { pit: false, rtc: false, i8042: false, uart: false, uart1: false };

/** A guest's view: follows the pointers from the RSDP on, and checks every checksum. */
class Guest {
  readonly rsdp: number;
  readonly #memory = new Uint8Array(0x10_0000);
  readonly #view = new DataView(this.#memory.buffer);

  constructor(vcpus: number, devices: PlatformDevices) {
    const { segments, rsdp } = buildAcpiTables({ vcpus, devices });
    for (const { gpa, bytes } of segments) {
      assert(this.#memory.subarray(gpa, gpa + bytes.length).every((byte) => byte === 0), "Tables overlap");
      this.#memory.set(bytes, gpa);
    }
    this.rsdp = rsdp;
  }

  /** A table, whose signature and checksum are right. */
  table(address: number, signature: string): DataView {
    assertEquals(this.text(address, 4), signature);
    const length = this.#view.getUint32(address + 4, true);
    this.assertChecksum(address, length);
    return new DataView(this.#memory.buffer, address, length);
  }

  /** Tables that the XSDT names, by signature. */
  tables(): Map<string, DataView> {
    assertEquals(this.text(this.rsdp, 8), "RSD PTR ");
    this.assertChecksum(this.rsdp, 20);
    this.assertChecksum(this.rsdp, 36);
    const xsdt = this.table(Number(this.#view.getBigUint64(this.rsdp + 24, true)), "XSDT");
    const found = new Map<string, DataView>();
    for (let at = 36; at < xsdt.byteLength; at += 8) {
      const address = Number(xsdt.getBigUint64(at, true));
      const signature = this.text(address, 4);
      found.set(signature, this.table(address, signature));
    }
    return found;
  }

  dsdt(): Uint8Array {
    const dsdt = this.table(this.tables().get("FACP")!.getUint32(40, true), "DSDT");
    return new Uint8Array(dsdt.buffer, dsdt.byteOffset, dsdt.byteLength);
  }

  text(address: number, length: number): string {
    return new TextDecoder().decode(this.#memory.slice(address, address + length));
  }

  assertChecksum(address: number, length: number): void {
    const sum = this.#memory.subarray(address, address + length).reduce((sum, byte) => sum + byte, 0);
    assertEquals(sum & 0xff, 0, `Checksum at ${address.toString(16)}`);
  }
}

Deno.test("a guest that searches the firmware's area finds the tables", () => {
  const guest = new Guest(1, ALL);
  assert(guest.rsdp >= 0xe_0000 && guest.rsdp < 0x10_0000 && guest.rsdp % 16 === 0);
  assertEquals([...guest.tables().keys()], ["FACP", "APIC"]);
});

Deno.test("the FADT names the power management registers", () => {
  const guest = new Guest(1, ALL);
  const fadt = guest.tables().get("FACP")!;
  assertEquals(fadt.byteLength, 276);
  assertEquals(fadt.getUint8(8), 6);
  assertEquals(fadt.getUint16(46, true), 9);
  assertEquals(fadt.getUint32(56, true), PM1A_EVENT_PORT);
  assertEquals(fadt.getUint32(64, true), PM1A_CONTROL_PORT);
  assertEquals(fadt.getUint32(76, true), PM_TIMER_PORT);
  assertEquals([88, 89, 91].map((at) => fadt.getUint8(at)), [4, 2, 4]);
  const port = (at: number) => [fadt.getUint8(at), fadt.getUint8(at + 1), fadt.getBigUint64(at + 4, true)];
  assertEquals(port(116), [1, 8, BigInt(RESET_PORT)]);
  assertEquals(fadt.getUint8(128), RESET_VALUE);
  assertEquals(port(148), [1, 32, BigInt(PM1A_EVENT_PORT)]);
  assertEquals(port(172), [1, 16, BigInt(PM1A_CONTROL_PORT)]);
  assertEquals(port(208), [1, 32, BigInt(PM_TIMER_PORT)]);
  assertEquals(BigInt(fadt.getUint32(40, true)), fadt.getBigUint64(140, true));
  const flags = fadt.getUint32(112, true);
  assertFalse((flags & (1 << 4)) !== 0, "The power button is fixed hardware");
  assert((flags & (1 << 10)) !== 0, "The reset register is supported");
  assertFalse((flags & (1 << 20)) !== 0, "The hardware is not reduced");
  const facs = fadt.getUint32(36, true);
  assertEquals(guest.text(facs, 4), "FACS");
  assertEquals(facs % 64, 0);
});

Deno.test("the FADT says which legacy devices are there", () => {
  const bootArchitecture = (devices: PlatformDevices) =>
    new Guest(1, devices).tables().get("FACP")!.getUint16(109, true);
  assertEquals(bootArchitecture(ALL) & 0b10_0010, 0b00_0010);
  assertEquals(bootArchitecture(NONE) & 0b10_0010, 0b10_0000);
});

Deno.test("the MADT has a local APIC for every vCPU, and two overrides", () => {
  for (const vcpus of [1, 4, 255]) {
    const madt = new Guest(vcpus, ALL).tables().get("APIC")!;
    assertEquals(madt.getUint32(36, true), 0xfee0_0000);
    const structures: number[][] = [];
    for (let at = 44; at < madt.byteLength; at += madt.getUint8(at + 1)) {
      structures.push(Array.from({ length: madt.getUint8(at + 1) }, (_, index) => madt.getUint8(at + index)));
    }
    const localApics = structures.filter(([type]) => type === 0);
    assertEquals(localApics.map(([, , , id]) => id), Array.from({ length: vcpus }, (_, id) => id));
    assertEquals(structures.filter(([type]) => type === 1), [[1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0]]);
    assertEquals(structures.filter(([type]) => type === 2), [
      [2, 10, 0, 0, 2, 0, 0, 0, 0, 0],
      [2, 10, 0, 9, 9, 0, 0, 0, 13, 0],
    ]);
  }
});

Deno.test("the DSDT describes the devices that are there, and no other", () => {
  const ids = {
    pit: ["41d00100"],
    rtc: ["41d00b00"],
    i8042: ["41d00303", "41d00f13"],
    uart: ["41d00501"],
  };
  for (const [present, expected] of Object.entries(ids)) {
    const dsdt = new Guest(1, { ...NONE, [present]: true }).dsdt().toHex();
    for (const id of Object.values(ids).flat()) assertEquals(dsdt.includes(id), expected.includes(id), id);
  }
});

Deno.test("the DSDT tells how to power off", () => {
  assert(new Guest(1, NONE).dsdt().toHex().includes("085c5f53355f1208040a050a050000"));
});
