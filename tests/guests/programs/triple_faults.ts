/**
 * Guests that shut the processor down.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { longGuest } from "../runtime/long.ts";
import { say } from "../runtime/printing.ts";

/** A guest that says that it is there, and does something that no handler can be entered for. */
function fatal(name: string, body: string): Guest {
  return {
    name,
    source: longGuest(name, [{ name: "shutdown", body: `${say(" before")}${body}\n${say(" behind")}` }]),
  };
}

export const tripleFaults: readonly Guest[] = [
  fatal("triple_fault_empty_idt", "mov qword [SCRATCH], 0\nmov qword [SCRATCH + 8], 0\nlidt [SCRATCH]\nud2"),
  fatal("triple_fault_int3", "mov qword [SCRATCH], 0\nmov qword [SCRATCH + 8], 0\nlidt [SCRATCH]\nint3"),
  fatal("triple_fault_no_stack", "mov byte [IDT + 8 * 16 + 4], 0\nmov rsp, 0x40000000\npush rax"),
  fatal("triple_fault_no_tables", "xor eax, eax\nmov cr3, rax"),
];
