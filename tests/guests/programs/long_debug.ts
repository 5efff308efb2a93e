/**
 * Single step and breakpoints.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { DONE, longGuest, toUser } from "../runtime/long.ts";
import { show } from "../runtime/printing.ts";

/** Statements that set TF: the instruction behind them is the first that is followed by a trap. */
export const TRAP = "pushfq\nor dword [rsp], 0x100\npopfq\n";
export const UNTRAP = "pushfq\nand dword [rsp], ~0x100\npopfq\n";
/** #DB (and the vectors in `more`) are printed, and execution goes on. */
export const CONTINUE = (more = "0") => `mov dword [continued], 2 + ${more}\n`;
/** A stack that no handler uses. */
export const OTHER_STACK = "mov byte [IDT + 16 + 4], 2\nmov rsp, SCRATCH + 0x100\n";
export const OFF = "xor eax, eax\nmov dr7, rax\n";

/** Statements that set a breakpoint: number, address, R/W and LEN fields of DR7. */
export const breakpoint = (number: number, address: string, kind: number, length = 0) =>
  `mov rax, ${address}\nmov dr${number}, rax\nmov rax, dr7\nor eax, ${1 << number * 2} + ${
    (kind | length << 2) << 16 + number * 4 >>> 0
  }\nmov dr7, rax\nxor eax, eax\n`;

export const gate = (vector: number, label: string) => `
  mov eax, ${label}
  mov [IDT + ${vector} * 16], ax
  shr eax, 16
  mov [IDT + ${vector} * 16 + 6], ax
`;
const wrmsr = (number: string, value: string) =>
  `mov ecx, ${number}\nmov rax, ${value}\nmov rdx, rax\nshr rdx, 32\nwrmsr\n`;

