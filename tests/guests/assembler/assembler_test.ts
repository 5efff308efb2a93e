import { assertEquals, assertThrows } from "@std/assert";
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from "iced-x86";
import { assemble } from "./assembler.ts";

const ORIGIN = 0x1000;

/** What a disassembler makes of an instruction: formatted as NASM does, without the spaces behind commas. */
function disassembled(text: string, bits: number): string {
  const { bytes } = assemble(`bits ${bits}\n${text}`, ORIGIN);
  const decoder = new Decoder(bits, bytes, DecoderOptions.None);
  decoder.ip = BigInt(ORIGIN);
  const instruction = decoder.decode();
  const formatter = new Formatter(FormatterSyntax.Nasm);
  try {
    assertEquals(instruction.length, bytes.length, text);
    return formatter.format(instruction);
  } finally {
    instruction.free();
    decoder.free();
    formatter.free();
  }
}

const CASES: readonly (readonly [bits: number, text: string, expected: string])[] = [
  [64, "mov rax, 0x123456789abc", "mov rax,123456789ABCh"],
  [64, "mov rax, -1", "mov rax,0FFFFFFFFFFFFFFFFh"],
  [64, "mov r8d, eax", "mov r8d,eax"],
  [64, "mov word [rsp + r9 * 4 + 0x100], 0x1234", "mov word [rsp+r9*4+100h],1234h"],
  [64, "mov cr3, rax", "mov cr3,rax"],
  [64, "mov rax, cr8", "mov rax,cr8"],
  [64, "mov al, [fs:rbx]", "mov al,[fs:rbx]"],
  [64, "mov qword [rel 0x1010], 0x77", "mov qword [rel 1010h],77h"],
  [64, "mov eax, [0x12345]", "mov eax,[12345h]"],
  [64, "jmp far qword [rax]", "jmp far [rax]"],
  [64, "lock bts qword [rax], 3", "lock bts qword [rax],3"],
  [64, "jne 0x1080", "jne near 0000000000001080h"],
  [64, "a32 jrcxz 0x1010", "jecxz 0000000000001010h"],
  [64, "wrgsbase rax", "wrgsbase rax"],
  [32, "mov eax, [ebx + ecx * 2 + 4]", "mov eax,[ebx+ecx*2+4]"],
  [32, "jmp word 0x10:0x1000", "jmp word 0010h:1000h"],
  [32, "call far [0x5000]", "call far [5000h]"],
  [32, "mov al, [bx + si]", "mov al,[bx+si]"],
  [16, "mov ax, [bx + si + 5]", "mov ax,[bx+si+5]"],
  [16, "mov eax, [ebx]", "mov eax,[ebx]"],
  [16, "jmp dword 0x10:0x1000", "jmp dword 0010h:00001000h"],
  [16, "push dword 0x12345", "push 12345h"],
];

Deno.test("Instructions are what a disassembler says they are", () => {
  for (const [bits, text, expected] of CASES) assertEquals(disassembled(text, bits), expected);
});

Deno.test("Labels, constants and data", () => {
  const { bytes, symbols } = assemble(
    `SIZE = 2 + 3 * 4
    first:
      dw first, .end - first
    .end:
      db SIZE, "ab", 'c'
      align 16
    second:
      at 0x8000
    third:
      dd third
      here
    fourth:`,
    ORIGIN,
  );
  assertEquals([...bytes.slice(0, 8)], [0x00, 0x10, 4, 0, 14, 97, 98, 99]);
  assertEquals(symbols.get("second"), 0x1010n);
  assertEquals([...bytes.slice(16)], [0x00, 0x80, 0, 0]);
  assertEquals(symbols.get("fourth"), 0x1014n);
});

Deno.test("What cannot be assembled is refused with its line", () => {
  assertThrows(() => assemble("nop\nmov eax, qwerty", ORIGIN), SyntaxError, 'Line 2, "mov eax, qwerty"');
  assertThrows(() => assemble("frobnicate eax", ORIGIN), SyntaxError, "cannot be encoded");
  assertThrows(() => assemble("jmp short $ + 300", ORIGIN), SyntaxError, "does not fit");
});
