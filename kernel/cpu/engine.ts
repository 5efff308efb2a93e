/**
 * One vCPU's generated code: the core module, its handlers and what has been decoded.
 *
 * @module
 */

import { CORE_FUNCTIONS, type CoreFunction } from "./core_functions.ts";
import { GuestFault } from "./cpu.ts";
import { writeFloatConstants } from "./float_constants.ts";
import { executeFloat } from "./float_operations.ts";
import { CodeCache } from "./interpreter/code_cache.ts";
import { buildCoreModule } from "./interpreter/core_module.ts";
import { COUNTER_RANGE, Record, SpecialHandler } from "./interpreter/record.ts";
import { compileAtOnce, type CompileServiceFactory } from "./compiler/compile_service.ts";
import { Regions, RESUME } from "./compiler/regions.ts";
import { Handlers } from "./interpreter/handlers.ts";
import { type Form, TOO_LONG, UNDEFINED_OPCODE } from "./isa/mod.ts";
import {
  BOUNCE_PER_VCPU,
  ENGINE_PAGES,
  JUMP_CACHE,
  JUMP_CACHE_SIZE,
  JUMP_ENTRY_SIZE,
  JUMP_GROUP_SIZE,
  JUMP_NEIGHBOURS,
  UNUSED,
  UNUSED_SIZE,
} from "./layout.ts";
import { Access, Watch } from "./mmu.ts";
import { type Engine, SoftwareCpu } from "./software_cpu.ts";
import {
  CODE_BASE,
  CodeMode,
  EXECUTE_ALONE,
  FAULT_ADDRESS,
  FAULT_ERROR,
  FAULT_VECTOR,
  Flag,
  INSTRUCTION_RIP,
  JUMP_CONTEXT,
  PAGE_IS_GLOBAL,
  RFLAGS,
  RIP,
  Vector,
} from "./state.ts";
import { systemFunctionTable } from "./system_functions.ts";
import { Repeat, RmKind, type Variant } from "./variant.ts";
import { X87Bridge } from "./x87_bridge.ts";
import { guardedMemory } from "../memory/guarded_memory.ts";
import type { VcpuBus } from "../vcpu.ts";
import { inlineHandlers } from "./interpreter/inline_handlers.ts";

/** Execution has left its segment, or RAM. */
const LIMIT_FAULT = new GuestFault(Vector.GP, 0);

type CoreExports = Record<string, (...args: (number | bigint)[]) => bigint>;

/** What an engine is made for. */
export interface EngineOptions {
  /** Guest RAM, followed by the bounce buffers. */
  readonly ram: WebAssembly.Memory;
  /** Bytes of guest RAM. */
  readonly ramSize: number;
  readonly bus: VcpuBus;
  /** Number of the vCPU: it chooses the bounce buffer. */
  readonly index: number;
  /** How often code is entered before it is compiled; 0, the default: never. */
  readonly compileThreshold?: number;
  /** Who compiles it: by default this thread, at once. */
  readonly compileService?: CompileServiceFactory;
  /** For how many instructions a reading of the clock is good; 0, the default: for none. See `time_stamps.ts`. */
  readonly timeWindow?: number;
}

/** Generated code of one vCPU, and its state. */
export class CpuEngine implements Engine {
  readonly memory = guardedMemory(ENGINE_PAGES);
  readonly ram: WebAssembly.Memory;
  readonly ramSize: number;
  readonly bus: VcpuBus;
  readonly timeWindow: number;
  readonly cpu: SoftwareCpu;
  readonly code: CodeCache;
  readonly handlers: Handlers;
  /** Compiled code, if there is to be any. */
  readonly regions: Regions | undefined;
  /** How often the jump cache did not know where execution goes on. */
  lookups = 0;
  /** How often generated code, of either tier, has called functions that are TypeScript. */
  readonly calls = { system: 0, x87: 0, float: 0 };
  /** How often an exit of compiled code led nowhere yet. */
  links = 0;
  readonly #view: DataView;
  readonly #exports: CoreExports;
  readonly #x87: X87Bridge;
  /** What stopped the loop that is no fault of the guest's: raised again once generated code has returned. */
  #failure: unknown;

