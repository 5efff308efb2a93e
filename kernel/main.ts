/**
 * Entry of a domain's kernel process: the control protocol on standard input and output.
 *
 * @module
 */

import { runKernel } from "./kernel.ts";

await runKernel(new URL("./vcpu_worker.ts", import.meta.url));
