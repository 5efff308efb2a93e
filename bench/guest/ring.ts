/**
 * Code that is spread out: a ring of short blocks, as assembly for both 64-bit and 32-bit programs.
 *
 * @module
 */

const BLOCKS = 2000;
/** Bytes from one block to the next: each has a cache line of its own. */
const BLOCK_DISTANCE = 64;
/** From a block to the one that it jumps to. Has no common factor with {@link BLOCKS}: the ring visits all. */
const BLOCK_STEP = 773;
/** The ring begins at block 0, so this one ends it. */
const LAST = BLOCKS - BLOCK_STEP;

/** A function `uint32_t run_ring(uint32_t rounds)` that goes round the ring and gives a checksum, for `gcc`. */
export function ringSource(): string {
  const blocks = Array.from({ length: BLOCKS }, (_, index) => `
.balign ${BLOCK_DISTANCE}
block${index}:
  add $${index + 1}, %eax
  rol $${index % 31 + 1}, %eax
  xor %eax, %edx
  mov %edx, slot + ${index % 2 * 4}
  jmp ${index === LAST ? "round" : `block${(index + BLOCK_STEP) % BLOCKS}`}`);
  return `.bss
.balign 8
slot: .zero 8
.text
.globl run_ring
run_ring:
#ifdef __x86_64__
  mov %edi, %ecx
#else
  mov 4(%esp), %ecx
#endif
  xor %eax, %eax
  xor %edx, %edx
  jmp block0
.balign ${BLOCK_DISTANCE}
round:
  dec %ecx
  jnz block0
  xor %edx, %eax
  ret
${blocks.join("")}
.section .note.GNU-stack, "", %progbits
`;
}
