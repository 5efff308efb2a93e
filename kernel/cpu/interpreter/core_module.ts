/**
 * The module that holds the run loop and the functions that handlers call.
 *
 * @module
 */

import { CORE_FUNCTIONS, type CoreFunction, Leaving } from "../core_functions.ts";
import { conditionValue, FlagsKind, type FlagsSource, materializedFlags } from "../flags.ts";
import { gateEntryBody } from "../gate_entry.ts";
import { ENGINE_PAGES, JUMP_CACHE, RECORD_SHIFT, RECORD_SIZE, REGION_UNKNOWN } from "../layout.ts";
import { defineMmu, type MmuFunctions } from "../mmu.ts";
import { restoreStateBody, saveStateBody } from "../state_area.ts";
import { type SystemFunctionName, systemFunctionNumber } from "../system_functions.ts";
import { timeStampAndAuxBody, timeStampBody } from "../time_stamps.ts";
import {
  ATTENTION,
  BUDGET,
  CODE_BASE,
  COMPILED_ENTRIES,
  COMPILED_INSTRUCTIONS,
  COMPILED_RETURNS,
  COMPILED_UNKNOWN,
  FAULT_ERROR,
  FAULT_VECTOR,
  FLAGS_KIND,
  FLAGS_RESULT,
  FLAGS_SOURCE,
  INSTRUCTION_RIP,
  LINEAR_MASK,
  NON_CANONICAL,
  RIP,
  RUN_START,
  Segment,
  SEGMENT_ATTRIBUTES,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SegmentAttribute,
  Vector,
} from "../state.ts";
import { type Expression, i32, i64, select } from "../wasm/expression.ts";
import { type FunctionBuilder, type Label, type Local, NOWHERE, Table } from "../wasm/function_builder.ts";
import { ModuleBuilder } from "../wasm/module_builder.ts";
import { enterRegion, findDrivenOut, findJump, noteRegion } from "./jump_cache.ts";
import { type Handler, writeHandler } from "./handler.ts";
import type { InlineHandlers } from "./inline_handlers.ts";
import { countEntry } from "./entry_counter.ts";
import { ADDRESSABLE_PAGES } from "../../memory/guarded_memory.ts";
import {
  IN_STACK,
  Record,
  recordLength,
  recordOffset,
  recordRip,
  SpecialHandler,
  specialRip,
} from "./record.ts";

/** Core functions that are TypeScript. */
const IMPORTED: readonly CoreFunction[] = ["x87", "float", "hot"];

/** Accesses that a region leaves to the interpreter before it is compiled again, to expect them. */
const MOST_UNKNOWN = 1000;

/** Entries that the table of regions has at first. */
const REGION_TABLE = 4096;
/** Entries that the handlers' table has at first. */
const HANDLER_TABLE = 2048;

/** Type of a handler function: record in, next record out, 0 to leave. */
export const HANDLER_PARAMS = ["i32"] as const;
export const HANDLER_RESULTS = ["i32"] as const;

/**
 * Declares the imports that every generated module has: both memories and both tables. V8 reaches the first memory and
 * the first table faster than the others.
 */
export function importShared(m: ModuleBuilder, ramPages: number): void {
  importMemories(m, ramPages);
  const type = m.type(HANDLER_PARAMS, HANDLER_RESULTS);
  m.importTable("engine", "regions", type);
  m.importTable("engine", "handlers", type);
}

function importMemories(m: ModuleBuilder, ramPages: number): void {
  // Where the address is a constant below the least size, there is nothing to check.
  m.importMemory("engine", "memory", ENGINE_PAGES, ADDRESSABLE_PAGES);
  m.importMemory("engine", "ram", ramPages, ADDRESSABLE_PAGES);
}

/** Imports core functions as they are asked for; gives their indexes. */
export function importCore(m: ModuleBuilder): (name: CoreFunction) => number {
  const indexes = new Map<CoreFunction, number>();
  return (name) => {
    let index = indexes.get(name);
    if (index === undefined) {
      const [params, results] = CORE_FUNCTIONS[name];
      indexes.set(name, index = m.importFunction("core", name, params, results));
    }
    return index;
  };
}

