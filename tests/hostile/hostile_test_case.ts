/**
 * Registers tests once for each engine.
 *
 * @module
 */

import { CONFIGURATIONS } from "./configurations.ts";
import { HostileMachine } from "./hostile_machine.ts";

type Body = (machine: HostileMachine) => void;

/** Registers a test. What it uses must be bounded when it is through. */
export function hostileTest(name: string, body: Body, ramSize?: number): void {
  for (const configuration of CONFIGURATIONS) {
    Deno.test(`${name} (${configuration.name})`, async () => {
      using machine = await HostileMachine.make(configuration, ramSize);
      body(machine);
      machine.assertBounded();
    });
  }
}

/**
 * Registers tests of one kind. They have a machine for each engine between them, which takes longer to make than they
 * take, and find it as the ones before have left it, but for RAM.
 */
export function hostileTests(kind: string, tests: readonly (readonly [name: string, body: Body])[]): void {
  for (const configuration of CONFIGURATIONS) {
    Deno.test(`${kind} (${configuration.name})`, async (context) => {
      using machine = await HostileMachine.make(configuration);
      for (const [name, body] of tests) {
        await context.step(name, () => {
          machine.clear();
          body(machine);
          machine.assertBounded();
        });
      }
    });
  }
}
