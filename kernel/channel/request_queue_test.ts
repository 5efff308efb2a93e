import { assertEquals, assertThrows } from "@std/assert";
import { encodeMessage, type Message, MessageReader, MessageType, ProtocolError } from "../abi/message.ts";
import { Lock } from "./lock.ts";
import { FENCE_ID, FifoSink, RequestQueue, RingSink } from "./request_queue.ts";
import { makeRing, Ring } from "./ring.ts";

function message(id: number, length: number): Uint8Array {
  return encodeMessage(MessageType.HostInput, id, new Uint8Array(length));
}

function lock(): Lock {
  return new Lock(new Int32Array(new SharedArrayBuffer(4)), 0);
}

/** A FIFO whose reader is the test. */
async function withFifo(
  test: (queue: RequestQueue, read: () => Promise<Message[]>) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/fifo`;
  await new Deno.Command("mkfifo", { args: [path] }).output();
  const reader = await Deno.open(path, { read: true, write: true });
  const queue = new RequestQueue(new FifoSink(await Deno.open(path, { write: true }), lock()));
  const messages = new MessageReader();
  const bytes = new Uint8Array(1 << 16);
  await test(queue, async () => {
    messages.push(bytes.subarray(0, await reader.read(bytes) ?? 0));
    const list: Message[] = [];
    for (let message; (message = messages.next()) !== undefined;) {
      list.push({ ...message, body: message.body.slice() });
    }
    return list;
  });
  queue.close();
  reader.close();
  await Deno.remove(directory, { recursive: true });
}

Deno.test("a FIFO is never written to until it is full, and everything arrives in order", async () => {
  await withFifo(async (queue, read) => {
    // Far more than a pipe holds; nobody reads yet.
    for (let id = 1; id <= 300; id++) queue.send(message(id, 1000));
    const ids: number[] = [];
    let fences = 0;
    while (ids.length < 300) {
      for (const { type, id } of await read()) {
        if (type !== MessageType.Ping) ids.push(id);
        else {
          assertEquals(id, FENCE_ID);
          fences++;
          queue.fenceAnswered();
        }
      }
    }
    assertEquals(ids, Array.from({ length: 300 }, (_, index) => index + 1));
    assertEquals(fences > 10, true);
  });
});

Deno.test("a message that is longer than a pipe goes through a FIFO, and what comes after it too", async () => {
  await withFifo(async (queue, read) => {
    queue.send(message(1, 10));
    queue.send(message(2, 500_000));
    queue.send(message(3, 10));
    const lengths: number[] = [];
    while (lengths.length < 3) {
      for (const { type, body } of await read()) {
        if (type === MessageType.Ping) queue.fenceAnswered();
        else lengths.push(body.length);
      }
    }
    assertEquals(lengths, [10, 500_000, 10]);
  });
});

Deno.test("a server that does not read is noticed", async () => {
  await withFifo((queue) => {
    assertThrows(
      () => {
        for (let id = 1; id <= 1000; id++) queue.send(message(id, 10_000));
      },
      ProtocolError,
      "does not read",
    );
    return Promise.resolve();
  });
});

Deno.test("a message that is longer than a ring goes through it in parts", async () => {
  const memory = makeRing();
  const queue = new RequestQueue(new RingSink(new Ring(memory), lock()));
  queue.send(message(1, 300_000));
  queue.send(message(2, 5));
  const ring = new Ring(memory);
  const messages = new MessageReader();
  const lengths: number[] = [];
  while (lengths.length < 2) {
    messages.push(ring.read());
    for (let next; (next = messages.next()) !== undefined;) lengths.push(next.body.length);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assertEquals(lengths, [300_000, 5]);
  queue.close();
});
