/**
 * What a guest is: a program that tries one thing after the other and prints what it sees.
 *
 * @module
 */

import { assemble, type Program } from "./assembler/assembler.ts";

/** Where guests are loaded, and entered in 32-bit protected mode without paging. */
export const ORIGIN = 0x10_0000;

/** A line that this CPU prints otherwise than QEMU. */
export interface Difference {
  /** What is printed here, without the name of the case. */
  readonly here: string;
  /** What the manuals say that QEMU does not do. */
  readonly why: string;
}

/** A guest. */
export interface Guest {
  readonly name: string;
  readonly source: string;
  /** By name of the case. */
  readonly differences?: { readonly [name: string]: Difference };
  /** QEMU cannot run it, for this reason: what it is to print was written by hand. */
  readonly onlyHere?: string;
}

/** One thing that a guest tries. */
export interface Case {
  readonly name: string;
  /** What is tried. If it faults, the exception is printed. */
  readonly body: string;
  /** What is printed or put back afterwards, with the registers as they were left. */
  readonly after?: string;
}

/** The machine code of a guest. */
export function guestProgram(guest: Guest): Program {
  return assemble(guest.source, ORIGIN);
}

/** What a guest is to print here, if it prints `recorded` under QEMU. */
export function expectedHere(guest: Guest, recorded: string): string {
  const unused = new Set(Object.keys(guest.differences ?? {}));
  const lines = recorded.split("\n").map((line) => {
    const name = line.slice(0, line.indexOf(":"));
    const difference = guest.differences?.[name];
    if (difference === undefined) return line;
    unused.delete(name);
    return `${name}:${difference.here === "" ? "" : ` ${difference.here}`}`;
  });
  if (unused.size > 0) throw new RangeError(`Guest "${guest.name}" has no cases ${[...unused].join(", ")}`);
  return lines.join("\n");
}
