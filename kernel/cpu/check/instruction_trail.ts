/**
 * The last instructions that a vCPU has executed, for people.
 *
 * @module
 */

import type { Disassembler } from "../disassembler.ts";
import { instructionBytes } from "../instruction_bytes.ts";
import type { SoftwareCpu } from "../software_cpu.ts";
import { Segment } from "../state.ts";

/** Instructions that are kept. */
const LENGTH = 24;

/** Where one vCPU has been. */
export class InstructionTrail {
  readonly #rips = new BigUint64Array(LENGTH);
  #count = 0;

  constructor(private readonly cpu: SoftwareCpu) {}

  /** Notes the instruction that is executed next. */
  before(): void {
    this.#rips[this.#count++ % LENGTH] = this.cpu.rip;
  }

  /** Where it has been, the last one last. */
  get rips(): bigint[] {
    const kept = Math.min(this.#count, LENGTH);
    return Array.from({ length: kept }, (_, index) => this.#rips[(this.#count - kept + index) % LENGTH]!);
  }

  /** The instructions at `rips`, a line for each, as far as the vCPU can still see them. */
  describe(rips: readonly bigint[], disassembler: Disassembler): string[] {
    const { cpu } = this;
    return rips.map((rip) => {
      const address = (cpu.segmentBase(Segment.CS) + rip) & cpu.linearMask;
      const bytes = instructionBytes(cpu, address);
      const { text, length } = disassembler.disassemble(bytes, cpu.codeMode, rip);
      const shown = bytes.length === 0 ? "not mapped any more" : text;
      return `${rip.toString(16).padStart(16, "0")}  ${
        bytes.subarray(0, length).toHex().padEnd(30)
      }  ${shown}`;
    });
  }
}
