import { assert, assertEquals, assertFalse, assertRejects, assertStringIncludes } from "@std/assert";
import { ConfigurationError } from "../configuration_error.ts";
import { buildInitramfs, listApplets } from "./initramfs.ts";

const BUSYBOX = new TextEncoder().encode("<busybox>");

function textOf(options: Partial<Parameters<typeof buildInitramfs>[0]> = {}): string {
  return new TextDecoder("latin1").decode(
    buildInitramfs({ busybox: BUSYBOX, applets: ["sh", "mount", "busybox", "sh"], ...options }),
  );
}

Deno.test("an initramfs has busybox, its applets and an init with a controlling terminal", () => {
  const text = textOf();
  for (const name of ["bin/busybox", "bin/sh", "bin/mount", "init", "dev/console"]) {
    assertEquals(text.split(`${name}\0`).length, 2, name);
  }
  assertStringIncludes(text, "<busybox>");
  assertStringIncludes(text, "setsid cttyhack sh /etc/session\npoweroff -f\n");
  assertStringIncludes(text, "exec sh -l\n");
  assertFalse(text.includes("etc/script"));
});

Deno.test("a script takes the place of the shell, and further files are added", () => {
  const text = textOf({ script: "echo hi", files: [{ path: "opt/data", bytes: Uint8Array.of(0x41) }] });
  assertStringIncludes(text, "exec sh /etc/script\n");
  assertStringIncludes(text, "echo hi\n");
  assertStringIncludes(text, "opt/data\0");
});

Deno.test("the same parts give the same initramfs", () => assertEquals(textOf(), textOf()));

Deno.test("what is no busybox is refused", async () => {
  await assertRejects(() => listApplets("/nonexistent/busybox"), ConfigurationError, "cannot be run");
  await assertRejects(() => listApplets("/bin/true"), ConfigurationError, "does not list a shell");
});

Deno.test("an initramfs ends with the trailer", () => assert(textOf().includes("TRAILER!!!\0")));
