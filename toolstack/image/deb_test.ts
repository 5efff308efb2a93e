import { gzipSync, zstdCompressSync } from "node:zlib";
import { assertEquals, assertThrows } from "@std/assert";
import { writeAr } from "./ar.ts";
import { findInDeb } from "./deb.ts";
import { makeTar } from "./test_tar.ts";

const TAR = makeTar([{ path: "./boot/vmlinuz-1", type: "0", bytes: Uint8Array.of(1, 2, 3) }]);

/** {@link TAR}, as `xz` compresses it. */
const TAR_XZ = Uint8Array.fromBase64(
  "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4Af/AEddABcLyMfqmSTrYdnbb8qiwEq2eCezdhCIkunn8gaoJ/7OOz3PEzKVhAQclOc5Ndxz+x6Wphmmn5V90vsQix+SUcQeFWvyUQAAAAAsQiis1D4WawABY4AQAAAAJE7KrLHEZ/sCAAAAAARZWg==",
);

Deno.test("a file is found in a package of every compression", async () => {
  const variants: [string, Uint8Array][] = [
    ["data.tar", TAR],
    ["data.tar.gz", new Uint8Array(gzipSync(TAR))],
    ["data.tar.zst", new Uint8Array(zstdCompressSync(TAR))],
    ["data.tar.xz", TAR_XZ],
  ];
  for (const [name, bytes] of variants) {
    const deb = writeAr([{ name: "control.tar", bytes: new Uint8Array(3) }, { name, bytes }]);
    const found = await findInDeb(deb, (path) => path.startsWith("boot/vmlinuz"));
    assertEquals(found, { path: "boot/vmlinuz-1", bytes: Uint8Array.of(1, 2, 3) }, name);
    assertEquals(await findInDeb(deb, () => false), undefined, name);
  }
});

Deno.test("a package without data, or with data of another compression, is refused", () => {
  const bytes = new Uint8Array(1);
  assertThrows(() => findInDeb(writeAr([]), () => true), RangeError, "has no data");
  assertThrows(
    () => findInDeb(writeAr([{ name: "data.tar.lz", bytes }]), () => true),
    RangeError,
    "data.tar.lz",
  );
});
