/**
 * Entry of a vCPU's thread: a Worker of the kernel process.
 *
 * @module
 */

import { compileMeanwhile } from "./cpu/compiler/compile_service.ts";
import { createSoftwareVcpu } from "./cpu/software_vcpu.ts";
import { serveVcpu } from "./vcpu_thread.ts";

/** How often code is entered before it is compiled. */
const COMPILE_THRESHOLD = 250;

serveVcpu((options) =>
  createSoftwareVcpu({
    ...options,
    // Whoever traces sees every instruction, which compiled code does not stop at.
    compileThreshold: options.traceFile === undefined ? COMPILE_THRESHOLD : 0,
    compileService: compileMeanwhile,
  })
);
