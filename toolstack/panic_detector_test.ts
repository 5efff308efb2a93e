import { assertEquals } from "@std/assert";
import { PanicDetector } from "./panic_detector.ts";

function afterConsole(...pieces: string[]): [string | undefined, boolean] {
  const detector = new PanicDetector();
  for (const piece of pieces) detector.push(new TextEncoder().encode(piece));
  return [detector.reason, detector.halted];
}

Deno.test("a panic is noticed with its reason, however the console is cut", () => {
  const reason = "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)";
  assertEquals(afterConsole(`[    0.512345] ${reason}\r\n`), [reason, false]);
  assertEquals(afterConsole(`[    0.512345][    T1] Kernel pan`, `${reason.slice(10)}\r`, "\n"), [
    reason,
    false,
  ]);
  assertEquals(afterConsole(`# ls\r\n${reason}\r\n`), [reason, false]);
  assertEquals(afterConsole(`~ # [   12.3] ${reason}\r\n`), [reason, false]);
  assertEquals(afterConsole(`~ # ${reason}\r\n`), [reason, false]);
});

Deno.test("a panic after which the guest stands still is told apart", () => {
  const console = "[    1.0] Kernel panic - not syncing: Attempted to kill init!\r\n" +
    "[    1.1] CPU: 0 PID: 1 Comm: init\r\n" +
    "[    1.2] ---[ end Kernel panic - not syncing: Attempted to kill init! ]---\r\n";
  assertEquals(afterConsole(console), ["Kernel panic - not syncing: Attempted to kill init!", true]);
});

Deno.test("what only looks like a panic is none", () => {
  assertEquals(afterConsole("# grep 'Kernel panic - not syncing' /var/log/messages\r\n"), [undefined, false]);
  assertEquals(
    afterConsole("Kernel panic - not syncing: an example\r\n[    9.0] reboot: Restarting system\r\n"),
    [undefined, false],
  );
});
