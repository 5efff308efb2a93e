/**
 * Interrupts from outside: when they are taken, which goes first, what holds them off.
 *
 * The sources do not depend on time: COM1's empty transmitter (IRQ 4), and interrupts that the local APIC sends to itself.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { longGuest, toUser } from "../runtime/long.ts";
import { say, show } from "../runtime/printing.ts";

const CONSTANTS = `
APIC = 0xfee00000
IO_APIC = 0xfec00000
EOI = APIC + 0xb0
`;

/** Statements that leave AX and DX changed. */
const out = (port: string, value: string) => `mov edx, ${port}\nmov eax, ${value}\nout dx, al\n`;
/** Registers of the local APIC, through R15, which holds its address. */
const apic = (offset: string, value: string) => `mov dword [r15 + ${offset}], ${value}\n`;

const PIC = [
  ["0x20", "0x11"],
  ["0x21", "0x20"],
  ["0x21", "4"],
  ["0x21", "1"],
  ["0xa0", "0x11"],
  ["0xa1", "0x28"],
  ["0xa1", "2"],
  ["0xa1", "1"],
  ["0x21", "0xff"],
  ["0xa1", "0xff"],
].map(([port, value]) => out(port!, value!)).join("");

/** Both kinds of controllers in a known state: 8259A pair at vector 0x20, local APIC enabled, all masked. */
const SETUP = `
  mov dword [PDPT + 24], 0xc000009b
  mov dword [PDPT + 28], 0
  mov rax, cr3
  mov cr3, rax
  mov r15d, APIC
  ${out("0x3fb", "3")}
  ${out("0x3fc", "8")}
  ${out("0x3f9", "0")}
  ${PIC}
  ${apic("0xf0", "0x1ff")}
  ${apic("0x350", "0x700")}
  ${apic("0x360", "0x10000")}
  ${apic("0x320", "0x10000")}
  ${apic("0x80", "0")}
  xor eax, eax
  xor edx, edx
`;

/** IRQ 4 is unmasked and asserted. */
const IRQ4 = out("0x21", "0xef") + out("0x3f9", "2");
const END_OF_IRQ4 = out("0x3f9", "0") + out("0x20", "0x20") + out("0x21", "0xff");
/** Interrupts may be taken at the next branch only, here as under QEMU. */
const BRANCH = "jmp short $ + 2\n";
/** The local APIC sends itself a vector. */
const self = (vector: string) => apic("0x300", `0x44000 + ${vector}`) + BRANCH;
/** The local APIC sends its processor an NMI. */
const NMI = apic("0x300", "0x44400") + BRANCH;

/** Gate `vector` leads to `label`. */
const gate = (vector: number, label: string) => `
  mov eax, ${label}
  mov [IDT + ${vector} * 16], ax
  shr eax, 16
  mov [IDT + ${vector} * 16 + 6], ax
`;
/** A handler that prints `text` and ends the interrupt. */
const handler = (label: string, text: string) => `
  ${label}:
  ${say(` ${text}`)}
  ${apic("0xb0", "0")}
  iretq
`;
const LATER = `cli\n${END_OF_IRQ4}`;

