/**
 * Another thread that asks a vCPU for attention: see `supervisor.ts`.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { raiseAttention } from "../../kernel/attention.ts";
import { Command, LATER, PATIENCE, type Supervised, Word } from "./supervisor_words.ts";

self.onmessage = ({ data }: MessageEvent<Supervised>) => {
  const control = new Int32Array(data.control);
  const attention = new Int32Array(data.attention);
  const raise = () => raiseAttention({ words: attention, index: data.index });
  self.postMessage("ready");
  for (;;) {
    Atomics.wait(control, Word.Command, Command.Idle);
    const command = Atomics.load(control, Word.Command);
    if (command === Command.Idle) continue;
    if (
      Atomics.wait(control, Word.Command, command, command === Command.Ask ? LATER : PATIENCE) !== "timed-out"
    ) {
      continue;
    }
    if (command === Command.Watch) Atomics.store(control, Word.Intervened, 1);
    // As often as it takes: the run that is stuck may be one that asks again.
    do raise(); while (Atomics.wait(control, Word.Command, command, LATER) === "timed-out");
  }
};
