import { assertEquals } from "@std/assert";
import { CodeMode } from "../../kernel/cpu/state.ts";
import { DecoderComparison } from "./decoder_comparison.ts";
import { Random } from "./random.ts";

const SEED = 1;
const MODES = [CodeMode.Bits16, CodeMode.Bits32, CodeMode.Bits64, CodeMode.Flat32];
const MAPS = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
/** Prefixes before each opcode: mandatory ones, sizes, segment, LOCK, and combinations. */
const PREFIXES = [[], [0x66], [0xf3], [0xf2], [0x67], [0x64], [0x2e], [0xf0], [0x66, 0xf3], [0x66, 0xf2]];
/** The same with REX, in 64-bit mode. */
const REX_PREFIXES = [[0x48], [0x66, 0x48], [0xf3, 0x48], [0x41], [0x44], [0x40], [0x4f], [0x48, 0x66]];
/** Random instructions in each mode. */
const RANDOM = 100_000;
/** Differences that are worth reading at a time. */
const SHOWN = 20;

for (const mode of MODES) {
  Deno.test(`every opcode is decoded as iced-x86 does it in ${CodeMode[mode]} code`, () => {
    const differences: string[] = [];
    const comparison = new DecoderComparison(mode);
    const random = new Random(SEED + mode);
    const prefixes = mode === CodeMode.Bits64 ? [...PREFIXES, ...REX_PREFIXES] : PREFIXES;
    const bytes = new Uint8Array(16);
    for (const prefix of prefixes) {
      for (const map of MAPS) {
        for (let opcode = 0; opcode < 256; opcode++) {
          // ModRM: every reg field, with a register, without and with displacement, and with a SIB byte.
          for (let shape = 0; shape < 32; shape++) {
            for (let index = 0; index < bytes.length; index++) bytes[index] = random.word();
            const rm = random.once(4) ? 4 : random.below(8);
            bytes.set([...prefix, ...map, opcode, ((shape & 3) << 6) | ((shape >> 2) << 3) | rm]);
            const difference = comparison.compare(bytes);
            if (difference !== undefined) differences.push(difference);
          }
        }
      }
    }
    assertEquals(differences.slice(0, SHOWN), []);
  });

  Deno.test(`random bytes are decoded as iced-x86 does it in ${CodeMode[mode]} code`, () => {
    const differences: string[] = [];
    const comparison = new DecoderComparison(mode);
    const random = new Random(SEED + mode);
    const bytes = new Uint8Array(16);
    for (let count = 0; count < RANDOM; count++) {
      for (let index = 0; index < bytes.length; index++) bytes[index] = random.word();
      const difference = comparison.compare(bytes);
      if (difference !== undefined) differences.push(difference);
    }
    assertEquals(differences.slice(0, SHOWN), []);
  });
}
