/**
 * PCID, INVPCID and global pages, and code that something else than the CPU writes.
 *
 * Translations that are kept are never seen to be kept: a processor may forget any at any time. What is checked is that
 * what has to be forgotten is, and that no address space sees another one's.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { ALL_GLOBAL, changeCr4, loadCr3, longGuest } from "../runtime/long.ts";
import { show } from "../runtime/printing.ts";
import { LINK_TWO_SPACES, TWO_SPACES } from "../runtime/two_spaces.ts";

const CONSTANTS = `${TWO_SPACES}
PAGE_A = 0x400000
PAGE_B = 0x401000
PCIDE = 0x20000
PGE = 0x80
NO_FLUSH = 1 << 63
DMA = 0xf8
`;

/** Two address spaces that differ in the page at WINDOW: A has PAGE_A, B has PAGE_B. */
const SETUP = `${LINK_TWO_SPACES}
  mov qword [PT_WINDOW_A], PAGE_A + 7
  mov qword [PT_WINDOW_B], PAGE_B + 7
  mov qword [PAGE_A], 0xaa
  mov qword [PAGE_B], 0xbb
  mov rax, cr3
  mov cr3, rax
`;
const END = `${loadCr3("PML4")}${changeCr4("0", "PCIDE + PGE")}`;
const READ = (register: string) => `mov ${register}, [WINDOW]\n`;
const INVPCID = (type: number, pcid: string, address = "0") =>
  `mov qword [SCRATCH], ${pcid}\nmov rax, ${address}\nmov [SCRATCH + 8], rax\nmov eax, ${type}\ninvpcid rax, [SCRATCH]\n`;
const RESULT = show("rbx") + show("rcx") + show("rdx");

