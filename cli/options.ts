/**
 * The options that commands share, and how they are read.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import { ConfigurationError } from "../toolstack/configuration_error.ts";
import {
  type DomainConfig,
  type DomainOptions,
  LOG_LEVELS,
  type LogLevelName,
} from "../toolstack/domain_config.ts";
import { environment } from "../toolstack/environment.ts";
import { findCacheFolder } from "../toolstack/image/cache_folder.ts";

/** An option of a command. */
export interface Option {
  readonly name: string;
  /** What stands for its value in the help; an option without one is on or off. */
  readonly value?: string;
  readonly help: string;
}

/** Options that say what the domain boots. */
export const IMAGE_OPTIONS: readonly Option[] = [
  { name: "kernel", value: "FILE", help: "Linux kernel: a bzImage (vmlinuz) or vmlinux file" },
  { name: "initrd", value: "FILE", help: "initial RAM disk" },
];

/** Options that say what the domain is made of. */
export const DOMAIN_OPTIONS: readonly Option[] = [
  { name: "append", value: "TEXT", help: "added to the kernel's command line" },
  { name: "memory", value: "SIZE", help: "guest RAM, as in 512MiB or 1GiB (default 512MiB)" },
  { name: "boot", value: "PROTOCOL", help: "pvh, linux64 or auto (default auto)" },
  { name: "isolation", value: "KIND", help: "process: a process for each device; worker: one for all" },
  { name: "reset-limit", value: "N", help: "end after N resets by the guest instead of rebooting" },
  {
    name: "log",
    value: "LEVEL",
    help: `what is told on standard error: ${LOG_LEVELS.join(", ")} (default warn)`,
  },
  { name: "trace", value: "FILE", help: "write every executed instruction to FILE" },
  { name: "cpu-check", help: "compare compiled code with the interpreter; end at the first difference" },
];

/** Options about what is shown of a domain. */
export const SESSION_OPTIONS: readonly Option[] = [
  { name: "cpu-stats", help: "show counters of the CPU at the end, on standard error" },
];

const HELP: Option = { name: "help", help: "show this help" };

/** What was given for a command's options. */
export type OptionValues = ReadonlyMap<string, string | true>;

/**
 * Reads a command's arguments.
 *
 * @throws {ConfigurationError} for what the command does not have
 */
export function parseOptions(
  command: string,
  args: readonly string[],
  options: readonly Option[],
): OptionValues {
  const all = [...options, HELP];
  const parsed = parseArgs(args, {
    string: all.filter(({ value }) => value !== undefined).map(({ name }) => name).concat("_"),
    boolean: all.filter(({ value }) => value === undefined).map(({ name }) => name),
    alias: { help: "h" },
    unknown: (argument, key) => {
      if (key === undefined) {
        throw new ConfigurationError(
          `Command "${command}" takes no argument "${argument}": see atoll ${command} --help`,
        );
      }
      throw unknownName(
        "Option",
        argument.split("=")[0]!,
        all.map(({ name }) => `--${name}`),
        `atoll ${command} --help`,
      );
    },
  });
  const values = new Map<string, string | true>();
  for (const { name, value } of all) {
    const given: unknown = parsed[name];
    if (given === undefined || given === false) continue;
    if (value !== undefined && (typeof given !== "string" || given === "")) {
      throw new ConfigurationError(`Option --${name} has no value: write --${name}=${value}`);
    }
    values.set(name, typeof given === "string" ? given : true);
  }
  return values;
}

/** An error about a name that does not exist, with the nearest that does. */
export function unknownName(
  what: string,
  name: string,
  known: readonly string[],
  help: string,
): ConfigurationError {
  const nearest = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const advice = nearest !== undefined && nearest.distance <= Math.max(2, name.length / 3)
    ? `did you mean ${nearest.candidate}?`
    : `see ${help}`;
  return new ConfigurationError(`${what} "${name}" does not exist: ${advice}`);
}

/** A domain's configuration as `values` say, without its images and its log. */
export function domainConfig(values: OptionValues): DomainOptions {
  const text = (name: string): string | undefined => {
    const value = values.get(name);
    return typeof value === "string" ? value : undefined;
  };
  const resetLimit = text("reset-limit");
  const trace = text("trace");
  if (resetLimit !== undefined && !/^\d+$/.test(resetLimit)) {
    throw new ConfigurationError(`Reset limit "${resetLimit}" is not a number: use 0 or more`);
  }
  return {
    append: text("append"),
    memory: text("memory"),
    // Values that do not exist are refused where the domain is configured.
    boot: text("boot") as DomainConfig["boot"],
    isolation: text("isolation") as DomainConfig["isolation"],
    resetLimit: resetLimit === undefined ? undefined : Number(resetLimit),
    trace: trace === undefined ? undefined : userPath(trace),
    cpuCheck: values.has("cpu-check"),
    cacheFolder: findCacheFolder(),
  };
}

/** The files that `values` name. */
export function imagePaths(values: OptionValues): { readonly kernel?: string; readonly initrd?: string } {
  const [kernel, initrd] = [values.get("kernel"), values.get("initrd")];
  return {
    ...typeof kernel === "string" ? { kernel: userPath(kernel) } : {},
    ...typeof initrd === "string" ? { initrd: userPath(initrd) } : {},
  };
}

/** How a session is shown. @throws {ConfigurationError} if a value is not possible */
export function sessionOptions(values: OptionValues): SessionOptions {
  return { logLevel: logLevelOption(values), cpuStatistics: values.has("cpu-stats") };
}

/** How a session is shown. */
export interface SessionOptions {
  /** Least important level that is told. */
  readonly logLevel: LogLevelName;
  /** Whether counters of the CPU are shown at the end. */
  readonly cpuStatistics: boolean;
}

/** Level that `--log` names. @throws {ConfigurationError} if there is no such level */
function logLevelOption(values: OptionValues): LogLevelName {
  const given = values.get("log") ?? "warn";
  const level = LOG_LEVELS.find((name) => name === given);
  if (level !== undefined) return level;
  throw new ConfigurationError(`Log level "${given}" does not exist: use ${LOG_LEVELS.join(", ")}`);
}

/** A path as the user meant it: tasks run in the project's folder and tell where they were called. */
function userPath(path: string): string {
  const folder = environment("INIT_CWD");
  return folder === undefined || path.startsWith("/") ? path : join(folder, path);
}

/** Insertions, deletions and replacements that lead from one text to another. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
