import { assertEquals, assertRejects } from "@std/assert";
import { ControlType } from "./abi/control.ts";
import { ProtocolError } from "./abi/message.ts";
import { ControlInput } from "./control_input.ts";
import { encodeControl } from "./control_output.ts";

/** Input that gives `bytes` in parts of at most `step` bytes. */
function inputOf(bytes: Uint8Array, step: number): ControlInput {
  let at = 0;
  return new ControlInput((into) => {
    const part = bytes.subarray(at, at + Math.min(step, into.length));
    into.set(part);
    at += part.length;
    return Promise.resolve(part.length === 0 ? null : part.length);
  });
}

Deno.test("requests are cut from the stream however it comes", async () => {
  const bodies = [0, 1, 65_519, 65_536, 300_000, 7].map((length) =>
    Uint8Array.from({ length }, (_, index) => index * 31 + length)
  );
  const messages = bodies.map((body, id) => encodeControl(ControlType.ReadMemory, id, [body]));
  const stream = new Uint8Array(await new Blob(messages as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  for (const step of [1, 13, 4096, 65_536, 1 << 20]) {
    const input = inputOf(stream, step);
    for (const [id, body] of bodies.entries()) {
      assertEquals(await input.next(), { type: ControlType.ReadMemory, id, body });
    }
    assertEquals(await input.next(), undefined);
  }
});

Deno.test("what is to be loaded is whole, whatever was loaded before", async () => {
  const bodies = [300_000, 7, 0, 65_536].map((length) => new Uint8Array(length).fill(length));
  const messages = bodies.map((body, id) => encodeControl(ControlType.Load, id, [body]));
  const stream = new Uint8Array(await new Blob(messages as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  const input = inputOf(stream, 4096);
  for (const [id, body] of bodies.entries()) {
    assertEquals(await input.next(), { type: ControlType.Load, id, body });
  }
});

Deno.test("a header that cannot be is refused", async () => {
  const message = encodeControl(ControlType.Load, 1, []);
  const changed = (at: number, value: number) => message.with(at, value) as Uint8Array;
  await assertRejects(() => inputOf(changed(0, 3), 100).next(), ProtocolError, "length 3");
  await assertRejects(() => inputOf(changed(3, 1), 100).next(), ProtocolError, "length");
  await assertRejects(() => inputOf(changed(6, 1), 100).next(), ProtocolError, "Reserved");
});
