/**
 * A kernel process whose vCPU executes scripts.
 *
 * @module
 */

import { runKernel } from "../kernel.ts";

await runKernel(new URL("./fake_vcpu_worker.ts", import.meta.url));
