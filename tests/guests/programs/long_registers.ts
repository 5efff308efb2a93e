/**
 * Control and model-specific registers that refuse values, which QEMU does not check.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { longGuest } from "../runtime/long.ts";
import { show } from "../runtime/printing.ts";

export const longRegisters: Guest = {
  name: "long_registers",
  onlyHere: "TCG takes most values of control registers without a check",
  source: longGuest("long_registers", [
    { name: "cr4 reserved bit", body: "mov rax, cr4\nbts rax, 31\nmov cr4, rax" },
    { name: "cr4 without PAE", body: "mov rax, cr4\nbtr rax, 5\nmov cr4, rax" },
    { name: "cr0 PG without PE", body: "mov eax, 0x80000000\nmov cr0, rax" },
    { name: "cr0 without PG in 64-bit mode", body: "mov rax, cr0\nbtr rax, 31\nmov cr0, rax" },
    { name: "cr0 NW without CD", body: "mov rax, cr0\nbts rax, 29\nmov cr0, rax" },
    { name: "cr0 upper half", body: "mov rax, cr0\nbts rax, 32\nmov cr0, rax" },
    { name: "cr3 reserved bits", body: "mov rax, cr3\nbts rax, 52\nmov cr3, rax" },
    { name: "efer reserved bit", body: "mov ecx, 0xc0000080\nmov eax, 0xd03\nxor edx, edx\nwrmsr" },
    { name: "efer LME while paging", body: "mov ecx, 0xc0000080\nmov eax, 0xc01\nxor edx, edx\nwrmsr" },
    {
      name: "lmsw cannot clear PE",
      body: "xor eax, eax\nlmsw ax\nmov rbx, cr0\nmov eax, 0x80010033\nmov cr0, rax",
      after: show("rbx"),
    },
  ]),
};
