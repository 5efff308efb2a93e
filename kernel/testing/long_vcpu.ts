/**
 * A vCPU in long mode with nothing around it, for tests of the CPU by itself.
 *
 * @module
 */

import type { CompileServiceFactory } from "../cpu/compiler/compile_service.ts";
import { createSoftwareVcpu, type SoftwareVcpu } from "../cpu/software_vcpu.ts";
import { NO_DEVICES } from "./no_devices.ts";

const WASM_PAGE = 65536;
const LARGE_PAGE = 2 << 20;
/** PML4, then a page directory pointer table, then a page directory. */
const TABLES = 0x10000;
const PRESENT_WRITABLE = 3n;
/** A directory's entry for a page of 2 MiB. */
const LARGE = 0x80n;

/** Where its stack ends. */
export const STACK = 0x8000;

/**
 * Makes one that begins with a program at `origin`, in ring 0. All of RAM, a multiple of 2 MiB up to 1 GiB, is mapped where
 * it lies.
 */
export function longVcpu(
  program: Uint8Array,
  origin: number,
  options: {
    readonly ramSize: number;
    readonly compileThreshold: number;
    readonly compileService?: CompileServiceFactory;
  },
): { readonly vcpu: SoftwareVcpu; readonly ram: DataView } {
  const { ramSize } = options;
  const pages = ramSize / WASM_PAGE + 1;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  new Uint8Array(memory.buffer).set(program, origin);
  const ram = new DataView(memory.buffer);
  ram.setBigUint64(TABLES, BigInt(TABLES + 0x1000) | PRESENT_WRITABLE, true);
  ram.setBigUint64(TABLES + 0x1000, BigInt(TABLES + 0x2000) | PRESENT_WRITABLE, true);
  for (let page = 0; page < ramSize / LARGE_PAGE; page++) {
    ram.setBigUint64(TABLES + 0x2000 + page * 8, BigInt(page * LARGE_PAGE) | PRESENT_WRITABLE | LARGE, true);
  }
  const vcpu = createSoftwareVcpu({ ...options, ram: memory, bus: NO_DEVICES, index: 0 });
  const registers = { rip: String(origin), rsi: "0", rsp: String(STACK), cr3: String(TABLES) };
  vcpu.enter({ kind: "long", ...registers, gdt: "0", gdtLimit: 0 });
  return { vcpu, ram };
}