/** Builds the core module. `inline` are the handlers that stand in the loops themselves. */
export function buildCoreModule(
  ramSize: number,
  ramPages: number,
  bounce: number,
  inline: InlineHandlers,
  counts: boolean,
): Uint8Array<ArrayBuffer> {
  const m = new ModuleBuilder();
  importMemories(m, ramPages);
  const indexes = new Map<CoreFunction, number>();
  for (const name of IMPORTED) {
    const [params, results] = CORE_FUNCTIONS[name];
    indexes.set(name, m.importFunction("engine", name, params, results));
  }
  const imports = {
    system: m.importFunction("engine", "system", ...CORE_FUNCTIONS.system),
    lookup: m.importFunction("engine", "lookup", ["i64"], ["i32"]),
    readMmio: m.importFunction("engine", "readMmio", ["i64", "i32"], ["i64"]),
    writeMmio: m.importFunction("engine", "writeMmio", ["i64", "i32", "i64"], []),
    codeWritten: m.importFunction("engine", "codeWritten", ["i32", "i32"], []),
    link: m.importFunction("engine", "link", ["i32"], ["i64"]),
    watched: m.importFunction("engine", "watched", ["i64", "i32", "i32"], ["i32"]),
    expectUnknown: m.importFunction("engine", "expectUnknown", ["i32"], []),
    alone: m.importFunction("engine", "alone", ["i32"], ["i32"]),
    compileHandlers: m.importFunction("engine", "compileHandlers", [], []),
  };
  const mmu = defineMmu(m, imports, ramSize, bounce);
  const core = new CoreModule(m, indexes, mmu, imports, counts, bounce);
  core.define();
  core.defineSystem(mmu.plainPage);
  m.exportFunction("enterGate", ["i32", "i32", "i32"], ["i32"], (f) => {
    gateEntryBody(f, {
      plainPage: mmu.plainPage,
      materializeFlags: core.index("materializeFlags"),
    });
  });
  // Each defines a table, in the order of `Table`.
  core.defineExits();
  core.defineMissing();
  const count = inline.long.length + inline.flat.length;
  core.defineRun("run", inline.long, 0, count);
  core.defineRun("runFlat", inline.flat, inline.long.length, count);
  return m.finish();
}

class CoreModule {
  /** (target) -> record to go on with, not counted; 0: leave. */
  private goTo!: number;

  constructor(
    private readonly m: ModuleBuilder,
    private readonly indexes: Map<CoreFunction, number>,
    mmu: MmuFunctions,
    private readonly imports: Readonly<
      Record<"system" | "lookup" | "link" | "expectUnknown" | "alone" | "compileHandlers", number>
    >,
    /** Entries are counted, so that hot code is compiled. */
    private readonly counts: boolean,
    /** Where RAM memory's bounce buffer lies. */
    private readonly bounce: number,
  ) {
    indexes.set("readSlow", mmu.readSlow);
    indexes.set("writeSlow", mmu.writeSlow);
    indexes.set("modifySlow", mmu.modifySlow);
    indexes.set("fetchPage", mmu.fetchPage);
  }

  index(name: CoreFunction): number {
    const index = this.indexes.get(name);
    if (index === undefined) throw new Error(`Core function "${name}" is not defined yet`);
    return index;
  }

