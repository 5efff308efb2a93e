import { assertEquals } from "@std/assert";
import { MOUSE_BUTTONS, Ps2Mouse } from "./ps2_mouse.ts";

/** A mouse with a host that reads when it is told to. */
class Desk {
  now = 0;
  deadline: number | undefined;
  readonly mouse = new Ps2Mouse({ now: () => this.now, set: (deadline) => this.deadline = deadline });

  sent(): string {
    const bytes: string[] = [];
    for (let byte = this.mouse.send(); byte !== undefined; byte = this.mouse.send()) {
      bytes.push(byte.toString(16));
    }
    return bytes.join(" ");
  }

  send(...bytes: number[]): string {
    for (const byte of bytes) this.mouse.receive(byte);
    return this.sent();
  }

  move(dx: number, dy: number, wheel: number = 0): string {
    this.mouse.move(dx, dy, wheel);
    return this.sent();
  }

  press(button: string, down: boolean): string {
    this.mouse.press(MOUSE_BUTTONS.get(button) ?? 0, down);
    return this.sent();
  }

  wait(ns: number): string {
    const end = this.now + ns;
    const sent: string[] = [];
    while (this.deadline !== undefined && this.deadline <= end) {
      this.now = this.deadline;
      this.deadline = undefined;
      this.mouse.timer();
      sent.push(this.sent());
    }
    this.now = end;
    return sent.filter((text) => text !== "").join(", ");
  }
}

const SAMPLE = 10e6;

Deno.test("a mouse resets, identifies itself and reports its status", () => {
  const desk = new Desk();
  assertEquals(desk.send(0xff), "fa aa 0");
  assertEquals(desk.send(0xf2), "fa 0");
  assertEquals(desk.send(0xe9), "fa 0 2 64");
  assertEquals(desk.send(0xe8, 3, 0xf3, 40, 0xe7, 0xf4), "fa fa fa fa fa fa");
  desk.mouse.press(1, true);
  assertEquals(desk.sent(), "9 0 0");
  assertEquals(desk.send(0xe9), "fa 34 3 28");
  assertEquals(desk.send(0xf6), "fa");
  assertEquals(desk.send(0xe9), "fa 4 2 64");
  assertEquals(desk.send(0x12), "fe");
  assertEquals(desk.send(0xe8, 4), "fa fe");
});

Deno.test("nothing is reported before reporting is enabled", () => {
  const desk = new Desk();
  assertEquals(desk.move(5, 5), "");
  assertEquals(desk.send(0xf4), "fa");
  desk.now += SAMPLE;
  assertEquals(desk.move(3, -4), "8 3 4");
});

Deno.test("movement to the left and towards the user is negative", () => {
  const desk = new Desk();
  desk.send(0xf4);
  assertEquals(desk.move(-1, 2), "38 ff fe");
});

Deno.test("movement is gathered for the sample rate", () => {
  const desk = new Desk();
  desk.send(0xf4);
  assertEquals(desk.move(1, 0), "8 1 0");
  assertEquals(desk.move(1, 0), "");
  assertEquals(desk.move(1, 0), "");
  assertEquals(desk.wait(SAMPLE - 1), "");
  assertEquals(desk.wait(1), "8 2 0");
  assertEquals(desk.wait(1e9), "");
});

Deno.test("movement beyond nine bits takes several packets", () => {
  const desk = new Desk();
  desk.send(0xf4);
  assertEquals(desk.move(600, -300), "8 ff ff");
  assertEquals(desk.wait(1e9), "8 ff 2d, 8 5a 0");
});

Deno.test("a click is reported however short", () => {
  const desk = new Desk();
  desk.send(0xf4);
  desk.mouse.press(1, true);
  desk.mouse.press(1, false);
  desk.mouse.press(6, true);
  assertEquals(desk.sent(), "9 0 0 8 0 0 e 0 0");
});

Deno.test("the knock of sample rates gives wheel and buttons", () => {
  const desk = new Desk();
  desk.send(0xf3, 200, 0xf3, 100, 0xf3, 80);
  assertEquals(desk.send(0xf2), "fa 3");
  desk.send(0xf4);
  assertEquals(desk.move(0, 0, -1), "8 0 0 ff");
  desk.now += 1e9;
  assertEquals(desk.press("side", true), "8 0 0 0");
  assertEquals(desk.press("side", false), "8 0 0 0");
  desk.send(0xf3, 200, 0xf3, 200, 0xf3, 80);
  assertEquals(desk.send(0xf2), "fa 4");
  assertEquals(desk.press("side", true), "8 0 0 10");
  assertEquals(desk.press("extra", true), "8 0 0 30");
  desk.now += 1e9;
  assertEquals(desk.move(0, 0, 10), "8 0 0 37");
  assertEquals(desk.wait(1e9), "8 0 0 33");
  assertEquals(desk.send(0xff), "fa aa 0");
  assertEquals(desk.send(0xf2), "fa 0");
});

Deno.test("without the knock the wheel is nothing", () => {
  const desk = new Desk();
  desk.send(0xf4);
  assertEquals(desk.move(0, 0, 1), "");
});

Deno.test("a mouse in remote mode reports when it is asked", () => {
  const desk = new Desk();
  assertEquals(desk.send(0xf0), "fa");
  assertEquals(desk.move(2, 0), "");
  assertEquals(desk.press("left", true), "");
  assertEquals(desk.wait(1e9), "");
  assertEquals(desk.send(0xeb), "fa 9 2 0");
  assertEquals(desk.send(0xeb), "fa 9 0 0");
  assertEquals(desk.send(0xea, 0xf4), "fa fa");
  desk.now += SAMPLE;
  assertEquals(desk.move(1, 0), "9 1 0");
});

Deno.test("a mouse in wrap mode echoes", () => {
  const desk = new Desk();
  desk.send(0xf4);
  assertEquals(desk.send(0xee), "fa");
  assertEquals(desk.send(0x55, 0xe9, 0xf4), "55 e9 f4");
  assertEquals(desk.move(1, 1), "");
  assertEquals(desk.send(0xec), "fa");
  assertEquals(desk.move(1, 0), "8 1 0");
});

Deno.test("scaling 2:1 doubles fast movement", () => {
  const desk = new Desk();
  desk.send(0xe7, 0xf4);
  const scaled = [1, 2, 3, 4, 5, 6, 100, 255].map((count) => {
    desk.now += SAMPLE;
    return parseInt(desk.move(count, 0).split(" ")[1], 16);
  });
  assertEquals(scaled, [1, 1, 3, 6, 9, 12, 200, 255]);
});

Deno.test("the last packet can be sent again", () => {
  const desk = new Desk();
  desk.send(0xf4);
  desk.move(7, 0);
  assertEquals(desk.send(0xfe), "8 7 0");
});

Deno.test("movement that is left when a command cuts a packet off is still reported", () => {
  const desk = new Desk();
  desk.send(0xf4);
  desk.mouse.move(300, 0, 0);
  desk.mouse.receive(0xe6);
  assertEquals(desk.sent(), "fa");
  assertEquals(desk.wait(SAMPLE), "8 2d 0");
});

Deno.test("clicks that nobody reads are not kept without end", () => {
  const desk = new Desk();
  desk.send(0xf4);
  for (let i = 0; i < 10000; i++) desk.mouse.press(1, i % 2 === 0);
  assertEquals(desk.sent().split(" ").length < 300, true);
});
