/**
 * What each process of a domain may do on the host: exact lists, made from the manifests.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import type { HostPermissions } from "../devices/device.ts";
import type { ServerEntry } from "../servers/mod.ts";
import { ConfigurationError } from "./configuration_error.ts";
import { engineOptions } from "./engine_options.ts";
import type { ProcessPlan } from "./host_process.ts";
import type { RuntimePaths } from "./runtime_directory.ts";

/** How the device servers are kept apart. */
export type Isolation = "process" | "worker";

/** What the permissions depend on. */
export interface PermissionOptions {
  readonly isolation: Isolation;
  /** Whether guest RAM is shared through a file, which takes FFI in the kernel process. */
  readonly shareMemory: boolean;
  /** Files that it puts into guest RAM as they are; none if it is not given. */
  readonly images?: readonly string[];
  /** File that executed instructions are traced to. */
  readonly trace?: string | undefined;
  /** Whether compiled code is compared with the interpreter. */
  readonly cpuCheck?: boolean;
  readonly paths: RuntimePaths;
}

/** Options of every process: it can ask for nothing, load nothing from elsewhere, and has no settings. */
const COMMON = ["--quiet", "--no-prompt", "--no-config", "--no-lock", "--no-remote"];
const NO_PACKAGES = "--no-npm";

const KERNEL_MODULE = new URL("../kernel/main.ts", import.meta.url);

/** Plan of the kernel process: its own code for the vCPU threads, the files that it loads, its FIFOs, its trace. */
export function kernelPlan(options: PermissionOptions): ProcessPlan {
  // A Worker's modules count as read by who starts it.
  const sources = options.isolation === "worker" ? ["kernel", "devices", "servers"] : ["kernel"];
  const read = sources.flatMap((folder) => localPath(new URL(`../${folder}/`, import.meta.url)));
  read.push(...options.images ?? []);
  const write = options.trace === undefined ? [] : [options.trace];
  if (options.isolation === "process") {
    read.push(options.paths.directory);
    write.push(options.paths.directory);
  }
  // Diagnostics show instructions, by a WebAssembly module from a package.
  const hasPackages = options.trace !== undefined || options.cpuCheck === true;
  // The memories of the vCPU threads' code are guarded; those of packages, and of servers' Workers, need not be.
  const guarded = !hasPackages && options.isolation === "process";
  const flags = [
    ...COMMON,
    "--unstable-worker-options",
    engineOptions(guarded),
    ...permissionFlags({ read, write }),
  ];
  if (!hasPackages) flags.push(NO_PACKAGES);
  // The address of a WebAssembly memory is given out only where FFI is not limited to a library.
  if (options.shareMemory) flags.push("--allow-ffi");
  return { name: "kernel", url: KERNEL_MODULE.href, flags };
}

/** Plan of a server process: what its manifest names and nothing else. */
export function serverPlan(entry: ServerEntry): ProcessPlan {
  const { name, permissions } = entry.manifest;
  return { name, url: String(entry.url), flags: [...COMMON, NO_PACKAGES, ...permissionFlags(permissions)] };
}

/**
 * The options of `deno run` that grant `permissions`.
 *
 * @throws {ConfigurationError} if a name holds a comma, which such an option cannot carry
 */
export function permissionFlags(permissions: HostPermissions): string[] {
  const kinds = ["read", "write", "net", "env"] as const;
  return kinds.flatMap((kind) => {
    const list = permissions[kind] ?? [];
    const unusable = list.find((item) => item.includes(","));
    if (unusable !== undefined) {
      throw new ConfigurationError(`Cannot grant access to "${unusable}": rename it so that it has no comma`);
    }
    return list.length === 0 ? [] : [`--allow-${kind}=${list.join(",")}`];
  });
}

function localPath(url: URL): string[] {
  return url.protocol === "file:" ? [fromFileUrl(url)] : [];
}
