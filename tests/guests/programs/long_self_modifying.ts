/**
 * Code that changes while it runs: by its own stores, by string instructions, through another address.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { longGuest } from "../runtime/long.ts";
import { show } from "../runtime/printing.ts";

/** The second GiB: PT2 maps pages at WINDOW. CODE is where code is copied to, 4 KiB pages one after the other. */
const CONSTANTS = `
PD2 = 0x210000
PT2 = 0x211000
WINDOW = 0x40000000
CODE = 0x400000
`;

/** Copies the code between two labels to an address. */
const place = (name: string, to: string) =>
  `mov esi, ${name}\nmov edi, ${to}\nmov ecx, ${name}_end - ${name}\nrep movsb\nxor eax, eax\nxor ecx, ecx\n`;
const map = (index: number, entry: string) =>
  `mov rax, ${entry}\nmov [PT2 + ${index * 8}], rax\ninvlpg [WINDOW + ${index * 4096}]\n`;
const WINDOW_SETUP = `
  mov dword [PDPT + 8], PD2 + 7
  mov qword [PD2], PT2 + 7
  mov rax, cr3
  mov cr3, rax
  ${map(0, "CODE + 7")}
  ${map(1, "CODE + 0x1007")}
`;

/** Statements that patch `.at` with the byte in CL in different ways. */
const patches: readonly [name: string, statements: string][] = [
  ["mov", "mov [rdi], cl"],
  ["mov of a word", "mov ch, [rdi + 1]\nmov [rdi], cx"],
  [
    "mov of a quadword before it",
    "mov rax, [rdi - 7]\nshl rax, 8\nshr rax, 8\nshl rcx, 56\nor rax, rcx\nmov [rdi - 7], rax",
  ],
  ["xchg", "xchg [rdi], cl"],
  ["add", "sub cl, [rdi]\nadd [rdi], cl"],
  ["lock add", "sub cl, [rdi]\nlock add [rdi], cl"],
  ["cmpxchg", "mov al, [rdi]\ncmpxchg [rdi], cl"],
  ["inc", "mov byte [rdi], 41\ninc byte [rdi]"],
  ["stosb", "mov al, cl\nstosb"],
  ["rep stosb", "mov al, cl\nmov ecx, 1\nrep stosb"],
  ["rep movsb", "mov [SCRATCH], cl\nmov esi, SCRATCH\nmov ecx, 1\nrep movsb"],
  [
    "rep movsq",
    "mov rax, [rdi]\nmov al, cl\nmov [SCRATCH], rax\nmov rax, [rdi + 8]\nmov [SCRATCH + 8], rax\nmov esi, SCRATCH\nmov ecx, 2\nrep movsq",
  ],
  ["push", "mov rbx, rsp\nlea rsp, [rdi + 8]\nmov rax, [rdi]\nmov al, cl\npush rax\nmov rsp, rbx"],
  ["pop", "mov rax, [rdi]\nmov al, cl\npush rax\npop qword [rdi]"],
  [
    "movups",
    "movups xmm0, [rdi]\nmovups [SCRATCH], xmm0\nmov [SCRATCH], cl\nmovups xmm0, [SCRATCH]\nmovups [rdi], xmm0",
  ],
  ["setcc", "mov byte [rdi], 0\ncmp ecx, 42\nsete byte [rdi]\nadd byte [rdi], 41"],
  ["bts", "mov byte [rdi], 40\nbts dword [rdi], 1"],
  ["fnstcw", "mov bx, [rdi]\nmov bl, cl\nfldcw [.original]\nfnstcw [rdi]\nmov [rdi], bx"],
  [
    "sgdt",
    "mov rax, [rdi + 2]\nmov rbx, [rdi + 8]\nsgdt [rdi]\nmov [rdi + 2], rax\nmov [rdi + 8], rbx\nmov word [rdi], 42",
  ],
  [
    "cmpxchg8b",
    "mov eax, [rdi]\nmov edx, [rdi + 4]\nmov ebx, eax\nmov bl, cl\nmov ecx, edx\ncmpxchg8b [rdi]",
  ],
];

