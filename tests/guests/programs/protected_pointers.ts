/**
 * The four page-directory-pointer-table entries of PAE paging: when they are loaded, and that nothing else than loading
 * them makes a change in memory count (SDM volume 3, 4.4.1).
 *
 * @module
 */

import type { Case, Guest } from "../guest.ts";
import { show } from "../runtime/printing.ts";
import { protectedGuest } from "../runtime/protected.ts";
import { PAE, PAE_OFF, PAGING_CONSTANTS, TWO_LEVELS } from "./protected_paging.ts";

const CONSTANTS = `${PAGING_CONSTANTS}
PD_PAE3 = 0x216000
PT_PAE3 = 0x217000
CR4_PAE = 0x620
PGE = 0x80
TSD = 4
CD = 0x40000000
WP = 0x10000
`;

/** WINDOW leads to page A through PD_PAE2. PD_PAE3 is there too, and would lead to page B. */
const SETUP = `${PAE}
  mov dword [PD_PAE3], PT_PAE3 + 7
  mov dword [PD_PAE3 + 4], 0
  mov dword [PT_PAE3], PAGE_B + 7
  mov dword [PT_PAE3 + 4], 0
`;
const CHANGE = "mov dword [PDPT + 8], PD_PAE3 + 1\n";
/** Reads WINDOW without what the TLB knows of it. */
const READ = (register: string) => `invlpg [WINDOW]\nmov ${register}, [WINDOW]\n`;
const cr0 = (value: string) => `mov eax, 0x80010033 ${value}\nmov cr0, eax\n`;
const cr4 = (value: string) => `mov eax, CR4_PAE ${value}\nmov cr4, eax\n`;
const cr3 = (value: string) => `mov eax, ${value}\nmov cr3, eax\n`;
const SHOWN = PAE_OFF + show("ebx") + show("esi") + show("edi");

/** Bits that a present entry must not have. */
const RESERVED = [1, 2, 5, 6, 7, 8, 40, 51, 52, 62, 63];

/** Bits in which MOV to CR0 or CR4 that loads the entries differs from that which does not. */
const CHANGES: readonly (readonly [name: string, change: string, back: string])[] = [
  ["CR3", cr3("PDPT"), ""],
  ["CR0.CD", cr0("+ CD"), cr0("")],
  ["CR0.WP", cr0("- WP"), cr0("")],
  ["CR0.PG", `mov eax, 0x33\nmov cr0, eax\n${cr0("")}`, ""],
  ["CR4.PGE", cr4("+ PGE"), cr4("")],
  ["CR4.TSD", cr4("+ TSD"), cr4("")],
  ["the same CR4", cr4(""), ""],
];

const task = (name: string, newCr3: string, more = "") => ({
  name,
  body: `${SETUP}${READ("ebx")}mov [SCRATCH], ebx
    mov edi, 0x310000
    mov ecx, 32
    xor eax, eax
    rep stosd
    mov dword [gdt_free], 0x67
    mov dword [gdt_free + 4], 0x8931
    mov dword [0x31001c], ${newCr3}
    mov dword [0x310020], .task
    mov dword [0x310024], 2
    mov dword [0x310038], STACK - 0x800
    mov dword [0x310048], KDATA
    mov dword [0x31004c], KCODE
    mov dword [0x310050], KDATA
    mov dword [0x310054], KDATA
    mov dword [0x310058], KDATA
    mov dword [0x31005c], KDATA
    ${more}
    ${CHANGE}jmp FREE:0
    .task:
    mov ebx, [SCRATCH]
    ${READ("esi")}mov edi, cr3
    jmp .after`,
  after: `${PAE_OFF}clts
    and byte [gdt + TSS + 5], ~2
    mov eax, TSS
    ltr ax
    mov esp, [case_stack]
    ${show("ebx")}${show("esi")}${show("edi")}`,
});
/** A second table behind the first. */
const SECOND_TABLE =
  "mov dword [PDPT + 0x20], PD_PAE + 1\nmov dword [PDPT + 0x28], PD_PAE3 + 1\nmov dword [PDPT + 0x2c], 0\n";

