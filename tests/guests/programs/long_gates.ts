/**
 * Exceptions through gates that are out of the ordinary: what is delivered, with which stack, and what is refused.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { longGuest, toUser } from "../runtime/long.ts";
import { show } from "../runtime/printing.ts";
import { gate } from "./long_transfers.ts";

const CONSTANTS = `
GATE = IDT + 6 * 16
KEPT = SCRATCH + 64
PD2 = 0x210000
PT2 = 0x211000
WINDOW = 0x40000000
PAGE_A = 0x400000
PAGE_B = 0x402000
RING1_CODE = FREE + 1
RING1_DATA = FREE + 8 + 1
`;

/** Links the table of the pages at WINDOW. */
const LINK_WINDOW = "mov dword [PDPT + 8], PD2 + 7\nmov qword [PD2], PT2 + 7\n";
const KEEP = "mov rax, [GATE]\nmov [KEPT], rax\nmov rax, [GATE + 8]\nmov [KEPT + 8], rax\n";
const RESTORE =
  "mov rsp, [case_stack]\nmov rax, [KEPT]\nmov [GATE], rax\nmov rax, [KEPT + 8]\nmov [GATE + 8], rax\nlgdt [gdt_pointer]\nmov qword [gdt], 0\n";
/** Goes to the handler of #UD, which is behind it. */
const HANDLED = `${gate(6, ".handler")}ud2\n.handler:\n`;
const DESCRIPTOR = "mov rax, [gdt + KCODE]\n";

