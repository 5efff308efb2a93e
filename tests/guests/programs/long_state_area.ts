/**
 * XSAVE and XRSTOR of x87 and SSE state: what they save and load, and what they refuse.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { DONE, longGuest, toUser } from "../runtime/long.ts";
import { show } from "../runtime/printing.ts";

const CONSTANTS = `
AREA = 0x300400
BEHIND = AREA + 512
PAGES = 0x310000
WINDOW = 0x40000000
CROSSING = WINDOW + 0x1000 - 320
PD2 = 0x210000
PT2 = 0x211000
`;

/** Links the table of the pages at WINDOW. */
const LINK_WINDOW = "mov dword [PDPT + 8], PD2 + 7\nmov qword [PD2], PT2 + 7\n";
/** The instruction at an address, by way of RDI. */
const at = (bytes: string) => (address: string) => `mov edi, ${address}\ndb ${bytes}\n`;
const save = at("0x48, 0x0f, 0xae, 0x27");
const load = at("0x48, 0x0f, 0xae, 0x2f");
const saveNarrow = at("0x0f, 0xae, 0x27");
const loadNarrow = at("0x0f, 0xae, 0x2f");

const CR4 = (instruction: string) => `mov rax, cr4\n${instruction} rax, 18\nmov cr4, rax\n`;

/** Enables both components, and fills registers with what can be told apart. */
const SETUP = `
  ${CR4("bts")}
  xor ecx, ecx
  xor edx, edx
  mov eax, 3
  db 0x0f, 0x01, 0xd1 ; XSETBV
  mov edi, AREA
  mov ecx, 72
  mov rax, 0x5555555555555555
  rep stosq
  mov qword [BEHIND], 0
  mov qword [BEHIND + 8], 0
  mov qword [BEHIND + 16], 0
  fninit
  mov dword [SCRATCH], 0x7f
  fldcw [SCRATCH]
  fld1
  db 0xd9, 0xeb ; FLDPI
  db 0xd9, 0xee ; FLDZ
  mov dword [SCRATCH], 0x1fa0
  ldmxcsr [SCRATCH]
  mov rax, 0x1111111111111111
  mov [SCRATCH], rax
  mov [SCRATCH + 8], rax
  ${
  Array.from(
    { length: 16 },
    (_, i) => `movups xmm${i}, [SCRATCH]\nadd [SCRATCH], rax\nadd [SCRATCH + 8], rax`,
  )
    .join("\n")
}
  xor edx, edx
  mov eax, 3
`;

/** Other values in all that SETUP has filled. */
const CHANGE = `
  fninit
  db 0xd9, 0xea ; FLDL2E
  mov dword [SCRATCH], 0x1f80
  ldmxcsr [SCRATCH]
  db 0x66, 0x0f, 0xef, 0xc0 ; PXOR XMM0, XMM0
  db 0x66, 0x0f, 0xef, 0xff ; XMM7
  db 0x66, 0x45, 0x0f, 0xef, 0xff ; XMM15
  xor edx, edx
`;
const AFTER = `mov rax, cr0\nbtr rax, 3\nmov cr0, rax\n${CR4("bts")}fninit\n`;

/** What of an area both this CPU and QEMU keep: no pointers of the x87. */
const area = (start: string) =>
  `mov eax, [${start}]\n${show("rax", "a0")}` +
  ["24", "32", "48", "64", "160", "272", "400", "512", "520"]
    .map((offset) => show(`qword [${start} + ${offset}]`, `a${offset}`)).join("");

const REGISTERS = `
  fnstcw [SCRATCH]
  movzx eax, word [SCRATCH]
  ${show("rax", "cw")}
  db 0xdf, 0xe0 ; FNSTSW AX
  movzx eax, ax
  ${show("rax", "sw")}
  stmxcsr [SCRATCH]
  mov eax, [SCRATCH]
  ${show("rax", "mxcsr")}
  ${[0, 7, 15].map((i) => `movups [SCRATCH], xmm${i}\n${show("qword [SCRATCH]", `xmm${i}`)}`).join("")}
  db 0xd9, 0xe5 ; FXAM
  db 0xdf, 0xe0 ; FNSTSW AX
  movzx eax, ax
  ${show("rax", "st")}
  db 0xd9, 0xc1 ; FLD ST(1)
  mov edi, SCRATCH
  db 0xdf, 0x3f ; FISTP qword [RDI]
  ${show("qword [SCRATCH]", "st1")}
`;

