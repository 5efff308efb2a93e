/**
 * Assembler text that prints, for 32- and 64-bit guests.
 *
 * @module
 */

/** Statements that print a register or other operand of PUSH as ` label=hex`, and change nothing. */
export function show(operand: string, label = operand): string {
  return `push ${operand}
    call show
    db " ${label}=", 0\n`;
}

/** Statements that print a text, and change nothing. */
export function say(text: string): string {
  return `call say
    db "${text}", 0\n`;
}

/**
 * `show` (pops a value that was pushed, prints the text behind the call and the value in hexadecimal), `say` (prints the
 * text behind the call), `print` (text at SI), `hex` (A), `signed` (A with a sign). All but the stack stays as it is.
 */
export function printingRoutines(bits: 32 | 64): string {
  const wide = bits === 64;
  const word = wide ? 8 : 4;
  const [a, b, c, d, s, sp] = ["ax", "bx", "cx", "dx", "si", "sp"].map((name) => (wide ? "r" : "e") + name);
  const saved = [a, b, c, d, s];
  const save = `pushf${wide ? "q" : "d"}\n` + saved.map((register) => `push ${register}`).join("\n");
  const restore = [...saved].reverse().map((register) => `pop ${register}`).join("\n") +
    `\npopf${wide ? "q" : "d"}`;
  const frame = 6 * word;
  return `
show:
  ${save}
  mov ${s}, [${sp} + ${frame}]
  call print_text
  mov [${sp} + ${frame}], ${s}
  mov ${a}, [${sp} + ${frame + word}]
  call print_hex
  ${restore}
  ret ${word}

say:
  ${save}
  mov ${s}, [${sp} + ${frame}]
  call print_text
  mov [${sp} + ${frame}], ${s}
  ${restore}
  ret

; Text at SI, which is left behind its zero. Changes A.
print_text:
  mov al, [cs:${s}]
  inc ${s}
  test al, al
  je .end
  out 0xe9, al
  jmp print_text
.end:
  ret

; A in hexadecimal, without leading zeros. Changes A, B, C, D.
print_hex:
  mov ${b}, ${a}
  mov ecx, ${bits}
.skip:
  sub ecx, 4
  je .digit
  mov ${a}, ${b}
  shr ${a}, cl
  and eax, 15
  je .skip
.digit:
  mov ${a}, ${b}
  shr ${a}, cl
  and eax, 15
  cmp al, 10
  jb .decimal
  add al, 39
.decimal:
  add al, 48
  out 0xe9, al
  sub ecx, 4
  jns .digit
  ret

; A with a sign.
print_signed:
  test ${a}, ${a}
  js .negative
  push ${a}
  mov al, '+'
  out 0xe9, al
  pop ${a}
  jmp print_hex
.negative:
  neg ${a}
  push ${a}
  mov al, '-'
  out 0xe9, al
  pop ${a}
  jmp print_hex
`;
}
