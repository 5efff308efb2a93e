import { assertEquals } from "@std/assert";
import { Decoder, Formatter, FormatterSyntax } from "iced-x86";
import config from "../../deno.json" with { type: "json" };
import { Disassembler } from "./disassembler.ts";
import { CodeMode } from "./state.ts";

const IP = 0xffff_ffff_8100_0000n;
const disassembler = await Disassembler.load();

Deno.test("instructions are told as iced-x86 itself tells them", () => {
  const formatter = new Formatter(FormatterSyntax.Intel);
  const codes = [
    "4889e5",
    "e8fbffffff",
    "f3a4",
    "0f05",
    "f0480fb10f",
    "67c7400412345678",
    "d9c1",
    "660f6fc1",
  ];
  for (const [mode, bits] of [[CodeMode.Bits16, 16], [CodeMode.Bits32, 32], [CodeMode.Bits64, 64]] as const) {
    for (const code of codes) {
      const bytes = Uint8Array.fromHex(code);
      const decoder = new Decoder(bits, bytes, 0);
      decoder.ip = IP;
      const instruction = decoder.decode();
      const { text, length } = disassembler.disassemble(bytes, mode, IP);
      assertEquals([text, length], [formatter.format(instruction), instruction.length]);
    }
  }
});

Deno.test("what is no instruction, or none yet, is told as bad", () => {
  const bad = (code: string) => disassembler.disassemble(Uint8Array.fromHex(code), CodeMode.Bits64, IP).text;
  assertEquals(["0f0b", "06", "0f", ""].map(bad), ["ud2", "(bad)", "(bad)", "(bad)"]);
});

Deno.test("a million instructions do not use up its memory", () => {
  const bytes = Uint8Array.fromHex("4889e5");
  for (let count = 0; count < 1_000_000; count++) disassembler.disassemble(bytes, CodeMode.Bits64, IP);
});

Deno.test("the disassembler is the version that the tests are made with", async () => {
  const source = await Deno.readTextFile(new URL("./iced_x86.js", import.meta.url));
  assertEquals(source.match(/npm:iced-x86@[\d.]+/)?.[0], config.imports["iced-x86"]);
});
