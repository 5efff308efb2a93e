/**
 * Segmentation in 32-bit protected mode: types, privilege, gates, what descriptors tell.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { show } from "../runtime/printing.ts";
import {
  descriptor,
  DONE,
  gate,
  gateDescriptor,
  protectedGuest,
  segment,
  sysenterTo,
  toFlatUser,
  toUser,
} from "../runtime/protected.ts";

/** Loads free descriptor `index` with a segment, and a segment register with its selector. */
export const load = (register: string, base: number, limit: number, access: number, flags = 4) =>
  `${descriptor(0, segment(base, limit, access, flags))}mov eax, FREE\nmov ${register}, ax\n`;
const SCRATCH = 0x300000;
const DATA = 0x93;
const READ_ONLY = 0x91;
const CODE = 0x9b;
const EXECUTE_ONLY = 0x99;

export const protectedSegments: Guest = {
  name: "protected_segments",
  source: protectedGuest("protected_segments", [
    {
      name: "base is added",
      body: `${load("fs", SCRATCH, 0xff, DATA)}mov dword [SCRATCH + 0x10], 0x1234\nmov ebx, [fs:0x10]`,
      after: show("ebx"),
    },
    {
      name: "base wraps",
      body: `mov dword [SCRATCH], 0x5678\n${
        load("fs", 0xfffff000 | 0, 0xfffff, DATA, 12)
      }mov ebx, [fs:SCRATCH + 0x1000]`,
      after: show("ebx"),
    },
    {
      name: "last dword of 4 GiB",
      body: `${
        load("fs", SCRATCH + 4, 0xfffff, DATA, 12)
      }mov dword [SCRATCH], 0x99\nmov ebx, 0xfffffffc\nmov ecx, [fs:ebx]`,
      after: show("ecx"),
    },
    // Types.
    { name: "execute-only code in FS", body: load("fs", SCRATCH, 0xff, EXECUTE_ONLY) },
    {
      name: "lea through a null segment",
      body: "xor eax, eax\nmov fs, ax\nlea ebx, [fs:0x123]",
      after: show("ebx"),
    },
    { name: "null selector to SS", body: "xor eax, eax\nmov ss, ax" },
    { name: "read-only data in SS", body: load("ss", 0, 0xfffff, READ_ONLY, 12) },
    { name: "code in SS", body: load("ss", 0, 0xfffff, CODE, 12) },
    { name: "not present in FS", body: load("fs", 0, 0xfffff, 0x13, 12) },
    { name: "not present in SS", body: load("ss", 0, 0xfffff, 0x13, 12) },
    { name: "system descriptor in FS", body: "mov eax, TSS\nmov fs, ax" },
    { name: "beyond the table", body: "mov eax, 0x1000\nmov fs, ax" },
    {
      name: "beyond the table, where a descriptor might be",
      body: `mov dword [gdt_free - FREE + 0xfff8], 0xffff
  mov dword [gdt_free - FREE + 0xfffc], 0xcf9300
  mov eax, 0xfff8
  mov fs, ax`,
    },
    { name: "LDT without one", body: "mov eax, 4\nmov fs, ax" },
    { name: "LDT without one, with a number that the GDT has", body: "mov eax, KDATA + 4\nmov fs, ax" },
    { name: "ring 3 data in SS", body: "mov eax, UDATA\nmov ss, ax" },
    { name: "wrong RPL in SS", body: "mov eax, KDATA + 1\nmov ss, ax" },
    {
      name: "RPL does not matter for conforming code",
      body: `${descriptor(0, segment(0, 0xfffff, 0x9f, 12))}mov eax, FREE + 3\nmov fs, ax\nmov ebx, fs`,
      after: show("ebx"),
    },
    { name: "RPL above DPL", body: "mov eax, KDATA + 3\nmov fs, ax" },
    { name: "ring 0 data in ring 3", body: `${toUser(".user")}.user:\nmov eax, KDATA\nmov fs, ax` },
    {
      name: "ring 0 data in ring 3, where all segments are flat",
      body: `${toFlatUser()}mov eax, KDATA\nmov fs, ax`,
    },
    {
      name: "accessed bit",
      body: `${load("fs", 0, 0xfffff, 0x92, 12)}`,
      after: show("dword [gdt_free + 4]", "descriptor"),
    },
    {
      name: "accessed bit of what DS holds",
      body: `${load("ds", 0, 0xfffff, 0x92, 12)}`,
      after: show("dword [gdt_free + 4]", "descriptor"),
    },
    {
      name: "segments saved, loaded and restored",
      body: `${descriptor(0, segment(SCRATCH, 0xff, DATA))}mov dword [SCRATCH], 3
  xor eax, eax
  mov gs, ax
  xor ebx, ebx
  mov edi, 20
.again:
  push ds
  push es
  push fs
  push gs
  mov eax, KDATA
  mov ds, ax
  mov es, ax
  mov eax, FREE
  mov fs, ax
  mov gs, ax
  add ebx, [fs:0]
  xor byte [gdt_free + 3], 0x10
  mov gs, ax
  add ebx, [fs:0]
  mov dword [gs:0], 5
  add ebx, [gs:0]
  xor byte [gdt_free + 3], 0x10
  pop gs
  pop fs
  pop es
  pop ds
  dec edi
  jnz .again
  mov eax, ds
  mov ecx, es
  mov edx, fs
  mov esi, gs
  ${DONE}`,
      after: show("eax") + show("ebx") + show("ecx") + show("edx") + show("esi"),
    },
    {
      name: "SYSENTER and SYSEXIT",
      body: `${sysenterTo(".entry")}mov ebp, esp
  xor ebx, ebx
  mov edi, 20
  ${toFlatUser()}.again:
  pushfd
  add ebx, [esp]
  popfd
  sysenter
.entry:
  sub ebp, esp
  add ebx, ebp
  mov ebp, esp
  pushfd
  add ebx, [esp]
  popfd
  mov eax, cs
  add ebx, eax
  mov eax, ss
  shl eax, 8
  add ebx, eax
  mov edx, .back
  mov ecx, USER_STACK
  sysexit
.back:
  add ebx, esp
  mov eax, cs
  shl eax, 16
  add ebx, eax
  mov eax, ss
  shl eax, 12
  add ebx, eax
  dec edi
  jnz .again
  mov ecx, cs
  mov edx, ss
  ${DONE}`,
      after: show("ebx") + show("ecx") + show("edx"),
    },
    {
      name: "SYSENTER that is not set up",
      body: "mov ecx, 0x174\nxor eax, eax\nxor edx, edx\nwrmsr\nsysenter",
    },
    {
      name: "SYSEXIT in ring 3",
      body: `${sysenterTo(".after")}${toFlatUser()}sysexit`,
    },
    // Far transfers.
    { name: "far jump", body: "jmp KCODE:.there\nud2\n.there:\nmov ebx, cs", after: show("ebx") },
    { name: "far jump beyond the limit", body: `${descriptor(0, segment(0, 0xffff, CODE))}jmp FREE:0x10000` },
    { name: "far jump to data", body: "jmp KDATA:.after" },
    {
      name: "far jump to not present code",
      body: `${descriptor(0, segment(0, 0xfffff, 0x1b, 12))}jmp FREE:.after`,
    },
    { name: "far jump to ring 3 code", body: "jmp UCODE:.after" },
    { name: "far jump to null", body: "jmp 0:.after" },
    {
      name: "far jump to 16-bit code and back",
      body: `${
        descriptor(0, segment(0x100000, 0xffff, CODE, 0))
      }jmp FREE:.there - 0x100000\nbits 16\n.there:\nmov eax, 0x12345\nmov ebx, esp\njmp dword KCODE:.back\nbits 32\n.back:\nsub ebx, esp`,
      after: show("eax") + show("ebx"),
    },
    {
      name: "far call and return",
      body: "push 7\ncall KCODE:.f\npop ebx\njmp .after\n.f:\nmov ecx, [esp + 4]\nretf",
      after: show("ebx") + show("ecx"),
    },
    {
      name: "far call of 16 bits",
      body: `${
        descriptor(0, segment(0x100000, 0xffff, CODE, 4))
      }mov ebp, esp\ncall word FREE:.f - 0x100000\n.f:\nmov ecx, [esp]\nsub ebp, esp`,
      after: `and ecx, 0xffff0000\n${show("ecx")}${show("ebp")}jmp KCODE:.flat\n.flat:\n`,
    },
    {
      name: "far return to ring 3",
      body:
        `push UDATA\npush USER_STACK\npush UCODE\npush .user\nretf\n.user:\nmov ebx, cs\nmov ecx, esp\nmov edx, ss\n${DONE}`,
      after: show("ebx") + show("ecx") + show("edx"),
    },
    {
      name: "far return to ring 3 with release",
      body:
        `push UDATA\npush USER_STACK\npush 1\npush 2\npush UCODE\npush .user\nretf 8\n.user:\nmov ecx, esp\n${DONE}`,
      after: show("ecx"),
    },
    { name: "far return inwards", body: `${toUser(".user")}.user:\npush KCODE\npush .after\nretf` },
    {
      name: "far return drops data segments",
      body:
        `push UDATA\npush USER_STACK\npush UCODE\npush .user\nretf\n.user:\nmov ebx, ds\nmov ecx, fs\n${DONE}`,
      after: show("ebx") + show("ecx"),
    },
    { name: "iretd to ring 3 with a ring 0 stack", body: toUser(".after", "2", "UCODE", "KDATA") },
    { name: "iretd to ring 3 with a null stack", body: toUser(".after", "2", "UCODE", "3") },
    { name: "iretd to data", body: "push 2\npush KDATA\npush .after\niretd" },
    { name: "iretd to null", body: "push 2\npush 0\npush .after\niretd" },
    {
      name: "iretw",
      body: `${
        descriptor(0, segment(0x100000, 0xffff, CODE))
      }pushw 2\npushw FREE\npushw .there - 0x100000\niretw\n.there:\nmov ebx, cs\njmp KCODE:.after`,
      after: show("ebx"),
    },
    // Call gates.
    {
      name: "call gate",
      body: `${
        gateDescriptor(0, ".f", "KCODE", 0x8c)
      }call FREE:0\nmov ecx, 5\njmp .after\n.f:\nmov ebx, [esp + 4]\nretf`,
      after: show("ebx") + show("ecx"),
    },
    {
      name: "call gate from ring 3 with parameters",
      body: `${gateDescriptor(0, ".f", "KCODE", 0xec, 2)}${
        toUser(".user")
      }.user:\npush 0x111\npush 0x222\ncall FREE + 3:0\nmov edi, esp\n${DONE}.f:\nmov ebx, [esp + 8]\nmov ecx, [esp + 12]\nmov edx, [esp + 16]\nmov esi, esp\nretf 8`,
      after: show("ebx") + show("ecx") + show("edx") + show("esi") + show("edi"),
    },
    {
      name: "16-bit call gate from ring 3 with parameters",
      body: `${descriptor(1, segment(0x100000, 0xffff, CODE, 4))}${
        descriptor(2, segment(0x100000, 0xffff, 0xfb, 4))
      }${gateDescriptor(0, ".f - 0x100000", "FREE + 8", 0xe4, 2)}${
        toUser(".user - 0x100000", "2", "FREE + 16 + 3")
      }.user:\npushw 0x111\npushw 0x222\ncall FREE + 3:0\nmov edi, esp\n${DONE}.f:\nmov ebx, [esp + 4]\nmov ecx, [esp + 8]\nmov esi, esp\no16 retf 4`,
      after: show("ebx") + show("ecx") + show("esi") + show("edi"),
    },
    {
      name: "call gate to conforming code",
      body: `${descriptor(1, segment(0, 0xfffff, 0x9f, 12))}${gateDescriptor(0, ".f", "FREE + 8", 0xec)}${
        toUser(".user")
      }.user:\ncall FREE + 3:0\n${DONE}.f:\nmov ebx, cs\nmov ecx, esp\nretf`,
      after: show("ebx") + show("ecx"),
    },
    {
      name: "call gate of ring 0 from ring 3",
      body: `${gateDescriptor(0, ".after", "KCODE", 0x8c)}${toUser(".user")}.user:\ncall FREE + 3:0`,
    },
    {
      name: "call gate to ring 1 with a stack of ring 3",
      body: `${descriptor(1, segment(0, 0xfffff, 0xbb, 12))}${gateDescriptor(0, ".after", "FREE + 8", 0xec)}${
        toUser(".user")
      }.user:\ncall FREE + 3:0`,
    },
    {
      name: "call gate to ring 2 with a null stack",
      body: `${descriptor(1, segment(0, 0xfffff, 0xdb, 12))}${
        gateDescriptor(0, ".after", "FREE + 8", 0xec)
      }mov word [tss + 24], 0\n${toUser(".user")}.user:\ncall FREE + 3:0`,
      after: "mov word [tss + 24], 0x22",
    },
    {
      name: "call gate to ring 1 and back",
      body: `${descriptor(1, segment(0, 0xfffff, 0xbb, 12))}${descriptor(2, segment(0, 0xfffff, 0xb3, 12))}${
        gateDescriptor(0, ".f", "FREE + 8", 0xec)
      }mov word [tss + 16], FREE + 16 + 1\n${
        toUser(".user")
      }.user:\ncall FREE + 3:0\nmov edx, cs\n${DONE}.f:\nmov ebx, cs\nmov ecx, ss\nmov esi, esp\nretf`,
      after: "mov word [tss + 16], 0x21\n" + show("ebx") + show("ecx") + show("edx") + show("esi"),
    },
    { name: "call gate not present", body: `${gateDescriptor(0, ".after", "KCODE", 0x0c)}call FREE:0` },
    { name: "call gate to data", body: `${gateDescriptor(0, ".after", "KDATA", 0x8c)}call FREE:0` },
    { name: "call gate to null", body: `${gateDescriptor(0, ".after", "0", 0x8c)}call FREE:0` },
    {
      name: "call gate to not present code",
      body: `${descriptor(1, segment(0, 0xfffff, 0x1b, 12))}${
        gateDescriptor(0, ".after", "FREE + 8", 0x8c)
      }call FREE:0`,
    },
    {
      name: "jump through a call gate to inner code",
      body: `${gateDescriptor(0, ".after", "KCODE", 0xec)}${toUser(".user")}.user:\njmp FREE + 3:0`,
    },
    {
      name: "jump through a call gate",
      body: `${gateDescriptor(0, ".f", "KCODE", 0x8c)}jmp FREE:0\nud2\n.f:\nmov ebx, 6`,
      after: show("ebx"),
    },
    // Interrupts.
    {
      name: "int through a trap gate keeps IF",
      body: `${gate(0x50, ".f", 0x8f)}${
        gate(0x51, ".f", 0x8e)
      }sti\nint 0x50\nmov edx, ebx\nint 0x51\ncli\njmp .after\n.f:\npushfd\npop ebx\niretd`,
      after: `and ebx, 0x200\nand edx, 0x200\n${show("ebx")}${show("edx")}`,
    },
    {
      name: "16-bit interrupt gate",
      body: `${descriptor(0, segment(0x100000, 0xffff, CODE, 4))}${
        gate(0x50, ".f - 0x100000", 0x86, "FREE")
      }jmp FREE:.go - 0x100000\n.go:\nmov ebp, esp\nint 0x50\njmp KCODE:.after\n.f:\nmov ebx, [esp]\nsub ebp, esp\nmov cx, [esp + 4]\niretw`,
      after: `shr ebx, 16\n${show("ebx")}${show("ecx")}${show("ebp")}`,
    },
    { name: "int of a ring 0 gate from ring 3", body: `${toUser(".user")}.user:\nint 0x50` },
    {
      name: "int from ring 3",
      body: `${gate(0x50, ".f", 0xee)}${
        toUser(".user")
      }.user:\nmov esp, USER_STACK - 0x20\nint 0x50\nmov edi, esp\n${DONE}.f:\nmov ebx, [esp + 12]\nmov ecx, [esp + 16]\nmov edx, ss\nmov esi, esp\niretd`,
      after: show("ebx") + show("ecx") + show("edx") + show("esi") + show("edi"),
    },
    { name: "gate not present", body: `${gate(0x50, ".after", 0x0e)}int 0x50` },
    { name: "gate of wrong type", body: `${gate(0x50, ".after", 0x8c)}int 0x50` },
    { name: "gate to data", body: `${gate(0x50, ".after", 0x8e, "KDATA")}int 0x50` },
    { name: "gate to ring 3 code", body: `${gate(0x50, ".after", 0x8e, "UCODE")}int 0x50` },
    {
      name: "beyond the IDT",
      body: "mov word [SCRATCH], 0x2ff\nmov dword [SCRATCH + 2], IDT\nlidt [SCRATCH]\nint 0x80",
      after: "lidt [idt_pointer]\n",
    },
    { name: "into", body: "mov al, 0x7f\nadd al, 1\ninto\nnop" },
    { name: "into without overflow", body: "mov al, 1\nadd al, 1\ninto\nmov ebx, 5", after: show("ebx") },
    {
      name: "bound",
      body:
        "mov dword [SCRATCH], -5\nmov dword [SCRATCH + 4], 9\nmov eax, 9\nbound eax, [SCRATCH]\nmov eax, -5\nbound eax, [SCRATCH]\nmov eax, 10\nbound eax, [SCRATCH]",
      after: show("eax"),
    },
    {
      name: "bound below",
      body: "mov dword [SCRATCH], -5\nmov dword [SCRATCH + 4], 9\nmov eax, -6\nbound eax, [SCRATCH]",
    },
    { name: "int3 in ring 3", body: `${toUser(".user")}.user:\nint3` },
    // What a program may ask.
    {
      name: "lar",
      body:
        "mov ecx, KCODE\nlar eax, ecx\nsetz bl\nmov ecx, UDATA\nlar edx, ecx\nmov ecx, 0\nlar esi, ecx\nsetz bh\nmov ecx, TSS\nlar edi, ecx",
      after: show("eax") + show("ebx") + show("edx") + show("esi") + show("edi"),
    },
    { name: "lar of 16 bits", body: "mov eax, -1\nmov ecx, UDATA\nlar ax, cx", after: show("eax") },
    {
      name: "lsl",
      body: "mov ecx, KCODE\nlsl eax, ecx\nmov ecx, TSS\nlsl edx, ecx\nmov ecx, CODE16\nlsl esi, ecx",
      after: show("eax") + show("edx") + show("esi"),
    },
    {
      name: "lar and lsl of gates",
      body: `${gateDescriptor(0, ".after", "KCODE", 0xec)}${
        gateDescriptor(1, ".after", "KCODE", 0xee)
      }mov ecx, FREE\nlar eax, ecx\nsetz bl\nlsl esi, ecx\nsetz bh\nmov ecx, FREE + 8\nlar edx, ecx\nsetz cl`,
      after: show("eax") + show("ebx") + show("edx") + show("ecx"),
    },
    {
      name: "lar in ring 3",
      body: `${
        toUser(".user")
      }.user:\nmov ecx, KCODE\nlar eax, ecx\nsetz bl\nmov ecx, UDATA\nlar edx, ecx\nsetz bh\n${DONE}`,
      after: show("eax") + show("ebx") + show("edx"),
    },
    {
      name: "verr and verw",
      body: `${descriptor(0, segment(0, 0xfffff, 0xf1, 12))}${
        descriptor(1, segment(0, 0xfffff, 0xf9, 12))
      }mov ecx, KDATA\nverr cx\nsetz al\nverw cx\nsetz ah\nmov ecx, FREE\nverr cx\nsetz bl\nverw cx\nsetz bh\nmov ecx, FREE + 8\nverr cx\nsetz dl\nverw cx\nsetz dh`,
      after: show("eax") + show("ebx") + show("edx"),
    },
    {
      name: "arpl",
      body:
        "mov eax, 0x10\nmov ebx, 0x23\narpl ax, bx\nsetz cl\narpl ax, bx\nsetz ch\nmov word [SCRATCH], 0x41\narpl [SCRATCH], bx",
      after: show("eax") + show("ecx") + show("dword [SCRATCH]", "memory"),
    },
    {
      name: "sldt str smsw",
      body: "mov eax, -1\nsldt ax\nstr ecx\nsmsw edx\nsmsw [SCRATCH]",
      after: show("eax") + show("ecx") + show("edx"),
    },
    {
      name: "LDT",
      body: `${
        descriptor(0, segment(0x300000, 15, 0x82, 0))
      }mov dword [SCRATCH + 8], 0x0000ffff\nmov dword [SCRATCH + 12], 0x00cff300\nmov eax, FREE\nlldt ax\nmov eax, 15\nmov fs, ax\nsldt ebx\nmov ecx, fs\nmov eax, 0x17\nmov fs, ax`,
      after: `xor eax, eax\nlldt ax\n${show("ebx")}${show("ecx")}`,
    },
    { name: "lldt of a data segment", body: "mov eax, KDATA\nlldt ax" },
    {
      name: "lldt not present",
      body: `${descriptor(0, segment(0x300000, 15, 0x02, 0))}mov eax, FREE\nlldt ax`,
    },
    { name: "ltr of a busy TSS", body: "mov eax, TSS\nltr ax" },
    {
      name: "lds les lfs",
      body:
        "mov dword [SCRATCH], 0x12345678\nmov word [SCRATCH + 4], UDATA\nles eax, [SCRATCH]\nmov ebx, es\nlfs cx, [SCRATCH + 2]",
      after: show("eax") + show("ebx"),
    },
    {
      name: "lss",
      body:
        "mov dword [SCRATCH], STACK - 0x100\nmov word [SCRATCH + 4], KDATA\nlss esp, [SCRATCH]\nmov eax, esp",
      after: "mov esp, [case_stack]\n" + show("eax"),
    },
    {
      name: "push and pop of segments",
      body:
        "mov ebx, esp\npush -1\npop ecx\npush ds\nmov ecx, [esp]\npop es\nsub ebx, esp\npush -1\npush gs\nmov edx, [esp]\nadd esp, 8",
      after: show("ebx") + show("ecx") + show("edx"),
    },
    {
      name: "lgdt of 16 bits",
      body:
        "sgdt [SCRATCH]\nmov word [SCRATCH + 0x10], 0x7f\nmov dword [SCRATCH + 0x12], 0x12345678\no16 lgdt [SCRATCH + 0x10]\nsgdt [SCRATCH + 0x20]\nlgdt [SCRATCH]",
      after: show("dword [SCRATCH + 0x22]", "base"),
    },
    // Stacks.
    {
      name: "16-bit stack",
      body: `mov ebx, esp\nmov ecx, ss\n${
        descriptor(0, segment(0x1e0000, 0xffff, 0x93, 0))
      }mov eax, FREE\nmov esp, 0x12340010\nmov ss, ax\npush 0x77\nmov edx, esp\npop esi\nmov ss, cx\nmov esp, ebx`,
      after: show("edx") + show("esi"),
    },
    {
      name: "16-bit stack wraps",
      body: `mov ebx, esp\nmov ecx, ss\n${
        descriptor(0, segment(0x1e0000, 0xffff, 0x93, 0))
      }mov eax, FREE\nmov esp, 0x12340000\nmov ss, ax\npush 0x77\nmov edx, esp\npop esi\nmov edi, esp\nmov ss, cx\nmov esp, ebx`,
      after: show("edx") + show("esi") + show("edi"),
    },
    {
      name: "pusha and popa",
      body:
        "mov eax, 1\nmov ecx, 2\nmov edx, 3\nmov ebx, 4\nmov ebp, 5\nmov esi, 6\nmov edi, 7\nmov [SCRATCH], esp\npushad\nmov eax, [esp + 12]\nsub eax, [SCRATCH]\nmov [SCRATCH], eax\nmov dword [esp], 0x99\npopad",
      after: show("eax") + show("ecx") + show("edx") + show("ebx") + show("ebp") + show("esi") + show("edi") +
        show("dword [SCRATCH]", "esp"),
    },
    {
      name: "pushaw and popaw",
      body: "mov eax, 0x11110001\nmov ebp, esp\npushaw\nsub ebp, esp\nmov eax, 0x22220002\npopaw",
      after: show("eax") + show("ebp"),
    },
    {
      name: "enter and leave",
      body:
        "mov ebp, 0x1234\nmov ebx, esp\nenter 0x20, 0\nmov ecx, ebx\nsub ecx, esp\nmov edx, ebx\nsub edx, ebp\nleave\nsub ebx, esp",
      after: show("ecx") + show("edx") + show("ebp") + show("ebx"),
    },
    {
      name: "enter with levels",
      body:
        "mov ebx, esp\npush 0x33\npush 0x22\npush 0x11\nlea ebp, [esp + 12]\nmov esi, esp\nenter 8, 3\nsub esi, esp\nmov eax, [ebp - 4]\nmov ecx, [ebp - 8]\nmov edx, ebp\nsub edx, [ebp - 12]\nmov esp, ebx",
      after: show("esi") + show("eax") + show("ecx") + show("edx"),
    },
  ]),
  differences: {
    "call gate to conforming code": { here: "ebx=4b ecx=1dfff8", why: "The RPL of CS is the CPL" },
  },
};
