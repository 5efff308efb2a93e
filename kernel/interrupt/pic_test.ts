import { assertEquals } from "@std/assert";
import { Pic, PIC_PORTS } from "./pic.ts";

const OCW2_EOI = 0x20;
const OCW2_SPECIFIC_EOI = 0x60;
const OCW2_ROTATE_EOI = 0xa0;
const OCW2_ROTATE_SPECIFIC_EOI = 0xe0;
const OCW2_SET_PRIORITY = 0xc0;
const OCW2_ROTATE_AEOI_SET = 0x80;
const OCW2_ROTATE_AEOI_CLEAR = 0x00;
const OCW3_READ_IRR = 0x0a;
const OCW3_READ_ISR = 0x0b;
const OCW3_POLL = 0x0c;
const OCW3_SPECIAL_MASK = 0x68;
const OCW3_NORMAL_MASK = 0x48;

/** The usual initialization, vectors 0x30 to 0x3f, nothing masked. */
function makePic(masterIcw4 = 0x01, slaveIcw4 = 0x01): Pic {
  const pic = new Pic();
  for (const [port, icw2, icw3, icw4] of [[0x20, 0x30, 0x04, masterIcw4], [0xa0, 0x38, 0x02, slaveIcw4]]) {
    pic.write(port, 0x11);
    pic.write(port + 1, icw2);
    pic.write(port + 1, icw3);
    pic.write(port + 1, icw4);
  }
  return pic;
}

function readIrr(pic: Pic, port = 0x20): number {
  pic.write(port, OCW3_READ_IRR);
  return pic.read(port);
}

function readIsr(pic: Pic, port = 0x20): number {
  pic.write(port, OCW3_READ_ISR);
  return pic.read(port);
}

Deno.test("PIC delivers nothing before it is initialized", () => {
  const pic = new Pic();
  for (let irq = 0; irq < 16; irq++) pic.setLine(irq, true);
  assertEquals(pic.output, false);
  assertEquals(pic.read(0x21), 0xff);
});

Deno.test("PIC gives the vector of each interrupt", () => {
  for (let irq = 0; irq < 16; irq++) {
    if (irq === 2) continue;
    const pic = makePic();
    pic.setLine(irq, true);
    assertEquals(pic.output, true);
    assertEquals(pic.acknowledge(), 0x30 + irq);
    assertEquals(pic.output, false);
  }
});

Deno.test("PIC takes ICW2 to ICW4 as ICW1 announces them", () => {
  const pic = new Pic();
  pic.write(0x20, 0x12); // single, no ICW4
  pic.write(0x21, 0x45); // ICW2: the low bits are not the vector's
  pic.write(0x21, 0xfe); // OCW1
  assertEquals(pic.read(0x21), 0xfe);
  pic.setLine(0, true);
  assertEquals(pic.acknowledge(), 0x40);
  pic.write(0x20, 0x13); // single, ICW4
  pic.write(0x21, 0x50);
  pic.write(0x21, 0x01);
  pic.write(0x21, 0xaa);
  assertEquals(pic.read(0x21), 0xaa);
  pic.write(0x20, 0x10); // cascade, no ICW4
  pic.write(0x21, 0x50);
  pic.write(0x21, 0x04);
  pic.write(0x21, 0x55);
  assertEquals(pic.read(0x21), 0x55);
});

Deno.test("PIC forgets with ICW1 what was latched, masked, in service and rotated", () => {
  const pic = makePic();
  pic.setLine(3, true);
  pic.acknowledge();
  pic.setLine(4, true);
  pic.write(0x20, OCW2_SET_PRIORITY | 3);
  pic.write(0x21, 0x80);
  pic.write(0x20, 0x11);
  pic.write(0x21, 0x30);
  pic.write(0x21, 0x04);
  pic.write(0x21, 0x01);
  assertEquals([readIrr(pic), readIsr(pic), pic.read(0x21)], [0, 0, 0]);
  pic.setLine(4, false);
  pic.setLine(4, true); // only a new edge counts
  pic.setLine(1, true);
  assertEquals(pic.acknowledge(), 0x31);
});

Deno.test("PIC reads IRR after ICW1, and keeps the register that OCW3 selected", () => {
  const pic = makePic();
  pic.setLine(5, true);
  assertEquals(pic.read(0x20), 0x20);
  pic.acknowledge();
  assertEquals(pic.read(0x20), 0);
  pic.write(0x20, OCW3_READ_ISR);
  assertEquals(pic.read(0x20), 0x20);
  assertEquals(pic.read(0x20), 0x20);
});

Deno.test("PIC lets a higher interrupt through and holds lower ones back", () => {
  const pic = makePic();
  pic.setLine(4, true);
  pic.acknowledge();
  pic.setLine(5, true);
  assertEquals(pic.output, false);
  pic.setLine(1, true);
  assertEquals(pic.acknowledge(), 0x31);
  assertEquals(readIsr(pic), 0x12);
  pic.write(0x20, OCW2_EOI);
  assertEquals(readIsr(pic), 0x10);
  assertEquals(pic.output, false);
  pic.write(0x20, OCW2_EOI);
  assertEquals(pic.acknowledge(), 0x35);
});

