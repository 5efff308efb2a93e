/**
 * `atoll permissions`: shows what each process of a domain may do on the host.
 *
 * @module
 */

import { describePermissions } from "../toolstack/domain_permissions.ts";
import { domainConfig, imagePaths, type OptionValues } from "./options.ts";

/** Runs the command and gives its exit code. */
export async function showPermissions(values: OptionValues): Promise<number> {
  const processes = await describePermissions({ ...domainConfig(values), ...imagePaths(values) });
  const widths = [
    Math.max(...processes.map(({ name }) => name.length)),
    Math.max(...processes.map(({ description }) => description.length)),
  ] as const;
  for (const { name, description, grants } of processes) {
    const left = `${name.padEnd(widths[0])}  ${description.padEnd(widths[1])}  `;
    const [first = "none", ...others] = grants;
    console.log(left + first);
    for (const grant of others) console.log(" ".repeat(left.length) + grant);
  }
  return 0;
}
