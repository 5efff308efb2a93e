import { assertEquals, assertThrows } from "@std/assert";
import type { DeviceContext, Manifest } from "../devices/device.ts";
import { encodeIoreq, type Ioreq, ioreqLength, IoreqType } from "../kernel/abi/ioreq.ts";
import {
  type Message,
  MessageReader,
  MessageType,
  PROTOCOL_MAGIC,
  PROTOCOL_VERSION,
} from "../kernel/abi/message.ts";
import { decodeState, encodeState } from "../kernel/abi/state.ts";
import type { ServerChannel } from "../kernel/channel/server_channel.ts";
import { EchoDevice } from "../kernel/testing/echo_device.ts";
import { Session } from "./session.ts";

const MANIFEST: Manifest = {
  name: "test",
  description: "device for tests",
  ranges: [
    { type: IoreqType.Port, first: 0x500, last: 0x500, posted: true },
    { type: IoreqType.Port, first: 0x501, last: 0x50f, posted: false },
    { type: IoreqType.Mmio, first: 0xd000_0000, last: 0xd000_0fff, posted: false },
  ],
  interrupts: [5],
  dma: false,
  permissions: {},
  stateVersion: 3,
};

/** What the kernel says next, and what the server says in one piece. */
class TestChannel implements ServerChannel {
  readonly incoming: Message[] = [];
  readonly sent: string[][] = [];
  readonly #talk: (channel: TestChannel) => void;
  #kept: string[] = [];

  /** `talk` is what the kernel says once the server is ready. */
  constructor(talk: (channel: TestChannel) => void) {
    this.#talk = talk;
  }

  send(message: Uint8Array): void {
    const reader = new MessageReader();
    reader.push(message);
    const { type, id, body } = reader.next()!;
    this.#kept.push(`${MessageType[type]} ${id} ${body.toHex()}`.trim());
    if (type === MessageType.MapIoRange) this.say(MessageType.Accepted, id);
    if (type === MessageType.Ready) this.#talk(this);
  }

