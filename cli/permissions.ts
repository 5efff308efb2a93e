/**
 * `atoll permissions`: shows what each process of a domain may do on the host.
 *
 * @module
 */

import { SERVERS } from "../servers/mod.ts";
import { mayUseFfi } from "../toolstack/domain_config.ts";
import { grants, kernelPlan, serverPlan } from "../toolstack/permissions.ts";
import { runtimePaths } from "../toolstack/runtime_directory.ts";
import { domainConfig, type OptionValues } from "./options.ts";

/** Runs the command and gives its exit code. */
export function showPermissions(values: OptionValues): Promise<number> {
  const { isolation = "process", trace } = domainConfig(values);
  const paths = runtimePaths("atoll-PID-RANDOM");
  const kernel = kernelPlan({ isolation, trace, shareMemory: mayUseFfi(), paths });
  const rows = [["kernel", "CPU, memory, interrupts, routing", ...grants(kernel)]];
  for (const entry of SERVERS) {
    const { name, description } = entry.manifest;
    rows.push(
      isolation === "worker"
        ? [name, description, "none, a Worker in the kernel process"]
        : [name, description, ...grants(serverPlan(entry))],
    );
  }
  const [names, descriptions] = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const [name, description, ...flags] of rows) {
    const left = `${name!.padEnd(names!)}  ${description!.padEnd(descriptions!)}`;
    const [first = "none", ...others] = flags;
    console.log(`${left}  ${first}`);
    for (const flag of others) console.log(`${" ".repeat(left.length)}  ${flag}`);
  }
  return Promise.resolve(0);
}