Deno.test("PIC holds a masked request until it is unmasked", () => {
  const pic = makePic();
  pic.write(0x21, 0x08);
  pic.setLine(3, true);
  assertEquals([pic.output, readIrr(pic)], [false, 0x08]);
  pic.write(0x21, 0);
  assertEquals(pic.acknowledge(), 0x33);
});

Deno.test("PIC ends a specific interrupt with a specific EOI", () => {
  const pic = makePic();
  pic.setLine(4, true);
  pic.acknowledge();
  pic.setLine(1, true);
  pic.acknowledge();
  pic.write(0x20, OCW2_SPECIFIC_EOI | 4);
  assertEquals(readIsr(pic), 0x02);
});

Deno.test("PIC rotates on a non-specific EOI", () => {
  const pic = makePic();
  pic.setLine(4, true);
  pic.setLine(6, true);
  pic.acknowledge();
  pic.write(0x20, OCW2_ROTATE_EOI);
  pic.setLine(4, false);
  pic.setLine(4, true);
  pic.setLine(3, true);
  // 4 has become the lowest: the order is 5 6 7 0 1 2 3 4.
  const order = [];
  while (pic.output) {
    order.push(pic.acknowledge());
    pic.write(0x20, OCW2_EOI);
  }
  assertEquals(order, [0x36, 0x33, 0x34]);
});

Deno.test("PIC rotates on a specific EOI and sets priorities without one", () => {
  const pic = makePic();
  pic.setLine(2 + 1, true);
  pic.acknowledge();
  pic.write(0x20, OCW2_ROTATE_SPECIFIC_EOI | 3);
  assertEquals(readIsr(pic), 0);
  pic.setLine(1, true);
  pic.setLine(5, true);
  assertEquals(pic.acknowledge(), 0x35);
  pic.write(0x20, OCW2_EOI);
  pic.write(0x20, OCW2_SET_PRIORITY | 0);
  pic.setLine(0, true);
  assertEquals(pic.acknowledge(), 0x31);
});

Deno.test("PIC leaves nothing in service in automatic EOI mode", () => {
  const pic = makePic(0x03);
  pic.setLine(4, true);
  assertEquals(pic.acknowledge(), 0x34);
  assertEquals(readIsr(pic), 0);
  pic.setLine(5, true);
  assertEquals(pic.acknowledge(), 0x35);
});

Deno.test("PIC rotates in automatic EOI mode while that is set", () => {
  const pic = makePic(0x03);
  const pulse = (irq: number) => {
    pic.setLine(irq, false);
    pic.setLine(irq, true);
  };
  pic.write(0x20, OCW2_ROTATE_AEOI_SET);
  pulse(0);
  assertEquals(pic.acknowledge(), 0x30);
  pulse(0);
  pulse(1);
  assertEquals(pic.acknowledge(), 0x31);
  pic.write(0x20, OCW2_ROTATE_AEOI_CLEAR);
  assertEquals(pic.acknowledge(), 0x30);
  pulse(0);
  pulse(1);
  // The rotation by interrupt 1 has stayed: 0 is the next to lowest.
  pulse(3);
  assertEquals(pic.acknowledge(), 0x33);
});

Deno.test("PIC in special mask mode lets lower interrupts through while the one in service is masked", () => {
  const pic = makePic();
  pic.setLine(3, true);
  pic.acknowledge();
  pic.setLine(5, true);
  pic.write(0x21, 0x08);
  assertEquals(pic.output, false);
  pic.write(0x20, OCW3_SPECIAL_MASK);
  assertEquals(pic.acknowledge(), 0x35);
  // A non-specific EOI does not see the masked in-service bit.
  pic.write(0x20, OCW2_EOI);
  pic.write(0x20, OCW2_EOI);
  assertEquals(readIsr(pic), 0x08);
  pic.write(0x20, OCW3_NORMAL_MASK);
  pic.write(0x20, OCW2_EOI);
  assertEquals(readIsr(pic), 0);
});

Deno.test("PIC answers a poll with the highest request and takes it into service", () => {
  const pic = makePic();
  pic.write(0x20, OCW3_POLL);
  assertEquals(pic.read(0x20), 0x00);
  pic.setLine(6, true);
  pic.write(0x20, OCW3_POLL);
  assertEquals(pic.read(0x20), 0x86);
  assertEquals([pic.output, readIsr(pic)], [false, 0x40]);
});

Deno.test("PIC pair is polled through master and slave", () => {
  const pic = makePic();
  pic.setLine(11, true);
  pic.write(0x20, OCW3_POLL);
  assertEquals(pic.read(0x20), 0x82);
  pic.write(0xa0, OCW3_POLL);
  assertEquals(pic.read(0xa0), 0x83);
  assertEquals([readIsr(pic), readIsr(pic, 0xa0)], [0x04, 0x08]);
});

