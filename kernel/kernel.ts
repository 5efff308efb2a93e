/**
 * The kernel process: carries out the toolstack's requests for one domain.
 *
 * @module
 */

import { ControlType } from "./abi/control.ts";
import { HEADER_SIZE, MAX_MESSAGE } from "./abi/message.ts";
import {
  parseAddressed,
  parseBootEntry,
  parseDetachServer,
  parseDomainOptions,
  parseDomainState,
  parseLoadFile,
  parseNamed,
} from "./control_body.ts";
import { ControlInput, type ControlRequest } from "./control_input.ts";
import { ControlOutput } from "./control_output.ts";
import { Domain } from "./domain.ts";

/** Time in milliseconds that the last words get to be written. */
const LAST_WORDS_TIMEOUT = 500;

const EXIT_ENDED = 0;
const EXIT_FAILED = 1;

const encoder = new TextEncoder();

/** Serves the toolstack until it is gone. `vcpuModule` is the entry of the vCPU's thread. */
export async function runKernel(vcpuModule: URL): Promise<never> {
  return await new Kernel(vcpuModule).run();
}

class Kernel {
  readonly #vcpuModule: URL;
  readonly #output = new ControlOutput(writeAll);
  #domain: Domain | undefined;

  constructor(vcpuModule: URL) {
    this.#vcpuModule = vcpuModule;
    const fail = (reason: unknown) => this.#fail(reason instanceof Error ? reason.message : String(reason));
    addEventListener("error", (event) => {
      event.preventDefault();
      fail(event.error ?? event.message);
    });
    addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      fail(event.reason);
    });
  }

  async run(): Promise<never> {
    const input = new ControlInput((into) => Deno.stdin.read(into), (into) => Deno.stdin.readSync(into));
    try {
      for (let request; (request = await input.next()) !== undefined;) this.#handle(request);
    } catch (error) {
      return await this.#fail(error instanceof Error ? error.message : String(error));
    }
    // The toolstack is gone: nobody is there to wait for.
    this.#domain?.remove();
    Deno.exit(EXIT_ENDED);
  }

  async #handle({ type, id, body }: ControlRequest): Promise<void> {
    try {
      this.#output.send(ControlType.Ok, id, await this.#carryOut(type, body) ?? new Uint8Array(0));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#output.send(ControlType.Failed, id, encoder.encode(reason.replaceAll("\n", " ")));
    }
    if (type !== ControlType.Destroy) return;
    await this.#output.flushed();
    Deno.exit(EXIT_ENDED);
  }

  async #carryOut(type: ControlType, body: Uint8Array<ArrayBuffer>): Promise<Uint8Array | void> {
    if (type === ControlType.Create) return await this.#create(body);
    if (type === ControlType.Destroy) return await this.#destroy();
    const domain = this.#domain;
    if (domain === undefined) throw new Error("Domain has not been created");
    switch (type) {
      case ControlType.Load: {
        const { gpa, bytes } = parseAddressed(body);
        return domain.load(gpa, bytes);
      }
      case ControlType.LoadFile:
        return domain.loadFile(parseLoadFile(body));
      case ControlType.Attach:
        return await domain.attach(body);
      case ControlType.Detach:
        return domain.detach(parseDetachServer(body).name);
      case ControlType.SetEntry:
        return await domain.setEntry(parseBootEntry(body));
      case ControlType.Start:
        return await domain.start();
      case ControlType.Pause:
        return await domain.pause();
      case ControlType.Resume:
        return await domain.resume();
      case ControlType.Reset:
        return await domain.reset();
      case ControlType.ServerInput: {
        const { name, bytes } = parseNamed(body);
        return domain.input(name, bytes);
      }
      case ControlType.Save:
        return json(await domain.save());
      case ControlType.Restore:
        return await domain.restore(parseDomainState(body));
      case ControlType.Statistics:
        return json(await domain.statistics());
      case ControlType.ReadMemory:
        return readMemory(domain, body);
      default:
        throw new TypeError(`Request 0x${type.toString(16)} does not exist`);
    }
  }

  async #create(body: Uint8Array): Promise<void> {
    if (this.#domain !== undefined) throw new Error("Domain has been created already");
    const output = this.#output;
    this.#domain = Domain.create(parseDomainOptions(body), this.#vcpuModule, {
      event: (event) =>
        event.kind === "fatal" ? this.#fail(event.reason, event.details) : output.event(event),
      serverOutput: (server, bytes) => {
        const name = encoder.encode(server);
        // A server's longest output and its name may be more than a message holds.
        const most = MAX_MESSAGE - HEADER_SIZE - 1 - name.length;
        for (let at = 0; at < bytes.length; at += most) {
          output.send(
            ControlType.ServerOutput,
            0,
            Uint8Array.of(name.length),
            name,
            bytes.subarray(at, at + most),
          );
        }
      },
      get congested() {
        return output.congested;
      },
      ready: () => output.ready(),
    });
    await this.#domain.ready;
  }

  async #destroy(): Promise<void> {
    await this.#domain?.destroy();
  }

  /** Says why the kernel process cannot go on, and ends it. */
  async #fail(reason: string, details?: string): Promise<never> {
    this.#domain?.remove();
    setTimeout(() => Deno.exit(EXIT_FAILED), LAST_WORDS_TIMEOUT);
    // A vCPU may fail right behind the answer that it runs: what has been carried out is answered first.
    await new Promise((resolve) => setTimeout(resolve));
    this.#output.event({
      kind: "fatal",
      reason: reason.replaceAll("\n", " "),
      ...details === undefined ? {} : { details },
    });
    await this.#output.flushed().catch(() => {});
    Deno.exit(EXIT_FAILED);
  }
}

function readMemory(domain: Domain, body: Uint8Array): Uint8Array {
  const { gpa, bytes } = parseAddressed(body);
  if (bytes.length !== 8) throw new TypeError("Request has no length");
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > MAX_MESSAGE - HEADER_SIZE) throw new RangeError(`Cannot read ${length} bytes at once`);
  return domain.readMemory(gpa, length);
}

function json(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await Deno.stdout.write(bytes.subarray(done));
}
