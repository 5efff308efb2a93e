import type { Cpu } from "./cpu.ts";
export function executeFloat(_cpu: Cpu, operation: number, _a: bigint, _b: bigint): bigint {
  throw new RangeError(`Floating-point operation ${operation} does not exist`);
}
