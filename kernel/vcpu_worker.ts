/**
 * Entry of a vCPU's thread: a Worker of the kernel process.
 *
 * @module
 */

import { createSoftwareVcpu } from "./cpu/software_vcpu.ts";
import { serveVcpu } from "./vcpu_thread.ts";

serveVcpu(createSoftwareVcpu);
