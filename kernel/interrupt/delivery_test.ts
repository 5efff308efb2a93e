import { assertEquals } from "@std/assert";
import {
  BROADCAST,
  decodeMsi,
  DeliveryMode,
  InterruptBus,
  type InterruptMessage,
  type InterruptTarget,
  Shorthand,
  TriggerMode,
} from "./delivery.ts";
import { matchesLogical, matchesX2apicLogical, x2apicLogicalId } from "./logical_destination.ts";

class Target implements InterruptTarget {
  readonly got: number[] = [];
  arbitrationPriority = 0;
  enabled = true;
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }

  matches(destination: number, logical: boolean): boolean {
    if (destination === BROADCAST) return true;
    return logical ? (destination & (1 << this.id)) !== 0 : destination === this.id;
  }

  accept(message: InterruptMessage): boolean {
    if (this.enabled) this.got.push(message.vector);
    return this.enabled;
  }
}

function makeTargets(count: number): [InterruptBus, Target[]] {
  const targets = Array.from({ length: count }, (_, id) => new Target(id));
  return [new InterruptBus(targets), targets];
}

function message(fields: Partial<InterruptMessage>): InterruptMessage {
  return {
    destination: 0,
    logical: false,
    deliveryMode: DeliveryMode.Fixed,
    vector: 0x40,
    level: true,
    trigger: TriggerMode.Edge,
    ...fields,
  };
}

/** How many messages each target has got. */
function counts(targets: Target[]): number[] {
  return targets.map((target) => target.got.length);
}

Deno.test("MSI names destination, vector and modes", () => {
  assertEquals(decodeMsi(0xfee0_3000, 0x0041), message({ destination: 3, vector: 0x41 }));
  assertEquals(decodeMsi(0xfee0_5004, 0x0041), message({ destination: 5, logical: true, vector: 0x41 }));
  assertEquals(
    decodeMsi(0xfeef_f000, 0xc141),
    message({
      destination: BROADCAST,
      deliveryMode: DeliveryMode.LowestPriority,
      vector: 0x41,
      trigger: TriggerMode.Level,
    }),
  );
  assertEquals(decodeMsi(0xfee0_0000, 0x0400)?.deliveryMode, DeliveryMode.Nmi);
  assertEquals(decodeMsi(0xfee0_0000, 0x8041)?.level, false);
});

Deno.test("MSI with the redirection hint goes to the lowest priority", () => {
  assertEquals(decodeMsi(0xfee0_300c, 0x41)?.deliveryMode, DeliveryMode.LowestPriority);
  assertEquals(decodeMsi(0xfee0_3008, 0x441)?.deliveryMode, DeliveryMode.Nmi);
});

Deno.test("MSI is none outside the interrupt addresses or with a reserved delivery mode", () => {
  for (const address of [0, 0xfedf_ffff, 0xfef0_0000, 0x1_fee0_0000, NaN]) {
    assertEquals(decodeMsi(address, 0x41), undefined);
  }
  assertEquals(decodeMsi(0xfee0_0000, 0x341), undefined);
  assertEquals(decodeMsi(0xfee0_0000, 0x641), undefined);
});

Deno.test("message reaches every destination that matches", () => {
  const [bus, targets] = makeTargets(4);
  assertEquals(bus.deliver(message({ destination: 2 })), true);
  assertEquals(counts(targets), [0, 0, 1, 0]);
  assertEquals(bus.deliver(message({ destination: 0b1010, logical: true })), true);
  assertEquals(counts(targets), [0, 1, 1, 1]);
  assertEquals(bus.deliver(message({ destination: BROADCAST })), true);
  assertEquals(counts(targets), [1, 2, 2, 2]);
  assertEquals(bus.deliver(message({ destination: 9 })), false);
  targets[0].enabled = false;
  assertEquals(bus.deliver(message({ destination: 0 })), false);
});

Deno.test("IPI shorthands choose by the sender", () => {
  const [bus, targets] = makeTargets(3);
  bus.sendIpi(1, Shorthand.Self, message({ destination: 2 }));
  assertEquals(counts(targets), [0, 1, 0]);
  bus.sendIpi(1, Shorthand.AllIncludingSelf, message({ destination: 2 }));
  assertEquals(counts(targets), [1, 2, 1]);
  bus.sendIpi(1, Shorthand.AllExcludingSelf, message({ destination: 2 }));
  assertEquals(counts(targets), [2, 2, 2]);
  bus.sendIpi(1, Shorthand.None, message({ destination: 2 }));
  assertEquals(counts(targets), [2, 2, 3]);
});

Deno.test("lowest-priority message goes to one of the lowest, in turn", () => {
  const [bus, targets] = makeTargets(4);
  const lowest = message({
    destination: 0b0111,
    logical: true,
    deliveryMode: DeliveryMode.LowestPriority,
  });
  targets[1].arbitrationPriority = 0x50;
  for (let n = 0; n < 4; n++) bus.deliver(lowest);
  assertEquals(counts(targets), [2, 0, 2, 0]);
  targets[1].arbitrationPriority = 0;
  targets[0].arbitrationPriority = 0x20;
  targets[2].arbitrationPriority = 0x10;
  bus.deliver(lowest);
  assertEquals(counts(targets), [2, 1, 2, 0]);
  targets[1].enabled = false;
  bus.deliver(lowest);
  assertEquals(counts(targets), [2, 1, 3, 0]);
  bus.sendIpi(2, Shorthand.AllExcludingSelf, lowest);
  assertEquals(counts(targets), [2, 1, 3, 1]);
});

Deno.test("lowest-priority message that no target can take is refused", () => {
  const [bus, targets] = makeTargets(2);
  for (const target of targets) target.enabled = false;
  assertEquals(
    bus.deliver(message({ destination: BROADCAST, deliveryMode: DeliveryMode.LowestPriority })),
    false,
  );
});

Deno.test("logical destinations in the flat model have a bit for each processor", () => {
  const flat = 0xffff_ffff;
  assertEquals(matchesLogical(0x06, 0x0200_0000, flat), true);
  assertEquals(matchesLogical(0x05, 0x0200_0000, flat), false);
  assertEquals(matchesLogical(0xff, 0, flat), false);
  assertEquals(matchesLogical(0x102, 0x0200_0000, flat), false);
});

Deno.test("logical destinations in the cluster model have a cluster and a bit", () => {
  const cluster = 0x0fff_ffff;
  assertEquals(matchesLogical(0x32, 0x3200_0000, cluster), true);
  assertEquals(matchesLogical(0x33, 0x3200_0000, cluster), true);
  assertEquals(matchesLogical(0x31, 0x3200_0000, cluster), false);
  assertEquals(matchesLogical(0x22, 0x3200_0000, cluster), false);
  assertEquals(matchesLogical(0xf1, 0xf100_0000, cluster), true);
});

Deno.test("logical IDs in x2APIC mode follow from the APIC ID", () => {
  assertEquals(x2apicLogicalId(0), 0x0000_0001);
  assertEquals(x2apicLogicalId(15), 0x0000_8000);
  assertEquals(x2apicLogicalId(0x25), 0x0002_0020);
  assertEquals(matchesX2apicLogical(0x0002_0030, 0x0002_0020), true);
  assertEquals(matchesX2apicLogical(0x0002_0010, 0x0002_0020), false);
  assertEquals(matchesX2apicLogical(0x0001_0020, 0x0002_0020), false);
});
