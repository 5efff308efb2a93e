/**
 * One piece of code in flat segments, which it is compiled for, and then in others: all that follows from those must
 * be as if it had never been compiled.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { show } from "../runtime/printing.ts";
import {
  descriptor,
  DONE,
  protectedGuest,
  segment,
  sysenterTo,
  toFlatUser,
  toUser,
} from "../runtime/protected.ts";

const SCRATCH = 0x300000;
const BASE = 0x1000;
const DATA = 0x93;
const READ_ONLY = 0x91;
const DOWN = 0x97;
const USER_DATA = 0xf3;
const USER_DOWN = 0xf7;
const CODE = 0x9b;
const EXECUTE_ONLY = 0x99;
const WRITTEN = 0x5000;

/** Calls a function until it is sure to have been compiled. */
const warm = (label: string) =>
  `mov edi, 12
.warm_${label}:
  push edi
  call .${label}
  pop edi
  dec edi
  jnz .warm_${label}
`;

/** Loads a segment register with a descriptor of its own. Changes EAX. */
const load = (register: string, base: number, limit: number, access: number, flags = 4) =>
  `${descriptor(0, segment(base, limit, access, flags))}mov eax, FREE\nmov ${register}, ax\n`;

const FLAT_LIMIT = 0xfffff;
const PAGES = 12;

/** Puts a number at SCRATCH, and another where a segment with a base has it. */
const numbers = `mov dword [SCRATCH], 0x11
  mov dword [SCRATCH + ${BASE}], 0x22
`;

/** What a case needs: a function that is called with flat segments, and again after `change`. */
function changed(name: string, routine: string, change: string, setup = numbers): {
  name: string;
  body: string;
  after: string;
} {
  return {
    name,
    body: `${setup}jmp .begin\n.f:\n${routine}\nret\n.begin:\n${warm("f")}${change}\ncall .f\n${DONE}`,
    after: show("ebx") + show("ecx") + show("edx") + show(`dword [SCRATCH]`) +
      show(`dword [SCRATCH + ${BASE}]`),
  };
}

const READ = "mov ebx, [SCRATCH]\nmov esi, SCRATCH\nmov ecx, [esi]\nmov edx, [esi * 1 + 0]";
const WRITE = "mov esi, SCRATCH\nmov ebx, 0x77\nmov [esi], bl";
const STRING = `cld
  mov esi, SCRATCH
  mov edi, SCRATCH + ${WRITTEN}
  mov ecx, 3
  rep movsb
  mov edx, ecx`;
const FILL = `cld
  mov edi, SCRATCH
  mov al, 0x33
  mov ecx, 2
  rep stosb`;
const STACK_CODE = `mov ebp, esp
  push dword 0x1234
  mov ecx, [esp]
  mov ebx, esp
  pop edx
  sub ebp, esp`;
const PUSH_CODE = `mov ebx, esp
  push dword 0x1234
  push dword 0x5678
  mov ecx, esp
  pop edx
  pop edx`;

/** Pushes and pops in flat segments, and then in ring 3 on a stack of another kind. */
function otherStack(
  name: string,
  stack: bigint,
  pointer: number,
  routine = STACK_CODE,
): { name: string; body: string; after: string } {
  const user = `${toUser(".user")}.user:
    mov eax, UDATA
    mov ds, ax
    mov eax, FREE + 3
    mov ss, ax
    mov esp, ${pointer}`;
  return changed(name, routine, `${descriptor(0, stack)}${user}`);
}

