/**
 * One region as a WebAssembly function.
 *
 * Registers and flags are in locals from where the region is entered to where it is left. Every exit stores what may
 * have changed and goes on, by a tail call, where execution does: through the exit's own cell where the target lies in a
 * page that is known, else by the jump cache. Faults leave with the state as it was before the instruction.
 *
 * @module
 */

import { type CoreFunction, Leaving } from "../core_functions.ts";
import type { Value } from "../emitter.ts";
import { type FlagName, FlagsKind, type FlagsSource } from "../flags.ts";
import { HANDLER_PARAMS, HANDLER_RESULTS } from "../interpreter/core_module.ts";
import { ATTENTION, CODE_BASE, CODE_DROPPED, Cr0, Segment, TLB_CONTEXT } from "../state.ts";
import { tlbEntry } from "../tlb_entry.ts";
import { FLOATS } from "../isa/sse_float.ts";
import { Repeat } from "../variant.ts";
import { type Expression, i32, i64 } from "../wasm/expression.ts";
import { FunctionBuilder, type Label, type Local, NOWHERE, Table } from "../wasm/function_builder.ts";
import type { ModuleBuilder } from "../wasm/module_builder.ts";
import type { Block, Edge } from "./blocks.ts";
import { analyse, between, type ControlFlow, type Node, type Stretch } from "./control_flow.ts";
import { leaveTo } from "../interpreter/jump_cache.ts";
import { FETCH_TLB } from "../layout.ts";
import { PAGE, pageOf } from "./code_pages.ts";
import { deadFlags } from "./dead_flags.ts";
import { effectsOf, floatsOf, Mode, type RegisterEffects } from "./effects.ts";
import type { Instruction } from "./instruction.ts";
import type { KnownPages } from "./known_pages.ts";
import type { RegisterValues } from "./register_values.ts";
import { OrdinaryFloats } from "./ordinary_floats.ts";
import { CachedMemoryEmitter } from "./cached_memory.ts";
import { ALL_REGISTERS, FIRST_XMM, Registers } from "./registers.ts";

/** What a region needs around it. */
export interface RegionSite {
  readonly module: ModuleBuilder;
  readonly core: (name: CoreFunction) => number;
  /** Where RAM memory's bounce buffer lies. */
  readonly bounce: number;
  /** Its entry of the table of regions. */
  readonly slot: number;
  /**
   * Whether accesses that the TLBs do not answer are made here, and floats computed that the host may compute otherwise;
   * else they are left to the interpreter.
   */
  readonly expectsUnknown: boolean;
  /** Address in engine memory of a new exit that leads to an address; `undefined`: there are no more. */
  readonly exit: (address: number) => number | undefined;
  /** Offset in RAM memory of a page of the region. */
  readonly page: (number: number) => number;
}

/** What is known at the end of a node. */
interface Known {
  readonly registers: number;
  readonly pages: KnownPages["held"];
  readonly floats: OrdinaryFloats["held"];
  readonly modes: number;
}

/** What each round of a loop would have to look at first. */
interface Wanted {
  /** Bits of {@link Mode}: what it asks of control registers that it does not change. */
  readonly modes: number;
  /** XMM registers that it uses before it writes them, with the shapes of the ordinary floats that it wants of them. */
  readonly floats: ReadonlyMap<number, number>;
}

/** Bits of what tells where a region was left: {@link Leaving}, the instructions to take from the budget, the address. */
const EXECUTED_SHIFT = 2;
const ADDRESS_SHIFT = 16;

