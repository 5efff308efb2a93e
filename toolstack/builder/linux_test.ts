import { zstdCompressSync } from "node:zlib";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConfigurationError } from "../configuration_error.ts";
import { ELF_CODE, makeBzImage, makeElf, type TestElfOptions, withTrailer } from "../image/test_kernel.ts";
import { MemoryFile } from "../image/image_file.ts";
import type { BootImage, LinuxConfiguration, Segment } from "./boot_image.ts";
import { buildLinux, type LinuxProtocol } from "./linux.ts";

const MIB = 2 ** 20;

/** A configuration's files are given as what they contain. */
type Options = Omit<Partial<LinuxConfiguration>, "kernel" | "initrd"> & {
  readonly kernel?: Uint8Array;
  readonly initrd?: Uint8Array;
};

function configuration({ kernel = makeElf(), initrd, ...options }: Options = {}): LinuxConfiguration {
  return {
    kernel: new MemoryFile(kernel, "vmlinuz"),
    ...initrd === undefined ? {} : { initrd: new MemoryFile(initrd, "big.img") },
    commandLine: "console=ttyS0",
    memorySize: 64 * MIB,
    vcpus: 1,
    devices: { pit: true, rtc: true, i8042: true, uart: true, uart1: false },
    ...options,
  };
}

function compressed(options: TestElfOptions = {}): Uint8Array {
  const elf = makeElf(options);
  return makeBzImage({ payload: withTrailer(zstdCompressSync(elf), elf.length) });
}

/** An image with all that is to be in memory as segments. */
async function build(options?: Options, protocol?: LinuxProtocol): Promise<BootImage> {
  const image = await buildLinux(configuration(options), protocol);
  const parts: Segment[] = await Promise.all(
    image.parts.map(async ({ gpa, file, offset, length }) => ({
      gpa,
      bytes: await file.read(offset, length),
    })),
  );
  return { ...image, segments: [...image.segments, ...parts] };
}

/** Memory as the image describes it, for reading. */
function read({ segments }: BootImage, gpa: number, length: number): DataView {
  const segment = segments.find((segment) => gpa >= segment.gpa && gpa < segment.gpa + segment.bytes.length);
  assert(segment, `Nothing at 0x${gpa.toString(16)}`);
  return new DataView(segment.bytes.slice(gpa - segment.gpa, gpa - segment.gpa + length).buffer);
}

function text(image: BootImage, gpa: number, length: number): string {
  return new TextDecoder().decode(read(image, gpa, length));
}

function assertNoOverlap(image: BootImage, memorySize: number): void {
  let end = 0;
  for (const { gpa, bytes } of image.segments.toSorted((a, b) => a.gpa - b.gpa)) {
    assert(gpa >= end, `Segments overlap at 0x${gpa.toString(16)}`);
    end = gpa + bytes.length;
  }
  assert(end <= memorySize);
}

Deno.test("PVH: a kernel, packed or not, starts at its note's entry with a start info", async () => {
  for (const kernel of [makeElf(), compressed()]) {
    const initrd = new Uint8Array(10_000).fill(7);
    const image = await build({ kernel, initrd });
    assertNoOverlap(image, 64 * MIB);
    assert(image.entry.kind === "pvh");
    assertEquals(image.entry.eip, 0x100_0010);
    assertEquals(new Uint8Array(read(image, 0x100_0000, ELF_CODE.length).buffer), ELF_CODE);
    const info = read(image, image.entry.ebx, 56);
    assertEquals(info.getUint32(0, true), 0x336e_c578);
    assertEquals(info.getUint32(4, true), 1);
    assertEquals(text(image, Number(info.getBigUint64(24, true)), 14), "console=ttyS0\0");
    assertEquals(text(image, Number(info.getBigUint64(32, true)), 8), "RSD PTR ");
    assertEquals(info.getUint32(12, true), 1);
    const module = read(image, Number(info.getBigUint64(16, true)), 32);
    assertEquals(module.getBigUint64(8, true), 10_000n);
    assertEquals(module.getBigUint64(0, true), BigInt(64 * MIB - 12_288));
    assertEquals(read(image, 64 * MIB - 12_288, 1).getUint8(0), 7);
    assertEquals(info.getUint32(48, true), 5);
    const map = read(image, Number(info.getBigUint64(40, true)), 5 * 24);
    assertEquals(map.getBigUint64(4 * 24, true), BigInt(MIB));
    assertEquals(map.getBigUint64(4 * 24 + 8, true), BigInt(63 * MIB));
    assertEquals(map.getUint32(4 * 24 + 16, true), 1);
  }
});

Deno.test("PVH: without an initrd there is no module", async () => {
  const image = await build();
  assert(image.entry.kind === "pvh");
  const info = read(image, image.entry.ebx, 56);
  assertEquals(info.getUint32(12, true), 0);
  assertEquals(info.getBigUint64(16, true), 0n);
});

