/**
 * Instructions that 64-bit mode does not have, over all their operands: what is printed are checksums.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { show } from "../runtime/printing.ts";
import { protectedGuest } from "../runtime/protected.ts";

/** CF, PF, AF, ZF, SF, OF. */
const CF_PF_AF_ZF_SF = 0xd5;
const CF_AF = 0x11;
const PF_ZF_SF = 0xc4;

/**
 * Runs an instruction for each AX from 0 to `count` - 1 with each state of AF and CF, and mixes AX and the flags of `mask`
 * into EDI.
 */
function checksum(instruction: string, mask: number, count = 0x10000): string {
  return `xor edi, edi
    xor ebx, ebx
    .next:
    xor esi, esi
    .flags:
    mov ecx, esi
    and ecx, 1
    mov edx, esi
    and edx, 2
    shl edx, 3
    or ecx, edx
    or ecx, 2
    push ecx
    popfd
    mov eax, ebx
    ${instruction}
    pushfd
    pop ecx
    and ecx, ${mask}
    rol edi, 5
    xor edi, ecx
    rol edi, 11
    add edi, eax
    imul edi, edi, 0x01000193
    inc esi
    cmp esi, 4
    jne .flags
    inc ebx
    cmp ebx, ${count}
    jne .next
  `;
}