export const longGates: Guest = {
  name: "long_gates",
  onlyHere: "TCG leaves EXT out of error codes and RF out of frames, and does not look at where a gate leads",
  source: longGuest(
    "long_gates",
    [
      { name: "as usual", body: `${KEEP}ud2`, after: RESTORE },
      { name: "not present", body: `${KEEP}mov byte [GATE + 5], 0x0e\nud2`, after: RESTORE },
      { name: "a call gate", body: `${KEEP}mov byte [GATE + 5], 0x8c\nud2`, after: RESTORE },
      { name: "a segment", body: `${KEEP}mov byte [GATE + 5], 0x9e\nud2`, after: RESTORE },
      { name: "to data", body: `${KEEP}mov word [GATE + 2], KDATA\nud2`, after: RESTORE },
      { name: "to user code", body: `${KEEP}mov word [GATE + 2], UCODE\nud2`, after: RESTORE },
      { name: "to 32-bit code", body: `${KEEP}mov word [GATE + 2], KCODE32\nud2`, after: RESTORE },
      {
        name: "to null",
        body: `${KEEP}${DESCRIPTOR}mov [gdt], rax\nmov word [GATE + 2], 0\nud2`,
        after: RESTORE,
      },
      { name: "to the LDT", body: `${KEEP}mov word [GATE + 2], KCODE + 4\nud2`, after: RESTORE },
      {
        name: "beyond the GDT",
        body:
          `${KEEP}${DESCRIPTOR}mov [gdt_free], rax\nmov word [GATE + 2], FREE\nmov rax, [gdt_pointer + 2]\n` +
          `mov [SCRATCH + 2], rax\nmov word [SCRATCH], FREE + 6\nlgdt [SCRATCH]\nud2`,
        after: RESTORE,
      },
      { name: "to non-canonical code", body: `${KEEP}mov dword [GATE + 8], 0x8000\nud2`, after: RESTORE },
      {
        name: "with RPL 3",
        body: `${KEEP}mov word [GATE + 2], KCODE + 3\n${HANDLED}mov ebx, cs`,
        after: RESTORE + "mov word [GATE + 2], KCODE\n" + show("rbx"),
      },
      {
        name: "the frame",
        body:
          `${KEEP}stc\n${HANDLED}mov rbx, [rsp + 16]\nmov rcx, [rsp + 24]\nsub rcx, rsp\nmov rdx, [rsp + 32]`,
        after: RESTORE + show("rbx") + show("rcx") + show("rdx"),
      },
      {
        name: "the frame on a misaligned stack",
        body: `${KEEP}sub rsp, 12\n${HANDLED}mov rcx, [rsp + 24]\nsub rcx, rsp\nmov rdx, rsp\nand edx, 15`,
        after: RESTORE + show("rcx") + show("rdx"),
      },
      {
        name: "the frame in two pages",
        body: `${KEEP}${LINK_WINDOW}mov qword [PT2], PAGE_A + 7\n` +
          `mov qword [PT2 + 8], PAGE_B + 7\nmov rsp, WINDOW + 0x1010\n${HANDLED}mov rbx, [rsp + 8]\n` +
          `mov rcx, [rsp + 24]\nmov rdx, [rsp + 32]`,
        after: RESTORE + show("rbx") + show("rcx") + show("rdx"),
      },
      {
        // MOV AL, 5 and RET become what SS is, ADC and three times ADD to [RAX], and another RET.
        name: "the frame over code",
        body:
          `${KEEP}mov edi, PAGE_A + 0x108\nmov rax, 0xc305b0\nmov [rdi], rax\nmov byte [rdi + 8], 0xc3\n` +
          `call rdi\nmovzx ebx, al\nmov rsp, PAGE_A + 0x110\n${HANDLED}mov rsp, [case_stack]\nmov eax, SCRATCH\n` +
          `call rdi\nmovzx ecx, al`,
        after: RESTORE + show("rbx") + show("rcx"),
      },
      {
        name: "IF behind an interrupt gate and a trap gate",
        body:
          `${KEEP}pushfq\nor qword [rsp], 0x200\npopfq\n${gate(6, ".first")}ud2\n.first:\npushfq\npop rbx\n` +
          `and ebx, 0x200\npushfq\nor qword [rsp], 0x200\npopfq\n${
            gate(6, ".second", 0x8f)
          }ud2\n.second:\npushfq\n` +
          `pop rcx\nand ecx, 0x200\ncli`,
        after: RESTORE + show("rbx") + show("rcx"),
      },
      {
        name: "from ring 3",
        body: `${KEEP}${gate(6, ".handler")}${toUser(".user")}.user:\nud2\n.handler:\nmov rbx, [rsp + 24]\n` +
          `mov rcx, [rsp + 32]\nmov edx, ss\nmov rbp, rsp`,
        after: RESTORE + show("rbx") + show("rcx") + show("rdx") + show("rbp"),
      },
      {
        name: "from ring 1, which may use a page of the supervisor",
        body: `${KEEP}${LINK_WINDOW}mov qword [PT2], PAGE_A + 3\n` +
          `mov qword [PAGE_A], 0x99\nmov rax, cr3\nmov cr3, rax\n${
            gate(6, ".handler")
          }mov rax, 0x00afbb000000ffff\nmov [gdt_free], rax\n` +
          `mov rax, 0x00cfb3000000ffff\nmov [gdt_free + 8], rax\npush RING1_DATA\npush USER_STACK\npush 2\n` +
          `push RING1_CODE\npush .inner\niretq\n.inner:\nmov rsi, [WINDOW]\nud2\n.handler:\nmov rbx, [rsp + 8]\nmov rcx, [rsp + 32]\n` +
          `mov edx, ss\nmov rbp, rsp`,
        after: RESTORE + show("rbx") + show("rcx") + show("rdx") + show("rbp") + show("rsi"),
      },
      {
        name: "IRETQ to non-canonical code",
        body: `${KEEP}mov rax, 0x800000000000\npush KDATA\npush STACK\npush 2\npush KCODE\npush rax\niretq`,
        after: RESTORE,
      },
      {
        name: "IRETQ with reserved flags",
        body:
          `${KEEP}push KDATA\npush STACK\npush 0xffffffffffc0802a\npush KCODE\npush .back\niretq\n.back:\n` +
          `pushfq\npop rbx`,
        after: RESTORE + show("rbx"),
      },
      {
        name: "IRETQ to ring 3 with RPL 0 in SS",
        body: `${KEEP}push UDATA - 3\npush USER_STACK\npush 2\npush UCODE\npush .after\niretq`,
        after: RESTORE,
      },
      {
        name: "IRETQ from a non-canonical stack",
        body: `${KEEP}mov byte [IDT + 12 * 16 + 4], 2\nmov rsp, 0x800000000000\niretq`,
        after: RESTORE + "mov byte [IDT + 12 * 16 + 4], 0\n",
      },
      {
        name: "from 32-bit code in flat segments",
        body: `${KEEP}mov eax, UDATA\nmov ds, ax\nmov es, ax\n${toUser(".user", "2", "UCODE32")}.user:\nud2`,
        after: RESTORE,
      },
    ],
    "",
    CONSTANTS,
  ),
};
