/**
 * Entry of a vCPU's thread: a Worker of the kernel process.
 *
 * @module
 */

import { compileMeanwhile } from "./cpu/compiler/compile_service.ts";
import { Disassembler } from "./cpu/disassembler.ts";
import { createSoftwareVcpu } from "./cpu/software_vcpu.ts";
import { serveVcpu } from "./vcpu_thread.ts";

/** How often code is entered before it is compiled. */
const COMPILE_THRESHOLD = 250;

serveVcpu(async ({ traceFile }) => {
  if (traceFile === undefined) {
    const compiling = { compileThreshold: COMPILE_THRESHOLD, compileService: compileMeanwhile };
    return (options) => createSoftwareVcpu({ ...options, ...compiling });
  }
  // Whoever traces sees every instruction, which compiled code does not stop at.
  const trace = { file: traceFile, disassembler: await Disassembler.load() };
  return (options) => createSoftwareVcpu({ ...options, trace });
});