export const protectedLegacy: Guest = {
  name: "protected_legacy",
  source: protectedGuest("protected_legacy", [
    { name: "daa", body: checksum("daa", CF_PF_AF_ZF_SF, 256), after: show("edi") },
    { name: "das", body: checksum("das", CF_PF_AF_ZF_SF, 256), after: show("edi") },
    { name: "aaa", body: checksum("aaa", CF_AF, 0x1000), after: show("edi") },
    { name: "aas", body: checksum("aas", CF_AF, 0x1000), after: show("edi") },
    { name: "aam", body: checksum("aam 10", PF_ZF_SF, 256), after: show("edi") },
    { name: "aam of 7", body: checksum("aam 7", PF_ZF_SF, 256), after: show("edi") },
    { name: "aad", body: checksum("aad 10", PF_ZF_SF, 0x1000), after: show("edi") },
    { name: "aad of 16", body: checksum("aad 16", PF_ZF_SF, 0x1000), after: show("edi") },
    { name: "salc", body: checksum("salc", 0, 4), after: show("edi") },
    { name: "aam of zero", body: "mov eax, 0x1234\naam 0", after: show("eax") },
    {
      name: "lahf and sahf",
      body: checksum("sahf\nlahf", 0xffff & CF_PF_AF_ZF_SF, 0x1000),
      after: show("edi"),
    },
    {
      name: "inc and dec of registers",
      body: checksum("inc eax\ndec ecx\ninc ax\ndec dx\nadd eax, ecx", CF_PF_AF_ZF_SF, 256),
      after: show("edi"),
    },
    {
      name: "16-bit addresses",
      body:
        "mov word [SCRATCH & 0xffff + 0x10], 0x1111\nmov dword [0x0010], 0x12345678\nmov bx, 8\nmov si, 8\nmov ax, [bx + si]\nmov bp, 6\nmov cx, [bp + 10]\nmov di, 0xfff0\nmov dx, [di + 0x22]\nlea ebx, [bx + si + 0x7fff]\nlea esi, [bp + di]",
      after: show("eax") + show("ebx") + show("ecx") + show("edx") + show("esi"),
    },
    {
      name: "xlatb with 16-bit addresses",
      body: "mov byte [0x1234], 0x77\nmov ebx, 0xffff1200\nmov al, 0x34\na16 xlatb",
      after: show("eax"),
    },
    {
      name: "loop with CX",
      body: "mov ecx, 0x10003\n.again:\ninc eax\na16 loop .again",
      after: show("eax") + show("ecx"),
    },
    {
      name: "jcxz",
      body: "mov ecx, 0x10000\na16 jcxz .yes\nmov eax, 1\n.yes:\njecxz .no\nmov ebx, 2\n.no:",
      after: show("eax") + show("ebx"),
    },
    {
      name: "rep movsb with 16-bit registers",
      body:
        "mov dword [0x500], 0x44332211\nmov esi, 0x12340500\nmov edi, 0x56780600\nmov ecx, 0x99990004\na16 rep movsb\nmov eax, [0x600]",
      after: show("eax") + show("esi") + show("edi") + show("ecx"),
    },
    {
      name: "stosb wraps at 64 KiB",
      body:
        "mov byte [0xffff], 0\nmov edi, 0x1fffe\nmov ecx, 2\nmov al, 0x5a\na16 rep stosb\nmovzx eax, byte [0xffff]",
      after: show("eax") + show("edi"),
    },
    {
      name: "push of an immediate byte",
      body: "mov ebx, esp\npush -2\nmov eax, [esp]\npushw -2\nmov cx, [esp]\nmov esp, ebx",
      after: show("eax") + show("ecx"),
    },
    { name: "pop to memory by esp", body: "push 1\npush 2\npop dword [esp]\npop eax", after: show("eax") },
    { name: "push esp", body: "mov ebx, esp\npush esp\npop eax\nsub eax, ebx", after: show("eax") },
    {
      name: "xchg and cmpxchg8b",
      body:
        "mov dword [SCRATCH], 1\nmov dword [SCRATCH + 4], 2\nmov eax, 1\nmov edx, 2\nmov ebx, 3\nmov ecx, 4\ncmpxchg8b [SCRATCH]\nsetz bl\ncmpxchg8b [SCRATCH]\nsetz bh",
      after: show("eax") + show("ebx") + show("edx") + show("dword [SCRATCH]", "low") +
        show("dword [SCRATCH + 4]", "high"),
    },
    {
      name: "bsf, bsr, bt with 16 bits",
      body:
        "mov eax, 0x80100\nbsf cx, ax\nbsr edx, eax\nmov word [SCRATCH], 0\nmov word [SCRATCH + 2], 0\nmov bx, 17\nbts [SCRATCH], bx",
      after: show("ecx") + show("edx") + show("dword [SCRATCH]", "memory"),
    },
    {
      name: "cwd, cwde, cdq",
      body: "mov eax, 0x8001\ncwde\ncdq\nmov ebx, edx\nmov ecx, eax\nmov eax, 0x7fff\nmov edx, -1\ncwd",
      after: show("ebx") + show("ecx") + show("edx"),
    },
    { name: "popfd cannot set VM or RF", body: "push 0x30002\npopfd\npushfd\npop eax", after: show("eax") },
    {
      name: "ID can be set",
      body: "push 0x200002\npopfd\npushfd\npop eax\npush 2\npopfd",
      after: show("eax"),
    },
    {
      name: "REX prefixes are INC and DEC",
      body: "mov eax, 5\ndb 0x40, 0x41, 0x49, 0x48, 0x40",
      after: show("eax") + show("ecx"),
    },
    {
      name: "segment overrides",
      body:
        "mov dword [SCRATCH], 0x77\nmov eax, [cs:SCRATCH]\nmov ebx, [es:SCRATCH]\nmov ecx, [ss:SCRATCH]\nmov edx, [gs:SCRATCH]",
      after: show("eax") + show("ebx") + show("ecx") + show("edx"),
    },
    {
      name: "x87 environment of 16 bits",
      body:
        "mov edi, SCRATCH\nmov eax, -1\nmov ecx, 8\nrep stosd\nmov edi, SCRATCH\nfninit\ndb 0x66, 0xd9, 0x37\nmov word [SCRATCH + 0x10], 0x27f\nmov word [SCRATCH + 0x14], 0xffff\nadd edi, 0x10\ndb 0x66, 0xd9, 0x27\nfnstcw [SCRATCH + 0x20]",
      after: `fninit\n${show("dword [SCRATCH]", "control")}${show("dword [SCRATCH + 4]", "tags")}${
        show("dword [SCRATCH + 12]", "end")
      }${show("dword [SCRATCH + 0x20]", "loaded")}`,
    },
    { name: "SYSCALL outside 64-bit mode", body: "syscall" },
  ]),
};
