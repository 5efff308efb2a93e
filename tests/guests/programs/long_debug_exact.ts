/**
 * Debug exceptions that QEMU gets wrong: several causes at once, RF, general detect, loads of SS.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { DONE, longGuest, toUser } from "../runtime/long.ts";
import { show } from "../runtime/printing.ts";
import { breakpoint, CONTINUE, gate, OFF, OTHER_STACK, TRAP, UNTRAP } from "./long_debug.ts";

/** Vector leads to a handler that prints all of the pushed flags, and ends the case. */
const FLAGS = (vector: number, error: number) =>
  `${gate(vector, ".handler")}jmp .go
  .handler:
  add rsp, ${error}
  ${show("qword [rsp + 16]", "fl")}
  int 0x40
  .go:
`;
const restore = (vector: number) => gate(vector, `stubs + ${vector} * 16`);

export const longDebugExact: Guest = {
  name: "long_debug_exact",
  onlyHere: "TCG has no RF in the flags of faults, no general detect, and merges causes otherwise",
  source: longGuest("long_debug_exact", [
    {
      name: "single step and data breakpoint",
      body: `${CONTINUE()}${breakpoint(0, "SCRATCH + 8", 1, 3)}${TRAP}mov [SCRATCH + 8], eax\n${UNTRAP}`,
      after: OFF,
    },
    {
      name: "general detect",
      body: "mov eax, 0x2400\nmov dr7, rax\nmov rcx, dr0",
      after: `mov rcx, dr7\n${show("rcx", "dr7")}${OFF}`,
    },
    { name: "general detect of a write", body: "mov eax, 0x2400\nmov dr7, rax\nmov dr1, rcx", after: OFF },
    { name: "RF of a fault", body: `${FLAGS(6, 0)}ud2`, after: restore(6) },
    {
      name: "RF of a page fault",
      body: `${FLAGS(14, 8)}mov eax, 0x40000000\nmov [rax], al`,
      after: restore(14),
    },
    { name: "RF of int3", body: `${FLAGS(3, 0)}int3`, after: restore(3) },
    { name: "RF of a single step", body: `${FLAGS(1, 0)}${TRAP}nop`, after: restore(1) },
    {
      name: "RF of an instruction breakpoint",
      body: `${FLAGS(1, 0)}${breakpoint(0, ".at", 0)}.at:\nnop`,
      after: OFF + restore(1),
    },
    {
      name: "RF is gone after one instruction",
      body: `${
        FLAGS(1, 0)
      }push KDATA\npush STACK\npush 0x10102\npush KCODE\npush .there\niretq\n.there:\nnop`,
      after: restore(1),
    },
    {
      name: "RF lets one instruction pass",
      body: `${CONTINUE()}${
        breakpoint(0, ".there", 0)
      }push KDATA\npush STACK\npush 0x10002\npush KCODE\npush .there\niretq\n.there:\nmov ecx, 7`,
      after: OFF + show("rcx"),
    },
    {
      name: "RF lets a repeated instruction pass",
      body: `${gate(1, ".handler")}${
        breakpoint(0, ".at", 0)
      }mov edi, SCRATCH\nmov ecx, 5\n.at:\nrep stosb\njmp .after\n.handler:\npush rax\nmov rax, dr6\n${
        show("rax", "dr6")
      }xor eax, eax\nmov dr6, rax\npop rax\nor dword [rsp + 16], 0x10100\niretq`,
      after: OFF + restore(1) + show("rcx"),
    },
    {
      name: "mov ss that reads a watched word, then int3",
      body: `${CONTINUE("8")}mov word [SCRATCH], KDATA\n${
        breakpoint(0, "SCRATCH", 3, 1)
      }mov ss, [SCRATCH]\nint3\nnop`,
      after: OFF,
    },
    {
      name: "mov ss that reads a watched word, then nop",
      body: `${CONTINUE("8")}mov word [SCRATCH], KDATA\n${
        breakpoint(0, "SCRATCH", 3, 1)
      }mov ss, [SCRATCH]\nnop\nnop`,
      after: OFF,
    },
    {
      name: "instruction breakpoint behind mov ss",
      body: `${breakpoint(0, ".at", 0)}mov ecx, KDATA\nmov ss, cx\n.at:\nmov ecx, 7\nnop`,
      after: OFF + show("rcx"),
    },
    {
      name: "single step and instruction breakpoint",
      body: `${gate(1, ".handler")}${
        breakpoint(0, ".at", 0)
      }${TRAP}nop\n.at:\nmov ecx, 7\n${UNTRAP}jmp .after\n.handler:\npush rax\nmov rax, dr6\n${
        show("rax", "dr6")
      }xor eax, eax\nmov dr6, rax\nmov rax, [rsp + 8]\nsub rax, .body\n${
        show("rax", "ip")
      }pop rax\nor dword [rsp + 16], 0x10000\niretq`,
      after: OFF + restore(1) + show("rcx"),
    },
    {
      name: "write that page-faults",
      body: `${CONTINUE()}${breakpoint(0, "0x40000000", 1)}mov eax, 0x40000000\nmov [rax], al`,
      after: OFF,
    },
    {
      name: "frame of an interrupt gate",
      body: `${OTHER_STACK}${CONTINUE()}${gate(0x50, ".handler")}${
        breakpoint(0, "SCRATCH + 0xd8", 1, 3)
      }int 0x50\nnop\njmp .after\n.handler:\nnop\niretq`,
      after: `${OFF}mov rsp, [case_stack]\n`,
    },
    {
      name: "frame from ring 3",
      body: `${CONTINUE()}${breakpoint(0, "RING0_STACK - 8", 1, 3)}${
        gate(0x51, ".handler")
      }mov byte [IDT + 0x51 * 16 + 5], 0xee\n${
        toUser(".user")
      }.user:\nint 0x51\n${DONE}.handler:\nnop\niretq`,
      after: OFF,
    },
    { name: "hlt under TF", body: `${CONTINUE()}${TRAP}hlt\n${UNTRAP}` },
    {
      name: "rep movsq over a watched byte",
      body: `${CONTINUE()}${
        breakpoint(2, "SCRATCH + 0x1811", 1)
      }mov esi, SCRATCH + 0x2000\nmov edi, SCRATCH + 0x1000\nmov ecx, 0x200\nrep movsq`,
      after: OFF + show("rcx"),
    },
    {
      name: "fxsave over a watched byte",
      body: `${CONTINUE()}${breakpoint(2, "SCRATCH + 0x20", 1)}fxsave [SCRATCH]\nnop`,
      after: OFF,
    },
    {
      name: "cmpxchg that fails",
      body: `${CONTINUE()}${
        breakpoint(2, "SCRATCH + 0x20", 1, 3)
      }mov dword [SCRATCH + 0x20], 5\ncmpxchg [SCRATCH + 0x20], ecx\nnop`,
      after: OFF,
    },
  ]),
};