  constructor(options: EngineOptions) {
    this.ram = options.ram;
    this.ramSize = options.ramSize;
    this.bus = options.bus;
    this.timeWindow = options.timeWindow ?? 0;
    this.#view = new DataView(this.memory.buffer);
    writeFloatConstants(this.#view);
    this.cpu = new SoftwareCpu(this);
    this.#x87 = new X87Bridge(this.cpu);
    const bounce = options.ramSize + options.index * BOUNCE_PER_VCPU;
    if (options.ram.buffer.byteLength < bounce + UNUSED + UNUSED_SIZE) {
      throw new RangeError("RAM memory has no room for the bounce buffer above guest RAM");
    }
    const compileThreshold = options.compileThreshold ?? 0;
    const memories = { memory: this.memory, ram: this.ram };
    const inline = inlineHandlers();
    const module = new WebAssembly.Module(
      buildCoreModule(this.ramSize, this.ram.buffer.byteLength >>> 16, bounce, inline, compileThreshold > 0),
    );
    const imports = this.#imports();
    const instance = new WebAssembly.Instance(module, { engine: { ...memories, ...imports } });
    this.#exports = instance.exports as CoreExports;
    const { handlers, regions } = instance.exports as Record<string, WebAssembly.Table>;
    const shared = { ...memories, handlers: handlers!, regions: regions! };
    const core = Object.fromEntries(
      (Object.keys(CORE_FUNCTIONS) as CoreFunction[]).map((
        name,
      ) => [name, instance.exports[name] ?? imports[name as "system"]]),
    ) as Record<CoreFunction, WebAssembly.ExportValue>;
    const inLoops = [...inline.long, ...inline.flat];
    this.handlers = new Handlers(shared, core, bounce, inLoops, compileThreshold > 0);
    this.code = new CodeCache(this.memory, this.ram, this.cpu.tlb, this.handlers, {
      undefinedOpcode: this.handlers.number({ variant: plainVariant(UNDEFINED_OPCODE), fused: false }),
      tooLong: this.handlers.number({ variant: plainVariant(TOO_LONG), fused: false }),
    }, compileThreshold);
    shared.regions.set(RESUME, instance.exports["resume"] as () => void);

    if (compileThreshold > 0) {
      const makeService = options.compileService ?? compileAtOnce;
      this.regions = new Regions({
        memory: this.memory,
        ram: this.ram,
        table: shared.regions,
        code: this.code,
        imports: { engine: { ...shared }, core },
        rounds: Math.ceil(compileThreshold / COUNTER_RANGE),
        forgetJumps: () => this.cpu.tlb.flushAllJumps(),
        service: makeService({ ram: this.ram, engine: this.memory, starts: this.code.starts!, bounce }),
      });
      this.code.regions = this.regions;
    }
    this.code.flush();
    this.cpu.tlb.flushAll();
  }

  /** Executes until the budget is used up, attention is asked for, or a fault is pending. */
  run(): void {
    this.regions?.takeCompiled();
    this.#exports[this.cpu.codeMode === CodeMode.Flat32 ? "runFlat" : "run"]!();
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      throw failure;
    }
  }

