import { assertEquals } from "@std/assert";
import { Ps2Keyboard } from "./ps2_keyboard.ts";

/** A keyboard with a host that reads everything at once. */
class Desk {
  now = 0;
  deadline: number | undefined;
  readonly keyboard = new Ps2Keyboard({
    now: () => this.now,
    set: (deadline) => this.deadline = deadline,
  });

  /** Bytes that the keyboard has for the host, in hexadecimal. */
  sent(): string {
    const bytes: string[] = [];
    for (let byte = this.keyboard.send(); byte !== undefined; byte = this.keyboard.send()) {
      bytes.push(byte.toString(16));
    }
    return bytes.join(" ");
  }

  /** Sends bytes to the keyboard and gives its answers. */
  send(...bytes: number[]): string {
    for (const byte of bytes) this.keyboard.receive(byte);
    return this.sent();
  }

  /** Presses and releases a key. */
  stroke(name: string): string {
    this.keyboard.press(name, true);
    this.keyboard.press(name, false);
    return this.sent();
  }

  /** Lets time pass and gives the times in milliseconds at which bytes came. */
  wait(ns: number): number[] {
    const end = this.now + ns;
    const times: number[] = [];
    while (this.deadline !== undefined && this.deadline <= end) {
      this.now = this.deadline;
      this.deadline = undefined;
      this.keyboard.timer();
      if (this.sent() !== "") times.push(Math.round(this.now / 1e6));
    }
    this.now = end;
    return times;
  }
}

Deno.test("a keyboard identifies itself, echoes and resets", () => {
  const desk = new Desk();
  assertEquals(desk.send(0xf2), "fa ab 83");
  assertEquals(desk.send(0xee), "ee");
  assertEquals(desk.send(0xff), "fa aa");
  assertEquals(desk.send(0x01), "fe");
  assertEquals(desk.send(0xef), "fe");
});

Deno.test("keys are sent in the scan code set that is selected", () => {
  const desk = new Desk();
  assertEquals(desk.stroke("KeyA"), "1c f0 1c");
  assertEquals(desk.send(0xf0, 1), "fa fa");
  assertEquals(desk.stroke("KeyA"), "1e 9e");
  assertEquals(desk.send(0xf0, 3), "fa fa");
  assertEquals(desk.stroke("ControlRight"), "58 f0 58");
  assertEquals(desk.send(0xf0, 0), "fa fa 3");
  assertEquals(desk.send(0xf0, 4), "fa fe");
  assertEquals(desk.send(0xf6), "fa");
  assertEquals(desk.send(0xf0, 0), "fa fa 2");
});

Deno.test("a held key repeats after the delay at the rate", () => {
  const desk = new Desk();
  desk.keyboard.press("KeyA", true);
  assertEquals(desk.sent(), "1c");
  assertEquals(desk.wait(800e6), [500, 592, 683, 775]);
  desk.keyboard.press("KeyA", false);
  desk.sent();
  assertEquals(desk.wait(10e9), []);
});

Deno.test("typematic rate and delay can be set", () => {
  const desk = new Desk();
  assertEquals(desk.send(0xf3, 0x00), "fa fa");
  desk.keyboard.press("KeyA", true);
  desk.sent();
  assertEquals(desk.wait(330e6), [250, 283, 317]);
  desk.keyboard.press("KeyA", false);
  assertEquals(desk.send(0xf3, 0x7f), "fa fa f0 1c");
  desk.keyboard.press("KeyA", true);
  desk.sent();
  assertEquals(desk.wait(1600e6).map((time) => time - 330), [1000, 1500]);
});

Deno.test("the key that went down last repeats", () => {
  const desk = new Desk();
  desk.keyboard.press("KeyA", true);
  desk.keyboard.press("KeyB", true);
  desk.sent();
  desk.wait(500e6);
  desk.keyboard.press("KeyB", false);
  desk.sent();
  assertEquals(desk.wait(5e9), []);
});

Deno.test("a key that is down already does nothing, nor does Pause repeat", () => {
  const desk = new Desk();
  desk.keyboard.press("KeyA", true);
  desk.keyboard.press("KeyA", true);
  desk.keyboard.press("KeyB", false);
  assertEquals(desk.sent(), "1c");
  desk.keyboard.press("KeyA", false);
  desk.keyboard.press("Pause", true);
  desk.sent();
  assertEquals(desk.wait(5e9), []);
});

Deno.test("modifiers change PrintScreen", () => {
  const desk = new Desk();
  desk.keyboard.press("AltLeft", true);
  desk.sent();
  assertEquals(desk.stroke("PrintScreen"), "84 f0 84");
});

Deno.test("a disabled keyboard sends no keys until it is enabled", () => {
  const desk = new Desk();
  assertEquals(desk.send(0xf5), "fa");
  assertEquals(desk.stroke("KeyA"), "");
  assertEquals(desk.send(0xf4), "fa");
  assertEquals(desk.stroke("KeyA"), "1c f0 1c");
});

Deno.test("LEDs take an option byte, and a command may come instead", () => {
  const desk = new Desk();
  assertEquals(desk.send(0xed, 0x02), "fa fa");
  assertEquals(desk.send(0xed, 0xee), "fa ee");
});

Deno.test("key types apply in set 3", () => {
  const desk = new Desk();
  desk.send(0xf0, 3);
  const repeats = () => {
    desk.keyboard.press("KeyA", true);
    const down = desk.sent();
    const times = desk.wait(520e6).length;
    desk.keyboard.press("KeyA", false);
    return `${down} ${times} ${desk.sent()}`;
  };
  assertEquals(repeats(), "1c 1 f0 1c");
  for (const [command, expected] of [[0xf7, "1c 1 "], [0xf8, "1c 0 f0 1c"], [0xf9, "1c 0 "]] as const) {
    assertEquals(desk.send(command), "fa");
    assertEquals(repeats(), expected);
  }
  assertEquals(desk.send(0xfa), "fa");
  assertEquals(repeats(), "1c 1 f0 1c");
  assertEquals(desk.send(0xfd, 0x1b, 0x1c), "fa fa fa");
  assertEquals(repeats(), "1c 0 ");
  assertEquals(desk.send(0xfc, 0x1c), "fa fa");
  assertEquals(repeats(), "1c 0 f0 1c");
  assertEquals(desk.send(0xfb, 0x1c), "fa fa");
  assertEquals(repeats(), "1c 1 ");
  desk.send(0xf0, 2);
  assertEquals(repeats(), "1c 1 f0 1c");
});

Deno.test("the last byte can be sent again", () => {
  const desk = new Desk();
  desk.stroke("KeyA");
  assertEquals(desk.send(0xfe), "1c");
});

Deno.test("a host that does not read gets an overrun code at the end, and no repeats", () => {
  const desk = new Desk();
  for (let i = 0; i < 1000; i++) {
    desk.keyboard.press("KeyA", true);
    desk.keyboard.press("KeyA", false);
  }
  const bytes = desk.sent().split(" ");
  assertEquals(bytes.length, 1024);
  assertEquals(bytes.at(-1), "0");
  assertEquals(desk.stroke("KeyA"), "1c f0 1c");
});
