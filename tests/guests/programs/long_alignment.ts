/**
 * Alignment checks in 64-bit mode: which accesses raise #AC, and when (SDM volume 3, 6.15, interrupt 17).
 *
 * @module
 */

import type { Case, Guest } from "../guest.ts";
import { DONE, longGuest, toUser } from "../runtime/long.ts";
import { show } from "../runtime/printing.ts";

const CONSTANTS = `
AM = 0x40000
AC = 0x40000
PD_WINDOW = 0x210000
PT_WINDOW = 0x211000
WINDOW = 0x40000000
PAGE_A = 0x400000
`;

const AM_ON = "mov rax, cr0\nor rax, AM\nmov cr0, rax\n";
const AM_OFF = "mov rax, cr0\nand rax, ~AM\nmov cr0, rax\n";

/** Runs `text` in ring 3 with AC, and RDI = SCRATCH. */
const user = (text: string, flags = "AC + 2") =>
  `${toUser(".user", flags)}.user:
  mov edi, SCRATCH
  xor eax, eax
  ${text}
  ${DONE}`;

/** An instruction on memory at RDI that is tried at these offsets from a multiple of 16. */
type Access = readonly [name: string, text: string, faulting: readonly number[], passing: readonly number[]];

const ACCESSES: readonly Access[] = [
  ["byte", "add byte [rdi], 1", [], [1]],
  ["word read", "mov cx, [rdi]", [1, 7], [2]],
  ["word write", "mov [rdi], cx", [1, 7], [2]],
  ["word modify", "add [rdi], cx", [1, 7], [2]],
  ["dword read", "mov ecx, [rdi]", [1, 2], [4]],
  ["dword write", "mov [rdi], ecx", [1, 2], [4]],
  ["dword modify", "add [rdi], ecx", [1, 2], [4]],
  ["qword read", "mov rcx, [rdi]", [1, 4], [8]],
  ["qword write", "mov [rdi], rcx", [1, 4], [8]],
  ["qword modify", "db 0xf0\nadd [rdi], rcx", [1, 4], [8]],
  ["cmpxchg8b", "cmpxchg8b [rdi]", [4], [8]],
  ["bit string", "bts [rdi], ecx", [2], [4]],
  ["push", "mov rsp, rdi\npush rax", [4], [8]],
  ["pop", "mov rsp, rdi\npop rax", [4], [8]],
  ["pop to memory", "pop qword [rdi]", [4], [8]],
  ["call", "mov rsp, rdi\ncall .there\n.there:", [4], [8]],
  ["leave", "mov rbp, rdi\nleave", [4], [8]],
  ["enter", "mov rsp, rdi\nenter 8, 0", [4], [8]],
  ["word in the frame of enter", "mov rsp, rdi\nenter 2, 0\npush rax", [0], []],
  ["stosw", "stosw", [1], [2]],
  ["movsd from", "mov rsi, rdi\nmov edi, SCRATCH + 0x100\nmovsd", [2], [4]],
  ["movsd to", "mov esi, SCRATCH + 0x100\nmovsd", [2], [4]],
  ["scasd", "scasd", [2], [4]],
  ["lodsq", "mov rsi, rdi\nlodsq", [4], [8]],
  ["rep stosq", "mov ecx, 40\nrep stosq", [4], [8]],
  ["rep movsd", "mov rsi, rdi\nmov edi, SCRATCH + 0x1000\nmov ecx, 40\nrep movsd", [2], [4]],
  ["rep stosb", "mov ecx, 40\nrep stosb", [], [1]],
  ["insw", "mov edx, 0x80\ninsw", [1], [2]],
  ["outsd", "mov edx, 0x80\nmov rsi, rdi\noutsd", [2], [4]],
  ["sgdt", "sgdt [rdi]", [0, 8], [6]],
  ["fld m32", "db 0xd9, 0x07", [2], [4]],
  ["fld m64", "db 0xdd, 0x07", [4], [8]],
  ["fld m80", "db 0xdb, 0x2f", [4], [8]],
  ["fstp m32", "fld1\ndb 0xd9, 0x1f", [2], [4]],
  ["fstp m64", "fld1\ndb 0xdd, 0x1f", [4], [8]],
  ["fstp m80", "fld1\ndb 0xdb, 0x3f", [4], [8]],
  ["fild m16", "db 0xdf, 0x07", [1], [2]],
  ["fistp m64", "fld1\ndb 0xdf, 0x3f", [4], [8]],
  ["fbld", "db 0xdf, 0x27", [4], [8]],
  ["fnstcw", "fnstcw [rdi]", [1], [2]],
  ["fnstenv", "db 0xd9, 0x37", [2], [4]],
  ["fnsave", "db 0xdd, 0x37", [2], [4]],
  ["frstor", "db 0xdd, 0x27", [2], [4]],
  ["movss", "db 0xf3, 0x0f, 0x10, 0x07", [2], [4]],
  ["movsd xmm", "db 0xf2, 0x0f, 0x10, 0x07", [4], [8]],
  ["movsd to memory", "db 0xf2, 0x0f, 0x11, 0x07", [4], [8]],
  ["movups", "movups xmm0, [rdi]", [4], [8]],
  ["movups to memory", "movups [rdi], xmm0", [4], [8]],
  ["movaps", "movaps xmm0, [rdi]", [8], [0]],
  ["cmpxchg16b", "cmpxchg16b [rdi]", [8], [0]],
  ["fxsave", "fxsave [rdi]", [8], [0]],
  ["stmxcsr", "stmxcsr [rdi]", [2], [4]],
  ["maskmovdqu", "db 0x66, 0x0f, 0xf7, 0xc0", [], [1]],
];