/** Writes a region. */
export class RegionEmitter extends CachedMemoryEmitter {
  protected override instruction: Instruction;
  readonly #flow: ControlFlow;
  readonly #registers: Registers;
  /** What each node uses and writes. */
  readonly #effects: ReadonlyMap<Node, RegisterEffects>;
  readonly #stretches: ReadonlyMap<Stretch, RegisterEffects>;
  readonly #dirtyAt: ReadonlyMap<Node, number>;
  /** What loops want where time is spent, by the nodes that begin them. */
  readonly #wanted: ReadonlyMap<Node, Wanted>;
  /** What is known at the end of each node. */
  readonly #behind = new Map<Node, Known>();
  /** What registers hold on each way to a node that several lead to. */
  readonly #ways = new Map<Node, RegisterValues["held"][]>();
  /** Where a branch to a node goes, while that is being written around it. */
  readonly #labels = new Map<Node, Label>();
  /** Where the region was left before its end. One local of all that: V8 has it to bring together from all these places. */
  readonly #left: Local<"i64">;
  /** Compiled code has been dropped. */
  readonly #dropped: Local<"i32">;
  readonly #context: Local<"i64">;
  /** Where execution goes on outside, if that is not known before. */
  readonly #target: Local<"i64">;
  #fault!: Label;
  /** Where the flags are stored first. */
  #faultWithFlags!: Label;
  /** Where what a stretch keeps is stored first. */
  readonly #faultInStretch = new Map<Stretch, Label>();
  #leave!: Label;
  #node!: Node;
  /** Instructions before the one being written that have not been taken from the budget. */
  #executed = 0;
  /** The instruction may have written code: then what was compiled is no longer right. */
  #mayDrop = false;
  /** The instruction has written a register, or to memory. */
  #changed = false;
  /** Nobody sees the flags that the instruction leaves. */
  #flagsDead = false;
  /** Bits of {@link Mode}: control registers have been looked at. */
  #modes = 0;
  /** MMX instructions may run, as this block has seen, and no x87 exception is pending. */
  #mmxAllowed = false;
  /** MMX instructions have run in this block: TOP is 0, and no x87 register is empty. */
  #mmxEntered = false;
  readonly #floats = new OrdinaryFloats();
  /** The block has called a system function, which may have asked for attention. */
  #calledOut = false;

  constructor(blocks: readonly Block[], private readonly site: RegionSite) {
    const flow = analyse(blocks);
    const placed = flow.nodes.flatMap((node) => {
      const repeated = flow.repeated(node);
      return node.block.instructions.map((instruction) => ({ instruction, repeated }));
    });
    const first = placed[0]!.instruction;
    super(new FunctionBuilder(HANDLER_PARAMS), first.variant, site.bounce, placed);
    this.instruction = first;
    this.#flow = flow;
    this.#effects = new Map(flow.nodes.map((node) => [node, effectsOfAll(node.block.instructions)]));
    this.#stretches = new Map(flow.stretches.map((stretch) => [stretch, this.#effectsOn(stretch.nodes)]));
    this.#dirtyAt = dirtyRegisters(this.#flow, this.#effects);
    const loops = flow.stretches.filter(({ first }) => first.loop);
    this.#wanted = new Map(loops.map((stretch) => [stretch.first, this.#wantedBy(stretch)]));
    this.#registers = new Registers(this.f, first.variant.bits64, united(this.#effects.values()).used);
    this.#left = this.f.local("i64");
    this.#dropped = this.f.local("i32");
    this.#context = this.f.local("i64");
    this.#target = this.f.local("i64");
  }

