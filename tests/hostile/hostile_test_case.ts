/**
 * Registers a test once for each engine.
 *
 * @module
 */

import { CONFIGURATIONS } from "./configurations.ts";
import { HostileMachine } from "./hostile_machine.ts";

/** Registers a test. What it uses must be bounded when it is through. */
export function hostileTest(name: string, body: (machine: HostileMachine) => void, ramSize?: number): void {
  for (const configuration of CONFIGURATIONS) {
    Deno.test(`${name} (${configuration.name})`, async () => {
      using machine = await HostileMachine.make(configuration, ramSize);
      body(machine);
      machine.assertBounded();
    });
  }
}
