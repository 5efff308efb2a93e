import { assertEquals, assertRejects } from "@std/assert";
import { decodeXz } from "./xz.ts";

/** Opcode and sign bytes at random: everything that the x86 filter looks at, close together. */
const CODE = Uint8Array.fromBase64(
  "6AABAIABgAEB6OiA/4DpAejp6AD/gOn/6Ojo6egB6f8A6YCA/+mAgOjp6Oj/6enogOjpgOnpgOkAAOnoAQHp6QHp/wDoAP/p6QDoAACA6Ojo6AEBAOgAAIAA/wEA6f//AenoAOgBAID/6OiA/wD/6IDo/+gB6ejp6IDpgP8A6ADoAID/6OgBgIAAgADo/+jpAOjoAOkAAAHo6AABAADpgOgB6QEBAP/pAejo6Oj/6OkB6ACAAP8B/+noAeiA/wCA6ekB6OkBgP8=",
);

/** {@link CODE}, as `xz --check=crc32 --x86` compresses it. */
const FILTERED = Uint8Array.fromBase64(
  "/Td6WFoAAAFpIt42AgEEACEBCADSuXTL4ADHAJ1dAHP//B8Ezk7V36ynczBDiWl2AhSBNJUrE+jRkkRWGxtO0RAzgj0X3SnKkdUW+zyiEFMlUvXe20UQBsLY03i8dCwDvdbY4hPvxrhMhkKHUgWr/+8/r8YQIlkYCR0Kka9/W+OwdOQPxmzEjRia5eXXmyPI8G/19X20myCJWiVkZbRc5ipNxNUBBBdOqxriIvxORy5njvp/quUR9N+Z6ecAAAAAmVwOvAABtQHIAQAAddMJBj4wDYsCAAAAAAFZWg==",
);

/** {@link CODE}, as `xz` compresses it. */
const PLAIN = Uint8Array.fromBase64(
  "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ADHAIddAHP//B8Ezk7V36ynczBDiWl1+Ey/NJUrICKgGw1FH6O0PGoSSStMYwMIHC50klig1JeTJB+ZZGjkrZpJve2NkhlLWPDOioR2jtMIgqC1komqirTY9qJJXC3Qoa5MDiWeXjZ/4La0DGtvS7sABWIa9IhHz2mGvzMYZqIdWKnntfg0LrT+a5PXvAAArmipUYyF5sUAAaMByAEAAPMyhtOxxGf7AgAAAAAEWVo=",
);

Deno.test("a stream is decompressed with and without the x86 filter", async () => {
  assertEquals(await decodeXz(FILTERED, CODE.length), CODE);
  assertEquals(await decodeXz(PLAIN, CODE.length), CODE);
});

Deno.test("a damaged stream is refused", async () => {
  for (const stream of [FILTERED, PLAIN]) {
    const wrongByte = stream.slice();
    wrongByte[40]! ^= 1;
    const variants = [wrongByte, stream.subarray(0, 60), stream.subarray(0, 20), new Uint8Array(50)];
    for (const damaged of variants) await assertRejects(() => decodeXz(damaged, CODE.length));
    await assertRejects(() => decodeXz(stream, CODE.length + 1));
    await assertRejects(() => decodeXz(stream, CODE.length - 1));
  }
});
