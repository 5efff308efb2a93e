import { assertEquals, assertRejects } from "@std/assert";
import { ControlType } from "./abi/control.ts";
import { ECHO_INTERRUPT, ECHO_MANIFEST, ECHO_MMIO, ECHO_PORT } from "./testing/echo_device.ts";
import { DATA, Op } from "./testing/fake_vcpu.ts";
import { TestKernel, TRANSPORTS } from "./testing/test_kernel.ts";

const ECHO_SERVER = new URL("./testing/echo_server.ts", import.meta.url);

for (const transport of TRANSPORTS) {
  Deno.test(`${transport}: the guest reads back what it wrote`, async () => {
    await using kernel = await TestKernel.create();
    await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, transport);
    await kernel.run(
      { op: Op.Out, address: ECHO_PORT, value: 0x5a },
      { op: Op.In, address: ECHO_PORT },
      { op: Op.In, address: ECHO_PORT + 8, size: 4 },
      { op: Op.WriteMmio, address: ECHO_MMIO + 16, size: 8, value: 0x1_2345_6789 },
      { op: Op.ReadMmio, address: ECHO_MMIO + 16, size: 8 },
      { op: Op.In, address: 0x1234, size: 4 },
    );
    assertEquals(await kernel.log(4), [0x5a, 4, 0x1_2345_6789, 0xffff_ffff]);
  });
}
