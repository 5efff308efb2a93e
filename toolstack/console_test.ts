import { assertEquals, assertRejects } from "@std/assert";
import { toText } from "@std/streams";
import { ConsolePipe } from "./console.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("console output waits for a reader and ends with the domain", async () => {
  const pipe = new ConsolePipe(() => Promise.resolve());
  pipe.push(encode("first "));
  pipe.push(encode("second "));
  const text = toText(pipe.readable);
  pipe.push(encode("third"));
  pipe.end();
  assertEquals(await text, "first second third");
});

Deno.test("console output that nobody reads is bounded and loses the oldest", async () => {
  const pipe = new ConsolePipe(() => Promise.resolve());
  for (let index = 0; index < 40; index++) pipe.push(new Uint8Array(1 << 20).fill(index));
  pipe.end();
  let bytes = 0;
  let first: number | undefined;
  for await (const chunk of pipe.readable) {
    first ??= chunk[0]!;
    bytes += chunk.length;
  }
  assertEquals([bytes, first], [16 << 20, 24]);
});

Deno.test("console input arrives in order and is refused once the domain has ended", async () => {
  const received: number[] = [];
  const pipe = new ConsolePipe((bytes) => {
    received.push(bytes.length);
    return Promise.resolve();
  });
  const writer = pipe.writable.getWriter();
  await writer.write(new Uint8Array(100_000));
  assertEquals(received, [65536, 34464]);
  pipe.end();
  await assertRejects(() => writer.write(encode("x")), Error, "Domain has ended");
});
