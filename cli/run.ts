/**
 * `atoll run`: boots a kernel of the user's.
 *
 * @module
 */

import { ConfigurationError } from "../toolstack/configuration_error.ts";
import { domainConfig, imagePaths, type OptionValues, sessionOptions } from "./options.ts";
import { runDomain } from "./session.ts";

/** Runs the command and gives its exit code. */
export async function run(values: OptionValues): Promise<number> {
  const { kernel, ...others } = imagePaths(values);
  if (kernel === undefined) {
    throw new ConfigurationError("No kernel is given: name one with --kernel FILE, or use atoll start");
  }
  return await runDomain({ ...domainConfig(values), kernel, ...others }, sessionOptions(values));
}
