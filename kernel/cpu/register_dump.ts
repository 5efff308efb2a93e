/**
 * Registers as text, for people.
 *
 * @module
 */

import type { SoftwareCpu } from "./software_cpu.ts";
import { CR, EFER, GDTR, Gpr, IDTR, Segment } from "./state.ts";

const hex = (value: bigint | number, digits: number) =>
  BigInt.asUintN(64, BigInt(value)).toString(16).padStart(digits, "0");

/** All registers that tell where a guest stands, a line for each group. */
export function describeRegisters(cpu: SoftwareCpu): string {
  const lines: string[] = [];
  for (let row = 0; row < 4; row++) {
    const cells = [0, 1, 2, 3].map((column) => {
      const register = row * 4 + column;
      return `${Gpr[register]!.padEnd(3)}=${hex(cpu.gpr[register]!, 16)}`;
    });
    lines.push(cells.join(" "));
  }
  lines.push(`RIP=${hex(cpu.rip, 16)} RFLAGS=${hex(cpu.rflags >>> 0, 8)} CPL=${cpu.cpl}`);
  for (let segment = Segment.ES; segment <= Segment.TR; segment++) {
    lines.push(
      `${Segment[segment]!.padEnd(4)} ${hex(cpu.segmentSelector(segment), 4)} base=${
        hex(cpu.segmentBase(segment), 16)
      } ` +
        `limit=${hex(cpu.segmentLimit(segment), 8)} attributes=${hex(cpu.segmentAttributes(segment), 5)}`,
    );
  }
  lines.push(`GDTR base=${hex(cpu.get64(GDTR), 16)} limit=${hex(cpu.get64(GDTR + 8), 4)}`);
  lines.push(`IDTR base=${hex(cpu.get64(IDTR), 16)} limit=${hex(cpu.get64(IDTR + 8), 4)}`);
  const control = [0, 2, 3, 4].map((number) => `CR${number}=${hex(cpu.get64(CR + number * 8), 16)}`);
  lines.push(`${control.join(" ")} EFER=${hex(cpu.get64(EFER), 4)}`);
  return lines.join("\n");
}