  get #regionType(): number {
    return this.site.module.type(HANDLER_PARAMS, HANDLER_RESULTS);
  }

  /** Writes the function. */
  emit(): FunctionBuilder {
    const { f } = this;
    const registers = this.#registers;
    const { entry } = this.#flow;
    registers.load();
    this.contextChanged();
    f.block((leave) => {
      this.#leave = leave;
      f.block((fault) => {
        this.#fault = fault;
        f.block((faultWithFlags) => {
          this.#faultWithFlags = faultWithFlags;
          this.#node = entry;
          this.#leaveIfAsked(entry.block.address);
          this.#lookAhead(entry, entry.block.address);
          this.#enterStretch(entry);
          this.#tree(entry);
        });
        registers.storeFlags();
      });
      this.#leaveEarly();
    });
    leaveTo(f, this.#target, this.core("leaveTo"), this.#regionType);
    return f;
  }

  /** Goes back to whoever runs the vCPU, or has the interpreter execute an instruction. */
  #leaveEarly(): void {
    const { base, budget } = this.#registers;
    const left = this.#left;
    const rip = this.#registers.cut(base.add(left.shrS(ADDRESS_SHIFT)));
    const executed = left.wrap().and((1 << ADDRESS_SHIFT) - 1).shrU(EXECUTED_SHIFT);
    const why = left.wrap().and((1 << EXECUTED_SHIFT) - 1);
    this.f.returnCall(this.core("leaveEarly"), rip, budget.sub(executed), why, i32(this.site.slot));
  }

  // Control flow.

  /** Writes a node and all that it dominates. */
  #tree(node: Node): void {
    const { f } = this;
    const stretch = this.#flow.stretch(node);
    if (stretch?.first !== node) return this.#loop(node);
    f.block((fault) => {
      this.#faultInStretch.set(stretch, fault);
      this.#loop(node);
    });
    const { written, flags } = this.#stretches.get(stretch)!;
    this.#registers.store(written);
    f.branch(flags ? this.#faultWithFlags : this.#fault);
  }

  #loop(node: Node): void {
    if (!node.loop) return this.#within(node, node.merges);
    this.f.loop((label) => {
      this.#labels.set(node, label);
      this.#begin(node);
      this.#within(node, node.merges);
    });
  }

  /** Begins a node: what is known there on all ways to it. */
  #begin(node: Node): void {
    const registers = this.#registers;
    this.#node = node;
    this.#calledOut = false;
    this.#forgetMmx();
    const stretch = this.#flow.stretch(node);
    registers.stretch = stretch === undefined ? undefined : this.#stretches.get(stretch)!;
    if (!node.merge && !node.loop) return;
    this.#executed = 0;
    this.forgetFlags();
    this.pages.join();
    const above = node.dominator ?? node;
    const behind = this.#behind.get(above);
    const passed = this.#effectsOn(between(above, node));
    if (node.merge) {
      this.known.held = behind!.pages;
      this.values.join(this.#ways.get(node) ?? []);
      this.#floats.held = behind!.floats;
      this.#floats.change(passed.changed);
      this.#modes = passed.retranslates ? 0 : behind!.modes;
    }
    if (node.loop) {
      const { changed, retranslates } = this.#effectsOn(between(node, node));
      this.values.change(changed);
      this.#floats.change(changed);
      if (retranslates) this.#modes = 0;
    }
    const wanted = this.#wanted.get(node);
    if (wanted !== undefined) {
      this.#modes |= wanted.modes;
      this.#floats.found(wanted.floats);
    }
    if (passed.retranslates) this.known.forget();
    const known = (node.merge ? behind!.registers : registers.held.known) & ~passed.changed;
    registers.held = {
      known: known | (registers.stretch?.used ?? 0),
      dirty: this.#dirtyAt.get(node) ?? 0,
      flagsDirty: registers.stretch?.flags ?? false,
    };
  }

  #effectsOn(nodes: ReadonlySet<Node>): RegisterEffects {
    return united(nodes.values().map((node) => this.#effects.get(node)!));
  }

  #wantedBy(loop: Stretch): Wanted {
    const { modes, retranslates } = this.#stretches.get(loop)!;
    const floats = new Map<number, number>();
    // Floats may have to be computed here whatever they are.
    if (this.site.expectsUnknown) return { modes: retranslates ? 0 : modes & Mode.Sse, floats };
    let written = 0;
    for (const instruction of modes === 0 ? [] : loop.first.block.instructions) {
      for (const [number, shape] of floatsOf(instruction)) {
        if ((written & 1 << FIRST_XMM + number) === 0 && !floats.has(number)) floats.set(number, shape);
      }
      written |= effectsOf(instruction).changed;
    }
    return { modes: retranslates ? 0 : modes, floats };
  }

  /** Looks before a loop at what each round would have to look at, unless it is known. */
  #lookAhead(to: Node, address: number): void {
    const { f } = this;
    const wanted = this.#wanted.get(to);
    if (wanted === undefined) return;
    const modes = wanted.modes & ~this.#modes;
    const leave = () => this.#leaveAt(address, Leaving.Unknown);
    if ((modes & Mode.Sse) !== 0) f.ifRarely(this.forbidsSse(Cr0.EM | Cr0.TS), leave);
    f.scope(() => {
      if ((modes & Mode.Rounding) !== 0) f.ifRarely(this.roundsNatively().eqz(), leave);
      for (const [number, shape] of wanted.floats) {
        if (this.#floats.holds(number, shape)) continue;
        const floats = FLOATS.find((floats) => floats.shape === shape)!;
        const value = floats.count > 1
          ? this.readXmm(number)
          : this.readLowFloat(number, floats.width === 32 ? "f32" : "f64");
        f.unlessAll(floats.areOrdinary(this, [value]), leave);
      }
    });
  }

  /** Goes over into the stretch that begins with a node, if one does. */
  #enterStretch(node: Node): void {
    const stretch = this.#flow.stretch(node);
    if (stretch !== undefined) this.#registers.enterStretch(this.#stretches.get(stretch)!);
  }

  /** Writes a node inside of blocks whose ends the branches to `merges` go to. */
  #within(node: Node, merges: readonly Node[]): void {
    const [last, ...others] = merges;
    if (last === undefined) return this.#block(node);
    this.f.block((label) => {
      this.#labels.set(last, label);
      this.#within(node, others);
    });
    this.#tree(last);
  }

  #block(node: Node): void {
    const { f } = this;
    const { block } = node;
    const registers = this.#registers;
    if (!node.loop) this.#begin(node);
    let known = registers.held.known;
    let pages = this.known.held;
    const dead = deadFlags(block.instructions);
    for (const [index, instruction] of block.instructions.entries()) {
      this.#flagsDead = dead[index]!;
      this.instruction = instruction;
      this.variant = instruction.variant;
      this.#mayDrop = false;
      this.#changed = false;
      this.beginInstruction();
      this.#floats.begin();
      registers.depth = f.depth;
      known = registers.held.known;
      pages = this.known.held;
      const values = this.before;
      f.scope(() => this.variant.form.definition.semantics(this));
      this.values.follow(instruction, values);
      this.#executed++;
      if (this.#mayDrop && instruction.variant.form.definition.ends !== true) {
        this.#leaveIfDropped(instruction);
      }
    }
    // What becomes known in the last instruction may be behind its branch.
    const stay = this.known.held[pages.length - 1] === pages.at(-1);
    this.#behind.set(node, {
      registers: known & registers.held.known,
      pages: stay ? pages : [],
      floats: this.#floats.held,
      modes: this.#modes,
    });
    if (block.next !== undefined) this.#goTo(block.next);
  }

  /** Goes on in the region, or leaves it. What was known while the branch was written stays known. */
  #goTo(edge: Edge): void {
    const node = this.#node;
    const executed = this.#executed;
    const registers = this.#registers;
    const { held, depth, stretch } = registers;
    const { instruction, before, flags } = this;
    const calledOut = this.#calledOut;
    const { empty } = this.pages;
    const values = this.values.held;
    const pages = this.known.held;
    const floats = this.#floats.held;
    const modes = this.#modes;
    const to = this.#flow.successor(node, edge);
    if (to === undefined) this.#exit(edge.address);
    else {
      for (const page of to.block.pages) {
        if (!this.#flow.inPage(node, page)) this.#leaveIfMoved(page, edge.address);
      }
      const again = to.order <= node.order;
      // Where a loop begins, the flags would have to be there for that; they are seldom read.
      const changes = this.#flow.stretch(node) !== this.#flow.stretch(to);
      const asks = again || this.#calledOut;
      if (asks || to.merge || to.loop) this.#spend();
      if (asks) this.#leaveIfAsked(edge.address);
      this.#lookAhead(to, edge.address);
      if (changes || registers.stretch === undefined && (to.merge || to.loop)) registers.synchronize();
      if (changes) this.#enterStretch(to);
      if (to.merge) this.#ways.set(to, [...this.#ways.get(to) ?? [], values]);
      if (to.merge || again) this.f.branch(this.#labels.get(to)!);
      else this.#tree(to);
    }
    this.#node = node;
    this.#executed = executed;
    registers.held = held;
    registers.depth = depth;
    registers.stretch = stretch;
    this.flags = flags;
    this.#calledOut = calledOut;
    this.pages.empty = empty;
    this.values.held = values;
    this.known.held = pages;
    this.#floats.held = floats;
    this.#modes = modes;
    this.instruction = instruction;
    this.before = before;
    this.variant = instruction.variant;
  }

  /** Leaves for an address that is not in the region. */
  #exit(address: number): void {
    const registers = this.#registers;
    const page = pageOf(address);
    // Elsewhere it is not known what the page of the target is.
    const cell = this.#flow.inPage(this.#node, page) ? this.site.exit(address) : undefined;
    if (cell === undefined) return this.#leaveTo(registers.rip(address), this.#executed);
    registers.storeDirty();
    registers.storeBudget(this.#executed);
    if (page !== 0) this.f.store(8, NOWHERE, registers.rip(page * PAGE), CODE_BASE);
    // Each exit has its jump: one for all of them, the host would not predict.
    const region = this.f.loadAs("i32.load", NOWHERE, cell);
    this.f.returnCallIndirect(this.#regionType, Table.Regions, region, i32(cell));
  }

  override branch(): void {
    // Its target is cut.
    if (this.operandSize === 2) return this.jump(this.nextRip().add(this.immediate()).zeroExtend(2));
    this.#executed++;
    this.#goTo(this.#node.block.taken!);
    this.#executed--;
  }

  override jump(target: Value): void {
    const likely = this.#node.block.likely.filter((edge) =>
      this.#flow.successor(this.#node, edge) !== undefined
    );
    const last = likely.pop();
    if (last === undefined) return this.#leaveTo(target, this.#executed + 1);
    const to = this.f.let(target);
    this.#executed++;
    for (const edge of likely) {
      this.f.if(to.eq(this.#registers.rip(edge.address)), () => this.#goTo(edge));
    }
    this.f.ifRarely(to.ne(this.#registers.rip(last.address)), () => this.#leaveTo(to, this.#executed));
    this.#goTo(last);
    this.#executed--;
  }

  #leaveTo(target: Value, executed: number): void {
    const registers = this.#registers;
    this.f.set(this.#target, target);
    registers.storeDirty();
    registers.storeBudget(executed);
    this.f.branch(this.#leave);
  }

  /** Leaves for an address, unless a page of it lies where it did when it was compiled. */
  #leaveIfMoved(page: number, address: number): void {
    const { f } = this;
    const linear = f.let(this.#registers.rip(page * PAGE));
    const host = f.local("i32");
    const entry = tlbEntry(f, linear);
    const tag = f.load(8, entry, FETCH_TLB);
    f.ifMostly(linear.or(this.#context).eq(tag), () => {
      f.set(host, linear.wrap().add(f.loadAs("i32.load", entry, FETCH_TLB + 8)));
    }, () => f.set(host, f.callFor("i32", this.core("fetchPage"), linear)));
    f.ifRarely(host.ne(this.site.page(page) | 0), () => this.#exit(address));
  }

  override restart(): void {
    this.leaveFaulted();
  }

  override charge(): Expression<"i32"> {
    const { budget } = this.#registers;
    this.f.set(budget, budget.sub(1));
    return budget.sub(this.#executed).ltS(0);
  }

  /** Leaves the region before `address` with the state as it is. */
  #leaveAt(address: number, why: Leaving | 0 = 0): void {
    const executed = this.#executed << EXECUTED_SHIFT;
    this.f.set(this.#left, i64(BigInt(address) << BigInt(ADDRESS_SHIFT) | BigInt(executed + why)));
    const { stretch, held } = this.#registers;
    if (stretch !== undefined) this.f.branch(this.#faultInStretch.get(this.#flow.stretch(this.#node)!)!);
    else this.f.branch(held.flagsDirty ? this.#faultWithFlags : this.#fault);
  }

  protected override leaveFaulted(): void {
    const { address, segmentNumber } = this.instruction;
    this.#leaveAt(address, segmentNumber === Segment.SS ? Leaving.Stack : 0);
  }

  protected override get onlyKnown(): boolean {
    // Repeated ones go from page to page. What has changed something already cannot be executed again.
    const repeats = this.instruction.variant.repeat !== Repeat.None;
    return !this.site.expectsUnknown && !repeats && !this.#changed;
  }

  protected override leaveUnknown(): void {
    this.#leaveAt(this.instruction.address, Leaving.Unknown);
  }

  /** Takes from the budget what has been executed. */
  #spend(): void {
    const { budget } = this.#registers;
    this.f.set(budget, budget.sub(this.#executed));
    this.#executed = 0;
  }

  #leaveIfAsked(address: number): void {
    const attention = this.f.loadAs("i32.load", NOWHERE, ATTENTION);
    this.f.ifRarely(this.#registers.budget.ltS(attention), () => this.#leaveAt(address));
  }

  #leaveIfDropped(instruction: Instruction): void {
    this.f.ifRarely(this.#dropped, () => this.#leaveAt(instruction.address + instruction.length));
    // V8 sees then that the next store drops nothing where it does not take the slow path, and asks only there.
    this.f.set(this.#dropped, i32(0));
  }

  // State.

  protected override wroteSlowly(): void {
    this.f.reload(this.#dropped, 4, CODE_DROPPED);
    this.#mayDrop = true;
  }

  protected override context(): Local<"i64"> {
    return this.#context;
  }

  override contextChanged(): void {
    this.f.reload(this.#context, 8, TLB_CONTEXT);
    this.pages.forget();
    this.known.forget();
  }

  protected override core(name: CoreFunction): number {
    return this.site.core(name);
  }

  protected override get always(): boolean {
    return this.#registers.always;
  }

  protected override get upcoming(): readonly Instruction[] {
    const { instructions } = this.#node.block;
    return instructions.slice(instructions.indexOf(this.instruction));
  }

  protected override get repeated(): boolean {
    return this.#flow.repeated(this.#node);
  }

  protected override register(number: number): Value {
    return this.#registers.get(number);
  }

  override store(size: number, linear: Local<"i64">, value: Value): void {
    super.store(size, linear, value);
    this.#changed = true;
  }

  override storeVector(linear: Local<"i64">, value: Expression<"v128">): void {
    super.storeVector(linear, value);
    this.#changed = true;
  }

  protected override setRegister(number: number, value: Value): void {
    this.#changed = true;
    this.#registers.set(number, value);
    this.wrote(number, value);
  }

  override readXmm(number: number): Local<"v128"> {
    const value = this.f.let(this.#registers.vector(number));
    this.#floats.read(value, number);
    return value;
  }

  override writeXmm(number: number, value: Expression<"v128">): void {
    this.#changed = true;
    this.#registers.setVector(number, value);
    this.#floats.wrote(value, number);
  }

  protected override readFloatOperand(index: number, type: "f32" | "f64"): Local {
    const value = super.readFloatOperand(index, type);
    this.#floats.read(value, this.xmmNumber(index)!);
    return value;
  }

  override writeFloat(index: number, type: "f32" | "f64", value: Expression): void {
    super.writeFloat(index, type, value);
    this.#floats.wrote(value, this.xmmNumber(index)!);
  }

  override unlessNative(conditions: readonly Expression<"i32">[], exact: () => void): void {
    super.unlessNative(conditions, this.onlyKnown ? () => this.leaveUnknown() : exact);
  }

  override nativeRounding(): readonly Expression<"i32">[] {
    if ((this.#modes & Mode.Rounding) !== 0) return [];
    const conditions = super.nativeRounding();
    if (!this.onlyKnown) return conditions;
    this.unlessNative(conditions, () => {});
    this.#modes |= Mode.Rounding;
    return [];
  }

  override isOrdinary(value: Expression, shape: number): boolean {
    return this.#floats.knows(value, shape);
  }

  override noteOrdinary(value: Expression, shape: number): void {
    if (this.onlyKnown) this.#floats.note(value, shape);
  }

  protected override ripAt(address: number): Value {
    return this.#registers.rip(address);
  }

  // Flags that are read while those that are set are dead would only be merged with them.

  override flag(name: FlagName): Expression<"i32"> {
    return this.#flagsDead ? i32(0) : super.flag(name);
  }

  override allFlags(): Local<"i64"> {
    return this.#flagsDead ? this.f.let(i64(0)) : super.allFlags();
  }

  protected override keepFlags(kind: Expression<"i32">, flags: FlagsSource): FlagsSource {
    if (this.#flagsDead) return flags;
    const { f } = this;
    const registers = this.#registers;
    f.set(registers.flagsResult, flags.result);
    f.set(registers.flagsKind, kind);
    let { source } = flags;
    const needed = flags.kind !== FlagsKind.Logic && flags.kind !== FlagsKind.Materialized;
    if (needed) {
      f.set(registers.flagsSource, source);
      if (source.constant === undefined) source = registers.flagsSource;
    }
    registers.keepFlags();
    const kept = { kind: flags.kind, size: flags.size, result: registers.flagsResult, source };
    if (flags.first === undefined) return kept;
    f.set(registers.flagsFirst, flags.first);
    if (flags.carryIn === undefined) return { ...kept, first: registers.flagsFirst };
    // Locals of one instruction are others' in the next: the kind tells what the carry was.
    const carryIn = registers.flagsKind.geU(FlagsKind.AddCarry * 4);
    return { ...kept, first: registers.flagsFirst, carryIn };
  }

  protected override exposeFlags(): void {
    if (this.#registers.held.flagsDirty) this.#registers.storeFlags();
  }

  protected override enterSystem(): void {
    const registers = this.#registers;
    registers.storeDirty();
    registers.storeBudget(this.#executed);
    const { address, length } = this.instruction;
    registers.storeRip(address, address + length);
  }

  protected override leaveSystemFaulted(): void {
    // A switch to another task may fail when the registers are that task's.
    if (!this.bits64 && this.variant.form.definition.ends === true) this.#registers.reload();
    this.leaveFaulted();
  }

  override requireSse(): void {
    if ((this.#modes & Mode.Sse) !== 0) return;
    this.f.ifRarely(this.forbidsSse(Cr0.EM | Cr0.TS), () => this.leaveUnknown());
    this.#modes |= Mode.Sse;
  }

  override checkMmx(): void {
    if (!this.#mmxAllowed) super.checkMmx();
    this.#mmxAllowed = true;
  }

  override enterMmx(): void {
    if (!this.#mmxEntered) super.enterMmx();
    this.#mmxEntered = true;
  }

  override leaveMmx(): void {
    super.leaveMmx();
    this.#mmxEntered = false;
  }

  /** It is not known whether MMX instructions may run. */
  #forgetMmx(): void {
    this.#mmxAllowed = false;
    this.#mmxEntered = false;
  }

  protected override leaveSystem(): void {
    this.#forgetMmx();
    this.#modes = 0;
    this.values.change(ALL_REGISTERS);
    this.#floats.change(ALL_REGISTERS);
    this.#registers.reload();
    this.contextChanged();
    this.wroteSlowly();
    this.#calledOut = true;
  }
}

function united(all: Iterable<RegisterEffects>): RegisterEffects {
  let used = 0;
  let written = 0;
  let changed = 0;
  let flags = false;
  let retranslates = false;
  let modes = 0;
  for (const effects of all) {
    flags ||= effects.flags;
    retranslates ||= effects.retranslates;
    modes |= effects.modes;
    used |= effects.used;
    written |= effects.written;
    changed |= effects.changed;
  }
  return { used, written, flags, changed, retranslates, modes };
}

function effectsOfAll(instructions: readonly Instruction[]): RegisterEffects {
  return united(instructions.map(effectsOf));
}

/** Registers that may be dirty at the start of each node of a stretch. */
function dirtyRegisters(
  flow: ControlFlow,
  effects: ReadonlyMap<Node, RegisterEffects>,
): Map<Node, number> {
  const dirty = new Map<Node, number>();
  for (let changed = true; changed;) {
    changed = false;
    for (const node of flow.nodes) {
      const stretch = flow.stretch(node);
      if (stretch === undefined) continue;
      let set = dirty.get(node) ?? 0;
      for (const from of node.predecessors) {
        if (stretch.nodes.has(from)) set |= (dirty.get(from) ?? 0) | effects.get(from)!.written;
      }
      if (set !== dirty.get(node)) {
        dirty.set(node, set);
        changed = true;
      }
    }
  }
  return dirty;
}