export const longAddressSpaces: Guest = {
  name: "long_address_spaces",
  onlyHere: "TCG has neither PCID nor INVPCID",
  source: longGuest(
    "long_address_spaces",
    [
      {
        name: "two spaces by CR3",
        body: `${SETUP}${READ("rbx")}${loadCr3("PML4_B")}${READ("rcx")}${loadCr3("PML4")}${READ("rdx")}`,
        after: END + RESULT,
      },
      {
        name: "two PCIDs",
        body: `${SETUP}${changeCr4("PCIDE")}${loadCr3("PML4 + 1")}${READ("rbx")}${loadCr3("PML4_B + 2")}${
          READ("rcx")
        }${loadCr3("PML4 + 1 + NO_FLUSH")}${READ("rdx")}`,
        after: END + RESULT,
      },
      {
        name: "500 switches",
        body: `${SETUP}${changeCr4("PCIDE")}mov esi, 500\n.again:\n${
          loadCr3("PML4 + 1 + NO_FLUSH")
        }add rbx, [WINDOW]\n${loadCr3("PML4_B + 2 + NO_FLUSH")}add rcx, [WINDOW]\ndec esi\njne .again`,
        after: END + RESULT,
      },
      {
        name: "5000 flushing switches",
        body: `${SETUP}mov esi, 5000\n.again:\n${loadCr3("PML4")}add rbx, [WINDOW]\n${
          loadCr3("PML4_B")
        }add rcx, [WINDOW]\ndec esi\njne .again`,
        after: END + RESULT,
      },
      {
        name: "CR3 without bit 63 forgets its PCID",
        body: `${SETUP}${changeCr4("PCIDE")}${loadCr3("PML4 + 1")}${READ("rbx")}${
          loadCr3("PML4_B + 2")
        }mov qword [PT_WINDOW_A], PAGE_B + 7\n${loadCr3("PML4 + 1")}${READ("rcx")}`,
        after: END + RESULT,
      },
      {
        name: "bit 63 is not stored",
        body: `${SETUP}${changeCr4("PCIDE")}${loadCr3("PML4 + 5 + NO_FLUSH")}mov rbx, cr3`,
        after: END + RESULT,
      },
      {
        name: "INVLPG in the current PCID",
        body: `${SETUP}${changeCr4("PCIDE")}${loadCr3("PML4 + 1")}${
          READ("rbx")
        }mov qword [PT_WINDOW_A], PAGE_B + 7\ninvlpg [WINDOW]\n${READ("rcx")}`,
        after: END + RESULT,
      },
      {
        name: "INVPCID of an address in another PCID",
        body: `${SETUP}${changeCr4("PCIDE")}${loadCr3("PML4 + 1")}${READ("rbx")}${loadCr3("PML4_B + 2")}${
          READ("rcx")
        }mov qword [PT_WINDOW_A], PAGE_B + 7\n${INVPCID(0, "1", "WINDOW")}${loadCr3("PML4 + 1 + NO_FLUSH")}${
          READ("rdx")
        }`,
        after: END + RESULT,
      },
      {
        name: "INVPCID of another PCID",
        body: `${SETUP}${changeCr4("PCIDE")}${loadCr3("PML4 + 1")}${READ("rbx")}${loadCr3("PML4_B + 2")}${
          READ("rcx")
        }mov qword [PT_WINDOW_A], PAGE_B + 7\n${INVPCID(1, "1")}${loadCr3("PML4 + 1 + NO_FLUSH")}${
          READ("rdx")
        }`,
        after: END + RESULT,
      },
      {
        name: "INVPCID of the current PCID",
        body: `${SETUP}${changeCr4("PCIDE")}${loadCr3("PML4 + 1")}${
          READ("rbx")
        }mov qword [PT_WINDOW_A], PAGE_B + 7\n${INVPCID(1, "1")}${READ("rcx")}`,
        after: END + RESULT,
      },
      {
        name: "INVPCID of all with globals",
        body: `${SETUP}${changeCr4("PCIDE + PGE")}mov qword [PT_WINDOW_A], PAGE_A + 0x107\n${
          loadCr3("PML4 + 1")
        }${READ("rbx")}mov qword [PT_WINDOW_A], PAGE_B + 0x107\n${INVPCID(2, "0")}${READ("rcx")}`,
        after: END + RESULT,
      },
      {
        name: "INVPCID of all with globals, code too",
        body:
          `${SETUP}xor ecx, ecx\n.global:\nor dword [PD + rcx * 8], 0x100\ninc ecx\ncmp ecx, 32\njne .global\n${
            changeCr4("PCIDE + PGE")
          }mov qword [PT_WINDOW_A], PAGE_A + 0x107\n${loadCr3("PML4 + 1")}${
            READ("rbx")
          }mov qword [PT_WINDOW_A], PAGE_B + 0x107\n${INVPCID(2, "0")}${READ("rcx")}`,
        after: END + RESULT,
      },
      {
        name: "INVPCID of a PCID whose kernel has pages of its own",
        body: `${SETUP}${ALL_GLOBAL}${changeCr4("PCIDE + PGE")}${loadCr3("PML4 + 1")}${
          READ("rbx")
        }mov qword [PT_WINDOW_A], PAGE_B + 7\n${INVPCID(1, "1")}${READ("rcx")}`,
        after: END + RESULT,
      },
      {
        name: "INVPCID of all but globals",
        body: `${SETUP}${changeCr4("PCIDE + PGE")}${loadCr3("PML4 + 1")}${
          READ("rbx")
        }mov qword [PT_WINDOW_A], PAGE_B + 7\n${INVPCID(3, "0")}${READ("rcx")}`,
        after: END + RESULT,
      },
      { name: "INVPCID of an unknown type", body: `${SETUP}${INVPCID(4, "0")}`, after: END },
      { name: "INVPCID with reserved bits", body: `${SETUP}${INVPCID(1, "0x1000")}`, after: END },
      { name: "INVPCID of a PCID without PCIDE", body: `${SETUP}${INVPCID(1, "1")}`, after: END },
      {
        name: "INVPCID of a non-canonical address",
        body: `${SETUP}${changeCr4("PCIDE")}${INVPCID(0, "0", "0x800000000000")}`,
        after: END,
      },
      {
        name: "PCIDE with a PCID in CR3",
        body: `${SETUP}${loadCr3("PML4 + 8")}${changeCr4("PCIDE")}`,
        after: `${loadCr3("PML4")}${END}`,
      },
      {
        name: "no paging off under PCIDE",
        body: `${SETUP}${changeCr4("PCIDE")}mov rax, cr0\nbtr rax, 31\nmov cr0, rax`,
        after: END,
      },
      { name: "bit 63 without PCIDE", body: `${SETUP}${loadCr3("PML4 + NO_FLUSH")}`, after: END },
      {
        name: "clearing PCIDE forgets all",
        body: `${SETUP}${changeCr4("PCIDE")}${loadCr3("PML4 + 1")}${READ("rbx")}${loadCr3("PML4")}${
          READ("rcx")
        }mov qword [PT_WINDOW_A], PAGE_B + 7\n${changeCr4("0", "PCIDE")}${READ("rdx")}`,
        after: END + RESULT,
      },
      {
        name: "code in two address spaces",
        body:
          `${SETUP}mov dword [PAGE_A], 0xc3c0ff\nmov dword [PAGE_B], 0xc3c8ff\nxor eax, eax\nmov esi, 30\n.again:\nmov edi, WINDOW\nmov ebx, 0x101\nmov rdx, PML4\nmov cr3, rdx\nmov eax, ecx\ncall rdi\nmov rdx, PML4_B\nmov cr3, rdx\nadd eax, 10\ncall rdi\nmov ecx, eax\ndec esi\njne .again`,
        after: END + show("rcx"),
      },
      {
        name: "code written by a device",
        body:
          `mov dword [PAGE_A], 0xc305b0\nmov edi, PAGE_A\ncall rdi\nmov ebx, eax\nmov edx, DMA\nmov eax, 0x07000000 + PAGE_A + 1\nout dx, eax\ncall rdi\nmovzx ecx, al`,
        after: show("rbx") + show("rcx"),
      },
      {
        name: "next instruction written by a device",
        body: `mov edx, DMA\nmov eax, .at + 1\nor eax, 0x07000000\nout dx, eax\n.at:\nmov ecx, 5`,
        after: show("rcx"),
      },
      {
        name: "second page of an instruction written by a device",
        body:
          `mov byte [PAGE_B - 1], 0xb8\nmov dword [PAGE_B], 5\nmov byte [PAGE_B + 4], 0xc3\nmov edi, PAGE_B - 1\ncall rdi\nmov ebx, eax\nmov edx, DMA\nmov eax, 0x07000000 + PAGE_B\nout dx, eax\ncall rdi\nmovzx ecx, al`,
        after: show("rbx") + show("rcx"),
      },
      {
        name: "non-canonical push",
        body: "mov rsp, 0x800000000008\npush rax",
        after: "mov rsp, [case_stack]",
      },
      {
        name: "non-canonical access through RBP",
        body:
          "mov byte [IDT + 12 * 16 + 4], 2\nmov byte [IDT + 8 * 16 + 4], 2\nmov rbp, 0x800000000000\nmov al, [rbp]",
      },
      {
        name: "non-canonical access through RSP",
        body: "mov rsp, 0x800000000000\nmov al, [rsp]",
        after: "mov rsp, [case_stack]",
      },
      {
        name: "non-canonical access through RBP with another segment",
        body: "mov rbp, 0x800000000000\nmov al, [gs:rbp]",
      },
    ],
    "",
    CONSTANTS,
  ),
};
