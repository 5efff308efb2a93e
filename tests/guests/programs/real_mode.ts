/**
 * Real mode: interrupts, segments, 16-bit addresses and stacks, and the ways into protected mode and back.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { realGuest, restore, say, show, vector } from "../runtime/real.ts";

/** Statements that enter 16-bit protected mode, run `body` there and come back. */
const inProtectedMode = (body: string) =>
  `mov eax, cr0\nor al, 1\nmov cr0, eax\n${body}\nmov eax, cr0\nand al, 0xfe\nmov cr0, eax\n`;

export const realMode: Guest = {
  name: "real_mode",
  source: realGuest("real_mode", [
    {
      name: "int",
      body: `${vector(0x50, ".handler")}sti\nint 0x50\n${
        say(" back")
      }cli\njmp .after\n.handler:\nmov bp, sp\nmovzx eax, word [bp]\nsub ax, .body\nmovzx ebx, word [bp + 2]\nmovzx ecx, word [bp + 4]\nand cx, ~0x8d5\npushf\npop dx\nand dx, 0x200\n${
        show("eax", "ip")
      }${show("ebx", "cs")}${show("ecx", "fl")}${show("edx", "if")}iret`,
    },
    {
      name: "int in another segment",
      body: `mov word [0x50 * 4], 0\nmov word [0x50 * 4 + 2], .handler >> 4\nint 0x50\n${
        show("eax")
      }jmp .after\nalign 16\n.handler:\nmov ax, cs\nsub ax, .handler >> 4\nor ax, 0x100\niret`,
    },
    { name: "divide error", body: "xor cx, cx\ndiv cx" },
    { name: "undefined instruction", body: "nop\nud2" },
    { name: "int3", body: "mov dword [continued], 8\nint3\nmov cl, 5", after: show("ecx") },
    { name: "into", body: "mov al, 0x7f\nadd al, 1\ninto" },
    { name: "bound", body: "mov word [DATA], 5\nmov word [DATA + 2], 9\nmov ax, 10\nbound ax, [DATA]" },
    {
      name: "iret keeps the upper half of the flags",
      body: "pushfw\npush cs\npush word .there\niretw\n.there:\npushfd\npop eax\nand eax, ~0x8d5",
      after: show("eax"),
    },
    {
      name: "iretd",
      body:
        "push dword 0x200202\npush dword 0\npush dword .there\niretd\n.there:\npushfd\npop eax\ncli\npush dword 2\npopfd",
      after: show("eax"),
    },
    {
      name: "single step",
      body:
        "mov dword [continued], 2\npushf\npop ax\nor ax, 0x100\npush ax\npopf\nnop\nmov cx, 3\npushf\npop ax\nand ax, ~0x100\npush ax\npopf\nnop",
    },
    {
      name: "lidt",
      body:
        `mov word [DATA], 0x3ff\nmov dword [DATA + 2], 0x20000\nmov ax, 0x2000\nmov es, ax\nmov word [es:0x50 * 4], .handler\nmov word [es:0x50 * 4 + 2], 0\no32 lidt [DATA]\nint 0x50\n${
          say(" back")
        }jmp .after\n.handler:\n${say(" handler")}iret`,
      after: "o32 lidt [ivt_pointer]\n",
    },
    {
      name: "sidt",
      body: "sidt [DATA]\nmov eax, [DATA]\nmov ebx, [DATA + 2]",
      after: show("eax") + show("ebx"),
    },
    // Transfers.
    {
      name: "far call and return",
      body: "call 0:.f\nmov bx, 7\njmp .after\n.f:\nmov bp, sp\nmovzx ecx, word [bp + 2]\nmov ax, 5\nretf",
      after: show("eax") + show("ebx") + show("ecx"),
    },
    {
      name: "far call to another segment",
      body:
        "mov word [DATA], 0\nmov word [DATA + 2], .f >> 4\ncall far [DATA]\njmp .after\nalign 16\n.f:\nmov ax, cs\nsub ax, .f >> 4\nor ax, 0x100\nretf",
      after: show("eax"),
    },
    {
      name: "far call of 32 bits",
      body:
        "mov dword [DATA], .f\nmov word [DATA + 4], 0\nmov bx, sp\no32 call far [DATA]\njmp .after\n.f:\nsub bx, sp\no32 retf",
      after: show("ebx"),
    },
    {
      name: "far return with release",
      body: "mov bx, sp\npush word 1\npush word 2\npush cs\npush word .f\nretf 4\n.f:\nsub bx, sp",
      after: show("ebx"),
    },
    {
      name: "near call of 32 bits",
      body: "mov bx, sp\nmov eax, .f\ncall eax\njmp .after\n.f:\nsub bx, sp\no32 ret",
      after: show("ebx"),
    },
    {
      name: "indirect jumps",
      body: "mov word [DATA], .a\njmp word [DATA]\nud2\n.a:\nmov eax, .b\njmp ax\nud2\n.b:\nmov cx, 3",
      after: show("ecx"),
    },
    {
      name: "ip wraps with a 16-bit branch",
      body:
        "mov cx, 0x1000\nmov es, cx\nmov byte [es:0xfff0], 0xeb\nmov byte [es:0xfff1], 0x7e\nmov byte [es:0x70], 0xcb\npush cs\npush word .back\njmp 0x1000:0xfff0\n.back:\nmov bx, 6",
      after: show("ebx"),
    },
    {
      name: "loop and jcxz",
      body: "mov ecx, 0x10003\n.a:\ninc ax\nloop .a\njcxz .b\nmov bx, 1\n.b:\njecxz .c\nmov dx, 2\n.c:",
      after: show("eax") + show("ebx") + show("ecx") + show("edx"),
    },
    // Segments and addresses.
    {
      name: "segment times 16",
      body:
        "mov dword [DATA], 0x12345678\nmov ax, DATA >> 4\nmov es, ax\nmov ebx, [es:0]\nmov ax, (DATA >> 4) - 1\nmov fs, ax\nmov ecx, [fs:16]",
      after: show("ebx") + show("ecx"),
    },
    {
      name: "high memory area",
      body:
        "mov ax, 0xffff\nmov es, ax\nmov dword [es:0x10], 0x87654321\nmov ebx, [es:0x10]\nmov ecx, [0]\ncmp ebx, ecx\nsetne dl",
      after: show("ebx") + show("edx"),
    },
    {
      name: "all addressing forms",
      body:
        "mov bx, DATA\nmov si, 2\nmov di, 4\nmov bp, DATA + 0x10\nmov word [DATA], 0x1111\nmov word [DATA + 2], 0x2222\nmov word [DATA + 4], 0x4444\nmov word [DATA + 0x12], 0x8888\nmov word [DATA + 0x14], 0x9999\nmov ax, [bx + si]\nadd ax, [bx + di]\nmov cx, [bp + si]\nadd cx, [bp + di]\nmov dx, [bx]\nadd dx, [bp - 16]\nadd dx, [bx + 4]\nadd dx, [bp + si - 0x10]\nmov si, DATA\nadd dx, [si]\nmov di, DATA + 2\nadd dx, [di]\nadd dx, [DATA + 4]",
      after: show("eax") + show("ecx") + show("edx"),
    },
    {
      name: "offsets wrap at 64 KiB",
      body:
        "mov word [4], 0\nmov ax, [0x10 * 4]\nmov bx, 0x8000\nmov si, 0x8040\nmov cx, [bx + si]\nmov bx, 0xffff\nmov dx, [bx + 0x41]\ncmp ax, cx\nsete al\ncmp cx, dx\nsete ah\nmovzx eax, ax",
      after: restore(1) + show("eax"),
    },
    {
      name: "bp is in the stack segment",
      body:
        "mov ax, 0x2000\nmov ss, ax\nmov word [0x20], 0\nmov bp, 0x20\nmov word [bp], 0x5678\nmov bx, [0x20]\nmov cx, [bp]\nxor ax, ax\nmov ss, ax",
      after: `${restore(8)}${show("ebx")}${show("ecx")}`,
    },
    {
      name: "32-bit addresses",
      body:
        "mov ebx, DATA\nmov ecx, 4\nmov dword [ebx + ecx * 2], 0x99\nmov eax, [ebx + ecx + 4]\nmov edx, [ebx + 8]\nmov esp, STACK\npush dword 0x55\nmov esi, [esp]\npop edi",
      after: show("eax") + show("edx") + show("esi"),
    },
    {
      name: "lds, les, lss",
      body:
        "mov word [DATA], 0x1234\nmov word [DATA + 2], 0x2000\nles bx, [DATA]\nmov ax, es\nmov word [DATA + 4], STACK - 0x20\nmov word [DATA + 6], 0\nlss sp, [DATA + 4]\nmov cx, sp",
      after: "mov sp, [case_stack]\n" + show("eax") + show("ebx") + show("ecx"),
    },
    {
      name: "lea",
      body:
        "mov bx, 0xfff0\nmov si, 0x20\nlea ax, [bx + si]\nlea ecx, [bx + si + 0x7fff]\nmov ebx, 0x12345678\nlea edx, [ebx + 8]\nlea di, [ebx + 8]",
      after: show("eax") + show("ecx") + show("edx") + show("edi"),
    },
    // Stacks.
    {
      name: "sizes of pushes",
      body:
        "mov bp, sp\npush ax\nmov cx, bp\nsub cx, sp\npush eax\nmov dx, bp\nsub dx, sp\npush byte 1\nmov bx, bp\nsub bx, sp\npush ds\nmov si, bp\nsub si, sp\npushf\nmov di, bp\nsub di, sp\nmov sp, bp",
      after: show("ecx") + show("edx") + show("ebx") + show("esi") + show("edi"),
    },
    {
      name: "sp wraps",
      body:
        "mov ax, 0x2000\nmov ss, ax\nmov esp, 0x12340000\npush word 0x7777\nmov ebx, esp\npop cx\nmov edx, esp\nxor ax, ax\nmov ss, ax\nmov esp, STACK",
      after: "mov sp, [case_stack]\n" + show("ebx") + show("ecx") + show("edx"),
    },
    {
      name: "pusha and popa",
      body:
        "mov ax, 1\nmov cx, 2\nmov dx, 3\nmov bx, 4\nmov bp, 5\nmov si, 6\nmov di, 7\nmov [DATA], sp\npusha\nmov word [DATA + 2], sp\nxor ax, ax\nxor di, di\npopa\nmov ax, [DATA]\nsub ax, [DATA + 2]",
      after: show("eax") + show("ecx") + show("edx") + show("ebx") + show("ebp") + show("esi") + show("edi"),
    },
    {
      name: "enter and leave",
      body: "mov bp, 0x1234\nmov bx, sp\nenter 16, 0\nmov cx, bx\nsub cx, sp\nleave\nsub bx, sp",
      after: show("ecx") + show("ebp") + show("ebx"),
    },
    { name: "push sp", body: "mov bx, sp\npush sp\npop ax\nsub ax, bx", after: show("eax") },
    {
      name: "pop of segments",
      body:
        "push word 0x1234\npop es\nmov ax, es\npush dword 0x56789abc\nmov bx, sp\no32 pop fs\nmov cx, fs\nsub bx, sp",
      after: show("eax") + show("ebx") + show("ecx"),
    },
    // Strings.
    {
      name: "movs and its segments",
      body:
        "mov dword [DATA], 0x44332211\nmov ax, 0x2000\nmov es, ax\nmov si, DATA\nmov di, 0x10\nmov cx, 4\nrep movsb\nmov ebx, [es:0x10]\nmov fs, ax\nmov si, 0x10\nfs lodsw",
      after: show("eax") + show("ebx") + show("esi") + show("edi"),
    },
    {
      name: "stos wraps at 64 KiB",
      body:
        "mov ax, 0x2000\nmov es, ax\nmov edi, 0x1fffe\nmov ecx, 0x50004\nmov al, 0x5a\nrep stosb\nmov eax, [es:0xfffc]\nmov ebx, [es:0]\nand ebx, 0xffff\nshr eax, 16",
      after: show("eax") + show("ebx") + show("ecx") + show("edi"),
    },
    {
      name: "cmps and scas",
      body:
        "mov dword [DATA], 0x44332211\nmov dword [DATA + 4], 0x44992211\nmov si, DATA\nmov di, DATA + 4\nmov cx, 4\nrepe cmpsb\nmov bx, cx\nmov al, 0x99\nmov di, DATA\nmov cx, 8\nrepne scasb",
      after: show("ebx") + show("ecx") + show("edi"),
    },
    // 32-bit operands.
    {
      name: "32-bit operands",
      body:
        "mov eax, 0x12345678\nmov ecx, eax\nimul ecx, ecx, 3\nshld edx, eax, 12\nmovzx ebx, al\nmovsx esi, ah\nbswap eax\ncwde\nmov edi, eax\ncdq",
      after: show("eax") + show("ebx") + show("ecx") + show("edx") + show("esi"),
    },
    {
      name: "16-bit operands keep the upper half",
      body: "mov eax, 0x12345678\nmov ax, 1\nadd ax, 0xffff\nmov ebx, 0xffff0000\ninc bx\nxchg ax, bx",
      after: show("eax") + show("ebx"),
    },
    { name: "ports", body: "mov al, 33\nout 0xe9, al\nmov dx, 0xe9\nin al, dx", after: show("eax") },
    // What real mode lacks.
    { name: "lar", body: "lar ax, bx" },
    { name: "verr", body: "verr ax" },
    { name: "lldt", body: "lldt ax" },
    { name: "str", body: "str ax" },
    { name: "arpl", body: "db 0x63, 0xc0" },
    { name: "sysenter", body: "sysenter" },
    {
      name: "smsw and lmsw",
      body: "smsw ax\nand ax, 0xf\nmov bx, 8\nlmsw bx\nsmsw cx\nand cx, 0xf\nclts\nsmsw dx\nand dx, 0xf",
      after: show("eax") + show("ecx") + show("edx"),
    },
    // Into protected mode and back.
    {
      name: "protected mode with the code segment of real mode",
      body: `mov bx, 0x1234\n${
        inProtectedMode("mov ecx, cr0\nmov dx, cs\nmov word [DATA], bx")
      }movzx esi, word [DATA]\nand ecx, 1`,
      after: show("ecx") + show("edx") + show("esi"),
    },
    {
      name: "unreal mode",
      body: `${
        inProtectedMode("mov bx, FLAT_DATA\nmov fs, bx")
      }xor ax, ax\nmov fs, ax\nmov ebx, 0x300000\nmov dword [fs:ebx], 0xcafe\nmov ecx, [fs:ebx]\nmov edx, [fs:ebx + 4]`,
      after: show("ecx"),
    },
    {
      name: "unreal mode keeps the limit over loads",
      body: `${
        inProtectedMode("mov bx, FLAT_DATA\nmov gs, bx")
      }mov ax, 0x100\nmov gs, ax\nmov ebx, 0x2ff000\nmov ecx, [gs:ebx]`,
      after: show("ecx"),
    },
    {
      name: "far jump to 32-bit code and back",
      body:
        "mov eax, cr0\nor al, 1\nmov cr0, eax\njmp dword FLAT_CODE:.wide\nbits 32\n.wide:\nmov ebx, 0x12345678\nmov cx, cs\njmp REAL_CODE:.narrow\nbits 16\n.narrow:\nmov dx, cs\nmov eax, cr0\nand al, 0xfe\nmov cr0, eax\njmp 0:.real\n.real:\nmov si, cs",
      after: show("ebx") + show("ecx") + show("edx") + show("esi"),
    },
    {
      name: "many switches",
      body: `mov si, 200\n.again:\n${inProtectedMode("inc bx")}inc cx\ndec si\njne .again`,
      after: show("ebx") + show("ecx"),
    },
  ]),
};
