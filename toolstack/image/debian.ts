/**
 * Kernel and busybox from Debian, downloaded once and kept in a cache folder.
 *
 * Needs permission to read and write the cache folder and to run `apt-get` and `apt-cache`.
 *
 * @module
 */

import { basename, join } from "@std/path";
import { ConfigurationError } from "../configuration_error.ts";
import { Apt, AptError } from "./apt.ts";
import { findCacheFolder, onlyFile, publish, type TemporaryFolder, temporaryFolder } from "./cache_folder.ts";
import { findInDeb } from "./deb.ts";

/** A file to be had from Debian. */
interface DebianFile {
  /** Names its folder in the cache. */
  readonly name: string;
  /** Names the package to download, `undefined` if the lists do not have it. */
  findPackage(apt: Apt): Promise<string | undefined>;
  wanted(path: string): boolean;
}

/** Meta-packages of the cloud kernel, the preferred one first. */
const KERNEL_META_PACKAGES = ["linux-image-6.12-cloud-amd64", "linux-image-cloud-amd64"];

const KERNEL: DebianFile = {
  name: "linux-cloud-amd64",
  async findPackage(apt) {
    for (const metaPackage of KERNEL_META_PACKAGES) {
      const found = await apt.firstDependency(metaPackage);
      if (found !== undefined) return found;
    }
    return undefined;
  },
  wanted: (path) => path.startsWith("boot/vmlinuz-"),
};

const BUSYBOX: DebianFile = {
  name: "busybox-static",
  findPackage: () => Promise.resolve("busybox-static"),
  wanted: (path) => /^(?:usr\/)?bin\/busybox$/.test(path),
};

/**
 * Where downloads are kept: see {@link findCacheFolder}.
 *
 * @throws {ConfigurationError} if that is not known
 */
export function cacheFolder(): string {
  const folder = findCacheFolder();
  if (folder !== undefined) return folder;
  throw new ConfigurationError("No cache folder is known: set XDG_CACHE_HOME or HOME");
}

/**
 * Path of Debian's cloud kernel for amd64, version 6.12 where the release has it.
 *
 * @throws {ConfigurationError} if it is not in the cache and cannot be downloaded
 */
export function debianKernel(cache: string = cacheFolder()): Promise<string> {
  return fetchOnce(KERNEL, cache);
}

/**
 * Path of a statically linked busybox, which can be run on the host.
 *
 * @throws {ConfigurationError} if it is not in the cache and cannot be downloaded
 */
export function debianBusybox(cache: string = cacheFolder()): Promise<string> {
  return fetchOnce(BUSYBOX, cache);
}

async function fetchOnce(file: DebianFile, cache: string): Promise<string> {
  const folder = join(cache, file.name);
  const cached = await onlyFile(folder);
  if (cached !== undefined) return cached;
  using temporary = await makeTemporary(cache);
  const interrupted = () => {
    temporary[Symbol.dispose]();
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", interrupted);
  Deno.addSignalListener("SIGTERM", interrupted);
  try {
    const deb = await download(file, temporary.path);
    await unpack(file, deb, join(temporary.path, "unpacked"));
    await publish(join(temporary.path, "unpacked"), folder);
  } finally {
    Deno.removeSignalListener("SIGINT", interrupted);
    Deno.removeSignalListener("SIGTERM", interrupted);
  }
  return (await onlyFile(folder))!;
}

async function makeTemporary(cache: string): Promise<TemporaryFolder> {
  try {
    return await temporaryFolder(cache);
  } catch (error) {
    throw new ConfigurationError(`Cache folder "${cache}" cannot be made: set XDG_CACHE_HOME to another`, {
      cause: error,
    });
  }
}

/** Downloads with the host's package lists, and if that fails, once more with fresh ones. */
async function download(file: DebianFile, folder: string): Promise<string> {
  const apt = new Apt(join(folder, "apt"));
  const attempt = async () => {
    const packageName = await file.findPackage(apt);
    if (packageName === undefined) throw new AptError("Unable to locate the package");
    return await apt.download(packageName, folder);
  };
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof AptError)) throw error;
  }
  try {
    await apt.update();
    return await attempt();
  } catch (error) {
    if (!(error instanceof AptError)) throw error;
    throw new ConfigurationError(
      `Cannot download "${file.name}" from Debian (${error.message}): check the network, or name a file of your own`,
      { cause: error },
    );
  }
}

async function unpack(file: DebianFile, deb: string, folder: string): Promise<void> {
  const found = await findInDeb(await Deno.readFile(deb), file.wanted);
  if (found === undefined) {
    throw new ConfigurationError(`Package "${basename(deb)}" has no ${file.name}: name a file of your own`);
  }
  await Deno.mkdir(folder);
  await Deno.writeFile(join(folder, basename(found.path)), found.bytes, { mode: 0o755 });
}