  flush(): boolean {
    if (this.#kept.length > 0) this.sent.push(this.#kept);
    this.#kept = [];
    return true;
  }

  receive(): Message | undefined {
    return this.incoming.shift();
  }

  close(): void {
    this.flush();
  }

  say(type: MessageType, id: number, body: Uint8Array = new Uint8Array(0)): void {
    this.incoming.push({ type, id, body });
  }
}

function timed(time: number, rest: Uint8Array = new Uint8Array(0)): Uint8Array {
  return new Uint8Array([...new Uint8Array(Float64Array.of(time).buffer), ...rest]);
}

function ioreq(request: Partial<Ioreq>): Uint8Array {
  const full: Ioreq = {
    type: IoreqType.Port,
    read: request.data === undefined,
    posted: false,
    address: 0x508,
    size: 1,
    count: 1,
    data: new Uint8Array(0),
    time: 0,
    vcpu: 0,
    ...request,
  };
  const bytes = new Uint8Array(ioreqLength(full));
  encodeIoreq(new DataView(bytes.buffer), full);
  return bytes;
}

/** Runs a server through `talk`, and gives what it sent after it was ready. */
function serve(talk: (channel: TestChannel) => void, make?: (context: DeviceContext) => void): string[][] {
  const channel = new TestChannel(talk);
  const welcome = new Uint8Array(16);
  const view = new DataView(welcome.buffer);
  view.setUint32(0, PROTOCOL_MAGIC, true);
  view.setUint32(4, PROTOCOL_VERSION, true);
  view.setFloat64(8, 500, true);
  channel.say(MessageType.Welcome, 0, welcome);
  const session = new Session(channel, MANIFEST, (context) => {
    make?.(context);
    return new EchoDevice(context);
  }, undefined);
  session.run();
  assertEquals(channel.sent[0], ["Hello 0 41544f4c0100000074657374"]);
  const ready = channel.sent.findIndex((messages) => messages.includes("Ready 0"));
  return channel.sent.slice(ready + 1);
}

Deno.test("effects go out before the reply, in one piece", () => {
  const sent = serve((channel) => {
    channel.say(MessageType.Ioreq, 7, ioreq({ address: 0x502, data: Uint8Array.of(1) }));
    channel.say(MessageType.Ioreq, 8, ioreq({ address: 0x502 }));
    channel.say(MessageType.Ioreq, 0, ioreq({ address: 0x500, posted: true, data: Uint8Array.of(9) }));
  });
  assertEquals(sent, [
    ["SetIrqLevel 0 0500000001000000", "IoreqReply 7"],
    ["SetIrqLevel 0 0500000000000000", "IoreqReply 8 01"],
  ]);
});

Deno.test("string accesses and wide registers are made of single accesses", () => {
  const sent = serve((channel) => {
    channel.say(MessageType.Ioreq, 1, ioreq({ size: 2, count: 3 }));
    channel.say(
      MessageType.Ioreq,
      2,
      ioreq({ address: 0x501, count: 2, data: Uint8Array.of(1, 2), time: 1000 }),
    );
    const wide = { type: IoreqType.Mmio, address: 0xd000_0010, size: 8 };
    channel.say(MessageType.Ioreq, 3, ioreq({ ...wide, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }));
    channel.say(MessageType.Ioreq, 4, ioreq(wide));
    channel.say(MessageType.Ioreq, 5, ioreq({ ...wide, address: 0xd000_0014, size: 4 }));
  });
  assertEquals(sent[0], ["IoreqReply 1 020002000200"]);
  assertEquals(sent[1].map((message) => message.split(" ")[0]), ["SetTimer", "SetTimer", "IoreqReply"]);
  assertEquals(sent.slice(2), [["IoreqReply 3"], ["IoreqReply 4 0102030405060708"], [
    "IoreqReply 5 05060708",
  ]]);
});

Deno.test("a timer that was armed anew meanwhile is not due", () => {
  const due = (time: number) => new Uint8Array([...new Uint8Array(8), ...timed(time)]);
  const sent = serve((channel) => {
    channel.say(MessageType.Ioreq, 1, ioreq({ address: 0x501, data: Uint8Array.of(5), time: 0 }));
    channel.say(MessageType.Timer, 0, due(4.9e6));
    channel.say(MessageType.Timer, 0, due(5.1e6));
    channel.say(MessageType.Timer, 0, due(5.2e6));
  });
  assertEquals(sent.slice(1), [["SetIrqLevel 0 0500000001000000"]]);
});

Deno.test("time is that of the message that is handled, never goes back, and stands still while paused", () => {
  let context: DeviceContext | undefined;
  const times: number[] = [];
  const channelTimes = (channel: TestChannel, time: number, id: number) => {
    channel.say(MessageType.Ioreq, id, ioreq({ address: 0x501, data: Uint8Array.of(0), time }));
  };
  const sent = serve((channel) => {
    channelTimes(channel, 1000, 1);
    channelTimes(channel, 900, 2);
    channel.say(MessageType.Pause, 3, timed(2000));
    const { receive } = channel;
    channel.receive = () => {
      times.push(context!.now());
      return receive.call(channel);
    };
  }, (made) => context = made);
  assertEquals(times, [500, 1000, 1000, 2000]);
  assertEquals(sent.at(-1), ["Done 3"]);
  assertEquals(context!.now(), 2000);
});

Deno.test("a state is saved, restored, and refused where it does not fit", () => {
  const fields = { stored: 7, timers: 0, level: true, input: 0, deadline: null };
  const state = encodeState({ device: "test", version: 3, fields });
  const sent = serve((channel) => {
    channel.say(MessageType.Restore, 1, timed(0, state));
    channel.say(MessageType.Save, 2, timed(0));
    channel.say(MessageType.Restore, 3, timed(0, encodeState({ device: "test", version: 2, fields })));
    channel.say(MessageType.Restore, 4, timed(0, encodeState({ device: "pit", version: 3, fields })));
    channel.say(MessageType.Restore, 5, timed(0, encodeState({ device: "test", version: 3, fields: {} })));
    channel.say(MessageType.Restore, 6, timed(0, Uint8Array.of(1)));
    channel.say(MessageType.Reset, 7, timed(0));
    channel.say(MessageType.Ping, 8);
    channel.say(MessageType.Shutdown, 0);
    channel.say(MessageType.Ping, 9);
  });
  assertEquals(sent[0], ["SetIrqLevel 0 0500000001000000", "Done 1"]);
  assertEquals(decodeState(Uint8Array.fromHex(sent[1][0].split(" ")[2])), {
    device: "test",
    version: 3,
    fields,
  });
  const refusals = sent.slice(2, 6).map(([message]) => {
    const [type, id, body] = message.split(" ");
    return [type, id, new TextDecoder().decode(Uint8Array.fromHex(body)).slice(0, 24)];
  });
  assertEquals(refusals, [
    ["Refused", "3", 'State is that of "test",'],
    ["Refused", "4", 'State is that of "pit", '],
    ["Refused", "5", 'Field "stored" is not a '],
    ["Refused", "6", "State is not readable: U"],
  ]);
  assertEquals(sent.slice(6), [["SetIrqLevel 0 0500000000000000", "Done 7"], ["Done 8"]]);
});

Deno.test("a server ends with the kernel, and over what the contract does not allow", () => {
  assertEquals(serve(() => {}), []);
  assertThrows(() => serve((channel) => channel.say(MessageType.Welcome, 0)), Error, "Welcome");
  assertThrows(
    () => serve((channel) => channel.say(MessageType.Ioreq, 1, ioreq({ address: 0x60 }))),
    Error,
    "0x60",
  );
});