  translate(linear: bigint, access: number): bigint {
    return this.#exports["translate"]!(linear, access);
  }
  materializeFlags(): bigint {
    return this.#exports["materializeFlags"]!();
  }
  enterGate(vector: number, error: number, flags: number): boolean {
    return Number(this.#exports["enterGate"]!(vector, error, flags)) !== 0;
  }
  written(host: number, length: number): void {
    this.code.written(host, length);
  }

  #imports() {
    return {
      system: (number: number, a: bigint, b: bigint): bigint => {
        this.calls.system++;
        return this.#guarded(() => systemFunctionTable[number]!(this.cpu, a, b) ?? 0n);
      },
      x87: (opcode: number, modrm: number, linear: bigint): void => {
        this.calls.x87++;
        this.#guarded(() => {
          this.#x87.execute(opcode, modrm, linear);
          return 0n;
        });
      },
      float: (operation: number, a: bigint, b: bigint): bigint => {
        this.calls.float++;
        return this.#guarded(() => executeFloat(this.cpu, operation, a, b));
      },
      hot: (record: number): void => {
        this.regions?.hot(record);
      },
      expectUnknown: (slot: number): void => {
        this.regions?.expectUnknown(slot);
      },
      alone: (record: number): number => this.code.alone(record),
      compileHandlers: (): void => this.handlers.compile(),
      link: (exit: number): bigint => {
        this.links++;
        return this.#link(exit);
      },
      lookup: (linear: bigint): number => {
        this.lookups++;
        return this.#lookup(linear);
      },
      readMmio: (gpa: bigint, size: number): bigint =>
        this.#guarded(() => this.bus.readMmio(Number(gpa), size)),
      writeMmio: (gpa: bigint, size: number, value: bigint): void => {
        this.#guarded(() => {
          this.cpu.writeMmio(Number(gpa), size, value);
          return 0n;
        });
      },
      codeWritten: (host: number, length: number): void => this.code.written(host >>> 0, length),
      watched: (linear: bigint, size: number, write: number): number =>
        this.#watched(BigInt.asUintN(64, linear), size, write !== 0),
    };
  }

  /** Runs what generated code called: a guest fault is left in the state, anything else leaves the loop. */
  #guarded(body: () => bigint): bigint {
    try {
      return body();
    } catch (error) {
      if (error instanceof GuestFault) this.#leaveFault(error);
      else {
        this.#failure = error;
        this.cpu.leaveLoop();
      }
      return 0n;
    }
  }

  #watched(linear: bigint, size: number, write: boolean): number {
    const { cpu } = this;
    if (!cpu.breakpoints.near(linear, size)) return Watch.NOTHING;
    if (!cpu.breakpoints.access(linear, size, write) || cpu.stepping) return Watch.NEAR;
    this.#view.setInt32(FAULT_VECTOR, EXECUTE_ALONE, true);
    return Watch.LEAVE;
  }

  #leaveFault(fault: GuestFault): undefined {
    this.#view.setInt32(FAULT_VECTOR, fault.vector, true);
    this.#view.setInt32(FAULT_ERROR, fault.error ?? 0, true);
    if (fault.address !== undefined) this.#view.setBigUint64(FAULT_ADDRESS, fault.address, true);
  }

  /**
   * Finds or makes the record at a linear address, and puts it into the jump cache. 0: a fault is pending, or there is
   * no room for records before the loop has been left.
   */
  #lookup(linear: bigint): number {
    const { cpu } = this;
    if (this.code.full) return 0;
    const host = cpu.insideCode(linear) ? this.#fetch(linear, Access.FETCH) : this.#leaveFault(LIMIT_FAULT);
    if (host !== undefined) {
      if (cpu.get32(PAGE_IS_GLOBAL) === 0) cpu.foundPrivateCode();
      const step = cpu.stepping || (cpu.get32(RFLAGS) & Flag.TF) !== 0;
      const nextPage = () => this.#fetch((linear | 0xfffn) + 1n, Access.FETCH | Access.PROBE);
      const record = this.code.find({ host, nextPage }, cpu.codeMode, step);
      if (record !== undefined) {
        this.#cacheJump(linear, record);
        return record;
      }
      // The instruction goes on in the next page: its fault is this one's.
      if (this.#fetch((linear | 0xfffn) + 1n, Access.FETCH) !== undefined) {
        throw new Error("Fetch succeeded twice");
      }
    }
    cpu.instructionRip = this.#view.getBigUint64(RIP, true);
    cpu.fetchFaulted = true;
    return 0;
  }

  /** An exit of a region is taken that leads nowhere yet, or (0) a region that is no more was entered. Gives the target. */
  #link(exit: number): bigint {
    if (exit !== 0) return this.#view.getBigInt64(CODE_BASE, true) + BigInt(this.regions!.link(exit) & 0xfff);
    const rip = this.#view.getBigInt64(RIP, true);
    this.#view.setInt32(this.#jumpCacheEntry(BigInt.asUintN(64, rip)) + 12, 0, true);
    return rip;
  }

  #fetch(linear: bigint, access: number): number | undefined {
    const host = Number(this.#exports["fetchPage"]!(linear));
    if (host !== -1) return host >>> 0;
    if (this.translate(linear, access) < 0n) return undefined;
    // Code outside RAM is not executed.
    if ((access & Access.PROBE) === 0) this.#leaveFault(LIMIT_FAULT);
    return undefined;
  }

  #jumpCacheEntry(linear: bigint): number {
    const low = Number(BigInt.asIntN(32, linear));
    const spread = (low * JUMP_ENTRY_SIZE) & (JUMP_GROUP_SIZE - JUMP_ENTRY_SIZE);
    return JUMP_CACHE + ((low ^ spread) & (JUMP_CACHE_SIZE - JUMP_ENTRY_SIZE));
  }

  #cacheJump(linear: bigint, record: number): void {
    const entry = this.#jumpCacheEntry(linear);
    const view = this.#view;
    const tag = BigInt.asUintN(64, linear ^ view.getBigUint64(JUMP_CONTEXT, true));
    if (view.getBigUint64(entry, true) !== tag) {
      // To each neighbour in turn: to always the same one, two addresses could drive each other out for good.
      const neighbour = entry ^ ((1 + this.lookups % (JUMP_NEIGHBOURS - 1)) * JUMP_ENTRY_SIZE);
      view.setBigUint64(neighbour, view.getBigUint64(entry, true), true);
      view.setBigUint64(neighbour + 8, view.getBigUint64(entry + 8, true), true);
    }
    view.setBigUint64(entry, tag, true);
    this.#view.setInt32(entry + 8, record, true);
    const region = this.#view.getUint16(record, true) === SpecialHandler.Region;
    this.#view.setInt32(entry + 12, region ? this.#view.getInt32(record + Record.LINK, true) : 0, true);
  }

  /** Address of RIP as it stands, for people. */
  get instructionRip(): bigint {
    return this.#view.getBigUint64(INSTRUCTION_RIP, true);
  }
}

function plainVariant(form: Form): Variant {
  return {
    form,
    operandSize: 4,
    addressSize: 8,
    rm: RmKind.Register,
    bits64: true,
    flat: false,
    lock: false,
    repeat: Repeat.None,
  };
}
