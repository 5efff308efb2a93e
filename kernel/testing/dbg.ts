import { ECHO_MANIFEST, ECHO_PORT } from "./echo_device.ts"; import { Op } from "./fake_vcpu.ts"; import { TestKernel } from "./test_kernel.ts";
const k=await TestKernel.create(); await k.attach(ECHO_MANIFEST,new URL("./echo_server.ts",import.meta.url),"worker");
console.log("attached");
await k.run({ op: Op.Out, address: ECHO_PORT+5, value: 3 }, { op: Op.In, address: 0x1234 });
console.log("run"); await new Promise(r=>setTimeout(r,7000)); console.log(k.events); Deno.exit();
