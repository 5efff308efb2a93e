/**
 * Guests in real mode: cases one after the other, each with its exceptions printed.
 *
 * The whole program runs at LOW with CS = DS = ES = SS = 0; its stack ends at LOW. The IVT leads all vectors to one handler.
 *
 * @module
 */

import type { Case } from "../guest.ts";
import { GUEST_START } from "../run_qemu.ts";

/** Statements that print a 32-bit register or memory operand as ` label=hex`, and change nothing. */
export function show(operand: string, label = operand): string {
  return `push ${operand}\ncall show\ndb " ${label}=", 0\n`;
}

/** Statements that print a text, and change nothing. */
export function say(text: string): string {
  return `call say\ndb "${text}", 0\n`;
}

const EQUATES = `
LOW = 0x8000
DATA = 0x7000
STACK = 0x7000
FLAT_CODE = 0x08
FLAT_DATA = 0x10
REAL_CODE = 0x18
REAL_DATA = 0x20
`;

/** Statements that make vector lead to a label. */
export function vector(number: number, label: string): string {
  return `mov word [${number * 4}], ${label}\nmov word [${number * 4 + 2}], 0\n`;
}

/** Statements that lead a vector to the common handler again. */
export function restore(number: number): string {
  return vector(number, `stubs + ${number} * 8`);
}

function caseText({ name, body, after = "" }: Case, number: number): string {
  return `
case${number}:
  call begin
  dw .body, .after
  db "${name}", 0
.body:
${body}
.after:
${after}
`;
}

function stubs(): string {
  return Array.from({ length: 256 }, (_, number) => `
  align 8
${number === 0 ? "stubs:" : ""}
  push byte ${number < 128 ? number : number - 256}
  jmp interrupted`).join("");
}

/** Source of a guest. */
export function realGuest(name: string, cases: readonly Case[], data = ""): string {
  return `
${EQUATES}
bits 32
start:
  cld
  mov esp, 0x1f0000
  lgdt [gdt_pointer]
  mov esi, image
  mov edi, LOW
  mov ecx, image_end - image
  rep movsb
  mov al, 0xff
  out 0x21, al
  out 0xa1, al
  jmp REAL_CODE:narrow
gdt_pointer:
  dw 39
  dd image + gdt - LOW
image:
  at LOW
gdt:
  dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00009b000000ffff, 0x000093000000ffff
low_gdt_pointer:
  dw 39
  dd gdt
bits 16
narrow:
  mov eax, REAL_DATA
  mov ds, ax
  mov es, ax
  mov fs, ax
  mov gs, ax
  mov ss, ax
  o32 lgdt [low_gdt_pointer]
  mov eax, 0x30
  mov cr0, eax
  jmp 0:.real
.real:
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov fs, ax
  mov gs, ax
  mov ss, ax
  mov esp, STACK
  o32 lidt [ivt_pointer]
  xor di, di
  mov ax, stubs
  mov cx, 256
.vector:
  mov [di], ax
  mov word [di + 2], 0
  add di, 4
  add ax, 8
  dec cx
  jne .vector
  call say
  db "${GUEST_START}${name}", 0
${cases.map(caseText).join("")}
  mov al, 10
  out 0xe9, al
  xor eax, eax
  mov dx, 0xf4
  out dx, eax
  cli
  hlt

begin:
  pop si
  lodsw
  mov [case_start], ax
  lodsw
  mov [case_resume], ax
  mov [case_stack], sp
  mov dword [continued], 0
  mov word [count], 0
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
  jmp word [case_start]

interrupted:
  pushad
  push ds
  push es
  xor ax, ax
  mov ds, ax
  mov es, ax
  cld
  mov bp, sp
  ${say(" #")}
  movzx eax, byte [bp + 36]
  call print_hex
  ${say(" ip=")}
  movzx eax, word [bp + 38]
  cmp word [bp + 40], 0
  jne .absolute
  sub ax, [case_start]
.absolute:
  movzx eax, ax
  call print_hex
  ${say(" cs=")}
  movzx eax, word [bp + 40]
  call print_hex
  ${say(" fl=")}
  movzx eax, word [bp + 42]
  and eax, ~0x8d5
  call print_hex
  ${say(" sp=")}
  lea ax, [bp + 44]
  sub ax, [case_stack]
  movzx eax, ax
  call print_hex
  movzx eax, byte [bp + 36]
  cmp al, 1
  jne .no_debug
  inc word [count]
  cmp word [count], 20
  ja .resume
.no_debug:
  bt dword [continued], eax
  jnc .resume
  pop es
  pop ds
  popad
  add sp, 2
  iretw
.resume:
  pop es
  pop ds
  popad
  push ax
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov fs, ax
  mov gs, ax
  mov ss, ax
  pop ax
  movzx esp, word [case_stack]
  push word 2
  popfw
  jmp word [case_resume]

show:
  pushfd
  pushad
  mov bp, sp
  mov si, [bp + 36]
  call print_text
  mov [bp + 36], si
  mov eax, [bp + 38]
  call print_hex
  popad
  popfd
  ret 4

say:
  pushfd
  pushad
  mov bp, sp
  mov si, [bp + 36]
  call print_text
  mov [bp + 36], si
  popad
  popfd
  ret

print_text:
  mov al, [cs:si]
  inc si
  test al, al
  je .end
  out 0xe9, al
  jmp print_text
.end:
  ret

print_hex:
  mov ebx, eax
  mov cx, 32
.skip:
  sub cx, 4
  je .digit
  mov eax, ebx
  shr eax, cl
  and al, 15
  je .skip
.digit:
  mov eax, ebx
  shr eax, cl
  and al, 15
  cmp al, 10
  jb .decimal
  add al, 39
.decimal:
  add al, 48
  out 0xe9, al
  sub cx, 4
  jns .digit
  ret
${stubs()}
ivt_pointer:
  dw 0x3ff
  dd 0
case_start:
  dw 0
case_resume:
  dw 0
case_stack:
  dw 0
count:
  dw 0
continued:
  dd 0, 0
${data}
  here
image_end:
`;
}
