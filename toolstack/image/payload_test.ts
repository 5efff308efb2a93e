import { gzipSync, zstdCompressSync } from "node:zlib";
import { assertEquals, assertRejects } from "@std/assert";
import { ConfigurationError } from "../configuration_error.ts";
import { unpackPayload } from "./payload.ts";
import { withTrailer } from "./test_kernel.ts";

const KERNEL = new TextEncoder().encode(
  "The islands stand around the lagoon. ".repeat(12) + "ab".repeat(18) + "x".repeat(300) + "end",
);

/** {@link KERNEL}, as `xz --check=crc32 --x86` compresses it, like the kernel's build. */
const XZ =
  "/Td6WFoAAAFpIt42AgEEACEBCADSuXTL4AMOADZdACoaCKIC42333ptntQI8WHxCwGSPYLyf3hJ3LELpQTaPMYW2OJ6sRRvf5XUtD4sWKxE4evr5fQAAAODCS7sAAU6PBgAAAF7H2uA+MA2LAgAAAAABWVo=";

/** {@link KERNEL}, as `lz4 -l` compresses it. */
const LZ4 = "AiFMGD0AAAD/FlRoZSBpc2xhbmRzIHN0YW5kIGFyb3VuZCB0aGUgbGFnb29uLiAlAP+FL2FiAgAPH3gBAP8XUHh4ZW5k";

const PAYLOADS: Readonly<Record<string, Uint8Array>> = {
  zstd: withTrailer(zstdCompressSync(KERNEL), KERNEL.length),
  // Ends with the size by itself.
  gzip: new Uint8Array(gzipSync(KERNEL)),
  xz: withTrailer(Uint8Array.fromBase64(XZ), KERNEL.length),
  lz4: withTrailer(Uint8Array.fromBase64(LZ4), KERNEL.length),
};

for (const [format, payload] of Object.entries(PAYLOADS)) {
  Deno.test(`a payload in ${format} is unpacked`, async () => {
    assertEquals(await unpackPayload(payload, "k"), KERNEL);
  });

  Deno.test(`a damaged payload in ${format} is refused`, async () => {
    const truncated = withTrailer(payload.subarray(0, payload.length - 24), KERNEL.length);
    const longer = payload.slice();
    longer[longer.length - 3]! += 1;
    const enormous = payload.slice();
    enormous.fill(0xff, enormous.length - 4);
    for (const damaged of [truncated, longer, enormous]) {
      await assertRejects(
        () => unpackPayload(damaged, "k"),
        ConfigurationError,
        'Kernel "k" is damaged and cannot be unpacked: get the file again',
      );
    }
  });
}

Deno.test("a payload of another compression is left alone", async () => {
  const bzip2 = new TextEncoder().encode("BZh91AY&SY");
  assertEquals(await unpackPayload(bzip2, "k"), undefined);
  assertEquals(await unpackPayload(new Uint8Array(0), "k"), undefined);
});