export const longInterrupts: Guest = {
  name: "long_interrupts",
  source: longGuest(
    "long_interrupts",
    [
      {
        name: "IRQ after STI and one more instruction",
        body: `${SETUP}${IRQ4}sti\nnop\nnop\nnop`,
        after: LATER,
      },
      { name: "IRQ while IF is clear", body: `${SETUP}${IRQ4}nop\nnop\n${say(" nothing")}`, after: LATER },
      { name: "STI, CLI", body: `${SETUP}${IRQ4}sti\ncli\nnop\nnop\n${say(" nothing")}`, after: LATER },
      { name: "IRQ after POPF", body: `${SETUP}${IRQ4}push 0x202\npopfq\nnop\nnop`, after: LATER },
      {
        name: "IRQ after IRETQ",
        body:
          `${SETUP}${IRQ4}push KDATA\npush STACK\npush 0x202\npush KCODE\npush .there\niretq\nnop\n.there:\nnop\nnop`,
        after: LATER,
      },
      {
        name: "IRQ after MOV SS",
        body:
          `${SETUP}${IRQ4}mov ebx, KDATA\npush 0x202\nmov ecx, .next\nmov byte [.next], 0x8e\npopfq\n.next:\nmov ss, bx\nnop\nnop`,
        after: LATER,
      },
      { name: "IRQ in HLT", body: `${SETUP}${IRQ4}sti\nhlt\nnop`, after: LATER },
      {
        name: "IRQ in ring 3",
        body: `${SETUP}${IRQ4}${toUser(".user", "0x202")}.user:\nnop\nnop`,
        after: LATER,
      },
      {
        name: "IRQ in compatibility mode",
        body: `${SETUP}${IRQ4}${toUser(".user", "0x202", "UCODE32")}.user:\nnop\nnop`,
        after: LATER,
      },
      {
        name: "IRQ in a loop",
        body:
          `${SETUP}sti\nmov ecx, 100\n.loop:\ndec ecx\ncmp ecx, 50\njne .no\nmov edx, 0x21\nmov eax, 0xef\nout dx, al\nmov edx, 0x3f9\nmov eax, 2\nout dx, al\njmp short .no\n.no:\ntest ecx, ecx\njne .loop`,
        after: LATER + show("rcx"),
      },
      {
        name: "masked IRQ",
        body: `${SETUP}${out("0x3f9", "2")}sti\nnop\nnop\n${say(" nothing")}`,
        after: LATER,
      },
      {
        name: "IRR and ISR of the 8259A",
        body: `${SETUP}${IRQ4}${out("0x20", "0x0a")}in al, 0x20\nmov ebx, eax\nsti\nnop\nnop`,
        after: `${show("rbx", "irr")}${out("0x20", "0x0b")}in al, 0x20\n${show("rax", "isr")}${LATER}${
          out("0x20", "0x0b")
        }in al, 0x20\n${show("rax", "isr")}`,
      },
      {
        name: "IRQ 4 is not taken twice before its end",
        body: `${SETUP}${gate(0x24, ".handler")}${IRQ4}sti\nnop\nnop\nnop\n${
          show("rbp", "count")
        }jmp .after\n.handler:\ninc ebp\niretq`,
        after: LATER,
      },
      {
        name: "self IPI",
        // Long code without branches is divided at some addresses, and interrupts are taken there: not before the branch.
        body: `${SETUP}${"nop\n".repeat(12)}sti\nnop\n${self("0x50")}nop\nnop`,
        after: `cli\n${apic("0xb0", "0")}`,
      },
      {
        name: "IRQ that has waited, after IRETQ",
        body: `${SETUP}${gate(0x24, ".handler")}${IRQ4}${BRANCH}
        push KDATA
        push STACK
        push 0x202
        push KCODE
        push .there
        iretq
        .there:
        nop
        cli
        ${say(" end")}
        jmp .after
        ${handler(".handler", "24")}`,
        after: LATER,
      },
      {
        name: "IPIs by priority",
        body: `${SETUP}${gate(0x50, ".low")}${gate(0x61, ".middle")}${gate(0x7f, ".high")}
        ${self("0x50")}${self("0x7f")}${self("0x61")}
        sti
        nop
        nop
        ${say(" end")}
        jmp .after
        ${handler(".low", "50")}${handler(".middle", "61")}${handler(".high", "7f")}`,
        after: "cli\n",
      },
      {
        name: "a higher one interrupts a lower handler, a lower one waits",
        body: `${SETUP}${gate(0x50, ".low")}${gate(0x61, ".middle")}${gate(0x7f, ".high")}
        sti
        ${self("0x61")}
        nop
        nop
        ${say(" end")}
        jmp .after
        .middle:
        ${say(" 61")}
        sti
        ${self("0x50")}${self("0x7f")}
        nop
        nop
        ${say(" 61 ends")}
        ${apic("0xb0", "0")}
        nop
        cli
        iretq
        ${handler(".low", "50")}${handler(".high", "7f")}`,
        after: "cli\n",
      },
      {
        name: "vectors of one class do not interrupt each other",
        body: `${SETUP}${gate(0x61, ".a")}${gate(0x62, ".b")}
        sti
        ${self("0x61")}
        nop
        nop
        jmp .after
        .a:
        ${say(" 61")}
        sti
        ${self("0x62")}
        nop
        nop
        ${say(" 61 ends")}
        ${apic("0xb0", "0")}
        nop
        nop
        iretq
        ${handler(".b", "62")}`,
        after: "cli\n",
      },
      {
        name: "task priority",
        body: `${SETUP}${gate(0x50, ".low")}${gate(0x7f, ".high")}
        mov eax, 6
        mov cr8, rax
        sti
        ${self("0x50")}${self("0x7f")}
        nop
        nop
        mov ebx, [r15 + 0x80]
        ${show("rbx", "tpr")}
        ${say(" lowered")}
        xor eax, eax
        mov cr8, rax
        nop
        ${say(" end")}
        jmp .after
        ${handler(".low", "50")}${handler(".high", "7f")}`,
        after: "cli\n",
      },
      {
        name: "pending and in service",
        body: `${SETUP}${gate(0x65, ".handler")}${self("0x65")}
        mov ebx, [r15 + 0x230]
        sti
        nop
        nop
        cli
        mov edi, [r15 + 0x230]
        mov esi, [r15 + 0x130]
        jmp .after
        .handler:
        mov ecx, [r15 + 0x130]
        mov ebp, [r15 + 0xa0]
        ${apic("0xb0", "0")}
        iretq`,
        after: show("rbx", "irr") + show("rcx", "isr") + show("rbp", "ppr") + show("rdi", "irr") +
          show("rsi", "isr"),
      },
      { name: "NMI while IF is clear", body: `${SETUP}${NMI}nop\nnop` },
      {
        name: "NMI waits for IRET",
        body: `${SETUP}${gate(2, ".nmi")}
        ${NMI}
        nop
        nop
        ${show("rbp", "count")}
        jmp .after
        .nmi:
        inc ebp
        cmp ebp, 3
        ja .out
        push rbp
        ${say(" in")}
        ${NMI}
        ${NMI}
        nop
        nop
        ${say(" out")}
        pop rbp
        .out:
        iretq`,
      },
      {
        name: "a fault in the NMI handler ends the blocking",
        body: `${SETUP}${gate(2, ".nmi")}${gate(6, ".ud")}
        ${NMI}
        nop
        nop
        ${show("rbp", "count")}
        jmp .after
        .nmi:
        inc ebp
        cmp ebp, 2
        jae .out
        ${say(" in")}
        ${NMI}
        nop
        ud2
        ${say(" back")}
        .out:
        iretq
        .ud:
        ${say(" ud")}
        add qword [rsp], 2
        iretq`,
        after: `${gate(6, "stubs + 6 * 16")}${gate(2, "stubs + 2 * 16")}`,
      },
      {
        name: "timer in HLT",
        body: `${SETUP}${gate(0x55, ".timer")}${apic("0x320", "0x55")}${apic("0x3e0", "0xb")}${
          apic("0x380", "1000000")
        }sti\nhlt\n${say(" awake")}cli\nmov ebx, [r15 + 0x390]\n${show("rbx", "count")}jmp .after\n${
          handler(".timer", "timer")
        }`,
      },
      {
        // A tick that comes before the timer is masked is taken in the loop: behind CLI it would wait for the next test.
        name: "periodic timer",
        body: `${SETUP}${gate(0x55, ".timer")}${apic("0x320", "0x20055")}${apic("0x3e0", "0xb")}${
          apic("0x380", "1000000")
        }sti\nhlt\nhlt\nhlt\n${apic("0x320", "0x10000")}mov ecx, 1000\n.drain:\nloop .drain\ncli\n${
          say(" three")
        }jmp .after\n.timer:\n${apic("0xb0", "0")}iretq`,
      },
      {
        name: "timer in a loop without exits",
        body: `${SETUP}${gate(0x55, ".timer")}${apic("0x320", "0x55")}${apic("0x3e0", "0xb")}${
          apic("0x380", "1000000")
        }sti\n.wait:\njmp .wait\n.timer:\n${say(" timer")}${apic("0xb0", "0")}mov qword [rsp], .after\niretq`,
        after: "cli\n",
      },
      {
        name: "timer in REP STOSB",
        body: `${SETUP}${gate(0x55, ".timer")}${apic("0x320", "0x20055")}${apic("0x3e0", "0xb")}${
          apic("0x380", "200000")
        }
        sti
        .again:
        mov edi, 0x1000000
        mov ecx, 0x400000
        mov al, 0x5a
        rep stosb
        test ebp, ebp
        je .again
        cli
        ${apic("0x320", "0x10000")}
        mov edi, 0x1000000
        mov ecx, 0x400000 / 8
        mov rax, 0x5a5a5a5a5a5a5a5a
        repe scasq
        ${show("rcx", "left")}
        jmp .after
        .timer:
        inc ebp
        ${apic("0xb0", "0")}
        iretq`,
      },
      {
        name: "I/O APIC",
        body: `${SETUP}${gate(0x62, ".handler")}
        mov ebx, IO_APIC
        mov dword [rbx], 0x18
        mov dword [rbx + 16], 0x62
        mov dword [rbx], 0x19
        mov dword [rbx + 16], 0
        ${out("0x3f9", "2")}
        sti
        nop
        nop
        cli
        ${out("0x3f9", "0")}
        mov dword [rbx], 0x18
        mov ecx, [rbx + 16]
        ${show("rcx", "entry")}
        mov dword [rbx + 16], 0x10000
        jmp .after
        ${handler(".handler", "62")}`,
      },
      {
        name: "I/O APIC, level-triggered",
        body: `${SETUP}${gate(0x62, ".handler")}
        mov ebx, IO_APIC
        mov dword [rbx], 0x18
        mov dword [rbx + 16], 0x8062
        mov dword [rbx], 0x19
        mov dword [rbx + 16], 0
        mov dword [rbx], 0x18
        ${out("0x3f9", "2")}
        sti
        nop
        nop
        cli
        mov dword [rbx + 16], 0x10000
        ${out("0x3f9", "0")}
        ${show("rbp", "count")}
        jmp .after
        .handler:
        inc ebp
        cmp ebp, 3
        jne .more
        ${out("0x3f9", "0")}
        .more:
        mov ecx, [rbx + 16]
        ${show("rcx", "entry")}
        ${apic("0xb0", "0")}
        iretq`,
      },
      {
        name: "interrupts do not wake what is shut off",
        body: `${SETUP}${apic("0xf0", "0xff")}${self("0x50")}sti\nnop\nnop\n${say(" nothing")}`,
        after: `cli\n${apic("0xf0", "0x1ff")}`,
      },
      {
        name: "IRQ 4 through a gate that is not present",
        body: `${SETUP}${IRQ4}mov byte [IDT + 0x24 * 16 + 5], 0x0e\nsti\nnop\nnop`,
        after: `${LATER}mov byte [IDT + 0x24 * 16 + 5], 0x8e\n`,
      },
    ],
    "",
    CONSTANTS,
  ),
  differences: {
    "IRQ 4 through a gate that is not present": {
      here: "#b e=123 ip=+10c cs=8 fl=202 sp=+0 ss=10",
      why: "The error code is 8 times the vector, plus 2, plus 1 for what comes from outside",
    },
  },
};
