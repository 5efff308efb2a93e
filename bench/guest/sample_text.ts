/**
 * Text for programs to work on: it looks like language to a compressor, and is always the same.
 *
 * @module
 */

const LINES = 40_000;
const WORDS_PER_LINE = 12;
const VOCABULARY = 6000;

/** Lines of words; few are frequent and most are rare. */
export function sampleText(): string {
  const random = generator();
  const words = Array.from({ length: VOCABULARY }, () => {
    const length = 2 + Math.floor(random() * 9);
    return Array.from(
      { length },
      (_, index) => letter(index % 2 === 0 ? "tnshrdlcmfgpbv" : "eaoiu", random()),
    ).join("");
  });
  const line = () =>
    Array.from({ length: WORDS_PER_LINE }, () => words[Math.floor(VOCABULARY * random() ** 4)]).join(" ");
  return Array.from({ length: LINES }, () => `${Math.floor(random() * 1e6)} ${line()}\n`).join("");
}

function letter(alphabet: string, value: number): string {
  return alphabet[Math.floor(value * alphabet.length)]!;
}

/** Numbers from 0 to 1 (a linear congruential generator modulo 2^32). */
function generator(): () => number {
  let state = 1;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}
