import { assertEquals, assertThrows } from "@std/assert";
import { parsePs2Input } from "./ps2_input.ts";

const parse = (text: string) => parsePs2Input(new TextEncoder().encode(text));

Deno.test("keys, movements and buttons are read", () => {
  const text = `{"key":"KeyA","down":true}
{"move":{"dx":1,"dy":-2}}
{"move":{"wheel":-1}}
{"button":"extra","down":false}
`;
  assertEquals(parse(text), [
    { kind: "key", name: "KeyA", down: true },
    { kind: "move", dx: 1, dy: -2, wheel: 0 },
    { kind: "move", dx: 0, dy: 0, wheel: -1 },
    { kind: "button", bits: 0x20, down: false },
  ]);
});

Deno.test("what is malformed is refused", () => {
  for (
    const line of [
      "KeyA",
      "{}",
      '{"key":"KeyA"}',
      '{"key":"KeyA","down":1}',
      '{"key":"toString","down":true}',
      '{"move":{"dx":0.5}}',
      '{"move":{"dx":1e9}}',
      '{"move":{"dy":"1"}}',
      '{"move":[1,2]}',
      '{"button":"top","down":true}',
      '{"button":"left"}',
    ]
  ) assertThrows(() => parse(line), SyntaxError);
});
