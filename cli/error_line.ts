/**
 * Errors as the user sees them.
 *
 * @module
 */

/** One line that says what is wrong and what to do. */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const missing = error instanceof Deno.errors.NotCapable
    ? /Requires (\w+) access to (?:"([^"]*)")?/.exec(error.message)
    : null;
  if (missing !== null) {
    const [, kind, name] = missing;
    const flag = name === undefined ? `--allow-${kind}` : `--allow-${kind}=${name}`;
    return `Permission to ${kind} "${name ?? "anything"}" is missing: add ${flag} to deno's options`;
  }
  return error.message.split("\n")[0]!;
}
