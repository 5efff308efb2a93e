import { assertEquals } from "@std/assert";
import { ConfigurationError } from "../toolstack/configuration_error.ts";
import { errorLine } from "./error_line.ts";

Deno.test("an error is one line without a stack", () => {
  assertEquals(
    errorLine(new ConfigurationError("Kernel is missing: name one\nmore")),
    "Kernel is missing: name one",
  );
  assertEquals(errorLine("text"), "text");
});

Deno.test("a missing permission names its option", () => {
  const message = 'Requires run access to "sh", run again with the --allow-run flag';
  assertEquals(
    errorLine(new Deno.errors.NotCapable(message)),
    'Permission to run "sh" is missing: add --allow-run=sh to deno\'s options',
  );
});
