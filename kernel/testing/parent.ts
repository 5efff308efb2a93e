/**
 * A toolstack for tests to kill: starts a domain with a server, prints the process ids, and waits.
 *
 * @module
 */

import { ECHO_MANIFEST, ECHO_PORT } from "./echo_device.ts";
import { Op } from "./fake_vcpu.ts";
import { TestKernel } from "./test_kernel.ts";

const [ramFile] = Deno.args;
const kernel = await TestKernel.create({ ramFile });
const server = await kernel.attach(ECHO_MANIFEST, new URL("./echo_server.ts", import.meta.url), "fifo");
await kernel.run({ op: Op.Out, address: ECHO_PORT + 8 }, { op: Op.Repeat, value: 2 ** 40 });
console.log(JSON.stringify({ pids: [kernel.process.pid, server!.pid], directory: kernel.directory }));
await new Promise((resolve) => setTimeout(resolve, 60_000));
