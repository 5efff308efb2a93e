/**
 * A kernel whose code lies in global pages, with pages of its own in each of two address spaces.
 *
 * What it does not share must not be taken for the other space's, whatever is kept of what it shares.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { wrmsr } from "./long_transfers.ts";
import { ALL_GLOBAL, changeCr4, DONE, loadCr3, longGuest, toUser } from "../runtime/long.ts";
import { show } from "../runtime/printing.ts";
import { LINK_TWO_SPACES, TWO_SPACES } from "../runtime/two_spaces.ts";

/** More pages than are noted one by one. */
const MANY = 400;

const CONSTANTS = `${TWO_SPACES}
PAGE_A = 0x400000
PAGE_B = 0x600000
PGE = 0x80
DIRTY = 0x40
GLOBAL = 0x100
`;

/**
 * All that both spaces have is global. Pages at WINDOW are A's from PAGE_A on, and B's from PAGE_B on: the first words
 * are numbers from 1 in A, from 1001 in B.
 */
const SETUP = `${LINK_TWO_SPACES}
  xor ecx, ecx
.pages:
  mov edi, ecx
  shl edi, 12
  lea rax, [rdi + PAGE_A + 7]
  mov [PT_WINDOW_A + rcx * 8], rax
  lea rax, [rdi + PAGE_B + 7]
  mov [PT_WINDOW_B + rcx * 8], rax
  inc ecx
  mov [rdi + PAGE_A], rcx
  lea rax, [rcx + 1000]
  mov [rdi + PAGE_B], rax
  cmp ecx, ${MANY}
  jne .pages
  ${ALL_GLOBAL}${loadCr3("PML4")}${changeCr4("PGE")}
  xor ebx, ebx
  xor ecx, ecx
  xor edx, edx
`;
const CLEAN = loadCr3("PML4") + changeCr4("0", "PGE");
const RESULT = show("rbx") + show("rcx") + show("rdx");
const READ = (register: string) => `mov ${register}, [WINDOW]\n`;
const AC = (instruction: string) => `pushfq\n${instruction} qword [rsp], 18\npopfq\n`;

/** Adds up the first words of all pages. */
const sum = (label: string, register: string) =>
  `mov edi, WINDOW\n${label}:\nadd ${register}, [rdi]\nadd edi, 4096\ncmp edi, WINDOW + ${MANY} * 4096\njne ${label}\n`;

