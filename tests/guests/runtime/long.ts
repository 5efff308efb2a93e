/**
 * Guests in 64-bit mode: cases one after the other, each with its exceptions printed.
 *
 * Memory: 0 to 64 MiB is mapped to itself in 2 MiB pages, for all privilege levels; the page tables lie at 2 MiB, and the
 * second GiB's page-directory pointer (`PDPT + 8`) is free for cases.
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

const SAVED = [
  "rax",
  "rcx",
  "rdx",
  "rbx",
  "rbp",
  "rsi",
  "rdi",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
];

/** Selectors of the GDT; those from `GDT_FREE` on are for cases. */
const EQUATES = `
KCODE = 0x08
KDATA = 0x10
UCODE32 = 0x18 + 3
UDATA = 0x20 + 3
UCODE = 0x28 + 3
UDATA2 = 0x30 + 3
KCODE32 = 0x38
TSS = 0x40
FREE = 0x50
PML4 = 0x200000
PDPT = 0x201000
PD = 0x202000
IDT = 0x208000
STACK = 0x1f0000
USER_STACK = 0x1e0000
IST_STACK = 0x1d0000
RING0_STACK = 0x1c0000
SCRATCH = 0x300000
`;

/** Statements that go on at `label` in ring 3 with `flags`. */
export function toUser(label: string, flags = "2", selector = "UCODE"): string {
  return `push UDATA
    push USER_STACK
    push ${flags}
    push ${selector}
    push ${label}
    iretq\n`;
}

/** Statements that set and clear bits of CR4. Change RAX. */
export function changeCr4(set: string, clear = "0"): string {
  return `mov rax, cr4\nor rax, ${set}\nand rax, ~(${clear})\nmov cr4, rax\n`;
}

/** Statements that load CR3. Change RAX. */
export function loadCr3(value: string): string {
  return `mov rax, ${value}\nmov cr3, rax\n`;
}

/** Statements that make all that is mapped where it lies global, kernels' code with it. Change RCX. */
export const ALL_GLOBAL = `xor ecx, ecx
.global:
or dword [PD + rcx * 8], 0x100
inc ecx
cmp ecx, 32
jne .global
`;

/** Ends the body of a case from any privilege level. */
export const DONE = "int 0x40\n";

function caseText({ name, body, after = "" }: Case, number: number): string {
  return `
case${number}:
  call begin
  dq .body, .after
  db "${name}", 0
.body:
${body}
.after:
${after}
`;
}

