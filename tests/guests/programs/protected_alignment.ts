/**
 * Alignment checks in 32-bit protected mode, and those of stacks while exceptions are delivered.
 *
 * @module
 */

import type { Case, Guest } from "../guest.ts";
import { DONE, protectedGuest, toUser } from "../runtime/protected.ts";
import { show } from "../runtime/printing.ts";

const CONSTANTS = `
AM = 0x40000
AC = 0x40000
`;

const AM_ON = "mov eax, cr0\nor eax, AM\nmov cr0, eax\n";
const AM_OFF = "mov eax, cr0\nand eax, ~AM\nmov cr0, eax\n";

/** Runs `text` in ring 3 with AC, and EDI = SCRATCH. */
const user = (text: string) =>
  `${AM_ON}${toUser(".user", "AC + 2")}.user:
  mov eax, UDATA
  mov ds, ax
  mov es, ax
  mov edi, SCRATCH
  ${text}
  ${DONE}`;

/** A gate into ring 3. */
const userGate = (vector: number) =>
  `mov eax, .handler
  mov [IDT + ${vector} * 8], ax
  mov dword [IDT + ${vector} * 8 + 2], 0xee000000 + UCODE
  shr eax, 16
  mov [IDT + ${vector} * 8 + 6], ax
  jmp .go
  .handler:
  mov ecx, 7
  ${DONE}.go:
`;
const restore = (vector: number) =>
  `mov eax, stubs + ${vector} * 16
  mov [IDT + ${vector} * 8], ax
  mov dword [IDT + ${vector} * 8 + 2], 0x8e000000 + KCODE
  shr eax, 16
  mov [IDT + ${vector} * 8 + 6], ax
`;

/** An instruction on memory at EDI, and offsets at which it is tried. */
const ACCESSES: readonly (readonly [name: string, text: string, offsets: readonly number[]])[] = [
  ["read", "mov ecx, [edi]", [2, 4]],
  ["write", "mov [edi], ecx", [2, 4]],
  ["push", "mov esp, edi\npush eax", [2, 4]],
  ["push of a word", "mov esp, edi\npushw 5", [1, 2]],
  ["pushad", "lea esp, [edi + 0x100]\npushad", [2, 4]],
  ["popad", "mov esp, edi\nmov ebp, esp\npopad", [2, 4]],
  ["les", "mov word [SCRATCH + 4], 0\nmov word [SCRATCH + 8], 0\nmov word [SCRATCH + 6], 0\nles ecx, [edi]", [
    2,
    4,
  ]],
  ["les of 16 bits", "mov dword [SCRATCH], 0\nmov dword [SCRATCH + 4], 0\nles cx, [edi]", [1, 2]],
  [
    "bound",
    "mov dword [SCRATCH], 0\nmov dword [SCRATCH + 4], -1\nmov dword [SCRATCH + 8], -1\nxor ecx, ecx\nbound ecx, [edi]",
    [
      2,
    ],
  ],
  ["movsd", "mov esi, edi\nmovsd", [2, 4]],
  ["rep stosd", "mov ecx, 20\nrep stosd", [2, 4]],
  ["sgdt", "sgdt [edi]", [0, 2]],
  ["fnstenv", "db 0xd9, 0x37", [2, 4]],
  ["fnstenv of 16 bits", "db 0x66, 0xd9, 0x37", [1, 2]],
  ["fnsave of 16 bits", "db 0x66, 0xdd, 0x37", [1, 2]],
];

const CASES: readonly Case[] = [
  ...ACCESSES.flatMap(([name, text, offsets]) =>
    offsets.map((offset) => ({
      name: `${name} at ${offset}`,
      body: user(`add edi, ${offset}\n${text}`),
      after: `${AM_OFF}fninit\n`,
    }))
  ),
  {
    name: "interrupt within ring 3",
    body: userGate(0x50) + user("mov esp, SCRATCH + 0x100\nint 0x50"),
    after: AM_OFF + restore(0x50) + show("ecx"),
  },
  {
    name: "interrupt within ring 3 with a misaligned stack",
    body: userGate(0x50) + user("mov esp, SCRATCH + 0x102\nint 0x50"),
    after: AM_OFF + restore(0x50) + show("ecx"),
  },
  {
    name: "exception within ring 3 with a misaligned stack",
    body: userGate(6) + user("mov esp, SCRATCH + 0x102\nud2"),
    after: AM_OFF + restore(6) + show("ecx"),
  },
  {
    name: "interrupt into ring 0 with a misaligned stack",
    body: `mov dword [tss + 4], RING0_STACK + 2\n${user("mov esp, SCRATCH + 0x101\nint3")}`,
    after: `mov dword [tss + 4], RING0_STACK\n${AM_OFF}`,
  },
  {
    name: "ring 1",
    body: `mov dword [gdt_free], 0xffff\nmov dword [gdt_free + 4], 0xcfbb00\nmov dword [gdt_free + 8], 0xffff
      mov dword [gdt_free + 12], 0xcfb300\n${AM_ON}${
      toUser(".one", "AC + 2", "FREE + 1", "FREE + 9")
    }.one:\nmov eax, UDATA\nmov ds, ax\nmov dword [SCRATCH + 1], 0x12345\nmov ecx, [SCRATCH + 1]\n${DONE}`,
    after: AM_OFF + show("ecx"),
  },
];

export const protectedAlignment: Guest = {
  name: "protected_alignment",
  onlyHere: "TCG has no alignment checks",
  source: protectedGuest("protected_alignment", CASES, "", CONSTANTS),
};
