/**
 * Transfers of control in 64-bit mode: interrupts with and without IST, IRETQ, far transfers, call gates, system calls.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { DONE, longGuest, toUser } from "../runtime/long.ts";
import { say, show } from "../runtime/printing.ts";

/** Statements that make gate `vector` lead to `label`. */
export function gate(vector: number, label: string, type = 0x8e, ist = 0): string {
  const at = `IDT + ${vector} * 16`;
  return `mov eax, ${label}
    mov [${at}], ax
    shr eax, 16
    mov [${at} + 6], ax
    mov byte [${at} + 4], ${ist}
    mov byte [${at} + 5], ${type}\n`;
}

/** Statements that write a model-specific register. */
export function wrmsr(number: string, value: string): string {
  return `mov ecx, ${number}
    mov rax, ${value}
    mov rdx, rax
    shr rdx, 32
    wrmsr\n`;
}

/** A handler that prints its stack pointer and frame, and returns. */
const FRAME = `
  ${show("rsp")}
  ${show("qword [rsp]", "rip")}
  ${show("qword [rsp + 8]", "cs")}
  ${show("qword [rsp + 16]", "fl")}
  ${show("qword [rsp + 24]", "rsp")}
  ${show("qword [rsp + 32]", "ss")}
`;

const SEGMENTS = `mov ecx, cs
  ${show("rcx", "cs")}
  mov ecx, ss
  ${show("rcx", "ss")}
`;

/** A free descriptor of the GDT becomes `value`. */
const descriptor = (index: number, value: string) =>
  `mov rax, ${value}\nmov [gdt_free + ${index * 8}], rax\n`;

/** A far pointer of 32 + 16 bits at SCRATCH. */
const pointer = (selector: string, offset: string) =>
  `mov dword [SCRATCH], ${offset}\nmov word [SCRATCH + 4], ${selector}\n`;

/** A 64-bit call gate in descriptors 0 and 1. */
const callGate = (label: string, access = 0xec, selector = "KCODE") => `
  mov eax, ${label}
  mov [gdt_free], ax
  mov word [gdt_free + 2], ${selector}
  mov word [gdt_free + 4], ${access << 8}
  shr eax, 16
  mov [gdt_free + 6], ax
  mov qword [gdt_free + 8], 0
`;

