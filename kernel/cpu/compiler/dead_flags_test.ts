import { assertEquals } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { Decoder, DecodeResult } from "../decoder.ts";
import { CodeMode } from "../state.ts";
import { deadFlags } from "./dead_flags.ts";
import { instructionFrom } from "./instruction.ts";

const decoder = new Decoder();

/** The instructions of a block of 64-bit code, separated by semicolons, whose flags are dead. */
function deadIn(block: string): string[] {
  const lines = block.split("; ");
  const dead = deadFlags(lines.map((line) => {
    const { bytes } = assemble(`bits 64\n${line}`, 0);
    assertEquals(decoder.decode(bytes, 0, bytes.length, CodeMode.Bits64), DecodeResult.Ok, line);
    return instructionFrom(decoder, 0);
  }));
  return lines.filter((_line, index) => dead[index]);
}

Deno.test("flags are dead if all of them are set again", () => {
  assertEquals(deadIn("ror eax, 1; xor eax, ebx"), ["ror eax, 1"]);
  assertEquals(deadIn("add eax, ebx; sub ecx, edx; cmp eax, 5"), ["add eax, ebx", "sub ecx, edx"]);
  assertEquals(deadIn("shl eax, cl; test ebx, ebx"), ["shl eax, cl"]);
  assertEquals(deadIn("add eax, ebx; shr ecx, 3"), ["add eax, ebx"]);
  assertEquals(deadIn("add eax, ebx; sar ecx, 1"), ["add eax, ebx"]);
});

Deno.test("flags are dead if what comes in between neither reads nor shows them", () => {
  for (const between of ["mov ecx, edx", "lea ecx, [rdx + 4]", "movzx ecx, dl", "not ecx", "nop"]) {
    assertEquals(deadIn(`add eax, ebx; ${between}; xor eax, ebx`), ["add eax, ebx"], between);
  }
  for (const between of ["inc ecx", "dec ecx", "rol ecx, 1", "ror ecx, 0", "add ecx, edx"]) {
    assertEquals(deadIn(`add eax, ebx; ${between}; xor eax, ebx`), ["add eax, ebx", between], between);
  }
});

Deno.test("flags are alive at the end of the block", () => {
  for (const block of ["add eax, ebx", "add eax, ebx; mov ecx, edx", "xor eax, eax; jmp 0x40"]) {
    assertEquals(deadIn(block), [], block);
  }
});

Deno.test("flags are alive where a fault shows them", () => {
  // MOV AL, moffs8; MOV EAX from a segment register that there is not.
  const encoded = ["db 0xa0, 0, 0x10, 0, 0, 0, 0, 0, 0", "db 0x8c, 0xf0"];
  for (const access of ["mov ecx, [rdx]", "mov [rdx], ecx", "push rcx", "div ecx", ...encoded]) {
    assertEquals(deadIn(`add eax, ebx; ${access}; xor eax, ebx`), [], access);
  }
  // What the fault of the second shows are those of the first.
  for (const access of ["add [rdx], ecx", "xor ecx, [rdx]", "cmp ecx, [rdx]"]) {
    assertEquals(deadIn(`add eax, ebx; ${access}; xor eax, ebx`), [access], access);
  }
});

Deno.test("flags are alive where they are read", () => {
  const readers = [
    "pushf",
    "lahf",
    "adc ecx, edx",
    "sbb ecx, edx",
    "rcl ecx, 1",
    "sete cl",
    "cmove ecx, edx",
  ];
  for (const reader of [...readers, "je 0x40"]) {
    assertEquals(deadIn(`add eax, ebx; ${reader}; xor eax, ebx`), [], reader);
  }
});

Deno.test("flags are alive if some of them stay", () => {
  // CF behind INC and DEC, ZF behind a rotate, all of them behind a shift by zero.
  for (const last of ["inc ecx", "dec ecx", "rol ecx, 1", "shl ecx, cl", "shl ecx, 0", "shl ecx, 32"]) {
    assertEquals(deadIn(`add eax, ebx; ${last}`), [], last);
  }
  assertEquals(deadIn("add eax, ebx; shl ecx, 0; mov ecx, edx"), []);
});
