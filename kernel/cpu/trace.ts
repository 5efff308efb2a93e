/**
 * Writes every executed instruction to a file, a line for each:
 *
 *     10:ffffffff81000000 Bits64 fl=2 RAX=0 RCX=1 [...] R15=0 | mov rbp,rsp
 *
 * CS and RIP, the mode, RFLAGS and the general registers as they are before the instruction, then the instruction.
 * Numbers are hexadecimal.
 *
 * @module
 */

import type { Disassembler } from "./disassembler.ts";
import { instructionBytes } from "./instruction_bytes.ts";
import type { SoftwareCpu } from "./software_cpu.ts";
import { CodeMode, Gpr, Segment } from "./state.ts";

/** Lines that are held before they are written. */
const LINES = 4096;

/** Where to, and by whom instructions are told. */
export interface TraceOptions {
  /** Path of the file. */
  readonly file: string;
  readonly disassembler: Disassembler;
}

/** A trace file. */
export class InstructionTrace {
  readonly #file: Deno.FsFile;
  readonly #disassembler: Disassembler;
  #lines: string[] = [];

  /** @throws {Deno.errors} if the file cannot be created. */
  constructor(options: TraceOptions, private readonly cpu: SoftwareCpu) {
    this.#file = Deno.openSync(options.file, { write: true, create: true, truncate: true });
    this.#disassembler = options.disassembler;
  }

  /** Notes the instruction that is executed next. */
  before(): void {
    const { cpu } = this;
    const registers = [...cpu.gpr].map((value, index) => `${Gpr[index]}=${value.toString(16)}`).join(" ");
    const selector = cpu.segmentSelector(Segment.CS).toString(16);
    const mode = CodeMode[cpu.codeMode];
    const address = (cpu.segmentBase(Segment.CS) + cpu.rip) & cpu.linearMask;
    const { text } = this.#disassembler.disassemble(instructionBytes(cpu, address), cpu.codeMode, cpu.rip);
    this.#lines.push(
      `${selector}:${cpu.rip.toString(16)} ${mode} fl=${cpu.rflags.toString(16)} ${registers} | ${text}`,
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
