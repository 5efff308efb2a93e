/**
 * What the toolstack and a domain's kernel process say to each other, over the kernel process's
 * standard input and output. Framing is that of `message.ts` with the types below.
 *
 * Every request carries an id and is answered by `Ok` or `Failed` with the same id. Bodies are UTF-8 JSON
 * unless said otherwise.
 *
 * @module
 */

/** Version of the control protocol. */
export const CONTROL_VERSION = 1;

/** Types of control messages. Below 0x80 the toolstack sends them, from 0x80 on the kernel does. */
export enum ControlType {
  /** {@link DomainOptions}. First request; allocates RAM and starts the vCPU threads, which wait. */
  Create = 0x01,
  /** Puts bytes into RAM: gpa u64, then the bytes. Only while the domain does not run. */
  Load = 0x02,
  /** {@link AttachServer}. Answered once the server is ready. */
  Attach = 0x03,
  /** {@link DetachServer}: the server is gone, or is to go. */
  Detach = 0x04,
  /** {@link BootEntry}: registers for the first instruction. */
  SetEntry = 0x05,
  Start = 0x06,
  Pause = 0x07,
  Resume = 0x08,
  /** All parts but RAM to power-on state; the domain stays stopped, to be loaded and started again. */
  Reset = 0x09,
  /** Ends the kernel process after its servers have ended. */
  Destroy = 0x0a,
  /** Bytes for a server's `HostInput`: name length u8, name, bytes. */
  ServerInput = 0x0b,
  /** State of every part but RAM. Answered by `Ok` with {@link DomainState}. The domain is paused. */
  Save = 0x0c,
  /** {@link DomainState}. */
  Restore = 0x0d,
  /** Counters: answered by `Ok` with {@link DomainStatistics}. */
  Statistics = 0x0e,
  /** Reads RAM: gpa u64, length u64. Answered by `Ok` whose body is the bytes. */
  ReadMemory = 0x0f,
  /** {@link LoadFile}. Only while the domain does not run. */
  LoadFile = 0x10,

  /** A request has been carried out; body as the request says, else empty. */
  Ok = 0x80,
  /** A request failed: one line for people, in UTF-8. */
  Failed = 0x81,
  /** Bytes from a server's `HostOutput`: name length u8, name, bytes. No id. */
  ServerOutput = 0x82,
  /** {@link DomainEvent}. No id. */
  Event = 0x83,
}

/** What a domain is made of. */
export interface DomainOptions {
  readonly version: number;
  /** Guest RAM in bytes, a multiple of 2 MiB. */
  readonly memory: number;
  readonly vcpus: number;
  /** File that RAM is shared through, made by the kernel process; absent: RAM is private to it. */
  readonly ramFile?: string;
  /** Least level that is logged. */
  readonly logLevel: number;
  /** File that executed instructions are traced to; absent: none. */
  readonly traceFile?: string;
  /** Whether compiled code is compared with the interpreter while the guest runs. */
  readonly cpuCheck?: boolean;
}

/** How a server is reached. */
export interface AttachServer {
  readonly name: string;
  /** Global system interrupts that it may drive. */
  readonly interrupts: readonly number[];
  /** Whether it may ask for copies of guest memory. */
  readonly dma: boolean;
  /** I/O ranges that it may map: it can never map anything else. */
  readonly ranges: readonly { type: number; first: number; last: number; posted: boolean }[];
  readonly transport:
    /** A server process, through two FIFOs: `requests` to it, `replies` from it. */
    | { readonly kind: "fifo"; readonly requests: string; readonly replies: string }
    /** A Worker in the kernel process that runs the module `url`. */
    | { readonly kind: "worker"; readonly url: string; readonly options: string };
}

/** Which server. */
export interface DetachServer {
  readonly name: string;
}

/** Bytes of a file that are put into RAM. The kernel process may read it, and keeps it open. */
export interface LoadFile {
  /** Absolute. */
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  readonly gpa: number;
}

/** Register state at the first instruction. */
export type BootEntry =
  /** 32-bit protected mode without paging, flat segments: EIP and EBX as PVH wants them. */
  | { readonly kind: "pvh"; readonly eip: number; readonly ebx: number }
  /** 64-bit mode: RIP, RSI, CR3 and GDT as decimal strings. */
  | {
    readonly kind: "long";
    readonly rip: string;
    readonly rsi: string;
    readonly rsp: string;
    readonly cr3: string;
    readonly gdt: string;
    readonly gdtLimit: number;
  }
  /** Real mode at CS:IP F000:FFF0, as after RESET. */
  | { readonly kind: "reset" };

/** Something that happened without being asked for. */
export type DomainEvent =
  /** A server wrote a line for the log, or the kernel did (`server` absent). */
  | { readonly kind: "log"; readonly server?: string; readonly level: number; readonly text: string }
  /** The guest asked for power off or reset; the vCPUs have stopped. */
  | { readonly kind: "power"; readonly request: "off" | "reset" }
  /** A vCPU shut down by a triple fault; the vCPUs have stopped. */
  | {
    readonly kind: "triple-fault";
    readonly vcpu: number;
    readonly reason: string;
    readonly registers: string;
  }
  /** A server was ended for what it sent or because it does not answer; its process is to be killed. */
  | { readonly kind: "server-failed"; readonly server: string; readonly reason: string }
  /** The kernel process cannot go on. `details`: some lines for people. */
  | { readonly kind: "fatal"; readonly reason: string; readonly details?: string };

/** State of every part but RAM, as `state.ts` encodes it. */
export interface DomainState {
  readonly version: number;
  /** Guest time in nanoseconds. */
  readonly time: number;
  /** Encoded `State` in base64 by part: `vcpu0`, `interrupts`, `server:pit`, ... */
  readonly parts: { readonly [part: string]: string };
}

/** Counters since the start. */
export interface DomainStatistics {
  readonly guestTime: number;
  readonly instructions: string;
  readonly ioreqs: { readonly [server: string]: number };
  /** Nanoseconds for which the vCPU thread was idle in HLT. */
  readonly idle: number;
  /** Counters of the CPU by name. */
  readonly cpu: { readonly [name: string]: number };
}
