/**
 * Saving and restoring a domain without its RAM.
 *
 * @module
 */

import type { DomainState } from "./abi/control.ts";
import { MessageType } from "./abi/message.ts";
import { decodeState } from "./abi/state.ts";
import type { GuestClock } from "./clock.ts";
import { DOMAIN_STATE_VERSION } from "./control_body.ts";
import type { ServerTable } from "./server_table.ts";
import type { ServerTimers } from "./timers.ts";
import type { VcpuHandle } from "./vcpu_handle.ts";

const VCPU = "vcpu0";
const INTERRUPTS = "interrupts";
const SERVER = "server:";

/** State of all parts. @throws {Error} if a part does not give its state */
export async function saveDomain(
  clock: GuestClock,
  vcpu: VcpuHandle,
  servers: ServerTable,
): Promise<DomainState> {
  const saved = await vcpu.save();
  const parts: { [part: string]: string } = {
    [VCPU]: saved.vcpu.toBase64(),
    [INTERRUPTS]: saved.interrupts.toBase64(),
  };
  for (const name of servers.names) {
    const state = await servers.link(name).request(MessageType.Save);
    try {
      decodeState(state);
    } catch (error) {
      servers.link(name).fail(error instanceof Error ? error.message : String(error));
      throw error;
    }
    parts[SERVER + name] = state.toBase64();
  }
  return { version: DOMAIN_STATE_VERSION, time: clock.now(), parts };
}

/**
 * Hands each part its state. A state with a vCPU has to have all parts, and sets guest time; one without is for
 * the parts that it has: a server that was replaced, for instance.
 * @throws {Error} if a part is missing or does not take its state
 */
export async function restoreDomain(
  state: DomainState,
  clock: GuestClock,
  timers: ServerTimers,
  vcpu: VcpuHandle,
  servers: ServerTable,
): Promise<void> {
  const whole = state.parts[VCPU] !== undefined;
  const names = Object.keys(state.parts).filter((part) => part.startsWith(SERVER)).map((part) =>
    part.slice(SERVER.length)
  );
  const missing = whole ? servers.names.find((name) => !names.includes(name)) : undefined;
  if (missing !== undefined) throw new Error(`Saved state has no part for server "${missing}"`);
  if (whole && state.parts[INTERRUPTS] === undefined) {
    throw new Error("Saved state has no interrupt controllers");
  }
  if (whole) {
    clock.set(state.time);
    timers.disarmAll();
  }
  // The lines that servers drive are theirs to restore; the controllers take them as they are then.
  for (const name of names) {
    try {
      await servers.link(name).request(MessageType.Restore, partOf(state, SERVER + name));
    } catch (error) {
      throw new Error(
        `Server "${name}" does not take its state: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
  if (!whole) return;
  await vcpu.request({ kind: "restore", vcpu: partOf(state, VCPU), interrupts: partOf(state, INTERRUPTS) });
}

function partOf(state: DomainState, part: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(state.parts[part]);
  } catch {
    throw new TypeError(`Part "${part}" of the saved state is not base64`);
  }
}
