/**
 * Guests in 32-bit protected mode: cases one after the other, each with its exceptions printed.
 *
 * Paging is off unless a case turns it on. Segments are flat; cases put descriptors of their own into the free ones.
 *
 * @module
 */

import type { Case } from "../guest.ts";
import { GUEST_START } from "../run_qemu.ts";
import { printingRoutines, say } from "./printing.ts";

/** Vectors with an error code. */
const WITH_ERROR = [8, 10, 11, 12, 13, 14, 17, 21];

function stubs(): string {
  return Array.from({ length: 256 }, (_, vector) => `
  align 16
${vector === 0 ? "stubs:" : ""}
  ${WITH_ERROR.includes(vector) ? "" : "push 0"}
  push ${vector}
  jmp interrupted`).join("");
}

const EQUATES = `
KCODE = 0x08
KDATA = 0x10
UCODE = 0x18 + 3
UDATA = 0x20 + 3
TSS = 0x28
CODE16 = 0x30
DATA16 = 0x38
FREE = 0x40
IDT = 0x208000
STACK = 0x1f0000
USER_STACK = 0x1e0000
RING0_STACK = 0x1c0000
SCRATCH = 0x300000
LOW = 0x8000
`;

/** Has SYSENTER go to a label in ring 0, on the stack as it is. Changes EAX, ECX and EDX. */
export function sysenterTo(label: string): string {
  const registers = [[0x174, "KCODE"], [0x175, "esp"], [0x176, label]];
  return `xor edx, edx\n${
    registers.map(([register, value]) => `mov ecx, ${register}\nmov eax, ${value}\nwrmsr\n`).join("")
  }`;
}

/** Goes to ring 3 with `flags`, where all segments are flat. Changes EAX. */
export function toFlatUser(flags?: string): string {
  return `${toUser(".user", flags)}.user:\nmov eax, UDATA\nmov ds, ax\nmov es, ax\n`;
}

/** Statements that go on at `label` in ring 3 with `flags`. */
export function toUser(label: string, flags = "2", code = "UCODE", stack = "UDATA"): string {
  return `push ${stack}
    push USER_STACK
    push ${flags}
    push ${code}
    push ${label}
    iretd\n`;
}

/** Ends the body of a case from any privilege level. */
export const DONE = "int 0x40\n";

/** Free descriptor `index` becomes `value`. */
export function descriptor(index: number, value: bigint): string {
  return `mov dword [gdt_free + ${index * 8}], ${value & 0xffffffffn}\nmov dword [gdt_free + ${
    index * 8 + 4
  }], ${value >> 32n}\n`;
}

/** A segment descriptor: `flags` are G, D/B, L and AVL. */
export function segment(base: number, limit: number, access: number, flags = 4): bigint {
  const low = BigInt(limit & 0xffff) | BigInt(base & 0xffff) << 16n;
  const high = BigInt(base >> 16 & 0xff) | BigInt(access) << 8n | BigInt(limit >> 16 & 15) << 16n |
    BigInt(flags) << 20n |
    BigInt(base >>> 24) << 24n;
  return low | high << 32n;
}

/** Statements that make free descriptors `index` a gate to `selector:label`. Change EAX. */
export function gateDescriptor(
  index: number,
  label: string,
  selector: string,
  access: number,
  parameters = 0,
): string {
  const at = `gdt_free + ${index * 8}`;
  return `mov eax, ${label}
    mov [${at}], ax
    mov word [${at} + 2], ${selector}
    mov byte [${at} + 4], ${parameters}
    mov byte [${at} + 5], ${access}
    shr eax, 16
    mov [${at} + 6], ax\n`;
}

/** Statements that make gate `vector` of the IDT lead to `label`. Change EAX. */
export function gate(vector: number, label: string, access = 0x8e, selector = "KCODE"): string {
  const at = `IDT + ${vector} * 8`;
  return `mov eax, ${label}
    mov [${at}], ax
    mov word [${at} + 2], ${selector}
    mov byte [${at} + 4], 0
    mov byte [${at} + 5], ${access}
    shr eax, 16
    mov [${at} + 6], ax\n`;
}

function caseText({ name, body, after = "" }: Case, number: number): string {
  return `
case${number}:
  call begin
  dd .body, .after
  db "${name}", 0
.body:
${body}
.after:
${after}
`;
}