export const longSelfModifying: Guest = {
  name: "long_self_modifying",
  source: longGuest(
    "long_self_modifying",
    [
      { name: "next instruction", body: "mov byte [.at + 1], 7\n.at:\nmov eax, 1", after: show("rax") },
      {
        name: "next instruction, second time",
        body:
          "xor ebx, ebx\n.again:\nmov [.at + 1], bl\n.at:\nmov eax, 99\nadd ecx, eax\ninc ebx\ncmp ebx, 10\njne .again",
        after: show("rcx"),
      },
      {
        name: "instruction after next",
        body: "mov byte [.at + 1], 7\nnop\nnop\n.at:\nmov eax, 1",
        after: show("rax"),
      },
      {
        name: "previous instruction",
        body:
          "xor ebx, ebx\n.at:\nmov eax, 1\nadd ecx, eax\nmov byte [.at + 1], 2\ninc ebx\ncmp ebx, 5\njne .at",
        after: show("rcx"),
      },
      {
        name: "loop body at the tenth round",
        body:
          "xor ebx, ebx\n.again:\nadd ecx, 1\n.at:\ninc ebx\ncmp ebx, 10\njne .skip\nmov byte [.at - 1], 5\n.skip:\ncmp ebx, 20\njne .again",
        after: show("rcx"),
      },
      {
        name: "length changes",
        body: "mov dword [.at], 0x90909090\nmov byte [.at + 4], 0x90\n.at:\nmov eax, 5\ninc ecx",
        after: show("rax") + show("rcx"),
      },
      { name: "instruction becomes undefined", body: "mov word [.at], 0x0b0f\n.at:\nmov eax, 5" },
      {
        name: "branch target",
        body:
          "mov ebx, 3\n.again:\njmp short .first\n.second:\ninc ecx\ndec ebx\njne .again\njmp .after\n.first:\nmov byte [.again + 1], .second - .again - 2\njmp .second",
        after: show("rcx"),
      },
      {
        name: "branch condition",
        body:
          "xor ebx, ebx\n.again:\ncmp ebx, 4\njne short .there\nmov ecx, 1\njmp .after\n.there:\ninc ebx\nmov byte [.again + 3], 0x74\ncmp ebx, 4\njl .again\nmov ecx, ebx",
        after: show("rbx") + show("rcx"),
      },
      {
        name: "operand of a comparison before a branch",
        body:
          "xor ebx, ebx\n.again:\ninc ebx\n.at:\ncmp ebx, 100\njne .skip\nmov ecx, ebx\njmp .after\n.skip:\ncmp ebx, 5\njne .again\nmov byte [.at + 2], 12\njmp .again",
        after: show("rcx"),
      },
      {
        name: "displacement of a branch after a comparison",
        body:
          "xor ebx, ebx\n.again:\ninc ebx\ncmp ebx, 6\n.at:\njne short .a\nmov ecx, 7\njmp .after\n.a:\nmov byte [.at + 1], .b - .at - 2\njmp .again\n.b:\ninc edx\ncmp edx, 3\njne .again\njmp .after",
        after: show("rbx") + show("rcx") + show("rdx"),
      },
      {
        name: "jump between comparison and branch",
        body:
          "mov ebx, 3\ncmp ebx, 3\njmp .at\n.again:\ncmp ebx, 4\n.at:\njne .no\ninc ecx\ncmp ecx, 3\njne .again\n.no:\n",
        after: show("rcx"),
      },
      {
        name: "jump into an instruction",
        body: ".again:\nmov eax, 0x00c3c0ff ; INC EAX; RET\ncall .again + 1",
        after: show("rax"),
      },
      {
        name: "data in the code's page",
        body:
          `xor ecx, ecx\n.again:\nadd dword [.data], 3\nmov eax, [.data]\ninc ecx\ncmp ecx, 100\njne .again\njmp .after\n.data:\ndd 0`,
        after: show("rax"),
      },
      {
        name: "stack in the code's page",
        body:
          "mov rbx, rsp\nmov rsp, .top\nmov ecx, 50\n.again:\ncall .add\ndec ecx\njne .again\nmov rsp, rbx\njmp .after\n.add:\nadd eax, ecx\nret\nzero 64\n.top:",
        after: show("rax"),
      },
      {
        name: "return address in code that runs",
        body:
          "mov rbx, rsp\nmov rsp, .at + 8\npush qword [.new]\nmov rsp, rbx\n.at:\nmov eax, 1\nnop\nnop\nnop\njmp .after\n.new:\nmov eax, 77\nnop\nnop\nnop",
        after: show("rax"),
      },
      {
        name: "function written again and again",
        body: `xor ebx, ebx
        .again:
        mov byte [CODE], 0xb8
        mov [CODE + 1], ebx
        mov byte [CODE + 5], 0xc3
        mov eax, CODE
        call rax
        add ecx, eax
        inc ebx
        cmp ebx, 300
        jne .again`,
        after: show("rcx"),
      },
      {
        name: "code copied over code",
        body: `xor ebx, ebx
        .again:
        mov esi, blob_five
        test bl, 1
        je .even
        mov esi, blob_nine
        .even:
        mov edi, CODE
        mov ecx, 6
        rep movsb
        mov eax, CODE
        call rax
        add edx, eax
        inc ebx
        cmp ebx, 10
        jne .again`,
        after: show("rdx"),
      },
      {
        name: "rep stosb over the next instruction",
        body: "mov edi, .at\nmov al, 0x90\nmov ecx, 5\nrep stosb\n.at:\nmov ebx, 5\ninc edx",
        after: show("rbx") + show("rdx"),
      },
      {
        name: "rep stosb over many pages of code",
        body:
          `mov byte [CODE + 0x1000], 0xc3\nmov eax, CODE + 0x1000\ncall rax\nmov byte [CODE + 0x2000], 0xc3\nmov eax, CODE + 0x2000\ncall rax\nmov edi, CODE\nmov ecx, 0x3000\nmov al, 0xc3\nrep stosb\nmov byte [CODE + 0x1000], 0xcc\nmov eax, CODE + 0x1000\ncall rax`,
        after: "mov rsp, [case_stack]",
      },
      ...patches.map(([name, statements]) => ({
        name: `patched by ${name}`,
        body: `xor ebp, ebp
        .again:
        mov byte [.at + 1], 41
        call .function
        mov r9d, r8d
        mov edi, .at + 1
        mov ecx, 42
        ${statements}
        call .function
        add r10d, r8d
        add r10d, r9d
        inc ebp
        cmp ebp, 3
        jne .again
        jmp .after
        .original:
        dw 0x37f
        align 8
        zero 8
        .function:
        .at:
        db 0x6a, 41 ; PUSH 41
        pop r8
        ret
        zero 16`,
        after: show("r10"),
      })),
      {
        name: "another address of the same page",
        body: `${WINDOW_SETUP}${place("blob_five", "CODE")}
        mov eax, CODE
        call rax
        mov ebx, eax
        mov byte [WINDOW + 1], 6
        mov eax, CODE
        call rax
        mov ecx, eax
        mov eax, WINDOW
        call rax
        mov edx, eax
        mov byte [CODE + 1], 7
        mov eax, WINDOW
        call rax`,
        after: show("rbx") + show("rcx") + show("rdx") + show("rax"),
      },
      {
        name: "write TLB entry made before code was executed",
        body: `${WINDOW_SETUP}mov byte [WINDOW + 0x100], 1\nmov byte [CODE + 0x100], 1\n${
          place("blob_five", "CODE")
        }
        mov eax, CODE
        call rax
        mov byte [WINDOW + 1], 6
        mov eax, CODE
        call rax
        mov ebx, eax
        mov byte [CODE + 1], 7
        mov eax, CODE
        call rax`,
        after: show("rbx") + show("rax"),
      },
      {
        name: "remapped code page",
        body: `${WINDOW_SETUP}${place("blob_five", "CODE")}${place("blob_nine", "CODE + 0x1000")}
        mov eax, WINDOW
        call rax
        mov ebx, eax
        ${map(0, "CODE + 0x1007")}
        mov eax, WINDOW
        call rax
        mov ecx, eax
        ${map(0, "CODE + 7")}
        mov eax, WINDOW
        call rax`,
        after: show("rbx") + show("rcx") + show("rax"),
      },
      {
        name: "remapped while a loop calls it",
        body: `${WINDOW_SETUP}${place("blob_five", "CODE")}${place("blob_nine", "CODE + 0x1000")}
        mov ebx, CODE + 7
        xor edx, edx
        .again:
        mov [PT2], rbx
        invlpg [WINDOW]
        mov eax, WINDOW
        call rax
        add ecx, eax
        xor ebx, 0x1000
        inc edx
        cmp edx, 20
        jne .again`,
        after: show("rcx"),
      },
      {
        name: "code flows from page to page, second remapped",
        body: `${WINDOW_SETUP}mov byte [CODE + 0xfff], 0x90\n${place("blob_five", "CODE + 0x1000")}${
          place("blob_nine", "CODE + 0x2000")
        }
        mov eax, WINDOW + 0xfff
        call rax
        mov ebx, eax
        ${map(1, "CODE + 0x2007")}
        mov eax, WINDOW + 0xfff
        call rax`,
        after: show("rbx") + show("rax"),
      },
      {
        name: "branch to the next page, remapped",
        body: `${WINDOW_SETUP}mov word [CODE + 0xff0], 0x0eeb\n${place("blob_five", "CODE + 0x1000")}${
          place("blob_nine", "CODE + 0x2000")
        }
        mov eax, WINDOW + 0xff0
        call rax
        mov ebx, eax
        ${map(1, "CODE + 0x2007")}
        mov eax, WINDOW + 0xff0
        call rax`,
        after: show("rbx") + show("rax"),
      },
      {
        name: "patched across a page boundary",
        body: `${place("blob_five", "CODE + 0xffd")}
        mov eax, CODE + 0xffd
        call rax
        mov ebx, eax
        mov rax, 0xc3deadbeefb8
        mov [CODE + 0xffd], rax
        mov eax, CODE + 0xffd
        call rax`,
        after: show("rbx") + show("rax"),
      },
      {
        name: "first page of a crossing instruction patched",
        body: `${place("blob_five", "CODE + 0xffe")}
        mov eax, CODE + 0xffe
        call rax
        mov ebx, eax
        mov byte [CODE + 0xfff], 8
        mov eax, CODE + 0xffe
        call rax`,
        after: show("rbx") + show("rax"),
      },
      {
        name: "second page of a crossing instruction patched",
        body: `${place("blob_five", "CODE + 0xffe")}
        mov eax, CODE + 0xffe
        call rax
        mov ebx, eax
        mov byte [CODE + 0x1001], 8
        mov eax, CODE + 0xffe
        call rax`,
        after: show("rbx") + show("rax"),
      },
      {
        name: "loop in the second page of a crossing instruction patched",
        body: `${place("blob_crossing", "CODE + 0xffe")}
        mov eax, CODE + 0xffe
        call rax`,
        after: show("rax") + show("rcx"),
      },
      {
        name: "store that crosses into a code page",
        body: `${place("blob_five", "CODE + 0x1000")}
        mov eax, CODE + 0x1000
        call rax
        mov ebx, eax
        mov rax, 0x0bb8000000000000
        mov [CODE + 0xffa], rax
        mov eax, CODE + 0x1000
        call rax`,
        after: show("rbx") + show("rax"),
      },
      {
        name: "more code than there is room for",
        body:
          "mov edi, 0x1000000\nmov ecx, 0x400000\nmov al, 0x90\nrep stosb\nmov byte [rdi], 0xc3\nmov edi, 0x1000000\ncall rdi\nmov ebx, 5\ncall rdi\nmov ecx, 6",
        after: show("rbx") + show("rcx"),
      },
      {
        name: "same code in 32-bit and 64-bit mode",
        body: `${place("blob_modes", "CODE")}
        mov eax, CODE
        call rax
        mov ebx, eax
        push qword KCODE32
        push .narrow
        retfq
        bits 32
        .narrow:
        mov eax, CODE
        call eax
        mov ecx, eax
        jmp KCODE:.wide
        bits 64
        .wide:
        mov eax, CODE
        call rax`,
        after: show("rbx") + show("rcx") + show("rax"),
      },
    ],
    `
blob_five:
  mov eax, 5
  ret
blob_five_end:
blob_nine:
  mov eax, 9
  ret
blob_nine_end:
; Begins two bytes before a page.
blob_crossing:
  mov eax, 100
.again:
  add eax, 1
  inc ecx
  mov byte [CODE + 0x1005], 3 ; the immediate of ADD
  cmp ecx, 10
  jne .again
  ret
blob_crossing_end:
blob_modes:
  db 0x31, 0xc0 ; XOR EAX, EAX
  db 0x48, 0xff, 0xc0 ; INC RAX, or DEC EAX, INC EAX
  db 0x48, 0x83, 0xc8, 0xf8 ; OR RAX, -8, or DEC EAX, OR EAX, -8
  ret
blob_modes_end:
`,
    CONSTANTS,
  ),
};