/** Source of a guest. `constants` and `data` are what its cases need besides: subroutines, tables. */
export function longGuest(name: string, cases: readonly Case[], data = "", constants = ""): string {
  return `
${EQUATES}
${constants}
bits 32
start:
  cld
  mov esp, STACK
  mov edi, PML4
  mov ecx, 0x8000 / 4
  xor eax, eax
  rep stosd
  mov dword [PML4], PDPT + 7
  mov dword [PDPT], PD + 7
  xor ecx, ecx
.fill:
  mov eax, ecx
  shl eax, 21
  or eax, 0x87
  mov [PD + ecx * 8], eax
  inc ecx
  cmp ecx, 32
  jne .fill
  mov eax, 0x620 ; OSXMMEXCPT, OSFXSR, PAE
  mov cr4, eax
  mov eax, PML4
  mov cr3, eax
  mov ecx, 0xc0000080
  mov eax, 0x901 ; NXE, LME, SCE
  xor edx, edx
  wrmsr
  mov eax, 0x80010033 ; PG, WP, NE, ET, MP, PE
  mov cr0, eax
  lgdt [gdt_pointer]
  jmp KCODE:long_start

bits 64
long_start:
  mov eax, KDATA
  mov ds, ax
  mov es, ax
  mov ss, ax
  xor eax, eax
  mov fs, ax
  mov gs, ax
  xor ecx, ecx
.gate:
  mov edi, ecx
  shl edi, 4
  mov eax, edi
  add eax, stubs
  mov [rdi + IDT], ax
  mov word [rdi + IDT + 2], KCODE
  mov word [rdi + IDT + 4], 0x8e00
  shr eax, 16
  mov [rdi + IDT + 6], eax
  mov qword [rdi + IDT + 8], 0
  inc ecx
  cmp ecx, 256
  jne .gate
  mov byte [IDT + 3 * 16 + 5], 0xee
  mov byte [IDT + 4 * 16 + 5], 0xee
  mov byte [IDT + 0x40 * 16 + 5], 0xee
  mov byte [IDT + 8 * 16 + 4], 1
  lidt [idt_pointer]
  mov eax, tss
  mov [gdt + TSS + 2], ax
  shr eax, 16
  mov [gdt + TSS + 4], al
  mov eax, TSS
  ltr ax
  mov al, 0xff ; all interrupts of the 8259A pair masked
  out 0x21, al
  out 0xa1, al
  fninit
  call say
  db "${GUEST_START}${name}", 0
${cases.map(caseText).join("")}
  ${say("")}
  mov al, 10
  out 0xe9, al
  xor eax, eax
  out 0xf4, eax
  cli
  hlt

; Starts a case. The text behind the call: where it begins, where it goes on after an exception, its name.
begin:
  pop rsi
  lodsq
  mov [case_start], rax
  lodsq
  mov [case_resume], rax
  mov qword [case_stack], rsp
  mov qword [continued], 0
  mov qword [continued + 8], 0
  mov dword [count], 0
  mov eax, 0xffff0ff0
  mov dr6, rax
  mov al, 10
  out 0xe9, al
  call print_text
  mov al, ':'
  out 0xe9, al
  ; All registers have known values.
  ${
    SAVED.filter((register) => register !== "rsi").map((register) => `xor ${register}, ${register}`).join(
      "\n  ",
    )
  }
  xor esi, esi
  jmp qword [case_start]

; Any interrupt or exception: vector and error code have been pushed.
interrupted:
  ${SAVED.map((register) => `push ${register}`).join("\n  ")}
  FRAME = 15 * 8
  mov rdx, [rsp + FRAME]
  cmp edx, 0x40
  je resume
  ${say(" #")}
  mov rax, rdx
  call print_hex
  cmp qword [rsp + FRAME + 8], 0
  je .no_error
  ${say(" e=")}
  mov rax, [rsp + FRAME + 8]
  call print_hex
.no_error:
  mov rdx, [rsp + FRAME]
  cmp edx, 14
  jne .no_address
  ${say(" cr2=")}
  mov rax, cr2
  call print_hex
.no_address:
  cmp qword [rsp + FRAME], 1
  jne .no_debug
  ${say(" dr6=")}
  mov rax, dr6
  call print_hex
  mov eax, 0xffff0ff0
  mov dr6, rax
.no_debug:
  ${say(" ip=")}
  mov rax, [rsp + FRAME + 16]
  mov rdx, [case_start]
  call print_near
  ${say(" cs=")}
  mov rax, [rsp + FRAME + 24]
  call print_hex
  ${say(" fl=")}
  mov rax, [rsp + FRAME + 32]
  and eax, ~0x108d5 ; without RF, and the arithmetic flags, some of which may be undefined
  call print_hex
  ${say(" sp=")}
  mov rax, [rsp + FRAME + 40]
  mov rdx, [case_stack]
  call print_near
  ${say(" ss=")}
  mov rax, [rsp + FRAME + 48]
  call print_hex
  inc dword [count]
  cmp dword [count], 40
  ja resume
  mov ecx, [rsp + FRAME]
  bt dword [continued], ecx
  jnc resume
  ${[...SAVED].reverse().map((register) => `pop ${register}`).join("\n  ")}
  add rsp, 16
  iretq

resume:
  ${[...SAVED].reverse().map((register) => `pop ${register}`).join("\n  ")}
  mov rsp, [case_stack]
  push KDATA
  push qword [case_stack]
  push 2
  push KCODE
  push qword [case_resume]
  iretq

; RAX relative to RDX, if it is near; else as it is.
print_near:
  mov rcx, rax
  sub rcx, rdx
  lea rbx, [rcx + 0x2000]
  cmp rbx, 0x4000
  ja .far
  mov rax, rcx
  jmp print_signed
.far:
  push rax
  mov al, '@'
  out 0xe9, al
  pop rax
  jmp print_hex
${printingRoutines(64)}
${stubs()}

align 16
gdt:
  dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff
  dq 0x00cff3000000ffff, 0x00cf9b000000ffff
  dw TSS_LIMIT, 0
  db 0, 0x89, 0, 0
  dq 0
gdt_free:
  zero 128
gdt_end:
gdt_pointer:
  dw gdt_end - gdt - 1
  dd gdt, 0
idt_pointer:
  dw 0xfff
  dq IDT
align 16
tss:
  dd 0
  dq RING0_STACK, RING0_STACK - 0x1000, RING0_STACK - 0x2000, 0
  dq IST_STACK, IST_STACK - 0x1000, IST_STACK - 0x2000, 0, 0, 0, 0, 0
  dw 0, 104
  zero 0x20
  db 0xff
TSS_LIMIT = $ - tss - 1
align 8
case_start:
  dq 0
case_resume:
  dq 0
case_stack:
  dq 0
continued:
  zero 32
count:
  dd 0
${data}
`;
}
