import { assertEquals } from "@std/assert";
import { CoveredCode } from "./covered_code.ts";

Deno.test("code of another region is put off once", () => {
  const covered = new CoveredCode();
  covered.add(0x1000);
  covered.add(0x1010);
  assertEquals([0x1000, 0x1000, 0x1000].map((host) => covered.putsOff(host)), [true, false, false]);
  assertEquals(covered.putsOff(0x1010), true);
});

Deno.test("code of no region is compiled when it is asked for, and put off once when it has come into one", () => {
  const covered = new CoveredCode();
  covered.add(0x1000);
  assertEquals(covered.putsOff(0x1004), false);
  covered.add(0x1004);
  assertEquals([0x1004, 0x1004].map((host) => covered.putsOff(host)), [true, false]);
});
