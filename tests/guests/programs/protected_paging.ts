/**
 * 32-bit paging with 4 KiB and 4 MiB pages, and PAE paging.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { show } from "../runtime/printing.ts";
import { DONE, protectedGuest, toUser } from "../runtime/protected.ts";

/** Where tables and pages lie. */
export const PAGING_CONSTANTS = `
PD = 0x210000
PT = 0x211000
PDPT = 0x212000
PD_PAE = 0x213000
PD_PAE2 = 0x214000
PT_PAE = 0x215000
WINDOW = 0x40000000
PAGE_A = 0x400000
PAGE_B = 0x401000
PAGE_C = 0x402000
`;

const CLEAR =
  "mov edi, PD\nmov ecx, 0x1800\nxor eax, eax\nrep stosd\nmov edi, PAGE_A\nmov eax, 0x11111111\nmov ecx, 0x400\nrep stosd\nmov eax, 0x22222222\nmov ecx, 0x400\nrep stosd\n";
const ON = "mov eax, 0x80010033\nmov cr0, eax\n";
const OFF = "mov eax, 0x33\nmov cr0, eax\nmov eax, 0x600\nmov cr4, eax\n";

/** 16 MiB to themselves in 4 MiB pages, and a page table for WINDOW with pages A and B. */
export const TWO_LEVELS = `${CLEAR}
  mov dword [PD], 0x87
  mov dword [PD + 4], 0x400087
  mov dword [PD + 8], 0x800087
  mov dword [PD + 12], 0xc00087
  mov dword [PD + 0x400], PT + 7
  mov dword [PT], PAGE_A + 7
  mov dword [PT + 4], PAGE_B + 7
  mov eax, 0x610
  mov cr4, eax
  mov eax, PD
  mov cr3, eax
  ${ON}
  xor eax, eax
  xor ecx, ecx
  xor edi, edi
`;
/** The same with PAE. */
export const PAE = `${CLEAR}
  mov dword [PDPT], PD_PAE + 1
  mov dword [PDPT + 8], PD_PAE2 + 1
  mov dword [PD_PAE], 0x87
  mov dword [PD_PAE + 8], 0x200087
  mov dword [PD_PAE + 16], 0x400087
  mov dword [PD_PAE2], PT_PAE + 7
  mov dword [PT_PAE], PAGE_A + 7
  mov dword [PT_PAE + 8], PAGE_B + 7
  mov eax, 0x620
  mov cr4, eax
  mov ecx, 0xc0000080
  mov eax, 0x800
  xor edx, edx
  wrmsr
  mov eax, PDPT
  mov cr3, eax
  ${ON}
  xor eax, eax
  xor ecx, ecx
  xor edi, edi
`;
/** Paging off, however it was. */
export const PAE_OFF = `${OFF}mov ecx, 0xc0000080\nxor eax, eax\nxor edx, edx\nwrmsr\n`;
const flush = "mov eax, cr3\nmov cr3, eax\nxor eax, eax\n";
const END = "WINDOW + 0x2000";

