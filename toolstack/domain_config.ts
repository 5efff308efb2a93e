/**
 * What a domain is made of, and how that is checked.
 *
 * @module
 */

import { fromFileUrl, resolve } from "@std/path";
import type { LogLevel } from "../kernel/abi/message.ts";
import type { LinuxProtocol } from "./builder/linux.ts";
import { ConfigurationError } from "./configuration_error.ts";
import { isBzImage } from "./image/bzimage.ts";
import { findImageFile, type ImageFile, MemoryFile } from "./image/image_file.ts";
import { findUnpacked } from "./image/unpacked_kernels.ts";
import { checkMemorySize, MIB, parseMemorySize } from "./memory_size.ts";
import type { Isolation } from "./permissions.ts";

/** Name of a log level. */
export type LogLevelName = "error" | "warn" | "info" | "debug";

/** All of them, the most important first, by their number in the protocol. */
export const LOG_LEVELS: readonly LogLevelName[] = ["error", "warn", "info", "debug"];

/** A line of a domain's log. */
export interface LogRecord {
  /** How important it is. */
  readonly level: LogLevelName;
  /** Who wrote it: `kernel`, or the name of a device server. */
  readonly source: string;
  /** The line, without its end. */
  readonly text: string;
}

/** A file: its path, its `file:` URL, or its contents. */
export type ImageSource = string | URL | Uint8Array;

/** What a domain is made of. */
export interface DomainConfig {
  /** Linux kernel: a bzImage (`vmlinuz`) or a `vmlinux` file. */
  readonly kernel: ImageSource;
  /** Initial RAM disk. */
  readonly initrd?: ImageSource | undefined;
  /** Added to the kernel's command line, after `console=ttyS0 panic=-1`. */
  readonly append?: string | undefined;
  /** Guest RAM: a number of bytes, or a size such as `512MiB`. Default `512MiB`. */
  readonly memory?: number | string | undefined;
  /** Boot protocol. Default `auto`: PVH where the kernel can, else the 64-bit Linux protocol. */
  readonly boot?: "auto" | LinuxProtocol | undefined;
  /** `process` (the default): a process for each device. `worker`: all in the kernel process. */
  readonly isolation?: Isolation | undefined;
  /**
   * Whether guest RAM is a file in shared memory, which takes `--allow-ffi` in the kernel process. Default:
   * if this process has that permission.
   */
  readonly shareMemory?: boolean | undefined;
  /** Serial ports of the domain, 1 or 2: its console, and one more. Default 1. */
  readonly serialPorts?: 1 | 2 | undefined;
  /** Resets by the guest after which the domain ends instead. Default: no limit. */
  readonly resetLimit?: number | undefined;
  /** Where the domain's log goes. Default: nowhere. */
  readonly log?: {
    /** Least important level that is written. */
    readonly level: LogLevelName;
    /** Called for each line. */
    write(record: LogRecord): void;
  } | undefined;
  /** File that every executed instruction is written to, for finding errors. It becomes large. */
  readonly trace?: string | undefined;
  /**
   * Whether all that compiled code does is compared with the interpreter, for finding errors: the first difference ends
   * the domain. The guest runs about a hundred times slower, and needs its RAM twice. Not together with `trace`.
   */
  readonly cpuCheck?: boolean | undefined;
  /**
   * Folder in which unpacked kernels are kept, the four used last, which then start sooner. It is used if this process may
   * read and write it. Default: none are kept.
   */
  readonly cacheFolder?: string | undefined;
}

/** The part of a {@link DomainConfig} that is not read from files. */
export type DomainOptions = Omit<DomainConfig, "kernel" | "initrd">;

/** {@link DomainOptions} that have been checked. */
export interface CheckedOptions {
  readonly commandLine: string;
  /** Bytes, a multiple of 2 MiB. */
  readonly memory: number;
  readonly protocol: LinuxProtocol | undefined;
  readonly isolation: Isolation;
  readonly shareMemory: boolean;
  readonly serialPorts: 1 | 2;
  readonly resetLimit: number;
  /** A number of `LogLevel`. */
  readonly logLevel: number;
  /** Absolute path. */
  readonly trace: string | undefined;
  readonly cpuCheck: boolean;
  readonly cacheFolder: string | undefined;
}

/** What a domain is built from. */
export interface ImageFiles {
  readonly kernel: ImageFile;
  /** What the kernel's file holds, if it is packed and that is known already. */
  readonly unpackedKernel?: ImageFile;
  readonly initrd?: ImageFile;
}

/** A {@link DomainConfig} that has been checked and whose files are there. */
export interface CheckedConfig extends CheckedOptions, ImageFiles {}

