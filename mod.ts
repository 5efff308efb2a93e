/**
 * Atoll: virtual machines in Deno. Each device of a machine is a process of its own that may touch exactly
 * what its manifest names.
 *
 * @example Boot a kernel, type a command and power off
 * ```ts ignore
 * import { Domain } from "@atoll/atoll";
 *
 * await using domain = await Domain.create({ kernel: "vmlinuz", initrd: "initrd.img", memory: "512MiB" });
 * domain.console.readable.pipeTo(Deno.stdout.writable);
 * await domain.start();
 * await domain.shutdown();
 * const { reason, exitCode } = await domain.wait();
 * console.log(reason, exitCode);
 * ```
 *
 * @module
 */

export type { LinuxProtocol } from "./toolstack/builder/linux.ts";
export { ConfigurationError } from "./toolstack/configuration_error.ts";
export type { SerialConsole } from "./toolstack/console.ts";
export { Domain, type DomainRunState } from "./toolstack/domain.ts";
export type {
  DomainConfig,
  DomainOptions,
  ImageSource,
  LogLevelName,
  LogRecord,
} from "./toolstack/domain_config.ts";
export type { DomainEnd, DomainEndReason } from "./toolstack/domain_end.ts";
export { describePermissions, type ProcessPermissions } from "./toolstack/domain_permissions.ts";
export type { InputEvent } from "./toolstack/input_events.ts";
export { parseMemorySize } from "./toolstack/memory_size.ts";
export type { Isolation } from "./toolstack/permissions.ts";
export type { SavedState } from "./toolstack/saved_state.ts";
export { formatCpuStatistics, type Statistics } from "./toolstack/statistics.ts";
