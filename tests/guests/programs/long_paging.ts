/**
 * 4-level paging: permissions, accessed and dirty bits, large pages, faults in the middle of instructions.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { changeCr4, longGuest, toUser } from "../runtime/long.ts";
import { say, show } from "../runtime/printing.ts";

/** The second GiB: `PDPT[1]` -> PD2 -> PT2, for pages at WINDOW. */
const TABLES = `
PD2 = 0x210000
PT2 = 0x211000
WINDOW = 0x40000000
PAGE_A = 0x400000
PAGE_B = 0x401000
PAGE_C = 0x402000
`;

/** Maps page `index` of the window: the entry's value. */
const map = (index: number, entry: string) =>
  `mov rax, ${entry}\nmov [PT2 + ${index * 8}], rax\ninvlpg [WINDOW + ${index * 4096}]\n`;
const flush = "mov rax, cr3\nmov cr3, rax\n";
const entry = (index: number) => show(`qword [PT2 + ${index * 8}]`, `pte${index}`);

/** Pages 0 and 1 of the window are A and B, page 2 is not present; A is filled with 0x11, B with 0x22. */
const SETUP = `
  mov byte [IDT + 14 * 16 + 4], 2 ; stacks are missing too
  mov dword [PDPT + 8], PD2 + 7
  mov dword [PDPT + 12], 0
  mov qword [PD2], PT2 + 7
  mov edi, PT2
  mov ecx, 512
  xor eax, eax
  rep stosq
  mov edi, PAGE_A
  mov rax, 0x1111111111111111
  mov ecx, 512
  rep stosq
  mov rax, 0x2222222222222222
  mov ecx, 512
  rep stosq
  xor edi, edi
  ${map(0, "PAGE_A + 7")}
  ${map(1, "PAGE_B + 7")}
  ${flush}
  xor eax, eax
`;
const CR0 = (set: string, clear = "0") =>
  `mov rax, cr0\nor rax, ${set}\nand rax, ~(${clear})\nmov cr0, rax\n`;
const END = "WINDOW + 0x2000";

const LDT_IN_WINDOW =
  `mov rax, 0x400082000000000f\nmov [gdt_free], rax\nmov qword [gdt_free + 8], 0\nmov eax, FREE\nlldt ax\n`;

