/**
 * Registers tests once for each engine.
 *
 * @module
 */

import { CONFIGURATIONS, type EngineConfiguration } from "./configurations.ts";
import { HostileMachine, USUAL_RAM_SIZE } from "./hostile_machine.ts";

/** Machines of this file's tests: making one takes longer than most tests do. */
const machines = new Map<string, HostileMachine>();

Deno.test.afterAll(() => {
  for (const machine of machines.values()) machine[Symbol.dispose]();
});

async function machineFor(configuration: EngineConfiguration, ramSize: number): Promise<HostileMachine> {
  const key = `${configuration.name}, ${ramSize}`;
  let machine = machines.get(key);
  if (machine === undefined) machines.set(key, machine = await HostileMachine.make(configuration, ramSize));
  machine.clear();
  return machine;
}

/**
 * Registers a test. What it uses must be bounded when it is through. It finds the machine as the tests before have left
 * it, but for RAM: what the vCPU has decoded and compiled is there no more, but has left its traces.
 */
export function hostileTest(
  name: string,
  body: (machine: HostileMachine) => void,
  ramSize = USUAL_RAM_SIZE,
): void {
  for (const configuration of CONFIGURATIONS) {
    Deno.test({
      name: `${name} (${configuration.name})`,
      // The machine's second thread stays for the tests to come.
      sanitizeOps: false,
      sanitizeResources: false,
      fn: async () => {
        const machine = await machineFor(configuration, ramSize);
        body(machine);
        machine.assertBounded();
      },
    });
  }
}
