/**
 * How long a guest's access to a device takes, over each transport.
 *
 * The vCPU is a script, so what is measured is the way to the server and back, as its thread sees it.
 *
 * @module
 */

import { ControlType } from "../kernel/abi/control.ts";
import { ECHO_MANIFEST, ECHO_PORT } from "../kernel/testing/echo_device.ts";
import { Op } from "../kernel/testing/fake_vcpu.ts";
import { TestKernel, TRANSPORTS } from "../kernel/testing/test_kernel.ts";
import { percentile, report } from "./table.ts";

const ECHO_SERVER = new URL("../kernel/testing/echo_server.ts", import.meta.url);
const ROUNDS = 5000;

const CASES = [
  { name: "read", step: { op: Op.In, address: ECHO_PORT + 8 }, values: 3 },
  { name: "ordered write", step: { op: Op.Out, address: ECHO_PORT + 8 }, values: 2 },
  { name: "read that lowers an interrupt", step: { op: Op.In, address: ECHO_PORT + 2 }, values: 3 },
  { name: "posted write", step: { op: Op.Out, address: ECHO_PORT }, values: 2 },
] as const;

const rows: (string | number)[][] = [];
for (const transport of TRANSPORTS) {
  for (const { name, step, values } of CASES) {
    await using kernel = await TestKernel.create();
    await kernel.attach(ECHO_MANIFEST, ECHO_SERVER, transport);
    await kernel.run({ op: Op.Time }, step, { op: Op.Time }, { op: Op.Repeat, address: 0, value: ROUNDS });
    // Asking whether it is done would disturb it.
    await new Promise((resolve) => setTimeout(resolve, ROUNDS / 10));
    const log = await kernel.log(ROUNDS * values);
    await kernel.request(ControlType.Pause);
    const times = Array.from({ length: ROUNDS }, (_, round) => {
      const at = round * values;
      return log[at + values - 1] - log[at];
    });
    rows.push([transport, name, percentile(times, 0.5) / 1000, percentile(times, 0.99) / 1000]);
  }
}
report({
  title: "Accesses to a device, from the vCPU's thread and back",
  columns: [{ name: "transport" }, { name: "access" }, { name: "median us", digits: 1 }, {
    name: "p99 us",
    digits: 1,
  }],
  rows,
  notes: [`${ROUNDS} accesses each.`],
});