Deno.test("PIC takes a slave's interrupt into service in both chips", () => {
  const pic = makePic();
  pic.setLine(12, true);
  assertEquals(pic.acknowledge(), 0x3c);
  assertEquals([readIsr(pic), readIsr(pic, 0xa0)], [0x04, 0x10]);
  pic.setLine(3, true);
  assertEquals(pic.output, false);
  pic.setLine(1, true);
  assertEquals(pic.acknowledge(), 0x31);
});

Deno.test("PIC delivers the slave's next interrupt after both EOIs", () => {
  const pic = makePic();
  pic.setLine(12, true);
  pic.setLine(14, true);
  assertEquals(pic.acknowledge(), 0x3c);
  pic.write(0xa0, OCW2_EOI);
  assertEquals(pic.output, false);
  pic.write(0x20, OCW2_EOI);
  assertEquals(pic.acknowledge(), 0x3e);
});

Deno.test("PIC delivers the slave's next interrupt when the slave ends automatically", () => {
  const pic = makePic(0x03, 0x03);
  pic.setLine(12, true);
  pic.setLine(14, true);
  assertEquals(pic.acknowledge(), 0x3c);
  assertEquals(pic.acknowledge(), 0x3e);
  assertEquals(pic.output, false);
});

Deno.test("PIC in special fully nested mode lets a slave interrupt itself", () => {
  for (const [icw4, through] of [[0x01, false], [0x11, true]] as const) {
    const pic = makePic(icw4);
    pic.setLine(12, true);
    pic.acknowledge();
    pic.setLine(3, true);
    assertEquals(pic.output, false);
    pic.setLine(9, true);
    assertEquals(pic.output, through);
    if (through) assertEquals(pic.acknowledge(), 0x39);
  }
});

Deno.test("PIC gives interrupt 7 when an edge has gone before the acknowledge", () => {
  const pic = makePic();
  pic.setLine(3, true);
  pic.setLine(3, false);
  assertEquals(pic.output, false);
  assertEquals(pic.acknowledge(), 0x37);
  assertEquals(readIsr(pic), 0);
});

Deno.test("PIC gives interrupt 15 when the slave's request has gone, with only the master in service", () => {
  const pic = makePic();
  pic.setLine(10, true);
  // The slave's input falls between the two acknowledge cycles: the master has chosen IR2 already.
  pic.restore({ ...pic.save(), slave: makePic().save().slave });
  assertEquals(pic.acknowledge(), 0x3f);
  assertEquals([readIsr(pic), readIsr(pic, 0xa0)], [0x04, 0]);
});

Deno.test("PIC repeats a level-triggered interrupt until its line falls", () => {
  const pic = makePic();
  pic.write(0x4d1, 0x0c);
  pic.setLine(11, true);
  assertEquals(pic.acknowledge(), 0x3b);
  pic.write(0xa0, OCW2_EOI);
  pic.write(0x20, OCW2_EOI);
  assertEquals(pic.acknowledge(), 0x3b);
  pic.setLine(11, false);
  pic.write(0xa0, OCW2_EOI);
  pic.write(0x20, OCW2_EOI);
  assertEquals(pic.output, false);
});

Deno.test("PIC does not repeat an edge-triggered interrupt whose line stays high", () => {
  const pic = makePic();
  pic.setLine(4, true);
  pic.acknowledge();
  pic.write(0x20, OCW2_EOI);
  assertEquals(pic.output, false);
  pic.setLine(4, true);
  assertEquals(pic.output, false);
});

Deno.test("PIC keeps the interrupts edge-triggered that ELCR cannot change", () => {
  const pic = makePic();
  pic.write(0x4d0, 0xff);
  pic.write(0x4d1, 0xff);
  assertEquals([pic.read(0x4d0), pic.read(0x4d1)], [0xf8, 0xde]);
});

Deno.test("PIC is level-triggered as a whole with LTIM", () => {
  const pic = new Pic();
  pic.write(0x20, 0x1b);
  pic.write(0x21, 0x30);
  pic.write(0x21, 0x01);
  pic.setLine(0, true);
  pic.acknowledge();
  pic.write(0x20, OCW2_EOI);
  assertEquals(pic.output, true);
});

Deno.test("PIC ignores input 2, which is the cascade", () => {
  const pic = makePic();
  pic.setLine(2, true);
  assertEquals(pic.output, false);
});

Deno.test("PIC is in its power-on state after a reset", () => {
  const pic = makePic();
  pic.setLine(12, true);
  pic.acknowledge();
  pic.reset();
  assertEquals(PIC_PORTS.map((port) => pic.read(port)), [0, 0xff, 0, 0xff, 0, 0]);
  assertEquals(pic.output, false);
});