function accessCases([name, text, faulting, passing]: Access): Case[] {
  return [...faulting, ...passing].map((offset) => ({
    name: `${name} at ${offset}`,
    body: AM_ON + user(`add edi, ${offset}\n${text}`),
    after: `${AM_OFF}fninit\n`,
  }));
}

const READ = "mov ecx, [rdi + 1]\n";
const FILL = "mov dword [SCRATCH], 0x44332211\nmov dword [SCRATCH + 4], 0x88776655\n";
const SHOWN = AM_OFF + show("rcx");
/** A page at WINDOW and none behind it. */
const MAP = `mov dword [PDPT + 8], PD_WINDOW + 7
  mov qword [PD_WINDOW], PT_WINDOW + 7
  mov qword [PT_WINDOW], PAGE_A + 7
  mov qword [PT_WINDOW + 8], 0
  mov rax, cr3
  mov cr3, rax
`;
const handler = (number: number, text: string) =>
  `mov eax, .handler
  mov [IDT + ${number} * 16], ax
  mov byte [IDT + ${number} * 16 + 5], 0xee
  jmp .go
  .handler:
  ${text}
  .go:
`;
const noHandler = (number: number) => `mov eax, stubs + ${number} * 16\nmov [IDT + ${number} * 16], ax\n`;

