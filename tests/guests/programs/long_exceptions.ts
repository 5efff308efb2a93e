/**
 * Exceptions in 64-bit mode: vector, error code, what is pushed.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { DONE, longGuest, toUser } from "../runtime/long.ts";
import { show } from "../runtime/printing.ts";

export const longExceptions: Guest = {
  name: "long_exceptions",
  source: longGuest("long_exceptions", [
    { name: "division by zero", body: "mov ecx, 0\ndiv ecx", after: show("rcx") },
    { name: "quotient too large", body: "mov edx, 5\nmov ecx, 5\ndiv ecx", after: show("rdx") },
    { name: "int3", body: "nop\nint3" },
    { name: "int3 continued", body: "mov dword [continued], 8\nint3\nmov ecx, 7", after: show("rcx") },
    { name: "int 3 in ring 3", body: toUser(".user") + ".user:\nint 3" },
    { name: "int 13 in ring 3", body: toUser(".user") + ".user:\nint 13" },
    { name: "int 32 in ring 0", body: "push 0x77\nint 32" },
    { name: "ud2", body: "nop\nud2" },
    { name: "no such instruction", body: "push rax\ndb 0x0f, 0xff, 0xc0" },
    { name: "into is gone", body: "db 0xce" },
    { name: "lock without memory", body: "db 0xf0, 0x01, 0xc0" },
    { name: "lock on mov", body: "lock mov [SCRATCH], eax" },
    {
      name: "too long",
      body:
        "db 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90",
    },
    { name: "hlt in ring 3", body: toUser(".user") + ".user:\nhlt" },
    { name: "cli in ring 3", body: toUser(".user") + ".user:\ncli" },
    { name: "cli in ring 3 with IOPL 3", body: toUser(".user", "0x3002") + `.user:\ncli\nsti\n${DONE}` },
    { name: "port without permission", body: toUser(".user") + ".user:\nmov edx, 0x100\nin al, dx" },
    { name: "console with permission", body: toUser(".user") + `.user:\nmov al, 33\nout 0xe9, al\n${DONE}` },
    { name: "mov from cr0 in ring 3", body: toUser(".user") + ".user:\nmov rax, cr0\n" },
    { name: "wrmsr in ring 3", body: toUser(".user") + ".user:\nwrmsr\n" },
    { name: "unknown msr", body: "mov ecx, 0x12345678\nrdmsr" },
    { name: "page fault read", body: "mov eax, 0x40000000\nadd ecx, [rax + 8]", after: show("rcx") },
    { name: "page fault write", body: "mov eax, 0x40001000\nmov [rax], ecx" },
    { name: "page fault fetch", body: "mov eax, 0x40001234\njmp rax" },
    { name: "page fault in ring 3", body: toUser(".user") + ".user:\nmov rax, 0x40005678\nmov [rax], al" },
    { name: "non-canonical read", body: "mov rax, 0x800000000000\nmov cl, [rax]" },
    { name: "non-canonical jump", body: "mov rax, 0x800000000000\njmp rax" },
    { name: "non-canonical call", body: "mov rax, 0x800000000000\ncall rax" },
    { name: "non-canonical return", body: "mov rax, 0x800000000000\npush rax\nret" },
    {
      name: "SSE without CR4.OSFXSR",
      body: "mov eax, 0x20\nmov cr4, rax\nmovaps xmm0, xmm1",
      after: "mov eax, 0x620\nmov cr4, rax",
    },
    {
      name: "SSE with CR0.EM",
      body: "mov eax, 0x80010037\nmov cr0, rax\nmovaps xmm0, xmm1",
      after: "mov eax, 0x80010033\nmov cr0, rax",
    },
    { name: "SSE with CR0.TS", body: "mov eax, 0x8001003b\nmov cr0, rax\nmovaps xmm0, xmm1", after: "clts" },
    { name: "x87 with CR0.TS", body: "mov eax, 0x8001003b\nmov cr0, rax\nfld1", after: "clts" },
    {
      name: "x87 with CR0.EM",
      body: "mov eax, 0x80010037\nmov cr0, rax\nfld1",
      after: "mov eax, 0x80010033\nmov cr0, rax",
    },
    { name: "fwait with CR0.TS and MP", body: "mov eax, 0x8001003b\nmov cr0, rax\nfwait", after: "clts" },
    {
      name: "fwait with CR0.TS",
      body: "mov eax, 0x80010039\nmov cr0, rax\nfwait",
      after: "mov eax, 0x80010033\nmov cr0, rax",
    },
    {
      name: "unmasked x87 exception",
      body: "fninit\nmov word [SCRATCH], 0x37b\nfldcw [SCRATCH]\nfld1\nfldz\nfdivp\nnop\nfwait",
      after: "fninit",
    },
    {
      name: "unmasked SSE exception",
      body:
        "mov dword [SCRATCH], 0x1d80\nldmxcsr [SCRATCH]\nxorps xmm0, xmm0\nxorps xmm1, xmm1\nmov dword [SCRATCH], 0x3f800000\nmovups xmm0, [SCRATCH]\ndivps xmm0, xmm1",
      after: "mov dword [SCRATCH], 0x1f80\nldmxcsr [SCRATCH]",
    },
    { name: "misaligned movaps", body: "mov eax, SCRATCH + 8\nmovaps xmm0, [rax]" },
    { name: "misaligned cmpxchg16b", body: "mov edi, SCRATCH + 8\ncmpxchg16b [rdi]" },
  ]),
  differences: {
    "int 13 in ring 3": {
      here: "#d e=6a ip=+12 cs=2b fl=2 sp=@1e0000 ss=23",
      why: "The error code is the index of the gate times 8, plus 2, in long mode too",
    },
    "lock on mov": {
      here: "#6 ip=+0 cs=8 fl=2 sp=+0 ss=10",
      why: "LOCK is allowed for some instructions only",
    },
    "unknown msr": {
      here: "#d ip=+5 cs=8 fl=2 sp=+0 ss=10",
      why: "RDMSR of a register that does not exist is a #GP",
    },
    "non-canonical jump": {
      here: "#d ip=+a cs=8 fl=2 sp=+0 ss=10",
      why: "The branch faults, not the fetch behind it",
    },
    "non-canonical call": {
      here: "#d ip=+a cs=8 fl=2 sp=+0 ss=10",
      why: "The branch faults, not the fetch behind it",
    },
    "non-canonical return": {
      here: "#d ip=+b cs=8 fl=2 sp=-8 ss=10",
      why: "The branch faults, not the fetch behind it",
    },
    "unmasked SSE exception": {
      here: "#13 ip=+2c cs=8 fl=2 sp=+0 ss=10",
      why: "TCG has no SIMD floating-point exceptions",
    },
  },
};
