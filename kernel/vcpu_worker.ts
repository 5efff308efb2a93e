/**
 * Entry of a vCPU's thread: a Worker of the kernel process.
 *
 * @module
 */

import { createCheckedVcpu } from "./cpu/check/checked_vcpu.ts";
import { type CodeToCompile, compileMeanwhile } from "./cpu/compiler/compile_service.ts";
import { Disassembler } from "./cpu/disassembler.ts";
import { createSoftwareVcpu } from "./cpu/software_vcpu.ts";
import { serveVcpu } from "./vcpu_thread.ts";

/** How often code is entered before it is compiled. */
const COMPILE_THRESHOLD = 6000;
/** The same under the CPU check. A kernel that patches itself would have all of it compiled again and again with 1. */
const CHECK_THRESHOLD = 16;
/** For how many instructions a reading of the clock is good: they take a few microseconds. */
const TIME_WINDOW = 1000;

serveVcpu(async ({ traceFile, cpuCheck }, startThread) => {
  if (traceFile === undefined && !cpuCheck) {
    const fast = {
      compileThreshold: COMPILE_THRESHOLD,
      compileService: (code: CodeToCompile) => compileMeanwhile(code, startThread),
      timeWindow: TIME_WINDOW,
    };
    return (options) => createSoftwareVcpu({ ...options, ...fast });
  }
  const disassembler = await Disassembler.load();
  if (traceFile === undefined) {
    const checking = { compileThreshold: CHECK_THRESHOLD, disassembler };
    return (options) => createCheckedVcpu({ ...options, ...checking });
  }
  // Whoever traces sees every instruction, which compiled code does not stop at.
  const trace = { file: traceFile, disassembler };
  return (options) => createSoftwareVcpu({ ...options, trace });
});
