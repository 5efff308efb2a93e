/**
 * A vCPU that is two: compiled code (tier 1) runs the guest, and the interpreter (tier 0) follows it one instruction at
 * a time on a copy of RAM, being given by its bus what tier 1 was given. The first difference is the end.
 *
 * Memory that a device writes is known from {@link Vcpu.memoryModified}: a guest that reads it before that is called
 * looks like a difference.
 *
 * @module
 */

import type { BootEntry } from "../../abi/control.ts";
import type { StateFields } from "../../abi/state.ts";
import { guardedMemory } from "../../memory/guarded_memory.ts";
import { type Vcpu, VcpuExit } from "../../vcpu.ts";
import type { Disassembler } from "../disassembler.ts";
import { ramOffset } from "../instruction_bytes.ts";
import { createSoftwareVcpu, type SoftwareVcpu, type SoftwareVcpuOptions } from "../software_vcpu.ts";
import { Gpr, Segment } from "../state.ts";
import { BusDifference, BusLog, RecordingBus, ReplayingBus } from "./bus_log.ts";
import { differenceFailure } from "./difference_report.ts";
import { InstructionTrail } from "./instruction_trail.ts";
import { RamComparison } from "./ram_comparison.ts";
import { RegisterComparison, type RegisterDifference, type RegisterSnapshot } from "./register_comparison.ts";

/** Instructions that tier 1 is granted before it is followed, in turn: small, to tell where a difference is. */
const SLICES = [0, 0, 0, 50];
/** Instructions that tier 0 may need more: a slice may end within what tier 1 counts as a whole. */
const MORE = 256;
/** Those that it may need less, for the same reason. */
const fewer = (executed: number) => 64 + (executed >> 2);
/** Most elements of repeated instructions in a slice. */
const MOST_ELEMENTS = 1 << 24;
/** Slices between two comparisons of the pages that were written. */
const RAM_INTERVAL = 4096;
/** Bytes below the stack pointer that are looked at first. */
const BELOW_STACK = 128n;
/** Places in RAM that are told. */
const MOST_PLACES = 8;

/** What a checked vCPU is made for. */
export interface CheckedVcpuOptions extends Pick<SoftwareVcpuOptions, "ram" | "ramSize" | "bus" | "index"> {
  readonly disassembler: Disassembler;
  /** How often code is entered before it is compiled, at least 1, which is the default. */
  readonly compileThreshold?: number;
  /** Makes the two tiers. */
  readonly makeTier?: (options: SoftwareVcpuOptions, tier: 0 | 1) => SoftwareVcpu;
}

/** Makes a vCPU whose {@link Vcpu.run} throws a `VcpuFailure` at the first difference. */
export function createCheckedVcpu(options: CheckedVcpuOptions): Vcpu {
  return new CheckedVcpu(options);
}

/** The place at which tier 0 was most like tier 1. */
interface Candidate {
  readonly distance: number;
  readonly registers: RegisterSnapshot;
  readonly rips: readonly bigint[];
}

/** What is known about a difference. */
interface Found {
  readonly differences?: readonly RegisterDifference[];
  readonly rips?: readonly bigint[];
  readonly bus?: readonly [string, string];
}

class CheckedVcpu implements Vcpu {
  /** Runs the guest. */
  readonly #leader: SoftwareVcpu;
  /** Follows it. */
  readonly #follower: SoftwareVcpu;
  readonly #log = new BusLog();
  readonly #registers: RegisterComparison;
  readonly #ram: RamComparison;
  readonly #trail: InstructionTrail;
  readonly #disassembler: Disassembler;
  readonly attention: Vcpu["attention"];
  /** Whether the follower's RAM is to be copied. */
  #stale = true;
  #slices = 0;
  /** Instructions of the leader when both were the same last. */
  #same = 0n;

  constructor(options: CheckedVcpuOptions) {
    const { ram, ramSize, bus, index, disassembler, compileThreshold = 1 } = options;
    const { makeTier = createSoftwareVcpu } = options;
    const pages = ram.buffer.byteLength / 65536;
    const copy = guardedMemory(pages);
    const log = this.#log;
    this.#leader = makeTier({ ram, ramSize, bus: new RecordingBus(bus, log), index, compileThreshold }, 1);
    this.#follower = makeTier({ ram: copy, ramSize, bus: new ReplayingBus(log), index, stepping: true }, 0);
    this.#registers = new RegisterComparison(this.#leader.cpu, this.#follower.cpu);
    this.#ram = new RamComparison(ram, copy, ramSize);
    this.#trail = new InstructionTrail(this.#follower.cpu);
    this.#disassembler = disassembler;
    this.attention = this.#leader.attention;
  }

