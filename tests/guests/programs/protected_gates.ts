/**
 * Exceptions of 32-bit code in flat segments through gates that are out of the ordinary.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { show } from "../runtime/printing.ts";
import { descriptor, gate, protectedGuest, segment, toFlatUser } from "../runtime/protected.ts";

const UD = 6;
const BASE = 0x1000;
const CONFORMING = 0x9f;
const DATA = 0x93;
const TSS16 = 0x81;

const KEEP = "mov eax, [IDT + 48]\nmov [SCRATCH + 64], eax\nmov eax, [IDT + 52]\nmov [SCRATCH + 68], eax\n";
const RESTORE = `mov eax, KDATA
mov ss, ax
mov ds, ax
mov es, ax
mov esp, [case_stack]
mov eax, [SCRATCH + 64]
mov [IDT + 48], eax
mov eax, [SCRATCH + 68]
mov [IDT + 52], eax
`;
/** Goes to the handler of #UD, which is behind it. */
const handled = (access = 0x8e, selector = "KCODE") =>
  `${gate(UD, ".handler", access, selector)}ud2\n.handler:\n`;
const FRAME = "mov ebx, [esp + 8]\nmov ecx, esp\n";

export const protectedGates: Guest = {
  name: "protected_gates",
  onlyHere: "TCG leaves EXT out of error codes and RF out of frames",
  source: protectedGuest("protected_gates", [
    { name: "as usual", body: `${KEEP}ud2`, after: RESTORE },
    { name: "not present", body: `${KEEP}${gate(UD, ".after", 0x0e)}ud2`, after: RESTORE },
    { name: "to data", body: `${KEEP}${gate(UD, ".after", 0x8e, "KDATA")}ud2`, after: RESTORE },
    { name: "to user code", body: `${KEEP}${gate(UD, ".after", 0x8e, "UCODE")}ud2`, after: RESTORE },
    { name: "to the LDT", body: `${KEEP}${gate(UD, ".after", 0x8e, "KCODE + 4")}ud2`, after: RESTORE },
    { name: "to null", body: `${KEEP}${gate(UD, ".after", 0x8e, "0")}ud2`, after: RESTORE },
    {
      name: "the frame",
      body: `${KEEP}mov ebp, esp\nstc\n${handled()}${FRAME}sub ecx, ebp\nmov edx, [esp + 4]`,
      after: RESTORE + show("ebx") + show("ecx") + show("edx"),
    },
    {
      name: "a 16-bit gate",
      body: `${KEEP}${gate(UD, "0x8000", 0x86)}mov dword [0x8000], 0x90e68966\nmov byte [0x8004], 0xe9\n` +
        `mov eax, .handler - 0x8009\nmov [0x8005], eax\nmov ebp, esp\nud2\n.handler:\nmov ecx, esp\nsub ecx, ebp`,
      after: RESTORE + show("ecx"),
    },
    {
      name: "to conforming code",
      body: `${KEEP}${descriptor(0, segment(0, 0xfffff, CONFORMING, 0xc))}${
        handled(0x8e, "FREE")
      }mov ebx, cs`,
      after: RESTORE + show("ebx"),
    },
    {
      name: "IF behind an interrupt gate and a trap gate",
      body:
        `${KEEP}pushfd\nor dword [esp], 0x200\npopfd\n${handled()}pushfd\npop ebx\nand ebx, 0x200\npushfd\n` +
        `or dword [esp], 0x200\npopfd\n${
          gate(UD, ".second", 0x8f)
        }ud2\n.second:\npushfd\npop ecx\nand ecx, 0x200\ncli`,
      after: RESTORE + show("ebx") + show("ecx"),
    },
    {
      name: "from ring 3",
      body: `${KEEP}${gate(UD, ".handler")}${toFlatUser()}ud2\n.handler:\n${FRAME}mov edx, [esp + 12]\n` +
        `mov ebp, [esp + 16]\nmov esi, ss`,
      after: RESTORE + show("ebx") + show("ecx") + show("edx") + show("ebp") + show("esi"),
    },
    {
      name: "from ring 3 to a stack with a base",
      body:
        `${KEEP}${descriptor(0, segment(BASE, 0xfffff, DATA, 0xc))}mov word [tss + 8], FREE\n${
          gate(UD, ".handler")
        }${toFlatUser()}ud2\n.handler:\nmov ebx, [ss:esp + 12]\nmov ecx, esp\nmov esi, ss\n` +
        `mov edx, [cs:esp + ${BASE} + 12]`,
      after: RESTORE + "mov word [tss + 8], KDATA\n" + show("ebx") + show("ecx") + show("edx") + show("esi"),
    },
    {
      name: "from ring 3 with a 16-bit TSS",
      body: `${KEEP}mov word [SCRATCH + 0x102], 0xc000\nmov word [SCRATCH + 0x104], KDATA\n${
        descriptor(0, segment(0x300100, 43, TSS16, 0))
      }mov eax, FREE\nltr ax\n${gate(UD, ".handler")}${toFlatUser()}ud2\n.handler:\n${FRAME}mov esi, ss`,
      after: RESTORE + "and byte [gdt + TSS + 5], 0xfd\nmov eax, TSS\nltr ax\n" + show("ebx") + show("ecx") +
        show("esi"),
    },
  ]),
};