const CASES: readonly Case[] = [
  ...CHANGES.map(([name, change, back]) => ({
    name: `changed entry after a change of ${name}`,
    body: `${SETUP}${READ("ebx")}${CHANGE}${READ("esi")}${change}${READ("edi")}${back}`,
    after: SHOWN,
  })),
  {
    name: "entry cleared in memory",
    body: `${SETUP}mov dword [PDPT + 8], 0\n${READ("ebx")}${cr3("PDPT")}mov esi, [WINDOW]`,
    after: SHOWN,
  },
  {
    name: "entry set in memory",
    body: `${SETUP}mov dword [PDPT + 16], PD_PAE2 + 1\nmov ebx, [0x80000000]`,
    after: SHOWN,
  },
  {
    name: "entry set in memory, and loaded",
    body: `${SETUP}mov dword [PDPT + 16], PD_PAE2 + 1\n${cr3("PDPT")}mov ebx, [0x80000000]`,
    after: SHOWN,
  },
  {
    name: "table that is aligned to 32 bytes",
    body: `${SETUP}${SECOND_TABLE}${cr3("PDPT + 0x20")}mov ebx, [WINDOW]`,
    after: SHOWN,
  },
  {
    name: "low bits of CR3 are ignored",
    body: `${SETUP}${CHANGE}${cr3("PDPT + 0x1f")}mov ebx, [WINDOW]\nmov esi, cr3`,
    after: SHOWN,
  },
  ...RESERVED.map((bit) => {
    const at = bit < 32 ? "PDPT + 8" : "PDPT + 12";
    return {
      name: `reserved bit ${bit}`,
      body: `${SETUP}${CHANGE}or dword [${at}], ${2 ** (bit % 32)}\n${cr3("PDPT")}`,
      after: SHOWN,
    };
  }),
  {
    name: "reserved bits of an absent entry",
    body: `${SETUP}mov dword [PDPT + 16], 0x1e6\nmov dword [PDPT + 20], -1\n${cr3("PDPT")}mov ebx, [WINDOW]`,
    after: SHOWN,
  },
  {
    name: "reserved bit leaves the entries and CR3",
    body: `${SETUP}${SECOND_TABLE}or dword [PDPT + 0x38], 3\nmov ebp, 0\n${cr3("PDPT + 0x20")}`,
    after: `mov ebx, cr3\n${READ("esi")}${SHOWN}`,
  },
  {
    name: "reserved bit and CR0.PG",
    body: `${SETUP}${PAE_OFF}mov eax, CR4_PAE\nmov cr4, eax\nor dword [PDPT + 8], 2\n${cr0("")}`,
    after: `mov ebx, cr0\n${SHOWN}`,
  },
  {
    name: "reserved bit and CR4.PGE",
    body: `${SETUP}or dword [PDPT + 8], 2\n${cr4("+ PGE")}`,
    after: `mov ebx, cr4\n${SHOWN}`,
  },
  {
    name: "PAE under paging with a table that is none",
    body: `${TWO_LEVELS}${cr4("")}`,
    after: `mov ebx, cr4\nmov esi, [WINDOW]\n${SHOWN}`,
  },
  task("task switch to the same CR3", "PDPT"),
  task("task switch to another CR3", "PDPT + 0x20", SECOND_TABLE),
  task("task switch to a reserved bit", "PDPT + 0x20", `${SECOND_TABLE}or dword [PDPT + 0x38], 3\n`),
];

export const protectedPointers: Guest = {
  name: "protected_pointers",
  onlyHere: "TCG reads the page-directory pointers at each page walk",
  source: protectedGuest("protected_pointers", CASES, "", CONSTANTS),
};