/** Source of a guest. `constants` and `data` are what its cases need besides. */
export function protectedGuest(name: string, cases: readonly Case[], data = "", constants = ""): string {
  return `
${EQUATES}
${constants}
bits 32
start:
  cld
  mov esp, STACK
  lgdt [gdt_pointer]
  jmp KCODE:.flat
.flat:
  mov eax, KDATA
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov fs, ax
  mov gs, ax
  mov eax, 0x33
  mov cr0, eax
  mov eax, 0x600
  mov cr4, eax
  xor ecx, ecx
.gate:
  mov edi, ecx
  shl edi, 3
  mov eax, ecx
  shl eax, 4
  add eax, stubs
  mov [edi + IDT], ax
  mov word [edi + IDT + 2], KCODE
  mov word [edi + IDT + 4], 0x8e00
  shr eax, 16
  mov [edi + IDT + 6], ax
  inc ecx
  cmp ecx, 256
  jne .gate
  mov byte [IDT + 3 * 8 + 5], 0xee
  mov byte [IDT + 4 * 8 + 5], 0xee
  mov byte [IDT + 0x40 * 8 + 5], 0xee
  lidt [idt_pointer]
  mov eax, tss
  mov [gdt + TSS + 2], ax
  shr eax, 16
  mov [gdt + TSS + 4], al
  mov eax, TSS
  ltr ax
  xor eax, eax
  lldt ax
  mov al, 0xff
  out 0x21, al
  out 0xa1, al
  fninit
  call say
  db "${GUEST_START}${name}", 0
${cases.map(caseText).join("")}
  mov al, 10
  out 0xe9, al
  xor eax, eax
  out 0xf4, eax
  cli
  hlt

; Starts a case. The text behind the call: where it begins, where it goes on after an exception, its name.
begin:
  pop esi
  lodsd
  mov [case_start], eax
  lodsd
  mov [case_resume], eax
  mov [case_stack], esp
  mov dword [continued], 0
  mov dword [count], 0
  mov al, 10
  out 0xe9, al
  call print_text
  mov al, ':'
  out 0xe9, al
  xor eax, eax
  xor ebx, ebx
  xor ecx, ecx
  xor edx, edx
  xor esi, esi
  xor edi, edi
  xor ebp, ebp
  jmp dword [case_start]

; Any interrupt or exception: vector and error code have been pushed.
interrupted:
  pushad
  push ds
  push es
  mov eax, KDATA
  mov ds, ax
  mov es, ax
  cld
  FRAME = 10 * 4
  cmp dword [esp + FRAME], 0x40
  je resume
  ${say(" #")}
  mov eax, [esp + FRAME]
  call print_hex
  cmp dword [esp + FRAME + 4], 0
  je .no_error
  ${say(" e=")}
  mov eax, [esp + FRAME + 4]
  call print_hex
.no_error:
  cmp dword [esp + FRAME], 14
  jne .no_address
  ${say(" cr2=")}
  mov eax, cr2
  call print_hex
.no_address:
  cmp dword [esp + FRAME], 1
  jne .no_debug
  ${say(" dr6=")}
  mov eax, dr6
  call print_hex
  mov eax, 0xffff0ff0
  mov dr6, eax
.no_debug:
  ${say(" ip=")}
  mov eax, [esp + FRAME + 8]
  mov edx, [case_start]
  call print_near
  ${say(" cs=")}
  mov eax, [esp + FRAME + 12]
  call print_hex
  ${say(" fl=")}
  mov eax, [esp + FRAME + 16]
  and eax, ~0x108d5
  call print_hex
  test dword [esp + FRAME + 16], 0x20000
  jne .outer
  test dword [esp + FRAME + 12], 3
  je .inner
.outer:
  ${say(" sp=")}
  mov eax, [esp + FRAME + 20]
  call print_hex
  ${say(" ss=")}
  mov eax, [esp + FRAME + 24]
  call print_hex
  test dword [esp + FRAME + 16], 0x20000
  je .depth
  ${say(" es=")}
  mov eax, [esp + FRAME + 28]
  call print_hex
  ${say(" ds=")}
  mov eax, [esp + FRAME + 32]
  call print_hex
  ${say(" fs=")}
  mov eax, [esp + FRAME + 36]
  call print_hex
  ${say(" gs=")}
  mov eax, [esp + FRAME + 40]
  call print_hex
  jmp .depth
.inner:
  ${say(" sp=")}
  lea eax, [esp + FRAME + 20]
  mov edx, [case_stack]
  call print_near
.depth:
  inc dword [count]
  cmp dword [count], 40
  ja resume
  mov ecx, [esp + FRAME]
  bt dword [continued], ecx
  jnc resume
  pop es
  pop ds
  popad
  add esp, 8
  iretd

resume:
  pop es
  pop ds
  popad
  push eax
  mov eax, KDATA
  mov ss, ax
  mov ds, ax
  mov es, ax
  mov fs, ax
  mov gs, ax
  pop eax
  mov esp, [case_stack]
  push 2
  popfd
  jmp dword [case_resume]

; EAX relative to EDX, if it is near; else as it is.
print_near:
  mov ecx, eax
  sub ecx, edx
  lea ebx, [ecx + 0x2000]
  cmp ebx, 0x4000
  ja .far
  mov eax, ecx
  jmp print_signed
.far:
  push eax
  mov al, '@'
  out 0xe9, al
  pop eax
  jmp print_hex
${printingRoutines(32)}
${stubs()}

align 16
gdt:
  dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
  dw TSS_LIMIT, 0
  db 0, 0x89, 0, 0
  dq 0x00009b000000ffff, 0x000093000000ffff
gdt_free:
  zero 128
gdt_end:
gdt_pointer:
  dw gdt_end - gdt - 1
  dd gdt
idt_pointer:
  dw 0x7ff
  dd IDT
align 16
tss:
  dd 0, RING0_STACK, KDATA, RING0_STACK - 0x1000, 0x21, RING0_STACK - 0x2000, 0x22
  zero 102 - 28
  dw 104
  zero 0x20
  db 0xff
TSS_LIMIT = $ - tss - 1
align 4
case_start:
  dd 0
case_resume:
  dd 0
case_stack:
  dd 0
count:
  dd 0
continued:
  zero 32
${data}
`;
}
