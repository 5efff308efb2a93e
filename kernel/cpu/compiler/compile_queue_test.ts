import { assert, assertEquals } from "@std/assert";
import { CodeMode } from "../state.ts";
import { CompileQueue, coolDown, heatUp, makeHeat } from "./compile_queue.ts";
import type { CompileRequest } from "./compiler.ts";

function request(slot: number): CompileRequest {
  return {
    host: slot * 16,
    mode: CodeMode.Bits64,
    page: 0n,
    context: 0n,
    slot,
    expectsUnknown: false,
    firstExit: 1,
  };
}

/** A queue of requests with slots from 1 on. */
function queueOf(count: number): { queue: CompileQueue; heat: Int32Array } {
  const heat = makeHeat();
  const queue = new CompileQueue(heat);
  queue.add(Array.from({ length: count }, (_, index) => request(index + 1)));
  return { queue, heat };
}

function enter(heat: Int32Array, slot: number, times: number): void {
  for (let time = 0; time < times; time++) heatUp(heat, slot);
}

const slots = (requests: readonly CompileRequest[]) => requests.map(({ slot }) => slot);

Deno.test("code is compiled in the order in which it was asked for", () => {
  const { queue } = queueOf(40);
  assertEquals(slots(queue.take()), Array.from({ length: 32 }, (_, index) => index + 1));
  queue.add([request(99)]);
  assertEquals(slots(queue.take()), [33, 34, 35, 36, 37, 38, 39, 40, 99]);
  assertEquals(queue.length, 0);
});

Deno.test("what is entered often while it waits is compiled first, and alone", () => {
  const { queue, heat } = queueOf(40);
  enter(heat, 3, 7);
  enter(heat, 40, 8);
  enter(heat, 20, 100);
  assertEquals(slots(queue.take()), [20, 40]);
  assertEquals(slots(queue.take()).slice(0, 4), [1, 2, 3, 4]);
});

Deno.test("little of what is hot is compiled at once", () => {
  const { queue, heat } = queueOf(40);
  for (let slot = 11; slot <= 20; slot++) enter(heat, slot, 10 + slot);
  assertEquals(slots(queue.take()), [20, 19, 18, 17, 16, 15, 14, 13]);
  assertEquals(slots(queue.take()), [12, 11]);
});

Deno.test("a slot that is asked for again is not hot for what stood there before", () => {
  const { queue, heat } = queueOf(2);
  enter(heat, 2, 20);
  coolDown(heat, 2);
  assertEquals(slots(queue.take()), [1, 2]);
});

Deno.test("who waits for more requests goes on at once when one has become hot", () => {
  const { queue, heat } = queueOf(2);
  enter(heat, 2, 8);
  const start = performance.now();
  queue.linger(60_000);
  assert(performance.now() - start < 30_000);
});

Deno.test("code that becomes hot wakes who waits for more requests", async () => {
  const heat = makeHeat();
  const module = new URL("./compile_queue.ts", import.meta.url);
  const source = `import { CompileQueue } from ${JSON.stringify(String(module))};
    onmessage = ({ data }) => {
      const queue = new CompileQueue(data);
      queue.add([{ slot: 5 }]);
      postMessage("waits");
      const start = performance.now();
      queue.linger(60_000);
      postMessage(performance.now() - start < 30_000 ? "goes on" : "has waited for too long");
    };`;
  const worker = new Worker(`data:application/javascript,${encodeURIComponent(source)}`, { type: "module" });
  const heard: string[] = [];
  await new Promise<void>((resolve) => {
    worker.onmessage = ({ data }) => {
      heard.push(data);
      if (data === "waits") enter(heat, 5, 8);
      else resolve();
    };
    worker.postMessage(heat);
  });
  worker.terminate();
  assertEquals(heard, ["waits", "goes on"]);
});