  run(instructions: number): VcpuExit {
    if (this.#stale) {
      this.#ram.copyAll();
      this.#stale = false;
    }
    for (let left = instructions; left >= 0;) {
      const before = this.#leader.instructions;
      const exit = this.#leader.run(SLICES[this.#slices++ % SLICES.length]!);
      const executed = Number(this.#leader.instructions - before);
      left -= executed;
      this.#follow(executed);
      if (this.#slices % RAM_INTERVAL === 0) this.#compareRam(this.#ram.writtenPages(this.#leader.cpu));
      if (exit !== VcpuExit.Budget) return exit;
    }
    return VcpuExit.Budget;
  }

  pausing(): void {
    if (!this.#stale) this.#compareRam();
  }

  /** Has the follower do what the leader has done. */
  #follow(executed: number): void {
    const candidate = this.#stepToLeader(executed);
    if (candidate !== undefined) {
      const differences = this.#registers.differences(candidate.registers);
      this.#fail(describe(differences, this.#log), { differences, rips: candidate.rips });
    }
    this.#log.clear();
    this.#same = this.#leader.instructions;
  }

  /** Steps the follower until it is where the leader is. If it never is: where it was nearest. */
  #stepToLeader(executed: number): Candidate | undefined {
    const { cpu } = this.#follower;
    const registers = this.#registers;
    let nearest: Candidate | undefined;
    let elements = 0;
    let repeated = false;
    for (let steps = 0;; steps++) {
      if (registers.sameRip && steps >= executed - fewer(executed) && (steps > 0 || executed <= 1)) {
        const surplus = steps - elements - executed;
        if (this.#log.empty && registers.same && this.#sameMemory(surplus)) return undefined;
        // Not at each of a million elements.
        if (!repeated) nearest = this.#nearer(nearest);
      }
      if (steps - elements > executed + MORE || elements > MOST_ELEMENTS) break;
      const rip = cpu.rip;
      this.#trail.before();
      const exit = this.#stepFollower(nearest);
      if (exit === undefined) break;
      repeated = cpu.rip === rip;
      if (repeated) elements++;
      if (exit !== VcpuExit.Budget) {
        if (this.#log.empty && registers.same) return undefined;
        break;
      }
    }
    return nearest ?? this.#nearer(undefined);
  }

  /**
   * Whether memory is the same too, where the tiers did not count the same: code may come to a place again with nothing
   * but its stack changed.
   */
  #sameMemory(surplus: number): boolean {
    if (surplus === 0 || surplus === 1) return true;
    const { cpu } = this.#leader;
    const stack = (cpu.segmentBase(Segment.SS) + cpu.gpr[Gpr.RSP]!) & cpu.linearMask;
    // The stack of a routine that has just been left lies below.
    const pages = [stack, stack - BELOW_STACK].map((address) => ramOffset(cpu, address))
      .filter((offset) => offset !== undefined).map((offset) => offset >>> 12);
    return this.#ram.same(pages) && this.#ram.same(this.#ram.writtenPages(cpu));
  }

  /** `undefined`: it does to its bus what the leader has not done, being beyond where it was `nearest`. */
  #stepFollower(nearest: Candidate | undefined): VcpuExit | undefined {
    const { words, index } = this.#follower.attention;
    // It may have asked for attention itself; nobody answers that here.
    Atomics.store(words, index, 0);
    try {
      return this.#follower.run(0);
    } catch (error) {
      if (!(error instanceof BusDifference)) throw error;
      if (nearest !== undefined && this.#log.empty) return undefined;
      const { first, second } = error;
      this.#fail(`tier 1 ${first}, tier 0 ${second}`, { bus: [first, second] });
    }
  }

  /** `known`, or where the follower is now if fewer registers differ. */
  #nearer(known: Candidate | undefined): Candidate {
    const { distance } = this.#registers;
    if (known !== undefined && known.distance <= distance) return known;
    return { distance, registers: this.#registers.snapshot(), rips: this.#trail.rips };
  }

  #compareRam(pages?: readonly number[]): void {
    if (!this.#ram.same(pages)) this.#fail("RAM", {});
  }

  #fail(what: string, found: Found): never {
    const { cpu } = this.#leader;
    throw differenceFailure({
      what,
      at: `${cpu.segmentSelector(Segment.CS).toString(16)}:${cpu.rip.toString(16)}`,
      instructions: [this.#same, this.#leader.instructions],
      bus: found.bus,
      registers: found.differences ?? [],
      ram: this.#ram.differences(MOST_PLACES),
      trail: this.#trail.describe(found.rips ?? this.#trail.rips, this.#disassembler),
    });
  }

  get interruptible(): boolean {
    return this.#leader.interruptible;
  }

  get interruptWindow(): boolean {
    return this.#leader.interruptWindow;
  }
  set interruptWindow(wanted: boolean) {
    // The follower stops where the leader has, whether an interrupt waits or not.
    this.#leader.interruptWindow = wanted;
  }

  interrupt(vector: number): void {
    this.#leader.interrupt(vector);
    this.#follower.interrupt(vector);
    this.#follow(0);
  }

  nonMaskableInterrupt(): void {
    this.#leader.nonMaskableInterrupt();
    this.#follower.nonMaskableInterrupt();
  }

  reset(): void {
    this.#leader.reset();
    this.#follower.reset();
    this.#stale = true;
  }

  enter(entry: BootEntry): void {
    this.#leader.enter(entry);
    this.#follower.enter(entry);
  }

  registers(): string {
    return this.#leader.registers();
  }

  get instructions(): bigint {
    return this.#leader.instructions;
  }

  get statistics(): { readonly [name: string]: number } {
    return this.#leader.statistics;
  }

  save(): StateFields {
    return this.#leader.save();
  }

  restore(fields: StateFields): void {
    this.#leader.restore(fields);
    this.#follower.restore(fields);
    this.#stale = true;
  }

  memoryModified(gpa: number, length: number): void {
    this.#leader.memoryModified(gpa, length);
    const put = this.#stale ? () => {} : this.#ram.take(gpa, length);
    // While the leader is at it, the follower has not got there yet.
    this.#log.follows(() => {
      put();
      this.#follower.memoryModified(gpa, length);
    });
  }
}

/** In what the tiers differ, in short. */
function describe(differences: readonly RegisterDifference[], log: BusLog): string {
  if (!log.empty) return `tier 1 ${log.pending}, tier 0 does not`;
  return differences.length === 0 ? "RAM" : differences.map(({ name }) => name).join(", ");
}
