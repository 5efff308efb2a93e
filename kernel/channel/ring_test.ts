import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../abi/message.ts";
import { makeRing, Ring, RING_CAPACITY } from "./ring.ts";

Deno.test("a ring gives what was written, in order, around its end", () => {
  const memory = makeRing();
  const [writer, reader] = [new Ring(memory), new Ring(memory)];
  const part = Uint8Array.from({ length: 50_000 }, (_, index) => index * 7);
  for (let round = 0; round < 5; round++) {
    assertEquals(writer.tryWrite(part), true);
    assertEquals(reader.available, part.length);
    assertEquals(reader.read(), part);
  }
  assertEquals(reader.read().length, 0);
});

Deno.test("a full ring takes nothing", () => {
  const ring = new Ring(makeRing());
  assertEquals(ring.tryWrite(new Uint8Array(RING_CAPACITY)), true);
  assertEquals(ring.room, 0);
  assertEquals(ring.tryWrite(new Uint8Array(1)), false);
  ring.read();
  assertEquals(ring.tryWrite(new Uint8Array(1)), true);
});

Deno.test("what was written before the end can be read after it, and nobody sleeps", () => {
  const ring = new Ring(makeRing());
  const { events } = ring;
  ring.tryWrite(Uint8Array.of(1, 2));
  ring.close();
  ring.wait(events);
  ring.waitForRoom(ring.roomEvents - 1);
  assertEquals([...ring.read()], [1, 2]);
  assertEquals(ring.write(Uint8Array.of(3)), false);
});

Deno.test("positions that cannot be are refused, and never lead outside the ring", () => {
  const memory = makeRing();
  const ring = new Ring(memory);
  new Int32Array(memory, 0, 1)[0] = RING_CAPACITY + 1;
  assertThrows(() => ring.available, ProtocolError);
  assertThrows(() => ring.read(), ProtocolError);
  assertEquals(ring.tryWrite(Uint8Array.of(1)), false);
});

Deno.test("a writer on another thread waits for room", () => {
  const memory = makeRing();
  const source = `
    import { Ring } from "${new URL("./ring.ts", import.meta.url)}";
    self.onmessage = ({ data }) => {
      const ring = new Ring(data);
      for (let part = 0; part < 20; part++) ring.write(new Uint8Array(30_000).fill(part));
      ring.close();
    };`;
  const worker = new Worker(`data:application/javascript,${encodeURIComponent(source)}`, { type: "module" });
  worker.postMessage(memory);
  const ring = new Ring(memory);
  const bytes: number[] = [];
  for (;;) {
    const { events, closed } = ring;
    const part = ring.read();
    bytes.push(...part);
    if (part.length === 0 && closed) break;
    if (part.length === 0) ring.wait(events);
  }
  assertEquals(bytes.length, 600_000);
  assertEquals(bytes.every((byte, index) => byte === Math.floor(index / 30_000)), true);
  worker.terminate();
});
