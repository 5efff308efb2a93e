/**
 * A domain's processes and their permissions, for people.
 *
 * @module
 */

import { domainServers } from "./platform.ts";
import { filesOfKernelProcess } from "./boot.ts";
import { checkOptions, type DomainConfig, findImages } from "./domain_config.ts";
import type { ProcessPlan } from "./host_process.ts";
import { kernelPlan, serverPlan } from "./permissions.ts";
import { runtimePaths } from "./runtime_directory.ts";

/** A process of a domain, and what it may do on the host. */
export interface ProcessPermissions {
  /** `kernel`, or the name of a device. */
  readonly name: string;
  /** One line for people. */
  readonly description: string;
  /** Options of `deno run` that grant something; none if it may do nothing. */
  readonly grants: readonly string[];
}

/**
 * What each process of a domain would be allowed to do. Nothing is started. Without a kernel: what goes for any.
 *
 * @throws {ConfigurationError} if the configuration cannot be had
 *
 * @example A timer chip needs nothing from the host
 * ```ts
 * import { describePermissions } from "@atoll/atoll";
 * import { assertEquals } from "@std/assert";
 *
 * const processes = await describePermissions({});
 * const timer = processes.find(({ name }) => name === "pit");
 * assertEquals(timer?.grants, []);
 * ```
 */
export async function describePermissions(config: Partial<DomainConfig>): Promise<ProcessPermissions[]> {
  const checked = {
    ...checkOptions(config),
    images: await filesOfKernelProcess(await findImages(config)),
    paths: runtimePaths("atoll-PID-RANDOM"),
  };
  const kernel = {
    name: "kernel",
    description: "CPU, memory, interrupts, routing",
    grants: grants(kernelPlan(checked)),
  };
  // Workers are part of the kernel process.
  const servers = checked.isolation === "worker" ? [] : domainServers(checked);
  return [
    kernel,
    ...servers.map((entry) => ({
      name: entry.manifest.name,
      description: entry.manifest.description,
      grants: grants(serverPlan(entry)),
    })),
  ];
}

function grants(plan: ProcessPlan): string[] {
  return plan.flags.filter((flag) => flag.startsWith("--allow-"));
}
