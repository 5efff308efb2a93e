/**
 * Hardware task switches and virtual-8086 mode.
 *
 * @module
 */

import type { Guest } from "../guest.ts";
import { say, show } from "../runtime/printing.ts";
import { descriptor, gate, gateDescriptor, protectedGuest, segment, toUser } from "../runtime/protected.ts";

const CONSTANTS = `
TASK = 0x310000
LINK = TASK
OLD = SCRATCH + 0x100
`;

/** A second TSS at TASK (free descriptor 0), whose task begins at `eip`. */
const task = (eip: string, flags = "2") => `
  mov edi, TASK
  mov ecx, 32
  xor eax, eax
  rep stosd
  ${descriptor(0, segment(0x310000, 0x67, 0x89, 0))}
  mov dword [TASK + 0x1c], 0
  mov dword [TASK + 0x20], ${eip}
  mov dword [TASK + 0x24], ${flags}
  mov dword [TASK + 0x28], 0xa1
  mov dword [TASK + 0x2c], 0xa2
  mov dword [TASK + 0x34], 0xa4
  mov dword [TASK + 0x38], 0x1b0000
  mov dword [TASK + 0x48], KDATA
  mov dword [TASK + 0x4c], KCODE
  mov dword [TASK + 0x50], KDATA
  mov dword [TASK + 0x54], KDATA
  mov dword [TASK + 0x58], KDATA
  mov dword [TASK + 0x5c], KDATA
  mov word [TASK + 0x66], 0x68
  xor eax, eax
`;
/** After a task switch: TR is the guest's own TSS again. */
const BACK = `
  clts
  and byte [gdt + TSS + 5], ~2
  mov eax, TSS
  ltr ax
`;
const VM = "0x20002";

/** Copies the code between two labels to LOW, and enters it in virtual-8086 mode. Its stack is 9000:1000. */
const vm86 = (name: string, flags = VM) => `
  mov esi, ${name}
  mov edi, LOW
  mov ecx, ${name}_end - ${name}
  rep movsb
  push 0x4444
  push 0x3333
  push 0x2222
  push 0x1111
  push 0x9000
  push 0x1000
  push ${flags}
  push LOW >> 4
  push 0
  iretd
`;