export const longTransfers: Guest = {
  name: "long_transfers",
  source: longGuest("long_transfers", [
    {
      name: "interrupt gate",
      body: `${gate(0x50, ".handler")}
        push 1
        int 0x50
        ${say(" back")}
        jmp .after
        .handler:
        ${FRAME}
        pushfq
        pop rax
        ${show("rax", "handler_fl")}
        iretq`,
    },
    {
      name: "interrupt gate clears IF and a trap gate does not",
      body: `${gate(0x50, ".handler")}${gate(0x51, ".handler", 0x8f)}
        sti
        int 0x50
        int 0x51
        cli
        jmp .after
        .handler:
        pushfq
        pop rax
        ${show("rax", "fl")}
        iretq`,
    },
    {
      name: "IST",
      body: `${gate(0x50, ".handler", 0x8e, 2)}
        mov rsp, STACK - 0x103
        int 0x50
        ${show("rsp")}
        jmp .after
        .handler:
        ${FRAME}
        iretq`,
      after: "mov rsp, [case_stack]",
    },
    {
      name: "misaligned stack",
      body: `${gate(0x50, ".handler")}
        sub rsp, 5
        int 0x50
        ${show("rsp")}
        jmp .after
        .handler:
        ${show("rsp")}
        iretq`,
      after: "mov rsp, [case_stack]",
    },
    {
      name: "from ring 3",
      body: `${gate(0x50, ".handler", 0xee)}
        ${toUser(".user")}
        .user:
        mov rsp, USER_STACK - 0x20
        int 0x50
        ${SEGMENTS}
        ${DONE}
        .handler:
        ${FRAME}
        ${SEGMENTS}
        iretq`,
    },
    {
      name: "from ring 3 through IST",
      body: `${gate(0x50, ".handler", 0xee, 3)}
        ${toUser(".user")}
        .user:
        int 0x50
        ${show("rsp")}
        ${DONE}
        .handler:
        ${FRAME}
        iretq`,
    },
    {
      name: "iretq keeps data segments that ring 3 may use",
      body: `mov eax, UDATA
        mov ds, ax
        mov eax, KDATA
        mov es, ax
        ${toUser(".user")}
        .user:
        mov ecx, ds
        ${show("rcx", "ds")}
        mov ecx, es
        ${show("rcx", "es")}
        ${DONE}`,
    },
    {
      name: "iretq to null stack in ring 0",
      body: `push 0\npush STACK - 0x80\npush 2\npush KCODE\npush .there\niretq\n.there:\n${SEGMENTS}`,
    },
    {
      name: "iretq to null stack in ring 3",
      body: "push 3\npush USER_STACK\npush 2\npush UCODE\npush .after\niretq",
    },
    { name: "iretq to null code", body: "push UDATA\npush USER_STACK\npush 2\npush 0\npush .after\niretq" },
    { name: "iretq to data", body: "push UDATA\npush USER_STACK\npush 2\npush UDATA\npush .after\niretq" },
    {
      name: "iretq to ring 0 code with RPL 3",
      body: "push UDATA\npush USER_STACK\npush 2\npush KCODE + 3\npush .after\niretq",
    },
    {
      name: "iretq with ring 0 stack to ring 3",
      body: "push KDATA\npush USER_STACK\npush 2\npush UCODE\npush .after\niretq",
    },
    {
      name: "iretq beyond the GDT",
      body: "push UDATA\npush USER_STACK\npush 2\npush 0xff00\npush .after\niretq",
    },
    {
      name: "iretq with NT",
      body:
        "pushfq\nor dword [rsp], 0x4000\npopfq\npush KDATA\npush STACK\npush 2\npush KCODE\npush .after\niretq",
    },
    {
      name: "iretq sets flags",
      body:
        `push KDATA\npush STACK - 0x80\npush 0x3fcd7\npush KCODE\npush .there\niretq\n.there:\npushfq\npop rbx\npush 2\npopfq\n${
          show("rbx", "fl")
        }`,
    },
    {
      name: "iretq in ring 3 cannot set IF or IOPL",
      body: `${toUser(".user")}
        .user:
        push UDATA
        push USER_STACK
        push 0x3ed7
        push UCODE
        push .there
        iretq
        .there:
        pushfq
        pop rbx
        ${show("rbx", "fl")}
        ${DONE}`,
    },
    {
      name: "compatibility mode in ring 3",
      body: `mov eax, UDATA
        mov ds, ax
        mov es, ax
        mov rbx, 0x1122334455667788
        ${toUser(".user32", "2", "UCODE32")}
        bits 32
        .user32:
        mov ax, cs
        inc eax
        mov ecx, [SCRATCH]
        mov esi, 0xfffffff0
        mov dl, [esi + 0x300010]
        push eax
        db 0x48 ; DEC EAX here, REX.W in 64-bit mode
        push eax
        int 0x40
        bits 64`,
      after: show("rax") + show("rbx") + show("rdx"),
    },
    {
      name: "fault in compatibility mode",
      body: `${toUser(".user32", "2", "UCODE32")}
        bits 32
        .user32:
        mov eax, 0x40000000
        mov eax, [es:eax]
        bits 64`,
    },
    {
      name: "64-bit instruction in compatibility mode",
      body: `${toUser(".user32", "2", "UCODE32")}
        bits 32
        .user32:
        db 0x0f, 0x01, 0xf8 ; SWAPGS
        bits 64`,
    },
    {
      name: "compatibility mode in ring 0 and back",
      body: `push qword KCODE32
        push .there
        retfq
        bits 32
        .there:
        mov ecx, cs
        jmp KCODE:.back
        bits 64
        .back:
        mov edx, cs
        ${show("rcx")}
        ${show("rdx")}`,
    },
    {
      name: "far return to ring 3",
      body: `push UDATA\npush USER_STACK\npush UCODE\npush .user\nretfq\n.user:\n${SEGMENTS}${
        show("rsp")
      }${DONE}`,
    },
    {
      name: "far return with release",
      body: `push UDATA\npush USER_STACK\npush 7\npush 7\npush UCODE\npush .user\nretfq 16\n.user:\n${
        show("rsp")
      }${DONE}`,
    },
    { name: "far return inwards", body: `${toUser(".user")}.user:\npush KCODE\npush .after\nretfq` },
    {
      name: "far jump through memory",
      body: `${pointer("KCODE", ".there")}jmp far dword [SCRATCH]\nud2\n.there:\n${SEGMENTS}`,
    },
    { name: "far jump to data", body: `${pointer("KDATA", ".after")}jmp far dword [SCRATCH]` },
    { name: "far jump to null", body: `${pointer("0", ".after")}jmp far dword [SCRATCH]` },
    { name: "far jump to TSS", body: `${pointer("TSS", ".after")}jmp far dword [SCRATCH]` },
    { name: "far jump to other privilege", body: `${pointer("UCODE", ".after")}jmp far dword [SCRATCH]` },
    {
      name: "far jump to not present code",
      body: `${descriptor(0, "0x00af1b000000ffff")}${pointer("FREE", ".after")}jmp far dword [SCRATCH]`,
    },
    {
      name: "far jump with L and D",
      body: `${descriptor(0, "0x00ef9b000000ffff")}${pointer("FREE", ".after")}jmp far dword [SCRATCH]`,
    },
    {
      name: "far jump to conforming code",
      body: `${descriptor(0, "0x00af9e000000ffff")}${
        pointer("FREE", ".there")
      }jmp far dword [SCRATCH]\n.there:\n${SEGMENTS}${show("qword [gdt_free]", "descriptor")}`,
    },
    {
      name: "far call and return",
      body: `${pointer("KCODE", ".there")}push 9\ncall far dword [SCRATCH]\n${
        show("rsp")
      }jmp .after\n.there:\n${show("qword [rsp]", "top")}retf`,
      after: "mov rsp, [case_stack]",
    },
    {
      name: "far jump out of compatibility limits",
      body: `${descriptor(0, "0x00409b000000ffff")}${pointer("FREE", ".after")}jmp far dword [SCRATCH]`,
    },
    {
      name: "call gate",
      body: `${callGate(".gate")}
        ${pointer("FREE", "0")}
        push 5
        call far dword [SCRATCH]
        ${show("rsp")}
        jmp .after
        .gate:
        ${show("qword [rsp]", "rip")}
        ${show("qword [rsp + 8]", "cs")}
        retfq`,
      after: "mov rsp, [case_stack]",
    },
    {
      name: "call gate from ring 3",
      body: `${callGate(".gate")}
        ${pointer("FREE + 3", "0")}
        ${toUser(".user")}
        .user:
        call far dword [SCRATCH]
        ${SEGMENTS}
        ${show("rsp")}
        ${DONE}
        .gate:
        ${show("rsp")}
        ${show("qword [rsp + 8]", "cs")}
        ${show("qword [rsp + 16]", "rsp")}
        ${show("qword [rsp + 24]", "ss")}
        ${SEGMENTS}
        retfq`,
    },
    {
      name: "call gate without privilege",
      body: `${callGate(".after", 0x8c)}${pointer("FREE + 3", "0")}${
        toUser(".user")
      }.user:\ncall far dword [SCRATCH]`,
    },
    {
      name: "call gate not present",
      body: `${callGate(".after", 0x6c)}${pointer("FREE", "0")}call far dword [SCRATCH]`,
    },
    {
      name: "call gate to 32-bit code",
      body: `${callGate(".after", 0xec, "KCODE32")}${pointer("FREE", "0")}call far dword [SCRATCH]`,
    },
    { name: "gate not present", body: `${gate(0x50, ".after", 0x6e)}int 0x50` },
    { name: "gate of wrong type", body: `${gate(0x50, ".after", 0x85)}int 0x50` },
    { name: "gate to data", body: `${gate(0x50, ".after")}mov word [IDT + 0x50 * 16 + 2], KDATA\nint 0x50` },
    {
      name: "gate to 32-bit code",
      body: `${gate(0x50, ".after")}mov word [IDT + 0x50 * 16 + 2], KCODE32\nint 0x50`,
    },
    {
      name: "gate to null",
      body: `${gate(0x50, ".after")}mov word [IDT + 0x50 * 16 + 2], 0\nint 0x50`,
      after: "mov word [IDT + 0x50 * 16 + 2], KCODE",
    },
    {
      name: "double fault on its own stack",
      body: "mov rsp, 0x40000ff0\npush rax",
      after: "mov rsp, [case_stack]",
    },
    {
      name: "double fault from a bad gate",
      body: `mov byte [IDT + 13 * 16 + 5], 0
        mov eax, 0xff00
        mov ds, ax`,
      after: "mov byte [IDT + 13 * 16 + 5], 0x8e",
    },
    {
      name: "page fault while a general protection fault is delivered",
      body: `mov rax, [IDT + 13 * 16]
        mov [SCRATCH], rax
        mov rsp, 0x40000ff0
        mov eax, 0xff00
        mov ds, ax`,
      after: "mov rsp, [case_stack]",
    },
    {
      name: "SYSCALL and SYSRET",
      body: `${wrmsr("0xc0000081", "0x0018000800000000")}
        ${wrmsr("0xc0000082", ".entry")}
        ${wrmsr("0xc0000084", "0x40600")}
        ${toUser(".user", "0xad7")}
        .user:
        std
        mov r11d, 0
        syscall
        .returned:
        pushfq
        pop rbx
        ${show("rbx", "fl")}
        cld
        ${SEGMENTS}
        ${show("rsp")}
        ${DONE}
        .entry:
        mov rax, rcx
        sub rax, .returned
        ${show("rax", "rcx")}
        ${show("r11")}
        ${show("rsp")}
        mov rdi, rcx
        pushfq
        pop rax
        ${show("rax", "fl")}
        ${SEGMENTS}
        mov rcx, rdi
        or r11d, 0x14000 ; NT, RF
        sysretq`,
    },
    {
      name: "SYSRET to compatibility mode",
      body: `${wrmsr("0xc0000081", "0x0018000800000000")}
        mov rsp, 0x1234567800000000 + USER_STACK
        mov ecx, .user
        mov r11d, 2
        sysret
        bits 32
        .user:
        mov eax, cs
        int 0x40
        bits 64`,
      after: show("rax", "cs"),
    },
    { name: "SYSRET to non-canonical address", body: `mov rcx, 0x800000000000\nmov r11d, 2\nsysretq` },
    { name: "SYSRET in ring 3", body: `${toUser(".user")}.user:\nmov ecx, .after\nsysretq` },
    {
      name: "SYSCALL without EFER.SCE",
      body: `${wrmsr("0xc0000080", "0xd00")}syscall`,
      after: wrmsr("0xc0000080", "0xd01"),
    },
    {
      name: "SYSENTER and SYSEXIT",
      body: `${wrmsr("0x174", "KCODE")}
        ${wrmsr("0x175", "STACK - 0x200")}
        ${wrmsr("0x176", ".entry")}
        ${toUser(".user", "0x202")}
        .user:
        sysenter
        .returned:
        ${SEGMENTS}
        ${show("rsp")}
        pushfq
        pop rbx
        ${show("rbx", "fl")}
        ${DONE}
        .entry:
        ${show("rsp")}
        ${SEGMENTS}
        pushfq
        pop rax
        ${show("rax", "fl")}
        mov edx, .returned
        mov ecx, USER_STACK - 0x40
        sysexitq`,
    },
    {
      name: "SYSEXIT to compatibility mode",
      body: `mov edx, .user
        mov rcx, 0x1234567800000000 + USER_STACK
        sysexit
        bits 32
        .user:
        mov eax, cs
        mov ebx, ss
        mov ecx, esp
        int 0x40
        bits 64`,
      after: show("rax", "cs") + show("rbx", "ss") + show("rcx", "sp"),
    },
    { name: "SYSEXIT in ring 3", body: `${toUser(".user")}.user:\nsysexitq` },
    { name: "SYSENTER with null selector", body: `${wrmsr("0x174", "0")}sysenter` },
    {
      name: "SWAPGS",
      body: `${wrmsr("0xc0000101", "SCRATCH")}
        ${wrmsr("0xc0000102", "SCRATCH + 0x100")}
        mov dword [SCRATCH], 0x1111
        mov dword [SCRATCH + 0x100], 0x2222
        mov eax, [gs:0]
        swapgs
        mov ebx, [gs:0]
        mov ecx, 0xc0000102
        mov edi, ebx
        rdmsr
        swapgs
        mov esi, [gs:0]`,
      after: show("rdi") + show("rax", "kernel_gs") + show("rsi"),
    },
    { name: "SWAPGS in ring 3", body: `${toUser(".user")}.user:\nswapgs` },
    {
      name: "FS base",
      body: `${wrmsr("0xc0000100", "0xffffffffffff0000")}
        mov rbx, SCRATCH + 0x10000
        mov dword [SCRATCH], 0x3333
        mov eax, [fs:rbx]
        mov ecx, 0
        mov fs, cx
        mov ecx, 0xc0000100
        push rax
        rdmsr
        pop rbx`,
      after: show("rbx") + show("rax", "base_low"),
    },
    { name: "FS base not canonical", body: wrmsr("0xc0000100", "0x800000000000") },
    { name: "LSTAR not canonical", body: wrmsr("0xc0000082", "0x800000000000") },
    {
      name: "segment registers load bases",
      body: `${descriptor(0, "0x00cff3345678ffff")}
        mov eax, FREE
        mov gs, ax
        mov ecx, 0xc0000101
        rdmsr
        mov ebx, eax
        mov ecx, FREE
        mov ds, cx
        mov [SCRATCH], ebx
        mov esi, SCRATCH
        mov edx, [esi]`,
      after: show("rbx") + show("rdx") + "mov eax, KDATA\nmov ds, ax",
    },
    { name: "WRFSBASE without CR4.FSGSBASE", body: "wrfsbase rax" },
    {
      name: "WRFSBASE and RDGSBASE",
      body: `mov rax, cr4
        or eax, 0x10000
        mov cr4, rax
        mov rbx, 0xffff800012345678
        wrfsbase rbx
        rdfsbase rcx
        wrgsbase ebx
        rdgsbase rdx
        mov rbx, 0x8000000000000000
        wrfsbase rbx`,
      after: show("rcx") + show("rdx") + "mov rax, cr4\nand eax, ~0x10000\nmov cr4, rax",
    },
    {
      name: "mov to ss of null in ring 0",
      body: "xor eax, eax\nmov ss, ax\nmov ecx, ss\npush rax",
      after: show("rcx") + "mov eax, KDATA\nmov ss, ax\nmov rsp, [case_stack]",
    },
    { name: "mov to ss of null in ring 3", body: `${toUser(".user")}.user:\nxor eax, eax\nmov ss, ax` },
    { name: "mov to ss of ring 3 in ring 0", body: "mov eax, UDATA\nmov ss, ax" },
    {
      name: "mov to ds of code",
      body: `mov eax, KCODE\nmov ds, ax\nmov ecx, ds`,
      after: show("rcx") + "mov eax, KDATA\nmov ds, ax",
    },
    { name: "mov to ds of TSS", body: "mov eax, TSS\nmov ds, ax" },
    { name: "mov to ds beyond the GDT", body: "mov eax, 0xfff3\nmov ds, ax" },
    { name: "mov to ds of LDT without one", body: "xor eax, eax\nlldt ax\nmov eax, 0xc\nmov ds, ax" },
    {
      name: "mov to ds not present",
      body: `${descriptor(0, "0x00cf73000000ffff")}mov eax, FREE\nmov ds, ax`,
    },
    {
      name: "mov to ss not present",
      body: `${descriptor(0, "0x00cf13000000ffff")}mov eax, FREE\nmov ss, ax`,
    },
    { name: "mov to ds of ring 0 in ring 3", body: `${toUser(".user")}.user:\nmov eax, KDATA\nmov ds, ax` },
    { name: "mov to cs", body: "mov eax, KCODE\ndb 0x8e, 0xc8" },
    {
      name: "accessed bit",
      body: `${descriptor(0, "0x00cff2000000ffff")}mov eax, FREE\nmov es, ax\n${
        show("qword [gdt_free]", "descriptor")
      }`,
    },
    { name: "ltr of busy TSS", body: "mov eax, TSS\nltr ax" },
    { name: "ltr of data", body: "mov eax, KDATA\nltr ax" },
    { name: "str sldt", body: "str eax\nmov ecx, -1\nsldt cx", after: show("rax") + show("rcx") },
    { name: "lldt of not an LDT", body: "mov eax, KDATA\nlldt ax" },
    {
      name: "LDT",
      body: `mov dword [gdt_free], 0xf
        mov rax, SCRATCH
        mov [gdt_free + 2], ax
        shr eax, 16
        mov [gdt_free + 4], al
        mov word [gdt_free + 5], 0x82
        mov byte [gdt_free + 7], 0
        mov qword [gdt_free + 8], 0
        mov rax, 0x00cff3000000ffff
        mov [SCRATCH + 8], rax
        mov eax, FREE
        lldt ax
        mov eax, 0x0f
        mov fs, ax
        mov ecx, fs
        sldt edx
        mov eax, 0x17
        mov fs, ax`,
      after: show("rcx") + show("rdx") + "xor eax, eax\nlldt ax\nmov fs, ax",
    },
    {
      name: "lar lsl",
      body:
        "mov ebx, KCODE\nmov eax, -1\nlar eax, ebx\nsetz cl\nlsl edx, ebx\nmov ebx, TSS\nlar esi, ebx\nlsl edi, ebx\nmov ebx, 0xff00\nlar ebp, ebx\nsetz ch",
      after: show("rax") + show("rcx") + show("rdx") + show("rsi") + show("rdi") + show("rbp"),
    },
    {
      name: "verr verw",
      body:
        "mov ebx, KCODE\nverr bx\nsetz al\nverw bx\nsetz ah\nmov ebx, KDATA\nverr bx\nsetz cl\nverw bx\nsetz ch",
      after: show("rax") + show("rcx"),
    },
    {
      name: "UMIP",
      body: `mov rax, cr4\nor eax, 0x800\nmov cr4, rax\n${toUser(".user")}.user:\nsmsw eax`,
      after: "mov rax, cr4\nand eax, ~0x800\nmov cr4, rax",
    },
    {
      name: "sgdt in ring 3 with UMIP off",
      body: `${toUser(".user")}.user:\nsidt [SCRATCH]\n${DONE}`,
      after: show("qword [SCRATCH]", "idt"),
    },
    {
      name: "cr8",
      body: "mov eax, 5\nmov cr8, rax\nmov rbx, cr8\nxor eax, eax\nmov cr8, rax\nmov eax, 16\nmov cr8, rax",
      after: show("rbx"),
    },
    { name: "cr1", body: "db 0x0f, 0x20, 0xc8" },
  ]),
  differences: {
    "far jump with L and D": {
      here: "#d e=50 ip=+27 cs=8 fl=2 sp=+0 ss=10",
      why: "L and D both set is a #GP",
    },
    "far jump to conforming code": {
      here: "cs=50 ss=10 descriptor=af9f000000ffff",
      why: "A far jump sets the accessed bit of its code segment",
    },
    "gate not present": {
      here: "#b e=282 ip=+28 cs=8 fl=2 sp=+0 ss=10",
      why: "The error code is 8 times the vector, plus 2",
    },
    "gate of wrong type": {
      here: "#d e=282 ip=+28 cs=8 fl=2 sp=+0 ss=10",
      why: "The error code is 8 times the vector, plus 2",
    },
    "SYSRET to non-canonical address": {
      here: "#d ip=+10 cs=8 fl=2 sp=+0 ss=10",
      why: "Intel's processors fault before they leave ring 0",
    },
    "FS base not canonical": { here: "#d ip=+16 cs=8 fl=2 sp=+0 ss=10", why: "WRMSR checks addresses" },
    "LSTAR not canonical": { here: "#d ip=+16 cs=8 fl=2 sp=+0 ss=10", why: "WRMSR checks addresses" },
    "WRFSBASE and RDGSBASE": {
      here: "#d ip=+33 cs=8 fl=2 sp=+0 ss=10 rcx=ffff800012345678 rdx=12345678",
      why: "WRFSBASE checks its operand",
    },
    "cr8": { here: "#d ip=+18 cs=8 fl=2 sp=+0 ss=10 rbx=5", why: "Bits 63 to 4 of CR8 are reserved" },
  },
};