export const protectedPaging: Guest = {
  name: "protected_paging",
  source: protectedGuest(
    "protected_paging",
    [
      {
        name: "read",
        body: `${TWO_LEVELS}mov al, [WINDOW]`,
        after: `${OFF}${show("dword [PT]", "pte")}${show("dword [PD + 0x400]", "pde")}`,
      },
      {
        name: "write",
        body: `${TWO_LEVELS}mov [WINDOW + 0x1000], al`,
        after: `${OFF}${show("dword [PT + 4]", "pte")}${show("dword [PAGE_B]", "memory")}`,
      },
      { name: "not present", body: `${TWO_LEVELS}mov al, [WINDOW + 0x2345]`, after: OFF },
      { name: "not present table", body: `${TWO_LEVELS}mov al, [0x80000000]`, after: OFF },
      {
        name: "write to read-only with WP",
        body: `${TWO_LEVELS}mov dword [PT], PAGE_A + 5\n${flush}mov [WINDOW], al`,
        after: OFF,
      },
      {
        name: "write to read-only without WP",
        body:
          `${TWO_LEVELS}mov dword [PT], PAGE_A + 5\n${flush}mov eax, 0x80000033\nmov cr0, eax\nmov [WINDOW], al`,
        after: `${OFF}${show("dword [PT]", "pte")}`,
      },
      {
        name: "read-only directory",
        body: `${TWO_LEVELS}mov dword [PD + 0x400], PT + 5\n${flush}mov [WINDOW], al`,
        after: OFF,
      },
      {
        name: "ring 3 reads a supervisor page",
        body: `${TWO_LEVELS}mov dword [PT], PAGE_A + 3\n${flush}${
          toUser(".user")
        }.user:\nmov eax, UDATA\nmov ds, ax\nmov al, [WINDOW]`,
        after: OFF,
      },
      {
        name: "ring 3 writes",
        body: `${TWO_LEVELS}${
          toUser(".user")
        }.user:\nmov eax, UDATA\nmov ds, ax\nmov byte [WINDOW + 2], 5\n${DONE}`,
        after: `${OFF}${show("dword [PAGE_A]", "memory")}`,
      },
      { name: "fetch", body: `${TWO_LEVELS}mov eax, WINDOW + 0x3000\njmp eax`, after: OFF },
      {
        name: "4 MiB page",
        body:
          `${TWO_LEVELS}mov dword [PD + 0x404], 0x400087\n${flush}mov ebx, [WINDOW + 0x401000]\nmov [WINDOW + 0x400008], ebx`,
        after: `${OFF}${show("ebx")}${show("dword [PD + 0x404]", "pde")}${
          show("dword [PAGE_A + 8]", "memory")
        }`,
      },
      {
        name: "4 MiB page with reserved bit",
        body: `${TWO_LEVELS}mov dword [PD + 0x404], 0x600087\n${flush}mov ebx, [WINDOW + 0x401000]`,
        after: OFF,
      },
      {
        name: "INVLPG in a 4 MiB page",
        body:
          `${TWO_LEVELS}mov dword [PD + 0x404], 0x400087\n${flush}mov ebx, [WINDOW + 0x400000]\nmov ecx, [WINDOW + 0x600000]\nmov dword [PD + 0x404], PT + 7\nmov dword [PT], PAGE_B + 7\ninvlpg [WINDOW + 0x600000]\nmov edx, [WINDOW + 0x400000]`,
        after: `${OFF}${show("ebx")}${show("edx")}`,
      },
      {
        name: "read across pages",
        body: `${TWO_LEVELS}mov ebx, [WINDOW + 0xffe]\nmov ecx, [${END} - 2]`,
        after: `${OFF}${show("ebx")}${show("ecx")}`,
      },
      {
        name: "write across pages",
        body: `${TWO_LEVELS}mov ebx, -1\nmov [${END} - 2], ebx`,
        after: `${OFF}${show("dword [PAGE_C - 4]", "memory")}`,
      },
      {
        name: "push across pages",
        body: `${TWO_LEVELS}${toUser(".user")}.user:\nmov esp, WINDOW + 2\npush eax`,
        after: `${OFF}${show("dword [PAGE_A]", "memory")}`,
      },
      {
        name: "pushad across pages",
        body: `${TWO_LEVELS}${toUser(".user")}.user:\nmov esp, WINDOW + 16\npushad`,
        after: `${OFF}${show("dword [PAGE_A]", "memory")}${show("dword [PAGE_A + 12]", "memory")}`,
      },
      {
        name: "popad across pages",
        body: `${TWO_LEVELS}${toUser(".user")}.user:\nmov esp, ${END} - 16\nmov ebx, 7\npopad`,
        after: `${OFF}${show("ebx")}${show("edi")}`,
      },
      {
        name: "rep movsd",
        body: `${TWO_LEVELS}mov esi, WINDOW\nmov edi, WINDOW + 0x1ff6\nmov ecx, 5\nrep movsd`,
        after: `${OFF}${show("ecx")}${show("esi")}${show("edi")}${show("dword [PAGE_C - 4]", "memory")}`,
      },
      {
        name: "rep stosb over two pages",
        body: `${TWO_LEVELS}mov edi, WINDOW + 0xffe\nmov ecx, 5\nmov al, 0x77\nrep stosb`,
        after: `${OFF}${show("dword [PAGE_B - 4]", "memory")}${show("dword [PAGE_B]", "memory")}`,
      },
      {
        name: "instruction goes on in a missing page",
        body: `${TWO_LEVELS}mov byte [PAGE_C - 1], 0xb8\nmov eax, ${END} - 1\njmp eax`,
        after: OFF,
      },
      {
        name: "lods from a missing page",
        body: `${TWO_LEVELS}mov esi, ${END}\nlodsd`,
        after: `${OFF}${show("esi")}`,
      },
      {
        name: "paging off and on",
        body:
          `${TWO_LEVELS}mov ebx, [WINDOW]\nmov eax, 0x33\nmov cr0, eax\nmov ecx, [PAGE_A]\nmov dword [PT], PAGE_B + 7\n${ON}mov edx, [WINDOW]`,
        after: `${OFF}${show("ebx")}${show("ecx")}${show("edx")}`,
      },
      {
        name: "PAE: read",
        body: `${PAE}mov al, [WINDOW]`,
        after: `${PAE_OFF}${show("dword [PT_PAE]", "pte")}${show("dword [PD_PAE2]", "pde")}`,
      },
      {
        name: "PAE: write",
        body: `${PAE}mov [WINDOW + 0x1000], al`,
        after: `${PAE_OFF}${show("dword [PT_PAE + 8]", "pte")}${show("dword [PAGE_B]", "memory")}`,
      },
      { name: "PAE: not present", body: `${PAE}mov al, [WINDOW + 0x2345]`, after: PAE_OFF },
      { name: "PAE: not present pointer", body: `${PAE}mov al, [0x80000000]`, after: PAE_OFF },
      {
        name: "PAE: ring 3 reads a supervisor page",
        body: `${PAE}mov dword [PT_PAE], PAGE_A + 3\n${flush}${
          toUser(".user")
        }.user:\nmov eax, UDATA\nmov ds, ax\nmov al, [WINDOW]`,
        after: PAE_OFF,
      },
      {
        name: "PAE: no-execute",
        body:
          `${PAE}mov dword [PT_PAE + 4], 0x80000000\n${flush}mov byte [PAGE_A], 0xc3\nmov eax, WINDOW\ncall eax`,
        after: PAE_OFF,
      },
      {
        name: "PAE: 2 MiB page",
        body:
          `${PAE}mov dword [PD_PAE2 + 8], 0x400087\n${flush}mov ebx, [WINDOW + 0x201000]\nmov [WINDOW + 0x200008], ebx`,
        after: `${PAE_OFF}${show("ebx")}${show("dword [PD_PAE2 + 8]", "pde")}${
          show("dword [PAGE_A + 8]", "memory")
        }`,
      },
      {
        name: "PAE: write across pages",
        body: `${PAE}mov ebx, -1\nmov [${END} - 2], ebx`,
        after: `${PAE_OFF}${show("dword [PAGE_C - 4]", "memory")}`,
      },
      {
        name: "global pages",
        body:
          `${TWO_LEVELS}mov eax, 0x690\nmov cr4, eax\nmov dword [PT], PAGE_A + 0x107\nmov ebx, [WINDOW]\nmov dword [PT], PAGE_B + 0x107\ninvlpg [WINDOW]\nmov ecx, [WINDOW]`,
        after: `${OFF}${show("ebx")}${show("ecx")}`,
      },
      {
        name: "task switch loads CR3",
        body:
          `${TWO_LEVELS}mov edi, 0x310000\nmov ecx, 32\nxor eax, eax\nrep stosd\nmov dword [gdt_free], 0x67\nmov dword [gdt_free + 4], 0x8931\nmov esi, PD\nmov edi, 0x320000\nmov ecx, 0x400\nrep movsd\nmov dword [0x320400], PT + 0x1007\nmov dword [PT + 0x1000], PAGE_B + 7\nmov dword [0x31001c], 0x320000\nmov dword [0x310020], .task\nmov dword [0x310024], 2\nmov dword [0x310038], STACK - 0x800\nmov dword [0x310048], KDATA\nmov dword [0x31004c], KCODE\nmov dword [0x310050], KDATA\nmov dword [0x310054], KDATA\nmov dword [0x310058], KDATA\nmov dword [0x31005c], KDATA\nmov ebx, [WINDOW]\nmov [SCRATCH], ebx\njmp FREE:0\n.task:\nmov ebx, [SCRATCH]\nmov ecx, [WINDOW]\nmov esi, cr3\njmp .after`,
        after: `${OFF}clts\nand byte [gdt + TSS + 5], ~2\nmov eax, TSS\nltr ax\nmov esp, [case_stack]\n${
          show("ebx")
        }${show("ecx")}${show("esi")}`,
      },
    ],
    "",
    PAGING_CONSTANTS,
  ),
  differences: {
    "4 MiB page with reserved bit": {
      here: "#e e=9 cr2=40401000 ip=+a1 cs=8 fl=2 sp=+0",
      why: "A reserved bit is found in a present entry: P is set in the error code",
    },
    "popad across pages": {
      here: "#e e=4 cr2=40002000 ip=+aa cs=1b fl=2 sp=40001ff0 ss=23 ebx=7 edi=0",
      why: "No register changes before all have been read",
    },
  },
};
