/**
 * A server that does what no server may. Its argument is JSON: the messages that it sends once it is ready, each
 * as type, id and body in hexadecimal; `raw` is sent as it is.
 *
 * @module
 */

import { encodeMessage } from "../abi/message.ts";
import {
  ProcessServerChannel,
  type ServerChannel,
  WorkerServerChannel,
  type WorkerServerStart,
} from "../channel/server_channel.ts";
import { hello } from "../../servers/messages.ts";

const READY = 0x83;
const DONE = 0x8c;
const SHUTDOWN = 0x0a;
const PAUSE = 0x05;
const PING = 0x0b;

/** What it sends. */
export interface RogueMessages {
  readonly messages: readonly { readonly type: number; readonly id?: number; readonly body?: string }[];
  readonly raw?: string;
  /** Sends the messages instead of a handshake. */
  readonly first?: boolean;
  /** Closes its channel at the end. */
  readonly ends?: boolean;
}

function run(channel: ServerChannel, { messages, raw, first, ends }: RogueMessages): void {
  if (!first) {
    channel.send(hello("rogue"));
    channel.flush();
    channel.receive();
    channel.send(encodeMessage(READY, 0, new Uint8Array(0)));
  }
  for (const { type, id, body } of messages) {
    channel.send(encodeMessage(type, id ?? 0, Uint8Array.fromHex(body ?? "")));
  }
  if (raw !== undefined) channel.send(Uint8Array.fromHex(raw));
  channel.flush();
  for (
    let message;
    ends !== true && (message = channel.receive()) !== undefined && message.type !== SHUTDOWN;
  ) {
    if (message.type >= PAUSE && message.type <= PING) {
      channel.send(encodeMessage(DONE, message.id, new Uint8Array(0)));
    }
    channel.flush();
  }
  channel.close();
}

if ("WorkerGlobalScope" in globalThis) {
  const scope = self as unknown as { postMessage(message: null): void };
  addEventListener("message", (event) => {
    const { data: start } = event as MessageEvent<WorkerServerStart>;
    run(new WorkerServerChannel(start, () => scope.postMessage(null)), JSON.parse(start.options));
  });
} else {
  run(new ProcessServerChannel(), JSON.parse(Deno.args[0]));
}
