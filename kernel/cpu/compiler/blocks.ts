/**
 * Which code makes a region: the basic blocks that execution reaches from a hot one.
 *
 * @module
 */

import { type Decoder, DecodeResult } from "../decoder.ts";
import type { CodeMode } from "../state.ts";
import { type Instruction, instructionFrom } from "./instruction.ts";

/** Instructions with one entry at the start and exits at the end. */
export interface Block {
  readonly address: number;
  readonly instructions: readonly Instruction[];
  /** Block that the branch at the end leads to, if that is in the region. */
  readonly taken: number | undefined;
  /** Address behind the last instruction; `undefined` if execution does not go on there. */
  readonly next: number | undefined;
}

/** Where code is read from. */
export interface CodeBytes {
  /** The page of the entry. */
  readonly ram: Uint8Array;
  /** Where that page lies in RAM memory. */
  readonly page: number;
  readonly mode: CodeMode;
  /** Whether a run has begun at an offset in RAM memory: code that was never reached is left out. */
  readonly reached: (host: number) => boolean;
}

/** Most instructions of a region. */
const REGION_LENGTH = 256;
const PAGE = 4096;

/** Finds the blocks of the region that is entered at `entry`, an offset in its page. The first is the entry's. */
export function findBlocks(decoder: Decoder, code: CodeBytes, entry: number): Block[] {
  const instructions = new Map<number, Instruction>();
  const leaders = new Set<number>([entry]);
  const waiting = [entry];
  while (waiting.length > 0) {
    let address = waiting.shift()!;
    while (!instructions.has(address) && instructions.size < REGION_LENGTH) {
      const instruction = decodeAt(decoder, code, address);
      if (instruction === undefined) break;
      instructions.set(address, instruction);
      address += instruction.length;
      const { target } = instruction;
      const ends = instruction.variant.form.definition.ends === true;
      if (target !== undefined) {
        if (inPage(target) && code.reached(code.page + target) && !isCall(instruction)) {
          leaders.add(target);
          waiting.push(target);
        }
        if (!ends) leaders.add(address);
      }
      if (ends) break;
    }
  }
  return formBlocks(instructions, leaders, entry);
}

function inPage(address: number): boolean {
  return address >= 0 && address < PAGE;
}

/** A call leads out of the region: what it calls is a region of its own. */
function isCall(instruction: Instruction): boolean {
  return instruction.variant.form.definition.name === "call";
}

function decodeAt(decoder: Decoder, code: CodeBytes, address: number): Instruction | undefined {
  if (!inPage(address)) return undefined;
  const result = decoder.decode(code.ram, address, PAGE, code.mode);
  return result === DecodeResult.Ok ? instructionFrom(decoder, address) : undefined;
}

function formBlocks(
  instructions: ReadonlyMap<number, Instruction>,
  leaders: ReadonlySet<number>,
  entry: number,
): Block[] {
  const blocks: Block[] = [];
  const starts = [...leaders].filter((leader) => instructions.has(leader));
  const known = new Set(starts);
  for (const start of starts) {
    const block: Instruction[] = [];
    let address = start;
    let last: Instruction | undefined;
    while (instructions.has(address) && (address === start || !known.has(address))) {
      last = instructions.get(address)!;
      block.push(last);
      address += last.length;
      if (last.target !== undefined || last.variant.form.definition.ends === true) break;
    }
    const ends = last!.variant.form.definition.ends === true;
    const target = isCall(last!) ? undefined : last!.target;
    blocks.push({
      address: start,
      instructions: block,
      taken: target !== undefined && known.has(target) ? target : undefined,
      next: ends ? undefined : address,
    });
  }
  return blocks.sort((a, b) => Number(b.address === entry) - Number(a.address === entry));
}