export const longGlobalPages: Guest = {
  name: "long_global_pages",
  source: longGuest(
    "long_global_pages",
    [
      {
        name: "reads in turns",
        body: `${SETUP}mov esi, 500\n.again:\n${loadCr3("PML4")}add rbx, [WINDOW]\n${
          loadCr3("PML4_B")
        }add rcx, [WINDOW]\ndec esi\njne .again`,
        after: CLEAN + RESULT,
      },
      {
        name: "writes in turns",
        body: `${SETUP}mov esi, 500\n.again:\n${loadCr3("PML4")}add qword [WINDOW], 2\n${
          loadCr3("PML4_B")
        }add qword [WINDOW], 3\ndec esi\njne .again`,
        after: CLEAN + show("qword [PAGE_A]", "a") + show("qword [PAGE_B]", "b"),
      },
      {
        name: "many pages in turns",
        body: `${SETUP}mov esi, 30\n.again:\n${loadCr3("PML4")}${sum(".a", "rbx")}${loadCr3("PML4_B")}${
          sum(".b", "rcx")
        }dec esi\njne .again`,
        after: CLEAN + RESULT,
      },
      {
        name: "code in turns",
        body:
          `${SETUP}mov dword [PAGE_A], 0xc3c3ff\nmov dword [PAGE_B], 0xc3c1ff\nmov edi, WINDOW\nmov esi, 50\n.again:\n${
            loadCr3("PML4")
          }call rdi\n${loadCr3("PML4_B")}call rdi\ndec esi\njne .again\nmov rdx, [WINDOW]\n${
            loadCr3("PML4")
          }add rdx, [WINDOW]`,
        after: CLEAN + RESULT,
      },
      {
        name: "the same page with AC",
        body: `${SETUP}${AC("bts")}${READ("rbx")}${loadCr3("PML4_B")}${READ("rcx")}${AC("btr")}${
          READ("rdx")
        }`,
        after: CLEAN + RESULT,
      },
      {
        name: "the same page in user mode",
        body: `${SETUP}${READ("rbx")}${loadCr3("PML4_B")}${READ("rdx")}${toUser(".user")}.user:\n${
          READ("rcx")
        }${DONE}`,
        after: CLEAN + RESULT,
      },
      {
        name: "the same page with STAC",
        body: `${SETUP}mov esi, 50\n.again:\nstac\nadd rbx, [WINDOW]\n${
          loadCr3("PML4_B")
        }add rcx, [WINDOW]\nclac\nadd rdx, [WINDOW]\n${loadCr3("PML4")}dec esi\njne .again`,
        after: CLEAN + RESULT,
      },
      {
        name: "SYSRET to each space in turns",
        body: `${SETUP}${wrmsr("0xc0000081", "0x0018000800000000")}${wrmsr("0xc0000082", ".kernel")}
        mov esi, 50
        xor ebp, ebp
        .again:
        ${loadCr3("PML4")}mov ecx, .in_a
        mov r11d, 2
        sysretq
        .in_a:
        add rbx, [WINDOW]
        syscall
        .in_b:
        add rdx, [WINDOW]
        syscall
        .kernel:
        add rbp, [WINDOW]
        ${loadCr3("PML4_B")}add rbp, [WINDOW]
        mov r11d, 2
        cmp ecx, .in_b
        jne .next
        sysretq
        .next:
        dec esi
        jne .again`,
        after: CLEAN + show("rbx") + show("rdx") + show("rbp"),
      },
      {
        name: "INVLPG of a global page",
        body: `${SETUP}or dword [PT_WINDOW_A], GLOBAL\ninvlpg [WINDOW]\n${
          READ("rbx")
        }mov qword [PT_WINDOW_A], PAGE_B + 0x107\ninvlpg [WINDOW]\n${READ("rcx")}`,
        after: CLEAN + RESULT,
      },
      {
        name: "CR4.PGE forgets global pages",
        body: `${SETUP}or dword [PT_WINDOW_A], GLOBAL\ninvlpg [WINDOW]\n${
          READ("rbx")
        }mov qword [PT_WINDOW_A], PAGE_B + 0x107\n${changeCr4("0", "PGE")}${READ("rcx")}${changeCr4("PGE")}${
          READ("rdx")
        }`,
        after: CLEAN + RESULT,
      },
      {
        name: "a page that is global no longer",
        body: `${SETUP}or dword [PT_WINDOW_A], GLOBAL\ninvlpg [WINDOW]\n${
          READ("rbx")
        }mov qword [PT_WINDOW_A], PAGE_A + 7\ninvlpg [WINDOW]\n${READ("rcx")}${loadCr3("PML4_B")}${
          READ("rdx")
        }`,
        after: CLEAN + RESULT,
      },
      {
        name: "write behind a read of a dirty page",
        body: `${SETUP}or dword [PT_WINDOW_A], DIRTY\n${loadCr3("PML4")}${READ("rbx")}inc qword [WINDOW]\n${
          READ("rcx")
        }${loadCr3("PML4_B")}${READ("rdx")}`,
        after: CLEAN + RESULT + show("qword [PAGE_A]", "a"),
      },
      {
        name: "write behind a read of a clean page",
        body: `${SETUP}${READ("rbx")}inc qword [WINDOW]`,
        after: CLEAN + RESULT + show("qword [PT_WINDOW_A]", "pte"),
      },
      {
        name: "write behind a read of a dirty page that is not writable",
        body: `${SETUP}mov qword [PT_WINDOW_A], PAGE_A + 0x45\n${loadCr3("PML4")}${
          READ("rbx")
        }inc qword [WINDOW]`,
        after: CLEAN + RESULT,
      },
      {
        name: "write behind a read where the directory forbids it",
        body: `${SETUP}or dword [PT_WINDOW_A], DIRTY\nmov qword [PD_WINDOW_A], PT_WINDOW_A + 5\n${
          loadCr3("PML4")
        }${READ("rbx")}inc qword [WINDOW]`,
        after: CLEAN + RESULT,
      },
      {
        name: "write without WP behind a read",
        body: `${SETUP}mov qword [PT_WINDOW_A], PAGE_A + 0x45\n${
          loadCr3("PML4")
        }mov rax, cr0\nbtr rax, 16\nmov cr0, rax\n${READ("rbx")}inc qword [WINDOW]\n${READ("rcx")}`,
        after: `${CLEAN}mov rax, cr0\nbts rax, 16\nmov cr0, rax\n${RESULT}`,
      },
    ],
    "",
    CONSTANTS,
  ),
};
