/**
 * Debian's package tool, for what needs no root: looking up and downloading a package.
 *
 * @module
 */

import { ProgressBar } from "@std/cli/unstable-progress-bar";
import { join, resolve } from "@std/path";
import { ConfigurationError } from "../configuration_error.ts";

/** How often the size of a download is looked at, in milliseconds. */
const PROGRESS_INTERVAL = 200;

/** An apt command failed. The message is apt's own first error. */
export class AptError extends Error {
  override name = "AptError";
}

/** Runs apt on the host's package lists, and once they do not do, on private ones. */
export class Apt {
  readonly #privateFolder: string;
  #options: readonly string[] = ["-o", "APT::Sandbox::User=root"];

  /** `privateFolder` is where package lists go that are not the host's. */
  constructor(privateFolder: string) {
    // Apt takes a relative path as one under its own folders.
    this.#privateFolder = resolve(privateFolder);
  }

  /**
   * Fetches package lists into the private folder, which needs no root, and uses them from then on.
   *
   * @throws {AptError} if none can be had
   */
  async update(): Promise<void> {
    const lists = join(this.#privateFolder, "lists");
    const cache = join(this.#privateFolder, "cache");
    await Deno.mkdir(join(lists, "partial"), { recursive: true });
    await Deno.mkdir(join(cache, "archives", "partial"), { recursive: true });
    this.#options = [...this.#options, "-o", `Dir::State::Lists=${lists}`, "-o", `Dir::Cache=${cache}`];
    await this.#run("apt-get", ["update", "-q", "-o", "APT::Update::Error-Mode=any"]);
  }

  /** First package that `metaPackage` depends on; `undefined` if it is not known. */
  async firstDependency(metaPackage: string): Promise<string | undefined> {
    try {
      const output = await this.#run("apt-cache", ["depends", metaPackage]);
      return /^\s*Depends:\s+([^\s<]+)/m.exec(output)?.[1];
    } catch (error) {
      if (error instanceof AptError) return undefined;
      throw error;
    }
  }

  /**
   * Downloads a package into `folder`, with a progress bar if standard error is a terminal.
   *
   * @returns path of the package
   * @throws {AptError} if it cannot be had
   */
  async download(packageName: string, folder: string): Promise<string> {
    const uris = await this.#run("apt-get", ["download", "--print-uris", packageName], folder);
    const size = Number(/^'\S+' \S+ (\d+)/m.exec(uris)?.[1] ?? 0);
    const progress = Deno.stderr.isTerminal() && size > 0 ? showProgress(folder, size) : undefined;
    try {
      await this.#run("apt-get", ["download", "-q", packageName], folder);
    } finally {
      await progress?.stop();
    }
    for await (const entry of Deno.readDir(folder)) {
      if (entry.isFile && entry.name.endsWith(".deb")) return join(folder, entry.name);
    }
    throw new AptError(`Package ${packageName} was not downloaded`);
  }

  async #run(program: string, args: readonly string[], cwd?: string): Promise<string> {
    const options: Deno.CommandOptions = {
      args: [...this.#options, ...args],
      env: { LC_ALL: "C" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...(cwd === undefined ? {} : { cwd }),
    };
    let output: Deno.CommandOutput;
    try {
      output = await new Deno.Command(program, options).output();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) {
        throw new ConfigurationError(
          `Program "${program}" does not exist on this host: install apt, or name files of your own`,
          { cause: error },
        );
      }
      if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied) {
        throw new ConfigurationError(
          `Program "${program}" may not be run: allow running it, or name files of your own`,
          { cause: error },
        );
      }
      throw error;
    }
    const decoder = new TextDecoder();
    if (output.success) return decoder.decode(output.stdout);
    const messages = decoder.decode(output.stderr);
    throw new AptError(/^E: (.*)$/m.exec(messages)?.[1] ?? `${program} ended with code ${output.code}`);
  }
}

/** Shows how much of `size` bytes the files in `folder` have. */
function showProgress(folder: string, size: number): { stop(): Promise<void> } {
  const bar = new ProgressBar({ max: size, clear: true });
  const interval = setInterval(async () => {
    bar.value = Math.min(size, await folderSize(folder));
  }, PROGRESS_INTERVAL);
  return {
    async stop() {
      clearInterval(interval);
      bar.value = size;
      await bar.stop();
    },
  };
}

async function folderSize(folder: string): Promise<number> {
  let size = 0;
  try {
    for await (const entry of Deno.readDir(folder)) {
      size += (await Deno.stat(join(folder, entry.name))).size;
    }
  } catch (error) {
    // A file is renamed while its size is being looked at.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return size;
}