  #function(name: CoreFunction, body: (f: FunctionBuilder) => void): void {
    const [params, results] = CORE_FUNCTIONS[name];
    this.indexes.set(name, this.m.exportFunction(name, params, results, body));
  }

  define(): void {
    this.#function("segmentAddress", segmentAddress);
    this.#function("jump", (f) => this.#jump(f));
    this.#function("leaveTo", (f) => this.#leaveTo(f));
    // The code there is no hotter for an access that a region has left.
    this.goTo = this.m.exportFunction("goTo", ["i64"], ["i32"], (f) => {
      this.#goTo(f, f.param("i64", 0), f.loadAs("i32.load", NOWHERE, BUDGET), false);
    });
    this.#function("leaveEarly", (f) => this.#leaveEarly(f));
    this.#function("branch", (f) => this.#branch(f));
    this.#function("leaveBefore", (f) => {
      f.store(8, NOWHERE, recordRip(f, f.param("i32", 0)), RIP);
      f.return(i32(0));
    });
    this.#function("faulted", (f) => {
      const record = f.param("i32", 0);
      const stack = f.loadAs("i32.load8_u", record, Record.INDEX).and(IN_STACK);
      noteFault(f, f.let(recordRip(f, record)), stack);
    });
    this.#function("enterSystem", (f) => {
      const record = f.param("i32", 0);
      const rip = f.let(recordRip(f, record));
      f.store(8, NOWHERE, rip, INSTRUCTION_RIP);
      f.store(8, NOWHERE, rip.add(recordLength(f, record).extendU()), RIP);
    });
    this.#function("materializeFlags", (f) => {
      forEachFlagsKind(f, (flags) => f.return(materializedFlags(flags)));
    });
    for (let index = 0; index < 8; index++) {
      this.#function(`condition${index}` as CoreFunction, (f) => {
        forEachFlagsKind(f, (flags) => f.return(conditionValue(flags, index * 2)));
      });
    }
  }

  /** Calls a function of `system/`, unless generated code does what it does. */
  defineSystem(plainPage: number): void {
    const indexes = new Map<SystemFunctionName, number>();
    // (a, b) -> 1 if it has been done.
    const write = (name: SystemFunctionName, body: (f: FunctionBuilder) => void) =>
      indexes.set(name, this.m.exportFunction(name, ["i64", "i64"], ["i32"], body));
    write("xsave", (f) => saveStateBody(f, plainPage));
    write("xrstor", (f) => restoreStateBody(f, plainPage));
    write("rdtsc", timeStampBody);
    write("rdtscp", (f) => timeStampAndAuxBody(f, indexes.get("rdtsc")!));
    this.#function("system", (f) => {
      const [number, a, b] = [f.param("i32", 0), f.param("i64", 1), f.param("i64", 2)];
      for (const [name, index] of indexes) {
        const own = number.eq(systemFunctionNumber(name));
        f.if(own, () => f.if(f.callFor("i32", index, a, b), () => f.return(i64(0))));
      }
      f.return(f.callFor("i64", this.imports.system, number, a, b));
    });
  }

  /** (record, target) -> record at the target, or 0. */
  #jump(f: FunctionBuilder): void {
    const record = f.param("i32", 0);
    const target = f.param("i64", 1);
    this.#goTo(f, target, this.#chargeRun(f, record.add(RECORD_SIZE)));
  }

  /** Returns the record at a target to go on with, or 0 if there is a reason to leave before it. */
  #goTo(f: FunctionBuilder, target: Local<"i64">, budget: Local<"i32">, counts = this.counts): void {
    const linear = this.#linear(f, target);
    const found = f.local("i32");
    const take = (entry: Local<"i32">) => f.set(found, f.loadAs("i32.load", entry, JUMP_CACHE + 8));
    findJump(f, linear, take, () => {
      findDrivenOut(f, linear, take, () => this.#lookUp(f, target, linear, found));
    });
    f.store(8, NOWHERE, target.sub(linear.and(0xfff)), CODE_BASE);
    this.#enter(f, found, budget, target, counts);
  }

  /** Has the record at an address found or made; returns 0 if the page cannot be fetched. */
  #lookUp(f: FunctionBuilder, target: Expression<"i64">, linear: Local<"i64">, found: Local<"i32">): void {
    f.store(8, NOWHERE, target, RIP);
    f.set(found, f.callFor("i32", this.imports.lookup, linear));
    f.if(found.eqz(), () => {
      // Nothing of the next run has been executed.
      f.storeAs("i32.store", NOWHERE, i32(0), RUN_START);
      f.return(i32(0));
    });
  }

  /** Returns a record to go on with, or 0 if there is a reason to leave before it. */
  #enter(
    f: FunctionBuilder,
    record: Local<"i32">,
    budget: Local<"i32">,
    rip: Expression<"i64">,
    counts = this.counts,
  ): void {
    f.storeAs("i32.store", NOWHERE, record, RUN_START);
    const attention = f.loadAs("i32.load", NOWHERE, ATTENTION);
    f.if(budget.ltS(attention), () => {
      f.store(8, NOWHERE, rip, RIP);
      f.return(i32(0));
    });
    if (counts) countEntry(f, record, this.index("hot"));
    f.return(record);
  }

  /** (RIP, budget, why, slot) -> as {@link CORE_FUNCTIONS} says. */
  #leaveEarly(f: FunctionBuilder): void {
    const rip = f.param("i64", 0);
    const why = f.param("i32", 2);
    f.storeAs("i32.store", NOWHERE, f.param("i32", 1), BUDGET);
    f.if(why.eq(Leaving.Unknown), () => this.#leaveUnknown(f, rip, f.param("i32", 3)));
    noteFault(f, rip, why.eq(Leaving.Stack));
    f.return(i32(0));
  }

  #leaveUnknown(f: FunctionBuilder, target: Local<"i64">, slot: Local<"i32">): void {
    f.store(8, NOWHERE, f.load(8, NOWHERE, COMPILED_UNKNOWN).add(1n), COMPILED_UNKNOWN);
    const unknown = f.let(f.loadAs("i32.load", slot.shl(2), REGION_UNKNOWN).add(1));
    f.storeAs("i32.store", slot.shl(2), unknown, REGION_UNKNOWN);
    f.if(unknown.eq(MOST_UNKNOWN), () => f.call(this.imports.expectUnknown, slot));
    const record = f.callFor("i32", this.goTo, target);
    // A region that begins with the instruction would come to the same access.
    const compiled = f.loadAs("i32.load16_u", record, Record.HANDLER).eq(SpecialHandler.Region);
    f.if(record.ne(0).and(compiled), () => {
      f.set(record, f.callFor("i32", this.imports.alone, record));
      f.storeAs("i32.store", NOWHERE, record, RUN_START);
    });
    f.return(record);
  }

  /** Linear address of a target in the code segment. */
  #linear(f: FunctionBuilder, target: Expression<"i64">): Local<"i64"> {
    const base = f.load(8, NOWHERE, SEGMENT_BASE + Segment.CS * 8);
    return f.let(target.add(base).and(f.load(8, NOWHERE, LINEAR_MASK)));
  }

  /** (target) -> as {@link CORE_FUNCTIONS} says. */
  #leaveTo(f: FunctionBuilder): void {
    const target = f.param("i64", 0);
    const linear = this.#linear(f, target);
    const found = f.local("i32");
    const take = (entry: Local<"i32">) => {
      f.store(8, NOWHERE, target.sub(linear.and(0xfff)), CODE_BASE);
      enterRegion(f, entry, target, this.#handlerType);
      f.set(found, f.loadAs("i32.load", entry, JUMP_CACHE + 8));
    };
    findJump(f, linear, take, () => {
      findDrivenOut(f, linear, take, () => {
        this.#lookUp(f, target, linear, found);
        f.store(8, NOWHERE, target.sub(linear.and(0xfff)), CODE_BASE);
      });
    });
    this.#enter(f, found, f.loadAs("i32.load", NOWHERE, BUDGET), target);
  }

  get #handlerType(): number {
    return this.m.type(HANDLER_PARAMS, HANDLER_RESULTS);
  }

  /** What the exits of regions lead to where no region is known: `unlinked` and `resume`, by the exit's address. */
  defineExits(): void {
    const resume = this.m.exportFunction("resume", ["i32"], ["i32"], (f) => {
      const exit = f.param("i32", 0);
      const record = f.loadAs("i32.load", exit, 4);
      const rip = f.let(recordRip(f, record));
      // The code that stood there has been overwritten.
      f.if(f.loadAs("i32.load16_u", record, Record.HANDLER).eq(SpecialHandler.Refetch), () => {
        f.store(8, exit, i64(0));
        f.returnCall(this.index("leaveTo"), rip);
      });
      this.#enter(f, record, f.loadAs("i32.load", NOWHERE, BUDGET), rip);
    });
    // (exit or 0): an exit that leads nowhere yet; 0: a region that is no more was reached by the jump cache.
    const unlinked = this.m.exportFunction("unlinked", ["i32"], ["i32"], (f) => {
      const exit = f.param("i32", 0);
      const target = f.callFor("i64", this.imports.link, exit);
      f.if(f.loadAs("i32.load", exit).ne(0).and(exit.ne(0)), () => {
        f.if(f.loadAs("i32.load", exit, 4), () => f.returnCall(resume, exit));
        f.returnCallIndirect(this.#handlerType, Table.Regions, f.loadAs("i32.load", exit), exit);
      });
      f.returnCall(this.index("leaveTo"), target);
    });
    this.m.exportTable("regions", this.#handlerType, REGION_TABLE, unlinked);
  }

  /** What the table of handlers has for those that are not compiled yet: they are, and the record is executed again. */
  defineMissing(): void {
    const missing = this.m.exportFunction("missing", HANDLER_PARAMS, HANDLER_RESULTS, (f) => {
      f.call(this.imports.compileHandlers);
      f.return(f.param("i32", 0));
    });
    this.m.exportTable("handlers", this.#handlerType, HANDLER_TABLE, missing);
  }

  /** (record) -> record that its relative branch leads to, or 0. Remembers it within a page. */
  #branch(f: FunctionBuilder): void {
    const record = f.param("i32", 0);
    const before = f.load(8, NOWHERE, CODE_BASE);
    const end = recordRip(f, record).add(recordLength(f, record).extendU());
    const displacement = f.loadAs("i64.load32_s", record, Record.IMMEDIATE);
    const target = end.add(displacement).and(f.load(8, NOWHERE, LINEAR_MASK));
    const found = f.callFor("i32", this.index("jump"), record, target);
    // Both records lie in one physical page, and are dropped together.
    const same = f.load(8, NOWHERE, CODE_BASE).eq(before);
    // The second page of an instruction that lies in two is mapped apart.
    const last = recordOffset(f, found).add(recordLength(f, found));
    // Compiled code may have been put in the place of this record meanwhile: then LINK names that.
    const branch = f.loadAs("i32.load16_u", record, Record.HANDLER).ne(SpecialHandler.Region);
    // What the jump cache knows may have been overwritten: it is decoded again when it is executed.
    const fresh = f.loadAs("i32.load16_u", found, Record.HANDLER).ne(SpecialHandler.Refetch);
    f.if(found.ne(0).and(same).and(last.leU(4096)).and(branch).and(fresh), () => {
      f.storeAs("i32.store", record, found, Record.LINK);
    });
    f.return(found);
  }

  /**
   * A loop of the interpreter: goes on at RIP until there is a reason to leave. `inline` stand in it, whose numbers begin
   * with `first` of `count` that stand in any loop. Another loop's are a reason to leave.
   */
  defineRun(name: string, inline: readonly Handler[], first: number, count: number): void {
    this.m.exportFunction(name, [], ["i32"], (f) => {
      const record = f.local("i32");
      f.storeAs("i32.store", NOWHERE, i32(0), RUN_START);
      const start = f.load(8, NOWHERE, RIP);
      f.set(record, f.callFor("i32", this.index("jump"), i32(-RECORD_SIZE), start));
      f.if(record.eqz(), () => f.return(i32(0)));
      const cases: ((loop: Label) => void)[] = [
        (loop) => {
          f.set(record, f.callFor("i32", this.index("jump"), record, specialRip(f, record)));
          f.branchIf(record, loop);
          f.return(i32(0));
        },
        (loop) => this.#refetch(f, record, loop),
        (loop) => {
          const link = f.loadAs("i32.load", record, Record.LINK);
          const start = f.loadAs("i32.load", NOWHERE, RUN_START);
          f.storeAs("i32.store", NOWHERE, start.add(link.sub(record)), RUN_START);
          f.set(record, link);
          f.branch(loop);
        },
        () => {
          this.#chargeRun(f, record);
          f.store(8, NOWHERE, specialRip(f, record), RIP);
          f.return(i32(0));
        },
        (loop) => {
          const before = this.#chargeRun(f, record);
          const region = f.loadAs("i32.load", record, Record.LINK);
          const rip = f.let(recordRip(f, record));
          f.store(8, NOWHERE, rip, RIP);
          noteRegion(f, rip, record, region);
          f.set(record, f.callIndirect("i32", this.#handlerType, Table.Regions, region, i32(0)));
          const used = before.sub(f.loadAs("i32.load", NOWHERE, BUDGET)).extendS();
          f.store(8, NOWHERE, f.load(8, NOWHERE, COMPILED_INSTRUCTIONS).add(used), COMPILED_INSTRUCTIONS);
          f.store(8, NOWHERE, f.load(8, NOWHERE, COMPILED_ENTRIES).add(1n), COMPILED_ENTRIES);
          f.branchIf(record, loop);
          f.store(8, NOWHERE, f.load(8, NOWHERE, COMPILED_RETURNS).add(1n), COMPILED_RETURNS);
          f.return(i32(0));
        },
        ...inline.map((handler) => (loop: Label) => {
          writeHandler(f, handler, this.bounce, {
            record,
            loop,
            counts: this.counts,
            core: (name) => this.index(name),
          });
        }),
      ];
      const elsewhere = cases.push(() => this.#leaveBefore(f, record)) - 1;
      const table = Array.from({ length: FIRST_HANDLER + count }, (_, number) => {
        const index = number - FIRST_HANDLER - first;
        if (number < FIRST_HANDLER) return number;
        return index >= 0 && index < inline.length ? FIRST_HANDLER + index : elsewhere;
      });
      f.loop((loop) => {
        const handler = f.loadAs("i32.load16_u", record, Record.HANDLER);
        dispatchTable(f, handler, cases, loop, () => {
          f.set(record, f.callIndirect("i32", this.#handlerType, Table.Handlers, handler, record));
          f.branchIf(record, loop);
          f.return(i32(0));
        }, table);
      });
      f.return(i32(0));
    });
  }

  /** Charges the instructions of a run that come before a record. Gives what is left of the budget. */
  #chargeRun(f: FunctionBuilder, record: Expression<"i32">): Local<"i32"> {
    const executed = record.sub(f.loadAs("i32.load", NOWHERE, RUN_START)).shrS(RECORD_SHIFT);
    const left = f.let(f.loadAs("i32.load", NOWHERE, BUDGET).sub(executed));
    f.storeAs("i32.store", NOWHERE, left, BUDGET);
    return left;
  }

  /** Returns before a record's instruction has been executed. */
  #leaveBefore(f: FunctionBuilder, record: Local<"i32">): void {
    this.#chargeRun(f, record);
    f.return(f.callFor("i32", this.index("leaveBefore"), record));
  }

  #refetch(f: FunctionBuilder, record: Local<"i32">, loop: Label): void {
    this.#chargeRun(f, record);
    const rip = f.let(recordRip(f, record));
    f.store(8, NOWHERE, rip, RIP);
    const linear = this.#linear(f, rip);
    f.set(record, f.callFor("i32", this.imports.lookup, linear));
    // Behind an instruction that lies in two pages it is the second that execution goes on in.
    f.store(8, NOWHERE, rip.sub(linear.and(0xfff)), CODE_BASE);
    f.storeAs("i32.store", NOWHERE, record, RUN_START);
    f.branchIf(record, loop);
    f.return(i32(0));
  }
}

/** Nests a block for each case, so that `branchTable` lands in the one that `table` has for the index. */
function dispatchTable(
  f: FunctionBuilder,
  index: Expression<"i32">,
  cases: readonly ((loop: Label) => void)[],
  loop: Label,
  otherwise: () => void,
  table: readonly number[] = [...cases.keys()],
): void {
  const labels: Label[] = [];
  const nest = (remaining: number): void => {
    f.block((label) => {
      labels[remaining] = label;
      if (remaining === 0) f.branchTable(index, table.map((number) => labels[number]!), labels.at(-1)!);
      else nest(remaining - 1);
    });
    f.scope(() => {
      if (remaining < cases.length) cases[remaining]!(loop);
      else otherwise();
    });
  };
  nest(cases.length);
}

/** Notes what the instruction at `rip` has faulted with, if it has. `stack`: it accesses the stack. */
function noteFault(f: FunctionBuilder, rip: Local<"i64">, stack: Expression<"i32">): void {
  f.if(f.loadAs("i32.load", NOWHERE, FAULT_VECTOR).eq(NON_CANONICAL), () => {
    f.storeAs("i32.store", NOWHERE, select(stack, i32(Vector.SS), i32(Vector.GP)), FAULT_VECTOR);
  });
  f.store(8, NOWHERE, rip, RIP);
  f.store(8, NOWHERE, rip, INSTRUCTION_RIP);
}

/** Runs `use` for the kind of flags that the state holds; `use` returns. */
function forEachFlagsKind(f: FunctionBuilder, use: (flags: FlagsSource) => void): void {
  const result = f.load(8, NOWHERE, FLAGS_RESULT);
  const source = f.load(8, NOWHERE, FLAGS_SOURCE);
  const kind = f.loadAs("i32.load", NOWHERE, FLAGS_KIND);
  const cases: (() => void)[] = [];
  for (let number = 0; number < FlagsKind.Count * 4; number++) {
    cases.push(() => use({ kind: number >> 2, size: 1 << (number & 3), result, source }));
  }
  const last = cases.pop()!;
  f.loop((loop) => dispatchTable(f, kind, cases, loop, last));
}

/** (segment, offset, bytes, write) -> linear address, or -1 with #GP(0) or #SS(0) pending. */
function segmentAddress(f: FunctionBuilder): void {
  const segment = f.param("i32", 0);
  const offset = f.param("i64", 1);
  const bytes = f.param("i32", 2);
  const write = f.param("i32", 3);
  const attributes = f.loadAs("i32.load", segment.shl(2), SEGMENT_ATTRIBUTES);
  const limit = f.loadAs("i64.load32_u", segment.shl(2), SEGMENT_LIMIT);
  const last = f.let(offset.add(bytes.extendU()).sub(1));
  const code = f.let(attributes.and(SegmentAttribute.EXECUTABLE));
  const readWrite = f.let(attributes.and(SegmentAttribute.READ_WRITE).eqz());
  const denied = f.let(select(
    write,
    // Writable: a data segment with the W bit.
    code.or(readWrite),
    // Readable: any data segment, or code with the R bit.
    code.ne(0).and(readWrite),
  ));
  f.set(denied, denied.or(attributes.and(SegmentAttribute.UNUSABLE)));
  const expandDown = attributes.and(SegmentAttribute.DIRECTION_CONFORMING | SegmentAttribute.EXECUTABLE)
    .eq(SegmentAttribute.DIRECTION_CONFORMING);
  f.if(expandDown, () => {
    const highest = select(attributes.and(SegmentAttribute.DB), i64(0xffffffff), i64(0xffff));
    f.set(denied, denied.or(offset.leU(limit)).or(last.gtU(highest)));
  }, () => f.set(denied, denied.or(last.gtU(limit))));
  f.if(denied, () => {
    f.storeAs(
      "i32.store",
      NOWHERE,
      select(segment.eq(Segment.SS), i32(Vector.SS), i32(Vector.GP)),
      FAULT_VECTOR,
    );
    f.storeAs("i32.store", NOWHERE, i32(0), FAULT_ERROR);
    f.return(i64(-1));
  });
  const base = f.load(8, segment.shl(3), SEGMENT_BASE);
  f.return(base.add(offset).and(0xffffffffn));
}

/** Handlers below this number are not instructions. */
export const FIRST_HANDLER = SpecialHandler.Count;
