/**
 * Writes every executed instruction to a file.
 *
 * @module
 */

import type { SoftwareCpu } from "./software_cpu.ts";
import { CodeMode, Gpr, Segment } from "./state.ts";

/** Lines that are held before they are written. */
const LINES = 4096;

/** A trace file: RIP, mode and general registers before each instruction. */
export class InstructionTrace {
  readonly #file: Deno.FsFile;
  #lines: string[] = [];

  /** @throws {Deno.errors} if the file cannot be created. */
  constructor(path: string, private readonly cpu: SoftwareCpu) {
    this.#file = Deno.openSync(path, { write: true, create: true, truncate: true });
  }

  /** Notes the instruction that is executed next. */
  before(): void {
    const { cpu } = this;
    const registers = [...cpu.gpr].map((value, index) => `${Gpr[index]}=${value.toString(16)}`).join(" ");
    const selector = cpu.segmentSelector(Segment.CS).toString(16);
    const mode = CodeMode[cpu.codeMode];
    this.#lines.push(
      `${selector}:${cpu.rip.toString(16)} ${mode} fl=${cpu.rflags.toString(16)} ${registers}`,
    );
    if (this.#lines.length >= LINES) this.flush();
  }

  /** Writes what is held. */
  flush(): void {
    if (this.#lines.length === 0) return;
    this.#file.writeSync(new TextEncoder().encode(this.#lines.join("\n") + "\n"));
    this.#lines = [];
  }
}
