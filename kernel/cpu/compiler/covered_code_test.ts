import { assertEquals } from "@std/assert";
import { CoveredCode } from "./covered_code.ts";

/** How often code is put off before it is compiled. */
function timesPutOff(covered: CoveredCode, host: number): number {
  for (let times = 0;; times++) if (!covered.putsOff(host)) return times;
}

Deno.test("code of another region is put off some times", () => {
  const covered = new CoveredCode();
  covered.add(0x1000);
  covered.add(0x1010);
  assertEquals([0x1000, 0x1000, 0x1010].map((host) => timesPutOff(covered, host)), [8, 0, 8]);
});

Deno.test("where a call returns to is put off once", () => {
  const covered = new CoveredCode();
  covered.add(0x1000);
  covered.add(0x1005);
  covered.addAfterCall(0x1005);
  assertEquals([0x1000, 0x1005].map((host) => timesPutOff(covered, host)), [8, 1]);
});

Deno.test("code of no region is compiled when it is asked for, and put off when it has come into one", () => {
  const covered = new CoveredCode();
  covered.add(0x1000);
  covered.addAfterCall(0x1004);
  assertEquals(timesPutOff(covered, 0x1004), 0);
  covered.add(0x1004);
  assertEquals(timesPutOff(covered, 0x1004), 1);
});