export const longStateArea: Guest = {
  name: "long_state_area",
  differences: {
    "pending exception": {
      here: "sw=a881",
      why: "TCG loads ES and B as they are, not as the exceptions have them",
    },
    "reserved bits of MXCSR": {
      here: "#d ip=+23e cs=8 fl=2 sp=+0 ss=10 qword [BEHIND]=3",
      why: "TCG loads an MXCSR with reserved bits",
    },
    "task switched": { here: "#7 ip=+238 cs=8 fl=2 sp=+0 ss=10", why: "TCG does not look at CR0.TS" },
  },
  source: longGuest(
    "long_state_area",
    [
      { name: "save both", body: `${SETUP}${save("AREA")}`, after: AFTER + area("AREA") },
      { name: "save both, selectors", body: `${SETUP}${saveNarrow("AREA")}`, after: AFTER + area("AREA") },
      { name: "save x87", body: `${SETUP}mov eax, 1\n${save("AREA")}`, after: AFTER + area("AREA") },
      { name: "save SSE", body: `${SETUP}mov eax, 2\n${save("AREA")}`, after: AFTER + area("AREA") },
      {
        name: "components in use before",
        body: `${SETUP}mov rcx, 0xf0\nmov [BEHIND], rcx\n${save("AREA")}`,
        after: AFTER + show("qword [BEHIND]"),
      },
      {
        name: "save and load",
        body: `${SETUP}${save("AREA")}\n${CHANGE}mov eax, 3\n${load("AREA")}`,
        after: REGISTERS + AFTER,
      },
      {
        name: "save and load, selectors",
        body: `${SETUP}${saveNarrow("AREA")}\n${CHANGE}mov eax, 3\n${loadNarrow("AREA")}`,
        after: REGISTERS + AFTER,
      },
      {
        name: "load x87",
        body: `${SETUP}${save("AREA")}\n${CHANGE}mov eax, 1\n${load("AREA")}`,
        after: REGISTERS + AFTER,
      },
      {
        name: "load what is initial",
        body: `${SETUP}${save("AREA")}\nmov dword [BEHIND], 1\nmov eax, 3\n${load("AREA")}`,
        after: REGISTERS + AFTER,
      },
      {
        name: "pending exception",
        body: `${SETUP}${save("AREA")}\nmov word [AREA], 0x7e\nor word [AREA + 2], 1\n${CHANGE}mov eax, 3\n${
          load("AREA")
        }`,
        after: `db 0xdf, 0xe0\nmovzx eax, ax\n${show("rax", "sw")}${AFTER}`,
      },
      {
        name: "across pages that do not lie together",
        body: `${SETUP}${LINK_WINDOW}mov qword [PT2], PAGES + 7\n` +
          `mov qword [PT2 + 8], PAGES + 0x2007\nmov qword [CROSSING + 512], 0\nmov qword [CROSSING + 520], 0\nmov qword [CROSSING + 528], 0\n` +
          `${save("CROSSING")}\n${CHANGE}mov eax, 3\n${load("CROSSING")}`,
        after: REGISTERS + AFTER + area("CROSSING"),
      },
      {
        name: "many times",
        body:
          `${SETUP}mov ebp, 200\n.again:\nmov eax, 3\n${save("AREA")}\ninc byte [AREA + 160]\nmov eax, 3\n` +
          `${
            load("AREA")
          }\nstmxcsr [SCRATCH]\ndb 0x45, 0x0f, 0x58, 0xff\nxor dword [AREA + 24], 0x20\nmov eax, 3\n` +
          `${load("AREA")}\ndec ebp\njne .again`,
        after: REGISTERS + AFTER,
      },
      { name: "misaligned", body: `${SETUP}${save("AREA + 8")}`, after: AFTER },
      { name: "misaligned load", body: `${SETUP}${load("AREA + 8")}`, after: AFTER },
      {
        name: "compacted",
        body: `${SETUP}${save("AREA")}\nmov qword [BEHIND + 8], 3\n${load("AREA")}`,
        after: AFTER,
      },
      {
        name: "unknown component",
        body: `${SETUP}${save("AREA")}\nmov byte [BEHIND + 7], 0x40\n${load("AREA")}`,
        after: AFTER,
      },
      {
        name: "reserved words",
        body: `${SETUP}${save("AREA")}\nmov byte [BEHIND + 16], 1\n${load("AREA")}`,
        after: AFTER,
      },
      {
        name: "reserved bits of MXCSR",
        body: `${SETUP}${save("AREA")}\nmov byte [AREA + 26], 1\n${load("AREA")}`,
        after: AFTER + show("qword [BEHIND]"),
      },
      {
        name: "task switched",
        body: `${SETUP}mov rcx, cr0\nbts rcx, 3\nmov cr0, rcx\n${save("AREA")}`,
        after: AFTER,
      },
      { name: "without OSXSAVE", body: `${SETUP}${CR4("btr")}mov eax, 3\n${save("AREA")}`, after: AFTER },
      {
        name: "page fault",
        body: `${SETUP}${save("2 * WINDOW + 64")}`,
        after: AFTER,
      },
      {
        name: "read-only page in ring 3",
        body: `${SETUP}${LINK_WINDOW}mov qword [PT2], PAGES + 5\n${toUser(".user")}.user:\nmov eax, 3\n${
          save("WINDOW + 64")
        }\n${DONE}`,
        after: AFTER,
      },
    ],
    "",
    CONSTANTS,
  ),
};
