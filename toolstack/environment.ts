/**
 * The environment, as far as this process may read it.
 *
 * @module
 */

/** A variable of the environment, if it is set and this process may read it. */
export function environment(name: string): string | undefined {
  if (Deno.permissions.querySync({ name: "env", variable: name }).state !== "granted") return undefined;
  return Deno.env.get(name) || undefined;
}