export const longDebug: Guest = {
  name: "long_debug",
  source: longGuest("long_debug", [
    { name: "single step", body: `${CONTINUE()}${TRAP}nop\nmov ecx, 5\n${UNTRAP}nop` },
    {
      name: "over branches",
      body: `${CONTINUE()}${TRAP}jmp short .a\nnop\n.a:\ntest eax, eax\njne .b\nje .b\nnop\n.b:\n${UNTRAP}`,
    },
    {
      name: "over a loop",
      body: `${CONTINUE()}mov ecx, 3\n${TRAP}.a:\nloop .a\n${UNTRAP}`,
      after: show("rcx"),
    },
    { name: "over call and ret", body: `${CONTINUE()}${TRAP}call .f\n${UNTRAP}jmp .after\n.f:\nret` },
    {
      name: "over rep movsb",
      body: `${CONTINUE()}mov esi, SCRATCH\nmov edi, SCRATCH + 16\nmov ecx, 3\n${TRAP}rep movsb\n${UNTRAP}`,
      after: show("rcx"),
    },
    {
      name: "over rep stosb of nothing",
      body: `${CONTINUE()}mov edi, SCRATCH + 16\n${TRAP}rep stosb\n${UNTRAP}`,
    },
    {
      name: "over repe cmpsb that ends early",
      body:
        `${CONTINUE()}mov qword [SCRATCH], 0x0102\nmov qword [SCRATCH + 16], 0x0202\nmov esi, SCRATCH\nmov edi, SCRATCH + 16\nmov ecx, 5\n${TRAP}repe cmpsb\n${UNTRAP}`,
      after: show("rcx"),
    },
    { name: "over mov ss", body: `${CONTINUE()}mov ebx, KDATA\n${TRAP}mov ss, bx\nnop\nnop\n${UNTRAP}` },
    { name: "over cli and sti", body: `${CONTINUE()}${TRAP}sti\ncli\n${UNTRAP}` },
    {
      name: "over cpuid",
      body: `${CONTINUE()}${TRAP}cpuid\nxor eax, eax\n${UNTRAP}xor ebx, ebx\nxor ecx, ecx\nxor edx, edx`,
    },
    { name: "over out", body: `${CONTINUE()}mov al, 33\n${TRAP}out 0xe9, al\n${UNTRAP}` },
    { name: "over int3", body: `${CONTINUE("8")}${TRAP}int3\n${UNTRAP}` },
    {
      name: "over int 3 in ring 3",
      body: `${CONTINUE("8")}${toUser(".user", "0x102")}.user:\nnop\nint3\nnop\n${DONE}`,
    },
    {
      name: "over an interrupt gate",
      body: `${CONTINUE()}${
        gate(0x50, ".handler")
      }${TRAP}int 0x50\nnop\n${UNTRAP}jmp .after\n.handler:\nnop\nnop\niretq`,
    },
    { name: "a fault has no trap", body: `${CONTINUE()}${TRAP}ud2` },
    {
      name: "a fault that is repaired",
      body: `${CONTINUE()}${
        gate(14, ".handler")
      }mov ebx, 0x40000000\n${TRAP}mov cl, [rbx]\n${UNTRAP}jmp .after\n.handler:\nadd rsp, 8\nmov ebx, SCRATCH\niretq`,
      after: gate(14, "stubs + 14 * 16"),
    },
    { name: "jump to a page that is not there", body: `${CONTINUE()}mov ebx, 0x40000000\n${TRAP}jmp rbx` },
    {
      name: "iretq sets TF",
      body:
        `${CONTINUE()}push KDATA\npush STACK\npush 0x102\npush KCODE\npush .there\niretq\n.there:\nnop\nnop\n${UNTRAP}`,
    },
    {
      name: "iretq clears TF",
      body:
        `${CONTINUE()}${TRAP}push KDATA\npush STACK\npush 2\npush KCODE\npush .there\niretq\n.there:\nnop`,
    },
    { name: "popfq clears TF", body: `${CONTINUE()}push 2\n${TRAP}popfq\nnop` },
    { name: "in ring 3", body: `${CONTINUE()}${toUser(".user", "0x102")}.user:\nnop\nmov ecx, 3\n${DONE}` },
    {
      name: "in compatibility mode",
      body: `${CONTINUE()}${toUser(".user", "0x102", "UCODE32")}.user:\nnop\nmov ecx, 3\n${DONE}`,
    },
    {
      name: "syscall with TF cleared by FMASK",
      body: `${CONTINUE()}${wrmsr("0xc0000081", "0x0018000800000000")}${wrmsr("0xc0000082", ".entry")}${
        wrmsr("0xc0000084", "0x100")
      }
        ${toUser(".user", "0x102")}
        .user:
        nop
        syscall
        nop
        ${DONE}
        .entry:
        nop
        nop
        sysretq`,
    },
    {
      name: "syscall with TF kept",
      body: `${CONTINUE()}${wrmsr("0xc0000084", "0")}
        mov eax, .entry
        ${wrmsr("0xc0000082", ".entry")}
        ${toUser(".user", "0x102")}
        .user:
        nop
        syscall
        nop
        ${DONE}
        .entry:
        nop
        sysretq`,
    },
    {
      name: "sysret sets TF",
      body: `${CONTINUE()}mov ecx, .user\nmov r11d, 0x102\nsysretq\n.user:\nnop\n${DONE}`,
    },
    { name: "int1", body: `${CONTINUE()}nop\nint1\nnop` },
    // Data breakpoints.
    {
      name: "write",
      body: `${CONTINUE()}${
        breakpoint(0, "SCRATCH + 8", 1, 3)
      }mov [SCRATCH], eax\nmov ecx, [SCRATCH + 8]\nmov [SCRATCH + 8], eax\nnop`,
      after: OFF,
    },
    {
      name: "write of one byte of it",
      body: `${CONTINUE()}${
        breakpoint(1, "SCRATCH + 8", 1, 3)
      }mov [SCRATCH + 11], al\nmov [SCRATCH + 12], al\nmov [SCRATCH + 7], al`,
      after: OFF,
    },
    {
      name: "write that covers it",
      body: `${CONTINUE()}${
        breakpoint(2, "SCRATCH + 9", 1)
      }mov [SCRATCH + 8], rax\nmov [SCRATCH + 10], rax\nmovups [SCRATCH], xmm0`,
      after: OFF,
    },
    {
      name: "read or write",
      body: `${CONTINUE()}${
        breakpoint(3, "SCRATCH + 8", 3, 2)
      }mov ecx, [SCRATCH + 12]\nmov [SCRATCH + 15], al\nmov [SCRATCH + 16], al\nlea ecx, [SCRATCH + 8]`,
      after: OFF,
    },
    {
      name: "read-modify-write",
      body: `${CONTINUE()}${
        breakpoint(0, "SCRATCH + 8", 1, 3)
      }add [SCRATCH + 8], eax\nlock inc dword [SCRATCH + 8]\nxchg [SCRATCH + 8], ecx\nnot byte [SCRATCH + 9]`,
      after: OFF,
    },
    {
      name: "push and pop",
      body: `${CONTINUE()}${OTHER_STACK}${
        breakpoint(0, "SCRATCH + 0xf8", 3, 2)
      }push rax\npop rcx\npush rax\n`,
      after: `${OFF}mov rsp, [case_stack]\n`,
    },
    {
      name: "call and ret",
      body: `${CONTINUE()}${OTHER_STACK}${
        breakpoint(0, "SCRATCH + 0xf8", 3, 2)
      }call .f\nnop\njmp .after\n.f:\nnop\nret`,
      after: `${OFF}mov rsp, [case_stack]\n`,
    },
    {
      name: "several at once",
      body: `${CONTINUE()}${breakpoint(0, "SCRATCH + 8", 1, 3)}${
        breakpoint(2, "SCRATCH + 12", 3, 3)
      }mov [SCRATCH + 8], rax\nmov rcx, [SCRATCH + 8]`,
      after: OFF,
    },
    {
      name: "movsb",
      body: `${CONTINUE()}${breakpoint(0, "SCRATCH + 2", 3)}${
        breakpoint(1, "SCRATCH + 17", 1)
      }mov esi, SCRATCH\nmov edi, SCRATCH + 16\nmov ecx, 4\nrep movsb`,
      after: OFF + show("rcx"),
    },
    {
      name: "rep stosq over it",
      body: `${CONTINUE()}${breakpoint(0, "SCRATCH + 0x1004", 1)}mov edi, SCRATCH\nmov ecx, 0x400\nrep stosq`,
      after: OFF + show("rcx"),
    },
    {
      name: "in a loop",
      body: `${CONTINUE()}${
        breakpoint(0, "SCRATCH + 0x28", 1, 3)
      }mov edi, SCRATCH\n.again:\nmov [rdi], eax\nadd edi, 4\ncmp edi, SCRATCH + 0x40\njne .again`,
      after: OFF + show("rdi"),
    },
    {
      name: "written before it was enabled",
      body: `${CONTINUE()}mov [SCRATCH + 8], eax\nmov ecx, [SCRATCH + 8]\n${
        breakpoint(0, "SCRATCH + 8", 1, 3)
      }mov [SCRATCH + 8], eax`,
      after: OFF,
    },
    {
      name: "disabled again",
      body: `${CONTINUE()}${breakpoint(0, "SCRATCH + 8", 1, 3)}${OFF}mov [SCRATCH + 8], eax`,
    },
    {
      name: "local enable",
      body: `${CONTINUE()}mov eax, SCRATCH\nmov dr0, rax\nmov eax, 0x10001\nmov dr7, rax\nmov [SCRATCH], al`,
      after: OFF,
    },
    {
      name: "global enable",
      body: `${CONTINUE()}mov eax, SCRATCH\nmov dr0, rax\nmov eax, 0x10002\nmov dr7, rax\nmov [SCRATCH], al`,
      after: OFF,
    },
    {
      name: "in ring 3",
      body: `${CONTINUE()}${breakpoint(0, "SCRATCH", 1)}${
        toUser(".user")
      }.user:\nmov [SCRATCH], al\nnop\n${DONE}`,
      after: OFF,
    },
    {
      name: "across a page boundary",
      body: `${CONTINUE()}${
        breakpoint(0, "SCRATCH + 0x1000", 1)
      }mov [SCRATCH + 0xffd], eax\nmov [SCRATCH + 0xffc], eax\nmov ecx, [SCRATCH + 0xffe]`,
      after: OFF,
    },
    {
      name: "x87 and SSE",
      body: `${CONTINUE()}${
        breakpoint(0, "SCRATCH + 4", 3)
      }fnstcw [SCRATCH + 4]\nfldcw [SCRATCH + 4]\nmovups xmm0, [SCRATCH]`,
      after: OFF,
    },
    // Instruction breakpoints.
    {
      name: "instruction",
      body: `${breakpoint(0, ".at", 0)}nop\n.at:\nmov ecx, 5`,
      after: OFF + show("rcx"),
    },
    {
      name: "instruction continued with RF",
      body: `${gate(1, ".handler")}${
        breakpoint(0, ".at", 0)
      }mov ecx, 3\n.again:\nnop\n.at:\ndec ecx\njne .again\njmp .after\n.handler:\ninc ebp\nor dword [rsp + 16], 0x10000\niretq`,
      after: `${OFF}${gate(1, "stubs + 16")}${show("rbp", "hits")}`,
    },
    {
      name: "in the middle of an instruction",
      body: `${breakpoint(0, ".at + 1", 0)}nop\n.at:\nmov ecx, 5`,
      after: OFF + show("rcx"),
    },
    {
      name: "instruction in ring 3",
      body: `${breakpoint(1, ".at", 0)}${toUser(".user")}.user:\nnop\n.at:\nnop\n${DONE}`,
      after: OFF,
    },
    {
      name: "first instruction of a handler",
      body: `${gate(0x50, ".handler")}${
        breakpoint(0, ".handler", 0)
      }int 0x50\njmp .after\n.handler:\nmov ecx, 5\niretq`,
      after: OFF + show("rcx"),
    },
    { name: "instruction that faults", body: `${breakpoint(0, ".at", 0)}.at:\nud2`, after: OFF },
    { name: "branch to it", body: `${breakpoint(0, ".at", 0)}jmp .at\nnop\n.at:\nnop`, after: OFF },
    // The registers.
    {
      name: "fixed bits",
      body:
        "mov eax, 0xffff0fff\nmov dr6, rax\nmov rbx, dr6\nxor eax, eax\nmov dr6, rax\nmov rcx, dr6\nmov dr7, rax\nmov rdx, dr7",
      after: show("rbx", "dr6") + show("rcx", "dr6") + show("rdx", "dr7"),
    },
    { name: "dr4 is dr6", body: "mov rcx, dr4\nmov rdx, dr5", after: show("rcx") + show("rdx") },
    {
      name: "dr4 with CR4.DE",
      body: "mov rax, cr4\nor eax, 8\nmov cr4, rax\nmov rcx, dr4",
      after: "mov rax, cr4\nand eax, ~8\nmov cr4, rax",
    },
    { name: "debug registers in ring 3", body: `${toUser(".user")}.user:\nmov rax, dr0` },
    { name: "upper half of dr7", body: "mov rax, 0x100000400\nmov dr7, rax" },
    {
      name: "port",
      body: `${CONTINUE()}mov rax, cr4\nor eax, 8\nmov cr4, rax\n${
        breakpoint(0, "0x80", 2)
      }out 0x80, al\nnop\nout 0x81, al\nin al, 0x80`,
      after: `${OFF}mov rax, cr4\nand eax, ~8\nmov cr4, rax\n`,
    },
  ]),
  differences: {
    "over cli and sti": {
      here:
        "#1 dr6=ffff4ff0 ip=+15 cs=8 fl=302 sp=+0 ss=10 #1 dr6=ffff4ff0 ip=+16 cs=8 fl=102 sp=+0 ss=10 #1 dr6=ffff4ff0 ip=+17 cs=8 fl=102 sp=-8 ss=10 #1 dr6=ffff4ff0 ip=+1e cs=8 fl=102 sp=-8 ss=10 #1 dr6=ffff4ff0 ip=+1f cs=8 fl=2 sp=+0 ss=10",
      why: "STI holds off interrupts, not debug traps",
    },
    "int1": { here: "#1 dr6=ffff0ff0 ip=+d cs=8 fl=2 sp=+0 ss=10", why: "INT1 is a trap to vector 1" },
    "write that covers it": {
      here: "#1 dr6=ffff0ff4 ip=+2b cs=8 fl=2 sp=+0 ss=10 #1 dr6=ffff0ff4 ip=+3b cs=8 fl=2 sp=+0 ss=10",
      why: "The second write does not touch the byte",
    },
    "several at once": {
      here: "#1 dr6=ffff0ff5 ip=+43 cs=8 fl=2 sp=+0 ss=10 #1 dr6=ffff0ff4 ip=+4b cs=8 fl=2 sp=+0 ss=10",
      why: "All breakpoints that an instruction meets are in DR6",
    },
    "movsb": {
      here: "#1 dr6=ffff0ff2 ip=+4a cs=8 fl=2 sp=+0 ss=10 #1 dr6=ffff0ff1 ip=+4a cs=8 fl=2 sp=+0 ss=10 rcx=0",
      why: "Each element of a repeated instruction has its own causes",
    },
  },
};