export const longPaging: Guest = {
  name: "long_paging",
  source: longGuest(
    "long_paging",
    [
      {
        name: "accessed by a read",
        body: `${SETUP}mov al, [WINDOW]\n${entry(0)}${show("qword [PD2]", "pde")}${
          show("qword [PDPT + 8]", "pdpte")
        }`,
      },
      { name: "dirty by a write", body: `${SETUP}mov [WINDOW], al\n${entry(0)}` },
      {
        name: "dirty after a read",
        body: `${SETUP}mov al, [WINDOW]\nmov byte [PT2], 7 + 0x20\nmov [WINDOW], al\n${entry(0)}`,
      },
      {
        name: "accessed by a fetch",
        body: `${SETUP}mov byte [PAGE_A], 0xc3\nmov eax, WINDOW\ncall rax\n${entry(0)}`,
      },
      { name: "bits stay without an access", body: `${SETUP}lea rax, [WINDOW]\n${entry(0)}` },
      {
        name: "bits of a page that faults",
        body: `${SETUP}${map(0, "PAGE_A + 1")}${toUser(".user")}.user:\nmov al, [WINDOW]`,
        after: entry(0),
      },
      {
        name: "read-only in ring 0 with WP",
        body: `${SETUP}${map(0, "PAGE_A + 5")}mov [WINDOW + 4], eax`,
        after: entry(0),
      },
      {
        name: "read-only in ring 0 without WP",
        body: `${SETUP}${map(0, "PAGE_A + 5")}${CR0("0", "0x10000")}mov [WINDOW + 4], eax\n${entry(0)}`,
        after: CR0("0x10000"),
      },
      {
        name: "WP set again",
        body: `${SETUP}${map(0, "PAGE_A + 5")}${CR0("0", "0x10000")}mov [WINDOW + 4], eax\n${
          CR0("0x10000")
        }mov [WINDOW + 4], eax`,
      },
      {
        name: "read-only in ring 3 without WP",
        body: `${SETUP}${map(0, "PAGE_A + 5")}${CR0("0", "0x10000")}${
          toUser(".user")
        }.user:\nmov [WINDOW + 4], eax`,
        after: CR0("0x10000"),
      },
      {
        name: "supervisor page in ring 3",
        body: `${SETUP}${map(0, "PAGE_A + 3")}mov al, [WINDOW]\nmov [WINDOW], al\n${
          toUser(".user")
        }.user:\nmov al, [WINDOW + 8]`,
      },
      {
        name: "supervisor page written in ring 3",
        body: `${SETUP}${map(0, "PAGE_A + 3")}${toUser(".user")}.user:\nmov [WINDOW + 8], al`,
      },
      {
        name: "supervisor by the directory",
        body: `${SETUP}mov qword [PD2], PT2 + 3\n${flush}${toUser(".user")}.user:\nmov al, [WINDOW + 8]`,
      },
      {
        name: "read-only by the directory",
        body: `${SETUP}mov qword [PD2], PT2 + 5\n${flush}mov al, [WINDOW]\nmov [WINDOW + 8], al`,
      },
      {
        name: "execute in a supervisor page in ring 3",
        body: `${SETUP}${map(0, "PAGE_A + 3")}mov byte [PAGE_A], 0xc3\n${toUser("WINDOW")}`,
      },
      {
        name: "no-execute page",
        body: `${SETUP}${
          map(0, "PAGE_A + 7 + (1 << 63)")
        }mov byte [PAGE_A], 0xc3\nmov al, [WINDOW]\nmov eax, WINDOW\ncall rax`,
      },
      {
        name: "no-execute by the directory",
        body: `${SETUP}mov byte [PD2 + 7], 0x80\n${flush}mov byte [PAGE_A], 0xc3\nmov eax, WINDOW\ncall rax`,
      },
      {
        name: "no-execute in ring 3",
        body: `${SETUP}${map(0, "PAGE_A + 7 + (1 << 63)")}${toUser("WINDOW")}`,
      },
      { name: "reserved bit", body: `${SETUP}${map(0, "PAGE_A + 7 + (1 << 51)")}mov al, [WINDOW]` },
      {
        name: "reserved bit, not present",
        body: `${SETUP}${map(0, "PAGE_A + 6 + (1 << 51)")}mov al, [WINDOW]`,
      },
      {
        name: "reserved bit written in ring 3",
        body: `${SETUP}${map(0, "PAGE_A + 7 + (1 << 51)")}${toUser(".user")}.user:\nmov [WINDOW], al`,
      },
      {
        name: "not present directory",
        body: `${SETUP}mov qword [PD2], PT2 + 6\n${flush}mov al, [WINDOW + 0x123]`,
      },
      { name: "not present PML4 entry", body: "mov rax, 0x8000000000\nmov cl, [rax]" },
      { name: "upper half", body: "mov rax, -8\nmov cl, [rax]" },
      {
        name: "2 MiB page",
        body: `${SETUP}mov qword [PD2], 0x400087\n${flush}mov al, [WINDOW + 0x1008]\n${show("rax")}${
          show("qword [PD2]", "pde")
        }mov [WINDOW + 0x1ffff8], rax\n${show("qword [PD2]", "pde")}${show("qword [0x5ffff8]", "memory")}`,
      },
      {
        name: "2 MiB page with reserved bits",
        body: `${SETUP}mov qword [PD2], 0x402087\n${flush}mov al, [WINDOW + 0x1008]`,
      },
      {
        name: "1 GiB page",
        body: `${SETUP}mov dword [PDPT + 8], 0x87\n${flush}mov al, [WINDOW + 0x400000]\n${show("rax")}${
          show("qword [PDPT + 8]", "pdpte")
        }mov [WINDOW + 0x400008], rax\n${show("qword [PDPT + 8]", "pdpte")}${
          show("qword [0x400008]", "memory")
        }`,
      },
      {
        name: "1 GiB page with reserved bits",
        body: `${SETUP}mov dword [PDPT + 8], 0x200087\n${flush}mov al, [WINDOW]`,
      },
      {
        name: "PML4 entry with PS",
        body: `mov qword [PML4 + 8], PDPT + 0x87\nmov rax, 0x8000000000\nmov cl, [rax]`,
        after: "mov qword [PML4 + 8], 0",
      },
      {
        name: "INVLPG of a 2 MiB page",
        body:
          `${SETUP}mov qword [PD2], 0x400087\n${flush}mov al, [WINDOW + 8]\nmov al, [WINDOW + 0x1008]\nmov qword [PD2], PT2 + 7\ninvlpg [WINDOW + 0x5000]\nmov qword [PT2], PAGE_B + 7\nmov bl, [WINDOW + 8]\nmov cl, [WINDOW + 0x1008]\n${
            show("rax")
          }${show("rbx")}${show("rcx")}`,
      },
      {
        name: "INVLPG",
        body: `${SETUP}mov al, [WINDOW]\n${
          map(0, "PAGE_B + 7")
        }mov bl, [WINDOW]\nmov ecx, 5\nmov [WINDOW], cl\n${show("rbx")}${show("qword [PAGE_B]", "b")}${
          show("qword [PAGE_A]", "a")
        }`,
      },
      {
        name: "CR3 flushes",
        body: `${SETUP}mov al, [WINDOW]\nmov qword [PT2], PAGE_B + 7\n${flush}mov bl, [WINDOW]\n${
          show("rbx")
        }`,
      },
      {
        name: "global page does not survive CR4.PGE",
        body: `${SETUP}${changeCr4("0x80")}${
          map(0, "PAGE_A + 0x107")
        }mov al, [WINDOW]\nmov qword [PT2], PAGE_B + 0x107\n${changeCr4("0", "0x80")}mov bl, [WINDOW]\n${
          show("rbx")
        }`,
      },
      {
        name: "SMEP",
        body: `${SETUP}mov byte [PAGE_A], 0xc3\n${map(0, "PAGE_A + 3")}mov eax, WINDOW\ncall rax\n${
          map(0, "PAGE_A + 7")
        }call supervisor_image\n${changeCr4("0x100000")}mov eax, WINDOW\ncall rax`,
        after: `${changeCr4("0", "0x100000")}call user_image\n`,
      },
      {
        name: "SMAP",
        body: `${SETUP}call supervisor_image\n${changeCr4("0x200000")}
        stac
        mov al, [WINDOW]
        clac
        ${say(" allowed")}
        mov al, [WINDOW]`,
        after: `${changeCr4("0", "0x200000")}call user_image\n`,
      },
      {
        name: "SMAP write",
        body: `${SETUP}call supervisor_image\n${changeCr4("0x200000")}mov [WINDOW + 8], al`,
        after: `${changeCr4("0", "0x200000")}call user_image\n`,
      },
      {
        name: "SMAP with AC by POPF",
        body: `${SETUP}call supervisor_image\n${
          changeCr4("0x200000")
        }pushfq\nor dword [rsp], 0x40000\npopfq\nmov bl, [WINDOW]\npushfq\nand dword [rsp], ~0x40000\npopfq\nmov bl, [WINDOW]`,
        after: `${changeCr4("0", "0x200000")}call user_image\n${show("rbx")}`,
      },
      {
        name: "interrupts keep AC",
        body: `${SETUP}call supervisor_image\n${
          changeCr4("0x200000")
        }mov dword [continued], 8\nstac\nint3\nmov al, [WINDOW]\nclac`,
        after: `${changeCr4("0", "0x200000")}call user_image\n`,
      },
      {
        name: "SMAP for descriptor tables",
        body:
          `${SETUP}mov rax, 0x00cff3000000ffff\nmov [PAGE_A + 8], rax\n${LDT_IN_WINDOW}call supervisor_image\n${
            changeCr4("0x200000")
          }mov eax, 12\nmov es, ax`,
        after: `${changeCr4("0", "0x200000")}call user_image\nxor eax, eax\nlldt ax\n`,
      },
      {
        name: "AC does not help descriptor tables",
        body:
          `${SETUP}mov rax, 0x00cff3000000ffff\nmov [PAGE_A + 8], rax\n${LDT_IN_WINDOW}call supervisor_image\n${
            changeCr4("0x200000")
          }stac\nmov eax, 12\nmov es, ax`,
        after: `${changeCr4("0", "0x200000")}call user_image\nxor eax, eax\nlldt ax\n`,
      },
      { name: "STAC in ring 3", body: `${toUser(".user")}.user:\nstac` },
      // Accesses of two pages, the second of which is not there.
      {
        name: "read across pages",
        body: `${SETUP}mov eax, ${END} - 3\nmov ecx, 0x77\nmov rcx, [rax]`,
        after: show("rcx"),
      },
      {
        name: "write across pages",
        body: `${SETUP}mov eax, ${END} - 3\nmov rcx, -1\nmov [rax], rcx`,
        after: show("qword [PAGE_C - 8]", "memory"),
      },
      {
        name: "write across pages into a read-only one",
        body: `${SETUP}${map(2, "PAGE_C + 5")}mov eax, ${END} - 3\nmov rcx, -1\nmov [rax], rcx`,
        after: show("qword [PAGE_C - 8]", "memory"),
      },
      {
        name: "first page is missing",
        body: `${SETUP}${map(1, "0")}${map(2, "PAGE_C + 7")}mov eax, ${END} - 3\nmov rcx, -1\nmov [rax], rcx`,
      },
      {
        name: "add across pages",
        body: `${SETUP}mov eax, ${END} - 2\nadd dword [rax], 5`,
        after: show("qword [PAGE_C - 8]", "memory"),
      },
      {
        name: "add across pages that are there",
        body: `${SETUP}${map(2, "PAGE_A + 7")}mov eax, ${END} - 2\nadd dword [rax], 0x10000`,
        after: show("qword [PAGE_C - 8]", "memory") + show("qword [PAGE_A]", "memory"),
      },
      {
        name: "movups across pages",
        body: `${SETUP}mov eax, ${END} - 8\nmovups [rax], xmm0`,
        after: show("qword [PAGE_C - 8]", "memory"),
      },
      {
        name: "push",
        body: `${SETUP}mov rsp, WINDOW + 4\npush rax`,
        after: show("rsp") + "mov rsp, [case_stack]\n" + show("qword [PAGE_A]", "memory"),
      },
      { name: "push of memory that is not there", body: `${SETUP}push qword [${END}]`, after: show("rsp") },
      { name: "pop", body: `${SETUP}mov ebx, 9\nmov rsp, ${END} - 4\npop rbx`, after: show("rbx") },
      {
        name: "pop to memory that is not there",
        body: `${SETUP}push 5\npop qword [${END}]`,
        after: show("rsp"),
      },
      {
        name: "pop to memory by rsp",
        body: `${SETUP}mov rsp, ${END} - 8\npop qword [rsp]`,
        after: "mov rsp, [case_stack]",
      },
      {
        name: "pop rsp",
        body: `${SETUP}push 0x12345\npop rsp\nmov rbx, rsp`,
        after: "mov rsp, [case_stack]\n" + show("rbx"),
      },
      { name: "call", body: `${SETUP}mov rsp, WINDOW\ncall .after` },
      { name: "ret", body: `${SETUP}mov rsp, ${END}\nret` },
      { name: "ret to a missing page", body: `${SETUP}mov rax, ${END}\npush rax\nret` },
      {
        name: "enter",
        body: `${SETUP}mov ebp, 0x55\nmov rsp, WINDOW + 0x10\nenter 0x20, 0`,
        after: show("rbp"),
      },
      { name: "enter with levels", body: `${SETUP}mov rbp, ${END} + 8\nenter 0x20, 3`, after: show("rbp") },
      { name: "leave", body: `${SETUP}mov rbp, ${END}\nleave`, after: show("rbp") },
      {
        name: "xchg",
        body: `${SETUP}mov ebx, 1\nmov eax, ${END} - 2\nxchg [rax], ebx`,
        after: show("rbx") + show("qword [PAGE_C - 8]", "memory"),
      },
      {
        name: "cmpxchg",
        body: `${SETUP}mov ebx, 1\nmov ecx, ${END}\ncmpxchg [rcx], ebx`,
        after: show("rax"),
      },
      {
        name: "cmpxchg of a read-only page that differs",
        body: `${SETUP}${map(0, "PAGE_A + 5")}xor eax, eax\ncmpxchg [WINDOW], ebx`,
      },
      {
        name: "rep movsb forwards into a missing page",
        body: `${SETUP}mov esi, PAGE_A\nmov edi, ${END} - 5\nmov ecx, 20\nrep movsb`,
        after: show("rcx") + show("rsi") + show("rdi") + show("qword [PAGE_C - 8]", "memory"),
      },
      {
        name: "rep movsq into the middle of a missing page",
        body: `${SETUP}mov esi, PAGE_A\nmov edi, ${END} - 12\nmov ecx, 20\nrep movsq`,
        after: show("rcx") + show("rsi") + show("rdi") + show("qword [PAGE_C - 12]", "memory") +
          show("qword [PAGE_C - 8]", "memory"),
      },
      {
        name: "rep movsb from a missing page",
        body: `${SETUP}mov esi, ${END} - 5\nmov edi, PAGE_A\nmov ecx, 20\nrep movsb`,
        after: show("rcx") + show("rsi") + show("rdi") + show("qword [PAGE_A]", "memory"),
      },
      {
        name: "rep movsb backwards",
        body: `${SETUP}mov edi, WINDOW + 5\nmov esi, PAGE_B + 5\nmov ecx, 20\nstd\nrep movsb`,
        after: "cld\n" + show("rcx") + show("rsi") + show("rdi") + show("qword [PAGE_A]", "memory"),
      },
      {
        name: "rep stosq",
        body: `${SETUP}mov edi, ${END} - 24\nmov ecx, 20\nmov rax, 0x0102030405060708\nrep stosq`,
        after: show("rcx") + show("rdi"),
      },
      {
        name: "rep stosb of many pages",
        body: `${SETUP}mov edi, WINDOW + 3\nmov ecx, 0x3000\nmov al, 5\nrep stosb`,
        after: show("rcx") + show("rdi") + show("qword [PAGE_C - 8]", "memory") +
          show("qword [PAGE_A]", "memory"),
      },
      {
        name: "repe cmpsb",
        body: `${SETUP}mov edi, ${END} - 5\nmov esi, PAGE_B\nmov ecx, 20\nrepe cmpsb`,
        after: show("rcx") + show("rsi") + show("rdi"),
      },
      {
        name: "repne scasb",
        body: `${SETUP}mov edi, ${END} - 5\nmov ecx, 20\nrepne scasb`,
        after: show("rcx") + show("rdi"),
      },
      {
        name: "rep lodsb",
        body: `${SETUP}mov esi, ${END} - 5\nmov ecx, 20\nrep lodsb`,
        after: show("rcx") + show("rsi") + show("rax"),
      },
      {
        name: "rep movsb overlapping",
        body: `${SETUP}mov byte [PAGE_A], 7\nmov esi, PAGE_A\nmov edi, PAGE_A + 1\nmov ecx, 12\nrep movsb\n${
          show("qword [PAGE_A + 5]", "memory")
        }`,
      },
      {
        name: "rep movsb overlapping through an alias",
        body: `${SETUP}mov byte [PAGE_A], 7\nmov esi, PAGE_A\nmov edi, WINDOW + 1\nmov ecx, 12\nrep movsb\n${
          show("qword [PAGE_A + 5]", "memory")
        }`,
      },
      {
        name: "rep with count zero",
        body: `${SETUP}mov edi, ${END}\nxor ecx, ecx\nrep stosb`,
        after: show("rdi"),
      },
      {
        name: "rep with 32-bit addresses",
        body: `${SETUP}mov rdi, 0x100000000 + PAGE_A\nmov rcx, 0x500000002\na32 rep stosb`,
        after: show("rdi") + show("rcx"),
      },
      // Instructions of two pages.
      {
        name: "instruction goes on in a missing page",
        body: `${SETUP}mov word [PAGE_C - 2], 0xb890\nmov eax, ${END} - 2\njmp rax`,
      },
      {
        name: "instruction ends before a missing page",
        body: `${SETUP}mov word [PAGE_C - 2], 0x9090\nmov eax, ${END} - 2\njmp rax`,
      },
      {
        name: "instruction goes on in a no-execute page",
        body: `${SETUP}${
          map(2, "PAGE_A + 7 + (1 << 63)")
        }mov byte [PAGE_C - 1], 0xb8\nmov eax, ${END} - 1\njmp rax`,
      },
      {
        name: "prefixes before a missing page",
        body: `${SETUP}mov eax, 0x66666666\nmov [PAGE_C - 4], eax\nmov eax, ${END} - 4\njmp rax`,
      },
      {
        name: "instruction across pages",
        body: `${SETUP}${
          map(2, "PAGE_A + 7")
        }mov byte [PAGE_C - 1], 0xb8\nmov rax, 0xc312345678\nmov [PAGE_A], rax\nmov eax, ${END} - 1\ncall rax\n${
          show("rax")
        }`,
      },
      {
        name: "second page remapped",
        body: `${SETUP}${
          map(2, "PAGE_A + 7")
        }mov byte [PAGE_C - 1], 0xb8\nmov rax, 0xc312345678\nmov [PAGE_A], rax\nmov eax, ${END} - 1\ncall rax\n${
          show("rax")
        }mov rax, 0xc387654321\nmov [PAGE_C], rax\n${map(2, "PAGE_C + 7")}mov eax, ${END} - 1\ncall rax\n${
          show("rax")
        }`,
      },
      {
        name: "second page unmapped",
        body: `${SETUP}${
          map(2, "PAGE_A + 7")
        }mov byte [PAGE_C - 1], 0xb8\nmov rax, 0xc312345678\nmov [PAGE_A], rax\nmov eax, ${END} - 1\ncall rax\n${
          show("rax")
        }${map(2, "0")}mov eax, ${END} - 1\ncall rax`,
        after: "mov rsp, [case_stack]",
      },
      {
        name: "jump across pages",
        body: `${SETUP}${
          map(2, "PAGE_A + 7")
        }mov byte [PAGE_C - 1], 0xeb\nmov byte [PAGE_A], 0x10\nmov byte [PAGE_A + 0x11], 0xc3\nmov eax, ${END} - 1\ncall rax`,
      },
      { name: "operand fault wins over what follows", body: `${SETUP}mov rax, [${END}]\nud2` },
      { name: "division of missing memory", body: `${SETUP}xor eax, eax\ndiv dword [${END}]` },
      {
        name: "fxsave",
        body: `${SETUP}mov eax, ${END} - 0x100\nfxsave [rax]`,
        after: show("qword [PAGE_C - 8]", "memory"),
      },
      { name: "cmpxchg16b into a missing page", body: `${SETUP}mov edi, ${END}\ncmpxchg16b [rdi]` },
      {
        name: "sgdt across pages",
        body: `${SETUP}mov eax, ${END} - 4\nsgdt [rax]`,
        after: show("qword [PAGE_C - 8]", "memory"),
      },
      {
        name: "bts with a far bit offset",
        body: `${SETUP}mov eax, 0x8000 * 2\nmov ebx, WINDOW\nbts [rbx], rax`,
      },
      {
        name: "interrupt with a missing stack",
        body: `${SETUP}mov qword [tss + 4], WINDOW\n${toUser(".user")}.user:\nint3`,
        after: "mov qword [tss + 4], RING0_STACK",
      },
      {
        name: "user program runs in its pages",
        body: `${SETUP}mov rax, 0x40cdc6ff\nmov [PAGE_A], rax\nmov esi, 0x10\n${toUser("WINDOW")}`,
        after: show("rsi"),
      },
    ],
    `
; Makes everything but the window supervisor pages.
supervisor_image:
  mov ecx, 32
.next:
  and byte [PD + rcx * 8 - 8], ~4
  dec ecx
  jne .next
  mov rax, cr3
  mov cr3, rax
  ret
user_image:
  push rcx
  push rax
  mov ecx, 32
.next:
  or byte [PD + rcx * 8 - 8], 4
  dec ecx
  jne .next
  mov rax, cr3
  mov cr3, rax
  pop rax
  pop rcx
  ret
`,
    TABLES,
  ),
  differences: {
    "reserved bit": {
      here: "#e e=9 cr2=40000000 ip=+b4 cs=8 fl=2 sp=+0 ss=10",
      why: "A reserved bit is found in a present entry: P is set in the error code",
    },
    "reserved bit written in ring 3": {
      here: "#e e=f cr2=40000000 ip=+c6 cs=2b fl=2 sp=@1e0000 ss=23",
      why: "A reserved bit is found in a present entry: P is set in the error code",
    },
    "2 MiB page with reserved bits": {
      here: "#e e=9 cr2=40001008 ip=+ac cs=8 fl=2 sp=+0 ss=10",
      why: "A reserved bit is found in a present entry: P is set in the error code",
    },
    "1 GiB page with reserved bits": {
      here: "#e e=9 cr2=40000000 ip=+ab cs=8 fl=2 sp=+0 ss=10",
      why: "A reserved bit is found in a present entry: P is set in the error code",
    },
    "PML4 entry with PS": {
      here: "#e e=9 cr2=8000000000 ip=+16 cs=8 fl=2 sp=+0 ss=10",
      why: "A reserved bit is found in a present entry: P is set in the error code",
    },
    "AC does not help descriptor tables": {
      here: "#e e=1 cr2=40000008 ip=+f0 cs=8 fl=40002 sp=+0 ss=10",
      why: "RFLAGS.AC overrides SMAP for explicit accesses only",
    },
    "add across pages": {
      here: "#e e=2 cr2=40002000 ip=+9f cs=8 fl=2 sp=+0 ss=10 memory=2222222222222222",
      why: "What reads and writes one operand asks for writing first",
    },
    "movups across pages": {
      here: "#e e=2 cr2=40002000 ip=+9f cs=8 fl=2 sp=+0 ss=10 memory=2222222222222222",
      why: "Nothing is written if a part cannot be",
    },
    "enter": {
      here: "#e e=2 cr2=3fffffe8 ip=+a6 cs=8 fl=2 sp=@40000010 ss=10 rbp=55",
      why: "The new frame is checked before anything changes",
    },
    "xchg": {
      here: "#e e=2 cr2=40002000 ip=+a4 cs=8 fl=2 sp=+0 ss=10 rbx=1 memory=2222222222222222",
      why: "What reads and writes one operand asks for writing first",
    },
    "cmpxchg": {
      here: "#e e=2 cr2=40002000 ip=+a4 cs=8 fl=2 sp=+0 ss=10 rax=0",
      why: "What reads and writes one operand asks for writing first",
    },
    "fxsave": {
      here: "#e e=2 cr2=40002000 ip=+9f cs=8 fl=2 sp=+0 ss=10 memory=2222222222222222",
      why: "Nothing is written if a part cannot be",
    },
    "cmpxchg16b into a missing page": {
      here: "#e e=2 cr2=40002000 ip=+9f cs=8 fl=2 sp=+0 ss=10",
      why: "What reads and writes one operand asks for writing first",
    },
    "sgdt across pages": {
      here: "#e e=2 cr2=40002000 ip=+9f cs=8 fl=2 sp=+0 ss=10 memory=2222222222222222",
      why: "Nothing is written if a part cannot be",
    },
    "bts with a far bit offset": {
      here: "#e e=2 cr2=40002000 ip=+a4 cs=8 fl=2 sp=+0 ss=10",
      why: "What reads and writes one operand asks for writing first",
    },
  },
};
