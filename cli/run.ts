/**
 * `atoll run`: boots a kernel of the user's.
 *
 * @module
 */

import { ConfigurationError } from "../toolstack/configuration_error.ts";
import { domainConfig, type OptionValues, sessionOptions, userPath } from "./options.ts";
import { runDomain } from "./session.ts";

/** Runs the command and gives its exit code. */
export async function run(values: OptionValues): Promise<number> {
  const kernel = values.get("kernel");
  const initrd = values.get("initrd");
  if (typeof kernel !== "string") {
    throw new ConfigurationError("No kernel is given: name one with --kernel FILE, or use atoll start");
  }
  return await runDomain({
    ...domainConfig(values),
    kernel: userPath(kernel),
    initrd: typeof initrd === "string" ? userPath(initrd) : undefined,
  }, sessionOptions(values));
}