export const protectedFlat: Guest = {
  name: "protected_flat",
  source: protectedGuest(
    "protected_flat",
    [
      changed("reads with a base", READ, load("ds", BASE, FLAT_LIMIT, DATA, PAGES)),
      changed("writes with a base", WRITE, load("ds", BASE, FLAT_LIMIT, DATA, PAGES)),
      changed("reads beyond a limit", READ, load("ds", 0, SCRATCH >> 12, DATA, PAGES)),
      changed("reads beyond a limit in bytes", READ, load("ds", 0, FLAT_LIMIT, DATA)),
      changed("reads beyond a smaller limit", READ, load("ds", 0, (SCRATCH >> 12) - 1, DATA, PAGES)),
      changed("writes what may only be read", WRITE, load("ds", 0, FLAT_LIMIT, READ_ONLY, PAGES)),
      changed("reads what may only be read", READ, load("ds", 0, FLAT_LIMIT, READ_ONLY, PAGES)),
      changed("writes to code", WRITE, load("ds", 0, FLAT_LIMIT, CODE, PAGES)),
      changed("expand-down", READ, load("ds", 0, SCRATCH >> 12, DOWN, PAGES)),
      changed("null selector", READ, "xor eax, eax\nmov ds, ax"),
      changed("strings with a base in ES", STRING, load("es", BASE, FLAT_LIMIT, DATA, PAGES)),
      changed("strings with a base in DS", STRING, load("ds", BASE, FLAT_LIMIT, DATA, PAGES)),
      changed("filling with a base", FILL, load("es", BASE, FLAT_LIMIT, DATA, PAGES)),
      changed("filling with a null selector", FILL, "xor eax, eax\nmov es, ax"),
      changed(
        "filling over a limit",
        "cld\nmov edi, 0x8ffe\nmov al, 0x44\nmov ecx, 3\nrep stosb\nmov ebx, edi",
        load("es", 0, 0x8fff, DATA),
      ),
      otherStack("stack with a base", segment(BASE, FLAT_LIMIT, USER_DATA, PAGES), 0x1e0000),
      otherStack("stack of 16 bits", segment(0x1e0000, 0xffff, USER_DATA, 0), 0x100),
      otherStack(
        "stack of 16 bits with more in ESP",
        segment(0x1e0000, 0xffff, USER_DATA, 0),
        0x50004,
        PUSH_CODE,
      ),
      otherStack("stack of 16 bits that wraps", segment(0x1e0000, 0xffff, USER_DATA, 0), 4),
      otherStack("stack within its limit", segment(0, 0x1df, USER_DATA, PAGES), 0x1e0000),
      otherStack("stack over its limit", segment(0, 0x1de, USER_DATA, PAGES), 0x1e0000),
      otherStack("stack that expands down", segment(0, 0x1df, USER_DOWN, PAGES), 0x1e0008),
      {
        name: "code with a base",
        body:
          `${numbers}jmp .begin\n.f:\n${READ}\ncall .g\nmov edi, edx\nretf\n.g:\ncall .h\n.h:\npop edx\nsub edx, .h\nret\n.begin:
  mov ebp, 12
.warm:
  push cs
  call .f
  dec ebp
  jnz .warm
  ${descriptor(0, segment(BASE, FLAT_LIMIT, CODE, PAGES))}call FREE:.f - ${BASE}\n${DONE}`,
        after: show("ebx") + show("ecx") + show("edx") + show("edi"),
      },
      {
        name: "segments change in a loop",
        body: `${numbers}${descriptor(0, segment(BASE, FLAT_LIMIT, DATA, PAGES))}xor ebx, ebx
  mov esi, SCRATCH
  mov edi, 20
.again:
  add ebx, [esi]
  mov eax, FREE
  mov ds, ax
  add ebx, [esi]
  push ds
  mov eax, KDATA
  mov ds, ax
  add ebx, [esi]
  pop ds
  add ebx, [esi]
  mov ds, ax
  dec edi
  jnz .again
  mov ecx, ds
  ${DONE}`,
        after: show("ebx") + show("ecx"),
      },
      // FS and GS need not be flat.
      changed(
        "another base in FS",
        `mov ebx, [fs:SCRATCH]\nmov ecx, [fs:esi]\nmov [fs:esi + 8], esi\nadd edx, [fs:esi + 8]\npush dword [fs:esi]\npop eax`,
        load("fs", BASE, FLAT_LIMIT, DATA, PAGES),
        `${numbers}xor edx, edx\nmov esi, SCRATCH\n`,
      ),
      changed(
        "negative offsets in FS",
        "mov esi, -4\nmov ebx, [fs:esi]\nmov ecx, [fs:esi - 4]",
        load("fs", SCRATCH + 0x100, FLAT_LIMIT, DATA, PAGES),
        `${load("fs", SCRATCH + 4, FLAT_LIMIT, DATA, PAGES)}mov dword [SCRATCH], 0x11
  mov dword [SCRATCH + 0xfc], 0x22
  mov dword [SCRATCH + 0xf8], 0x33
`,
      ),
      changed(
        "limit of FS",
        "mov esi, 0x10\nmov ebx, [fs:esi]\nmov ecx, [fs:esi + 0x10]",
        load("fs", SCRATCH, 0x20, DATA, 4),
        `${load("fs", SCRATCH, 0x23, DATA, 4)}`,
      ),
      changed(
        "FS that may only be read",
        "mov ebx, [fs:SCRATCH]\nadd dword [fs:SCRATCH], 1",
        load("fs", 0, FLAT_LIMIT, READ_ONLY, PAGES),
      ),
      changed("null selector in FS", "mov ebx, [fs:SCRATCH]", "xor eax, eax\nmov fs, ax"),
      changed("FS that expands down", "mov ebx, [fs:SCRATCH]", load("fs", 0, 0x300, DOWN, PAGES)),
      changed(
        "strings from FS",
        `cld\nmov esi, 0xff0\nmov edi, SCRATCH + ${WRITTEN}\nmov ecx, 0x20\nfs rep movsb\nmov ebx, edi`,
        load("fs", SCRATCH, 0xfff, DATA),
        `${numbers}${load("fs", SCRATCH, 0x100f, DATA)}`,
      ),
      changed("reading through CS", "mov ebx, [cs:SCRATCH]", ""),
      changed("writing through CS", "mov ebx, 1", `mov dword [cs:SCRATCH], 1\n`),
      {
        name: "code that cannot be read",
        body: `${numbers}jmp .begin\n.f:\nmov ebx, [cs:SCRATCH]\nretf\n.begin:
  mov ebp, 12
.warm:
  push cs
  call .f
  dec ebp
  jnz .warm
  xor ebx, ebx
  ${descriptor(0, segment(0, FLAT_LIMIT, EXECUTE_ONLY, PAGES))}call FREE:.f\n${DONE}`,
        after: show("ebx"),
      },
      // Sizes.
      changed(
        "addresses of 16 bits",
        "mov bx, 0x8000\nmov si, 0x10\nmov [bx + si], ecx\nmov edx, [0x8010]",
        "",
      ),
      {
        name: "jumps of 16 bits",
        body: `mov esi, .code
  mov edi, LOW
  mov ecx, .after - .code
  rep movsb
  mov edx, 20
  mov eax, LOW
  call eax
  ${DONE}
.code:
  inc ebx
  db 0x66, 0xeb, 1
  nop
  add ecx, ebx
  dec edx
  db 0x66, 0x75, -13
  db 0x66, 0xe8, 1, 0
  ret
  pop si
  movzx edi, si
  pushw 0
  push si
  ret`,
        after: show("ebx") + show("ecx") + show("edx") + show("edi"),
      },
      changed(
        "addresses wrap",
        "mov esi, SCRATCH + 0x80000000\nmov ebx, [esi + 0x80000000]\nmov edi, 0x40000000\nmov ecx, [esi + edi * 2]\nmov edx, [esi + edi * 2 + BASE]",
        "",
      ),
      changed(
        "bits beyond",
        "mov esi, 32 * 0x400\nbt [SCRATCH], esi\nsetc bl\nbts [SCRATCH], esi",
        "mov esi, 3",
      ),
      // The stack wraps around, which is beyond its limit.
      otherStack("push below zero", segment(0, FLAT_LIMIT, USER_DATA, PAGES), 6),
      {
        name: "flat code in ring 3",
        body: `${numbers}${toFlatUser()}mov edi, 20
  xor ebx, ebx
.again:
  add ebx, [SCRATCH]
  push ebx
  pop ecx
  dec edi
  jnz .again
  cli
  ${DONE}`,
        after: show("ebx") + show("ecx"),
      },
      {
        name: "interrupt flag behind SYSENTER",
        body: `${sysenterTo(".entry")}pushfd
  pop ebx
  ${toFlatUser("0x202")}pushfd
  pop ecx
  sysenter
.entry:
  pushfd
  pop edx
  ${DONE}`,
        after: show("ebx") + show("ecx") + show("edx"),
      },
      {
        name: "interrupt flag",
        body: `mov edi, 20
.again:
  pushfd
  pop ebx
  sti
  nop
  pushfd
  pop ecx
  cli
  pushfd
  pop edx
  push dword 0x246
  popfd
  pushfd
  pop esi
  cli
  dec edi
  jnz .again
  ${DONE}`,
        after: show("ebx") + show("ecx") + show("edx") + show("esi"),
      },
    ],
    "",
    `BASE = ${BASE}\n`,
  ),
  onlyHere: "QEMU does not look at limits and at what segments may be used for",
};