const CONDITIONS: readonly Case[] = [
  { name: "AC = 0", body: FILL + AM_ON + user(READ, "2"), after: SHOWN },
  { name: "AM = 0", body: FILL + user(READ), after: SHOWN },
  {
    name: "CPL 0",
    body: `${FILL}${AM_ON}push AC + 2\npopfq\nmov edi, SCRATCH\n${READ}mov [rdi + 3], rcx\n`,
    after: SHOWN,
  },
  {
    name: "AC set by popfq",
    body: FILL + AM_ON + user(`${READ}mov [rdi + 3], ecx\npush AC + 2\npopfq\nmov edx, [rdi + 1]`, "2"),
    after: SHOWN,
  },
  { name: "AC cleared by popfq", body: FILL + AM_ON + user(`push 2\npopfq\n${READ}`), after: SHOWN },
  {
    name: "AM set between two accesses",
    body: FILL + handler(0x50, `${AM_ON}iretq`) +
      user(`${READ}mov [rdi + 3], ecx\nint 0x50\nmov edx, [rdi + 1]`),
    after: SHOWN + noHandler(0x50),
  },
  {
    name: "AM cleared between two accesses",
    body: FILL + AM_ON + handler(0x50, `${AM_OFF}iretq`) + user(`mov ecx, [rdi]\nint 0x50\n${READ}`),
    after: SHOWN + noHandler(0x50),
  },
  {
    name: "handler in ring 0",
    body: FILL + AM_ON + handler(0x50, "mov rcx, [rdi + 1]\niretq") + user("int 0x50\nmov rdx, [rdi + 1]"),
    after: SHOWN + noHandler(0x50),
  },
  { name: "implicit accesses", body: AM_ON + user("mov rsp, SCRATCH + 0x101\nint3"), after: AM_OFF },
  {
    name: "descriptor at an odd address",
    body: `mov eax, gdt\nsub eax, 1\nmov ecx, gdt_end - gdt\nmov esi, gdt\nmov edi, SCRATCH + 0x201\nrep movsb
      sub rsp, 16\nmov word [rsp], gdt_end - gdt - 1\nmov qword [rsp + 2], SCRATCH + 0x201\nlgdt [rsp]\n${AM_ON}${
      user("mov ecx, UDATA2\nmov fs, cx")
    }`,
    after: `lgdt [gdt_pointer]\nxor eax, eax\nmov fs, ax\n${AM_OFF}${show("rcx")}`,
  },
  ...[2, 4].map((offset) => ({
    name: `far jump through ${offset}`,
    body: `mov dword [SCRATCH + ${offset}], .there\nmov word [SCRATCH + ${offset} + 4], UCODE\n${AM_ON}${
      user(`jmp far [rdi + ${offset}]\n.there:\nmov ecx, 7`)
    }`,
    after: SHOWN,
  })),
  { name: "iretq", body: AM_ON + user("mov rsp, SCRATCH + 0x104\niretq"), after: AM_OFF },
  {
    name: "page fault before it",
    body: MAP + AM_ON + user("mov edi, WINDOW\nmov [rdi + 0x1003], eax"),
    after: AM_OFF,
  },
  {
    name: "page fault of the second page before it",
    body: MAP + AM_ON + user("mov edi, WINDOW\nmov [rdi + 0xffe], eax"),
    after: AM_OFF,
  },
  {
    name: "page fault of a protected page before it",
    body: MAP + AM_ON + "mov qword [PT_WINDOW], PAGE_A + 5\n" + user("mov edi, WINDOW\nmov [rdi + 2], eax"),
    after: AM_OFF,
  },
  {
    name: "no page is marked",
    body: MAP + AM_ON + user("mov edi, WINDOW\nmov [rdi + 2], eax"),
    after: AM_OFF + show("qword [PT_WINDOW]", "pte"),
  },
  {
    name: "x87 page fault before it",
    body: MAP + AM_ON + user("mov edi, WINDOW + 0xffc\ndb 0xdb, 0x2f"),
    after: AM_OFF,
  },
  {
    name: "non-canonical before it",
    body: AM_ON + user("mov rdi, 0x800000000001\nmov eax, [rdi]"),
    after: AM_OFF,
  },
  {
    name: "nothing has changed",
    body: FILL + AM_ON + user("mov ecx, 5\nmov edx, 6\nxadd [rdi + 2], ecx"),
    after: AM_OFF + show("rcx") + show("qword [SCRATCH]", "memory"),
  },
  {
    name: "code is not checked",
    body: `mov dword [SCRATCH + 0x101], 0x90900db9\nmov dword [SCRATCH + 0x105], 0x40cd90\n${AM_ON}${
      user("mov eax, SCRATCH + 0x101\njmp rax")
    }`,
    after: AM_OFF + show("rcx"),
  },
];

export const longAlignment: Guest = {
  name: "long_alignment",
  onlyHere: "TCG has no alignment checks",
  source: longGuest("long_alignment", [...CONDITIONS, ...ACCESSES.flatMap(accessCases)], "", CONSTANTS),
};
