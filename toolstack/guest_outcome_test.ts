import { assertEquals } from "@std/assert";
import { GuestOutcome } from "./guest_outcome.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("power off ends the domain in good order", () => {
  const end = new GuestOutcome(Infinity).powerRequest("off");
  assertEquals([end?.reason, end?.exitCode], ["poweroff", 0]);
});

Deno.test("a reset is carried out as often as allowed", () => {
  const guest = new GuestOutcome(1);
  assertEquals(guest.powerRequest("reset"), undefined);
  const end = guest.powerRequest("reset");
  assertEquals([end?.reason, end?.exitCode, end?.detail], ["reset-limit", 0, "Guest reset itself 2 times"]);
});

Deno.test("a guest that resets itself again and again without a word is ended", () => {
  const guest = new GuestOutcome(Infinity);
  guest.powerRequest("reset");
  guest.powerRequest("reset");
  guest.output(encode("Linux\r\n"));
  assertEquals([guest.powerRequest("reset"), guest.powerRequest("reset")], [undefined, undefined]);
  const end = guest.powerRequest("reset");
  assertEquals([end?.reason, end?.exitCode], ["reset-limit", 3]);
});

Deno.test("a reset after a panic ends the domain with the panic's reason", () => {
  const guest = new GuestOutcome(Infinity);
  assertEquals(guest.output(encode("[    1.0] Kernel panic - not syncing: no init\r\n")), undefined);
  const end = guest.powerRequest("reset");
  assertEquals([end?.reason, end?.exitCode], ["panic", 3]);
  assertEquals(end?.detail, "Guest stopped: Kernel panic - not syncing: no init");
});

Deno.test("a panic after which the guest stands still ends the domain at once", () => {
  const guest = new GuestOutcome(Infinity);
  const end = guest.output(
    encode("Kernel panic - not syncing: x\r\n---[ end Kernel panic - not syncing: x ]---\r\n"),
  );
  assertEquals(end?.reason, "panic");
});

Deno.test("a panic does not outlive a reset by the user", () => {
  const guest = new GuestOutcome(Infinity);
  guest.output(encode("Kernel panic - not syncing: x\r\n"));
  guest.restarted();
  assertEquals(guest.powerRequest("reset"), undefined);
});
