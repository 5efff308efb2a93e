/**
 * Where kernel, initrd and command line go, and whether they fit.
 *
 * @module
 */

import { ConfigurationError } from "../configuration_error.ts";
import { checkMemorySize, MIB } from "../memory_size.ts";
import {
  COMMAND_LINE_BASE,
  type FilePart,
  type LinuxConfiguration,
  MAX_VCPUS,
  type Segment,
} from "./boot_image.ts";
import { lowRamEnd } from "./memory_map.ts";

const PAGE = 4096;

/** Limits that a kernel sets. */
export interface KernelLimits {
  /** End of what the kernel occupies in memory before it has read the memory map. */
  readonly kernelEnd: number;
  /** Highest address that the last byte of an initrd may have. */
  readonly initrdAddressMax: number;
  /** Longest command line in bytes. */
  readonly commandLineMax: number;
}

/** Command line and initrd in memory. */
export interface Placement {
  readonly segments: readonly Segment[];
  readonly parts: readonly FilePart[];
  readonly commandLine: number;
  /** Absent if there is no initrd. */
  readonly initrd?: { readonly gpa: number; readonly size: number };
}

/**
 * Places the command line below 640 KiB and the initrd as high as the kernel allows, so that it is out of
 * the way of what the kernel unpacks.
 *
 * @throws {ConfigurationError} if something does not fit
 */
export function place(configuration: LinuxConfiguration, limits: KernelLimits): Placement {
  const { memorySize, initrd, vcpus, kernel } = configuration;
  checkMemorySize(memorySize);
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MAX_VCPUS) {
    throw new ConfigurationError(`vCPU count "${vcpus}" is not possible: give 1 to ${MAX_VCPUS}`);
  }
  const ramEnd = lowRamEnd(memorySize);
  if (limits.kernelEnd > ramEnd) {
    throw new ConfigurationError(
      `Kernel "${kernel.name}" does not fit in ${memorySize / MIB}MiB of memory: give the domain at least ${
        Math.ceil(limits.kernelEnd / MIB)
      }MiB`,
    );
  }
  const segments = [{ gpa: COMMAND_LINE_BASE, bytes: encodeCommandLine(configuration, limits) }];
  if (initrd === undefined) return { segments, parts: [], commandLine: COMMAND_LINE_BASE };
  const gpa = Math.floor((Math.min(ramEnd, limits.initrdAddressMax + 1) - initrd.size) / PAGE) * PAGE;
  if (gpa < limits.kernelEnd) {
    const needed = Math.ceil((limits.kernelEnd + initrd.size) / MIB);
    throw new ConfigurationError(
      `Initrd "${initrd.name}" does not fit in ${
        memorySize / MIB
      }MiB of memory beside the kernel: give the domain at least ${needed}MiB, or use a smaller one`,
    );
  }
  return {
    segments,
    parts: [{ gpa, file: initrd, offset: 0, length: initrd.size }],
    commandLine: COMMAND_LINE_BASE,
    initrd: { gpa, size: initrd.size },
  };
}

function encodeCommandLine({ commandLine }: LinuxConfiguration, limits: KernelLimits): Uint8Array {
  const bytes = new TextEncoder().encode(`${commandLine}\0`);
  if (bytes.indexOf(0) !== bytes.length - 1) {
    throw new ConfigurationError("Command line has a zero byte: remove it");
  }
  if (bytes.length - 1 > limits.commandLineMax) {
    throw new ConfigurationError(
      `Command line has ${bytes.length - 1} bytes: the kernel takes at most ${limits.commandLineMax}`,
    );
  }
  return bytes;
}