Deno.test("64-bit protocol: the kernel's own code starts in long mode with a zero page", async () => {
  const initrd = new Uint8Array(5000).fill(9);
  const image = await build({ kernel: makeBzImage(), initrd });
  assertNoOverlap(image, 64 * MIB);
  const { entry } = image;
  assert(entry.kind === "long");
  assertEquals(entry.rip, 0x100_0200n);
  assertEquals(read(image, 0x100_0200, 1).getUint8(0), 0x90);
  const zeroPage = read(image, Number(entry.rsi), 4096);
  assertEquals(zeroPage.getUint32(0x202, true), 0x5372_6448);
  assertEquals(zeroPage.getUint8(0x210), 0xff);
  assertEquals(text(image, Number(zeroPage.getBigUint64(0x70, true)), 8), "RSD PTR ");
  assertEquals(text(image, zeroPage.getUint32(0x228, true), 14), "console=ttyS0\0");
  assertEquals(zeroPage.getUint32(0x218, true), 64 * MIB - 8192);
  assertEquals(zeroPage.getUint32(0x21c, true), 5000);
  assertEquals(zeroPage.getUint8(0x1e8), 5);
  assertEquals(zeroPage.getBigUint64(0x2d0 + 4 * 20 + 8, true), BigInt(63 * MIB));
});

Deno.test("64-bit protocol: page tables map the first 4 GiB to themselves, and the GDT has flat segments", async () => {
  const image = await build({ kernel: makeBzImage() });
  const { entry } = image;
  assert(entry.kind === "long");
  const walk = (address: bigint) => {
    let table = entry.cr3;
    for (const shift of [39n, 30n]) {
      const next = read(image, Number(table + (address >> shift & 511n) * 8n), 8).getBigUint64(0, true);
      assertEquals(next & 0x83n, 3n);
      table = next & ~0xfffn;
    }
    const page = read(image, Number(table + (address >> 21n & 511n) * 8n), 8).getBigUint64(0, true);
    assertEquals(page & 0x83n, 0x83n);
    return (page & ~0x1f_ffffn) + (address & 0x1f_ffffn);
  };
  for (const address of [0n, 0x12_3456n, 0x100_0200n, 0x7fff_ffffn, 0xffff_ffffn]) {
    assertEquals(walk(address), address);
  }
  assertEquals(entry.gdtLimit, 31);
  assertEquals(read(image, Number(entry.gdtBase) + 0x10, 8).getBigUint64(0, true), 0xaf_9a00_0000_ffffn);
  assertEquals(read(image, Number(entry.gdtBase) + 0x18, 8).getBigUint64(0, true), 0xcf_9200_0000_ffffn);
});

Deno.test("a kernel without PVH, or of an unknown compression, starts by its own decompressor", async () => {
  const kernels = [
    compressed({ entry: undefined }),
    makeBzImage({ payload: new TextEncoder().encode("BZh91AY&SY") }),
  ];
  for (const kernel of kernels) {
    assertEquals((await build({ kernel })).entry.kind, "long");
    await assertRejects(
      () => build({ kernel }, "pvh"),
      ConfigurationError,
      "no PVH entry",
    );
  }
  assertEquals((await build({ kernel: compressed() }, "linux64")).entry.kind, "long");
});

Deno.test("an initrd stays below the address that the kernel allows", async () => {
  const kernel = makeBzImage();
  const image = await build({ kernel, initrd: new Uint8Array(4096), memorySize: 3584 * MIB });
  assert(image.entry.kind === "long");
  const zeroPage = read(image, Number(image.entry.rsi), 4096);
  assertEquals(zeroPage.getUint32(0x218, true), 0x8000_0000 - 4096);
});

Deno.test("what cannot be built is refused with the reason and what to do", async () => {
  const bzImage = makeBzImage();
  const refusals: [Options, string][] = [
    [{ kernel: new Uint8Array(0) }, 'Kernel "vmlinuz" is not a Linux kernel'],
    [{ kernel: new TextEncoder().encode("#!/bin/sh\n") }, 'Kernel "vmlinuz" is not a Linux kernel'],
    [{ kernel: bzImage.subarray(0, 1500) }, "is truncated"],
    [{ kernel: makeElf().subarray(0, 200) }, "is truncated"],
    [{ kernel: makeBzImage({ xloadflags: 0 }) }, "is a 32-bit kernel"],
    [{ kernel: makeElf({ entry: undefined }) }, "no PVH entry"],
    [{ kernel: makeElf({ entry: 0x5000 }) }, "PVH entry outside itself"],
    [{ kernel: makeElf({ address: 0x8000 }) }, "below 1MiB"],
    [
      { kernel: makeElf({ memorySize: 48 * MIB + 1 }) },
      "does not fit in 64MiB of memory: give the domain at least 65MiB",
    ],
    [
      { kernel: makeBzImage({ initSize: 49 * MIB }) },
      "does not fit in 64MiB of memory: give the domain at least 65MiB",
    ],
    [
      { initrd: new Uint8Array(60 * MIB) },
      'Initrd "big.img" does not fit in 64MiB of memory beside the kernel: give the domain at least 77MiB',
    ],
    [{ memorySize: 0 }, "is not above zero"],
    [{ memorySize: NaN }, "is not above zero"],
    [{ memorySize: 8 * MIB }, "is too small"],
    [{ memorySize: 4096 * MIB }, "is too large"],
    [{ vcpus: 0 }, 'vCPU count "0" is not possible'],
    [{ vcpus: 256 }, 'vCPU count "256" is not possible'],
    [{ vcpus: 1.5 }, 'vCPU count "1.5" is not possible'],
    [{ commandLine: "x".repeat(2048) }, "Command line has 2048 bytes: the kernel takes at most 2047"],
    [{ commandLine: "a\0b" }, "Command line has a zero byte"],
  ];
  for (const [options, reason] of refusals) {
    const error = await assertRejects(() => build(options), ConfigurationError, reason);
    assert(!error.message.includes("\n"));
  }
});