/** Guests show their console on the first serial port, and reset at once when they panic. */
const COMMAND_LINE = "console=ttyS0 panic=-1";

const DEFAULT_MEMORY = 512 * MIB;

/** The kernel process maps RAM in pages of this size. */
const MEMORY_STEP = 2 * MIB;

/** Checks what can be checked before anything is started. @throws {ConfigurationError} */
export async function checkConfig(config: DomainConfig): Promise<CheckedConfig> {
  const options = checkOptions(config);
  const { kernel, ...others } = await findImages(config);
  if (kernel === undefined) throw new ConfigurationError("No kernel is given: name one");
  return { ...options, kernel, ...others };
}

/** Finds the files that are named. @throws {ConfigurationError} if one cannot be had */
export async function findImages(config: Partial<DomainConfig>): Promise<Partial<ImageFiles>> {
  const [kernel, initrd] = await Promise.all([
    config.kernel === undefined ? undefined : findImage("Kernel", config.kernel),
    config.initrd === undefined ? undefined : findImage("Initrd", config.initrd),
  ]);
  const unpackedKernel = kernel && await findUnpackedKernel(kernel, config);
  return {
    ...kernel === undefined ? {} : { kernel },
    ...unpackedKernel === undefined ? {} : { unpackedKernel },
    ...initrd === undefined ? {} : { initrd },
  };
}

/** By the 64-bit protocol a kernel unpacks itself. */
async function findUnpackedKernel(
  kernel: ImageFile,
  config: Partial<DomainConfig>,
): Promise<ImageFile | undefined> {
  const { cacheFolder, boot } = config;
  if (cacheFolder === undefined || boot === "linux64" || !await isBzImage(kernel)) return undefined;
  return await findUnpacked(kernel, cacheFolder);
}

/** Checks what needs no file. @throws {ConfigurationError} */
export function checkOptions(options: DomainOptions): CheckedOptions {
  const memory = memorySize(options.memory);
  const { append = "", boot = "auto", isolation = "process", resetLimit = Infinity, serialPorts = 1 } =
    options;
  if (!["auto", "pvh", "linux64"].includes(boot)) {
    throw new ConfigurationError(`Boot protocol "${boot}" does not exist: use auto, pvh or linux64`);
  }
  if (isolation !== "process" && isolation !== "worker") {
    throw new ConfigurationError(`Isolation "${isolation}" does not exist: use process or worker`);
  }
  if (serialPorts !== 1 && serialPorts !== 2) {
    throw new ConfigurationError(`${serialPorts} serial ports are not possible: use 1 or 2`);
  }
  if (!(resetLimit >= 0)) {
    throw new ConfigurationError(`Reset limit ${resetLimit} is not possible: use 0 or more`);
  }
  if (options.trace !== undefined && options.cpuCheck === true) {
    throw new ConfigurationError("A trace and a CPU check are not possible together: use one of them");
  }
  return {
    commandLine: `${COMMAND_LINE} ${append}`.trim(),
    memory,
    protocol: boot === "auto" ? undefined : boot,
    isolation,
    shareMemory: options.shareMemory ?? mayUseFfi(),
    serialPorts,
    resetLimit,
    logLevel: logLevel(options.log?.level),
    trace: options.trace === undefined ? undefined : resolve(options.trace),
    cpuCheck: options.cpuCheck ?? false,
    cacheFolder: options.cacheFolder,
  };
}

/** Number of a level's name. @throws {ConfigurationError} if there is none */
export function logLevel(name: LogLevelName = "warn"): number {
  const level = LOG_LEVELS.indexOf(name);
  if (level >= 0) return level;
  throw new ConfigurationError(`Log level "${name}" does not exist: use ${LOG_LEVELS.join(", ")}`);
}

/** Name of a level's number; unknown ones are the least important. */
export function logLevelName(level: LogLevel): LogLevelName {
  return LOG_LEVELS[level] ?? "debug";
}

/** Whether this process may use FFI, which then is a right that it can pass on. */
function mayUseFfi(): boolean {
  return Deno.permissions.querySync({ name: "ffi" }).state === "granted";
}

function memorySize(memory: number | string = DEFAULT_MEMORY): number {
  if (typeof memory === "number") checkMemorySize(memory);
  const bytes = typeof memory === "number" ? memory : parseMemorySize(memory);
  return bytes - bytes % MEMORY_STEP;
}

async function findImage(what: string, source: ImageSource): Promise<ImageFile> {
  if (source instanceof Uint8Array) return new MemoryFile(source);
  if (source instanceof URL && source.protocol !== "file:") {
    throw new ConfigurationError(`${what} "${source}" is not a file: fetch it first and give its contents`);
  }
  return await findImageFile(what, source instanceof URL ? fromFileUrl(source) : source);
}
