import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { ConfigurationError } from "../configuration_error.ts";
import { isBzImage, parseBzImage } from "./bzimage.ts";
import { MemoryFile } from "./image_file.ts";
import { makeBzImage, PAYLOAD_OFFSET } from "./test_kernel.ts";

Deno.test("a bzImage gives its header, its code and its payload", () => {
  const payload = Uint8Array.of(1, 2, 3, 4, 5);
  const image = parseBzImage(makeBzImage({ payload }), "k");
  assertEquals(image.payload, payload);
  assertEquals(image.protectedMode.length, PAYLOAD_OFFSET + 16);
  assertEquals(image.protectedMode[0], 0x90);
  assertEquals(image.setupHeader.length, 0x202 + 0x6a - 0x1f1);
  assertEquals(image.setupHeader[0], 1);
  assertEquals(image.preferredAddress, 0x100_0000);
  assertEquals(image.initSize, 0x10_0000);
  assertEquals(image.initrdAddressMax, 0x7fff_ffff);
  assertEquals(image.commandLineMax, 2047);
  assert(image.has64BitEntry);
  assertFalse(parseBzImage(makeBzImage({ xloadflags: 0 }), "k").has64BitEntry);
});

Deno.test("a signature appended to a bzImage is not taken for code", () => {
  const kernel = makeBzImage();
  const signed = new Uint8Array(kernel.length + 1000);
  signed.set(kernel);
  assertEquals(parseBzImage(signed, "k").protectedMode, parseBzImage(kernel, "k").protectedMode);
});

Deno.test("what is not a kernel is refused", async () => {
  for (const bytes of [new Uint8Array(0), new Uint8Array(4096), new TextEncoder().encode("x".repeat(2000))]) {
    assertFalse(await isBzImage(new MemoryFile(bytes)));
    assertThrows(() => parseBzImage(bytes, "a/b"), ConfigurationError, 'Kernel "a/b" is not a Linux kernel');
  }
});

Deno.test("a bzImage cut off anywhere is refused", () => {
  const kernel = makeBzImage({ payload: new Uint8Array(100) });
  for (let length = 0x206; length <= kernel.length - 16; length++) {
    assertThrows(() => parseBzImage(kernel.subarray(0, length), "k"), ConfigurationError, "is truncated");
  }
});

Deno.test("a payload that ends outside the file is refused", () => {
  const kernel = makeBzImage();
  new DataView(kernel.buffer).setUint32(0x24c, 0xffff_ffff, true);
  assertThrows(() => parseBzImage(kernel, "k"), ConfigurationError, "is truncated");
});

Deno.test("kernels too old to boot here are refused", () => {
  assertThrows(() => parseBzImage(makeBzImage({ version: 0x20a }), "k"), ConfigurationError, "protocol 2.10");
  assertThrows(() => parseBzImage(makeBzImage({ loadflags: 0 }), "k"), ConfigurationError, "is a zImage");
});
