import { assertEquals, assertThrows } from "@std/assert";
import { ConfigurationError } from "./configuration_error.ts";
import { checkMemorySize, parseMemorySize } from "./memory_size.ts";

Deno.test("memory sizes are read with and without a unit", () => {
  const sizes: [string | number, number][] = [
    ["512MiB", 512 << 20],
    ["512M", 512 << 20],
    ["512mb", 512 << 20],
    [" 512 MiB ", 512 << 20],
    ["1GiB", 1 << 30],
    ["1.5G", 1536 << 20],
    ["64", 64 << 20],
    [256, 256 << 20],
    ["3584", 3584 * 2 ** 20],
    ["16.001", Math.floor(16.001 * 256) * 4096],
  ];
  for (const [text, bytes] of sizes) assertEquals(parseMemorySize(text), bytes, String(text));
});

Deno.test("a memory size that cannot be had is refused with what to do", () => {
  const refusals: [string | number, string][] = [
    ["0", "not above zero"],
    ["-512M", "not above zero"],
    ["lots", "not a size: write it as 512MiB"],
    ["", "not a size"],
    ["512KB", "not a size"],
    ["1e3", "not a size"],
    [NaN, "not a size"],
    [Infinity, "not a size"],
    ["15M", "too small: give at least 16MiB"],
    ["3585M", "too large: give at most 3584MiB"],
    ["999999999999999999999G", "too large"],
  ];
  for (const [text, reason] of refusals) {
    assertThrows(() => parseMemorySize(text), ConfigurationError, reason, String(text));
  }
  assertThrows(() => checkMemorySize((16 << 20) + 1), ConfigurationError, "multiple of 4096");
});