export const protectedTasks: Guest = {
  name: "protected_tasks",
  source: protectedGuest(
    "protected_tasks",
    [
      {
        name: "jump to a task",
        body: `${task(".task")}mov ebx, 0xbbb\njmp FREE:0\n.task:\n${show("eax")}${show("ecx")}${
          show("ebx")
        }${show("esp")}str edx\n${show("edx", "tr")}mov edx, cr0\n${
          show("edx", "cr0")
        }pushfd\npop edx\nand edx, ~0x8d5\n${show("edx", "fl")}mov edx, [tss + 0x34]\n${
          show("edx", "old_ebx")
        }mov edx, [LINK]\n${show("edx", "link")}movzx edx, byte [gdt + TSS + 5]\n${
          show("edx", "old")
        }movzx edx, byte [gdt_free + 5]\n${show("edx", "new")}jmp .after`,
        after: BACK + "mov esp, [case_stack]",
      },
      {
        name: "call a task and return",
        body: `${task(".task")}mov ebx, 0xbbb\nmov esi, 0x51\ncall FREE:0\n${show("ebx")}${
          show("esi")
        }pushfd\npop edx\nand edx, ~0x8d5\n${show("edx", "fl")}movzx edx, byte [gdt_free + 5]\n${
          show("edx", "new")
        }jmp .after\n.task:\n${show("dword [LINK]", "link")}pushfd\npop edx\nand edx, ~0x8d5\n${
          show("edx", "fl")
        }movzx edx, byte [gdt + TSS + 5]\n${show("edx", "old")}mov ebx, 1\niretd`,
        after: "clts",
      },
      {
        name: "call a task twice",
        body: `${task(".task")}call FREE:0\ncall FREE:0\n${say(" done")}jmp .after\n.task:\n${
          say(" first")
        }iretd\n${say(" second")}iretd\n`,
        after: "clts",
      },
      {
        name: "task gate",
        body: `${task(".task")}${gateDescriptor(1, "0", "FREE", 0x85)}call FREE + 8:0\n${
          say(" back")
        }jmp .after\n.task:\n${say(" task")}iretd`,
        after: "clts",
      },
      {
        name: "interrupt through a task gate",
        body: `${task(".task")}${gate(0x50, "0", 0x85, "FREE")}int 0x50\n${say(" back")}jmp .after\n.task:\n${
          say(" task")
        }${show("dword [tss + 0x20]", "eip")}iretd`,
        after: `clts\n${gate(0x50, "stubs + 0x500")}`,
      },
      {
        name: "fault with an error code through a task gate",
        body: `${task(".task")}${gate(13, "0", 0x85, "FREE")}mov eax, 0x1234\nmov ds, ax\n.task:\npop edx\n${
          show("edx", "error")
        }mov edx, [tss + 0x20]\nsub edx, .body\n${show("edx", "eip")}jmp .after`,
        after: `${BACK}mov esp, [case_stack]\n${gate(13, "stubs + 0xd0")}`,
      },
      {
        name: "double fault through a task gate",
        body: `${task(".task")}${gate(8, "0", 0x85, "FREE")}${gate(13, "0", 0x0e, "KCODE")}${
          gate(11, "0", 0x0e, "KCODE")
        }mov eax, 0x1234\nmov ds, ax\n.task:\npop edx\n${show("edx", "error")}jmp .after`,
        after: `${BACK}mov esp, [case_stack]\n${gate(13, "stubs + 0xd0")}${gate(8, "stubs + 0x80")}${
          gate(11, "stubs + 0xb0")
        }`,
      },
      {
        name: "busy task",
        body: `${task(".after")}${descriptor(0, segment(0x310000, 0x67, 0x8b, 0))}call FREE:0`,
      },
      {
        name: "task not present",
        body: `${task(".after")}${descriptor(0, segment(0x310000, 0x67, 0x09, 0))}call FREE:0`,
      },
      {
        name: "TSS too short",
        body: `${task(".after")}${descriptor(0, segment(0x310000, 0x66, 0x89, 0))}call FREE:0`,
      },
      {
        name: "task of ring 0 from ring 3",
        body: `${task(".after")}${toUser(".user")}.user:\njmp FREE + 3:0`,
      },
      {
        name: "task in ring 3",
        body: `${
          task(".task")
        }mov dword [TASK + 0x4c], UCODE\nmov dword [TASK + 0x50], UDATA\nmov dword [TASK + 4], RING0_STACK - 0x4000\nmov dword [TASK + 8], KDATA\njmp FREE:0\n.task:\nmov ebx, cs\nmov ecx, ss\nint 0x40`,
        after: `${BACK}${show("ebx")}${show("ecx")}`,
      },
      {
        name: "debug trap flag of the new task",
        body: `${task(".task")}mov word [TASK + 0x64], 1\njmp FREE:0\n.task:\n`,
        after: `${BACK}mov esp, [case_stack]`,
      },
      {
        name: "IRET with NT and no link",
        body: "mov word [tss], 0\npushfd\nor dword [esp], 0x4000\npopfd\niretd",
        after: "push 2\npopfd",
      },
      {
        name: "16-bit TSS",
        body: `mov edi, TASK\nmov ecx, 32\nxor eax, eax\nrep stosd\n${
          descriptor(0, segment(0x310000, 0x2b, 0x81, 0))
        }${
          descriptor(1, segment(0x100000, 0xffff, 0x9b, 4))
        }mov word [TASK + 0x0e], .task - 0x100000\nmov word [TASK + 0x10], 2\nmov word [TASK + 0x12], 0xa1\nmov word [TASK + 0x1a], 0x800\nmov word [TASK + 0x22], KDATA\nmov word [TASK + 0x24], FREE + 8\nmov word [TASK + 0x26], KDATA\nmov word [TASK + 0x28], KDATA\nmov ecx, 0x12345678\njmp FREE:0\n.task:\nmov ebx, esp\nmov esp, STACK - 0x100\njmp KCODE:.flat\n.flat:\n${
          show("eax")
        }${show("ecx")}${show("ebx")}jmp .after`,
        after: `${BACK}mov esp, [case_stack]`,
      },
      // Virtual-8086 mode.
      { name: "vm86 software interrupt", body: vm86("vm_int", "0x23002") },
      { name: "vm86 software interrupt without IOPL", body: vm86("vm_int") },
      {
        name: "vm86 registers",
        body: `mov eax, 0x12345678\n${vm86("vm_registers", "0x23002")}`,
        after: show("eax") + show("ebx") + show("ecx") + show("edx") + show("esi") + show("edi"),
      },
      { name: "vm86 console", body: vm86("vm_console", "0x23002") },
      { name: "vm86 port without permission", body: vm86("vm_port", "0x23002") },
      { name: "vm86 hlt", body: vm86("vm_hlt", "0x23002") },
      { name: "vm86 cli without IOPL", body: vm86("vm_cli") },
      { name: "vm86 pushf without IOPL", body: vm86("vm_pushf") },
      {
        name: "vm86 popf, cli, sti with IOPL",
        body: vm86("vm_flags", "0x23002"),
        after: show("eax") + show("ebx"),
      },
      { name: "vm86 mov from cr0", body: vm86("vm_cr0", "0x23002") },
      { name: "vm86 lgdt", body: vm86("vm_lgdt", "0x23002") },
      { name: "vm86 lar", body: vm86("vm_lar", "0x23002") },
      {
        name: "vm86 far call and iret",
        body: vm86("vm_far", "0x23002"),
        after: show("eax") + show("ebx") + show("ecx"),
      },
      { name: "vm86 int3 without IOPL", body: vm86("vm_int3") },
      { name: "vm86 divide error", body: vm86("vm_divide", "0x23002") },
      {
        name: "vm86 continued",
        body: `mov dword [continued], 8\n${vm86("vm_twice", "0x23002")}`,
        after: show("eax"),
      },
      {
        name: "vm86 through a conforming gate",
        body: `${descriptor(2, segment(0, 0xfffff, 0x9f, 12))}${gate(0x51, ".after", 0xee, "FREE + 16")}${
          vm86("vm_int51", "0x23002")
        }`,
      },
    ],
    `
bits 16
vm_int:
  mov ax, 0x1234
  int 0x40
  int 0x50
vm_int_end:
vm_registers:
  mov ecx, eax
  mov ax, 0x9abc
  mov ebx, eax
  mov dx, ds
  mov si, ss
  mov di, sp
  int 0x40
vm_registers_end:
vm_console:
  mov al, 33
  out 0xe9, al
  int 0x40
vm_console_end:
vm_port:
  mov dx, 0x100
  in al, dx
vm_port_end:
vm_hlt:
  hlt
vm_hlt_end:
vm_cli:
  cli
vm_cli_end:
vm_pushf:
  pushf
vm_pushf_end:
vm_flags:
  sti
  pushf
  pop ax
  cli
  push word 0x0cd5
  popf
  pushf
  pop bx
  int 0x40
vm_flags_end:
vm_cr0:
  mov eax, cr0
vm_cr0_end:
vm_lgdt:
  lgdt [0]
vm_lgdt_end:
vm_lar:
  lar ax, bx
vm_lar_end:
vm_far:
  call 0x7f0:.f - vm_far + 0x100
  mov bx, 7
  pushf
  push cs
  push word .back - vm_far
  iret
.back:
  mov cx, 9
  int 0x40
.f:
  mov ax, cs
  retf
vm_far_end:
vm_int3:
  int3
vm_int3_end:
vm_divide:
  xor cx, cx
  div cx
vm_divide_end:
vm_twice:
  int3
  mov ax, ds
  add ax, 1
  int 0x40
vm_twice_end:
vm_int51:
  int 0x51
vm_int51_end:
bits 32
`,
    CONSTANTS,
  ),
  differences: {
    "debug trap flag of the new task": {
      here: "#1 dr6=ffff8ff0 ip=+b8 cs=8 fl=2 sp=@1b0000",
      why: "Bit T of a TSS makes a debug exception of a switch to it",
    },
  },
};
