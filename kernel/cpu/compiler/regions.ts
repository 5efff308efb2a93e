/**
 * The compiled regions of one vCPU: asked for when code is hot, linked with each other, dropped with their page.
 *
 * @module
 */

import type { CompileAnswer, CompileService } from "./compile_service.ts";
import { type CodeCache, codeKey, type CompiledRegions } from "../interpreter/code_cache.ts";
import { EXIT_COUNT, EXIT_SIZE, EXITS, REGION_UNKNOWN } from "../layout.ts";
import {
  CODE_BASE,
  CODE_DROPPED,
  CodeMode,
  COMPILED_INSTRUCTIONS,
  CONTEXT_USER,
  TLB_CONTEXT,
} from "../state.ts";
import { growTable } from "../wasm/grow_table.ts";
import { type CompiledRegion, type CompileRequest, EXITS_PER_REGION } from "./compiler.ts";

/** Functions of the table of regions that are none. Its entries are the first until regions are put there. */
const UNLINKED = 0;
export const RESUME = 1;
const FIRST_REGION = 2;

/** Modes whose code is compiled: where linear addresses are what instructions say. */
const COMPILED_MODES: ReadonlySet<CodeMode> = new Set([CodeMode.Bits64, CodeMode.Flat32]);

/** Most regions that there may be at once: what V8 makes of one takes about ten KiB. */
const MOST_REGIONS = 1 << 14;
/** How many are left when there were too many. */
const KEPT_REGIONS = MOST_REGIONS - MOST_REGIONS / 8;

/**
 * After which part of the entries that a kernel's code takes a program's is compiled: a kernel runs through much code that
 * it leaves for good, above all when it starts.
 */
const USER_SHARE = 2 / 3;

/** How often a page's compiled code may be overwritten before the page is left to the interpreter. */
const MOST_DROPS = 16;

/**
 * How many instructions compiled code has to execute while a region leaves as many accesses as are too many otherwise,
 * for it to stay as it is. With 200 million a qsort, which the interpreter goes on in for long, took a fifth longer; a
 * kernel of floats, which calls slow down by half, executes several thousand million.
 */
const SELDOM = 1_000_000_000;

interface Region {
  readonly key: number;
  readonly compiled: CompiledRegion;
  /** What compiled code had executed when its accesses began to be counted. */
  countedSince: number;
}

/** What regions are made with. */
export interface RegionHost {
  readonly memory: WebAssembly.Memory;
  readonly ram: WebAssembly.Memory;
  readonly table: WebAssembly.Table;
  readonly code: CodeCache;
  /** Imports of a module of regions. */
  readonly imports: WebAssembly.Imports;
  readonly service: CompileService;
  /** How often the counter of entries runs out before code is compiled. */
  readonly rounds: number;
  /** Empties the jump cache. */
  readonly forgetJumps: () => void;
}

/** Compiled regions. */
export class Regions implements CompiledRegions {
  readonly #words: Int32Array;
  readonly #view: DataView;
  readonly #ram: Uint8Array;
  #regions = new Map<number, Region>();
  #pages = new Map<number, Set<Region>>();
  /** A byte for each page of RAM: nonzero once a region has begun in it. */
  readonly #compiledPages: Uint8Array;
  /** Slots of places that are being compiled. */
  #asked = new Map<number, number>();
  /** Places that cannot be compiled. */
  #refused = new Set<number>();
  /** Exits that lead to a place, by the place. */
  #leading = new Map<number, Set<number>>();
  /** Places that exits lead to, by the exit. That of a region that is no more is kept: it may still be running. */
  #targets = new Map<number, { readonly key: number; live: boolean }>();
  /** How often each page's regions have been dropped. */
  #drops = new Map<number, number>();
  /** How often the counter of entries has to run out yet, by place. */
  readonly #warm = new Map<number, number>();
  /** What the compiler has not been told yet. */
  #requested: CompileRequest[] = [];
  #nextSlot = FIRST_REGION;
  #nextExit = 1;
  #freeExits: number[] = [];
  /** Slots of regions that are no more: the jump cache may still name them. */
  #deadSlots: number[] = [];
  #freeSlots: number[] = [];
  compiled = 0;
  /** Requests to the compiler. */
  requests = 0;
  /** Requests that came too early. */
  putOff = 0;
  dropped = 0;
  codeBytes = 0;
  /** Nanoseconds. */
  compileTime = 0;

  constructor(private readonly host: RegionHost) {
    this.#words = new Int32Array(host.memory.buffer);
    this.#view = new DataView(host.memory.buffer);
    this.#ram = new Uint8Array(host.ram.buffer);
    this.#compiledPages = new Uint8Array(this.#ram.length >>> 12);
  }

  at(key: number): number {
    // Most code that is decoded lies in pages of which nothing has been compiled.
    if (this.#compiledPages[Math.floor(key / 8) >>> 12] === 0) return 0;
    return this.#regions.get(key)?.compiled.request.slot ?? 0;
  }

  /** The run at a record is hot. */
  hot(record: number): void {
    const key = this.host.code.keyOf(record);
    if (key === undefined) return;
    const asked = this.#asked.get(key);
    if (asked !== undefined) return this.host.service.hurry(asked);
    if (!COMPILED_MODES.has(key & 7) || this.#isCool(key)) return;
    if (this.#regions.has(key) || this.#refused.has(key)) return;
    if (this.#regions.size >= MOST_REGIONS) this.#evict();
    if ((this.#drops.get(Math.floor(key / 8) >>> 12) ?? 0) >= MOST_DROPS) return;
    this.#request(
      key,
      this.#view.getBigInt64(CODE_BASE, true),
      this.#view.getBigInt64(TLB_CONTEXT, true),
      false,
    );
    if (this.#requested.length >= this.host.service.batch) this.takeCompiled();
  }

  /** A region has left many accesses to the interpreter: has it compiled again, to make them itself, if it was often. */
  expectUnknown(slot: number): void {
    for (const region of this.#regions.values()) {
      const { key, compiled: { request } } = region;
      if (request.slot !== slot || this.#asked.has(key)) continue;
      if (this.#executed - region.countedSince < SELDOM) {
        return this.#request(key, request.page, request.context, true);
      }
      region.countedSince = this.#executed;
      this.#words[(REGION_UNKNOWN >> 2) + slot] = 0;
      return;
    }
  }

  /** Instructions that compiled code has executed. */
  get #executed(): number {
    return Number(this.#view.getBigInt64(COMPILED_INSTRUCTIONS, true));
  }

  /** Asks for a region, if there is room for one. */
  #request(key: number, page: bigint, context: bigint, expectsUnknown: boolean): void {
    // A guest can ask for more than the compiler manages.
    if (this.#asked.size === MOST_REGIONS) return;
    if (this.#freeExits.length === 0 && this.#nextExit + EXITS_PER_REGION > EXIT_COUNT) return;
    const slot = this.#takeSlot();
    this.#asked.set(key, slot);
    this.requests++;
    this.#requested.push({
      host: Math.floor(key / 8),
      mode: key & 3,
      page,
      context,
      slot,
      expectsUnknown,
      firstExit: this.#takeExits(),
    });
  }

  #ask(): void {
    if (this.#requested.length === 0) return;
    this.host.service.request(this.#requested);
    this.#requested = [];
  }

  /** How often the counter of entries runs out before code of the current privilege level is compiled. */
  get #rounds(): number {
    const user = (this.#words[TLB_CONTEXT >> 2]! & CONTEXT_USER) !== 0;
    return user ? Math.ceil(this.host.rounds * USER_SHARE) : this.host.rounds;
  }

  /** Whether the counter of entries has to run out more often before code is compiled. */
  #isCool(key: number): boolean {
    const left = (this.#warm.get(key) ?? this.#rounds) - 1;
    if (left <= 0) {
      this.#warm.delete(key);
      return false;
    }
    if (this.#warm.size === MOST_REGIONS) this.#warm.clear();
    this.#warm.set(key, left);
    return true;
  }

  /** Asks for code again if it is still entered a few hundred times from now on. */
  #askSoon(key: number): void {
    this.putOff++;
    this.#warm.set(key, Math.min(2, this.host.rounds));
  }

  #takeExits(): number {
    const free = this.#freeExits.pop();
    if (free !== undefined) return free;
    const first = this.#nextExit;
    this.#nextExit += EXITS_PER_REGION;
    return first;
  }

  /** Puts what has been compiled in the place of what it was made from, unless that has changed. */
  takeCompiled(): void {
    this.#ask();
    for (;;) {
      const answer = this.host.service.take();
      if (answer === undefined) return;
      const { requests, regions, putOff } = answer;
      const compiled = new Set(regions.map(({ request }) => request.slot));
      const later = new Set(putOff.map(({ slot }) => slot));
      for (const request of requests) {
        const { host, mode, slot } = request;
        if (compiled.has(slot)) continue;
        this.#giveBack(request);
        this.#asked.delete(codeKey(host, mode));
        if (later.has(slot)) this.#askSoon(codeKey(host, mode));
        else this.#refused.add(codeKey(host, mode));
      }
      this.#installAll(answer);
    }
  }

  #installAll({ module, size, regions, source, time }: CompileAnswer): void {
    this.compileTime += time;
    if (module === undefined) return;
    new WebAssembly.Instance(module, this.host.imports);
    this.codeBytes += size;
    const bytes = new Uint8Array(source);
    let at = 0;
    for (const compiled of regions) {
      const start = at;
      for (const [from, to] of compiled.pieces) at += to - from;
      const { host, mode, slot } = compiled.request;
      const key = codeKey(host, mode);
      this.#asked.delete(key);
      if (this.#unchanged(compiled, bytes.subarray(start, at))) {
        this.#install(key, compiled);
        continue;
      }
      this.#giveBack(compiled.request);
      this.#empty(slot);
    }
  }

  /** A request has led to nothing: what it was given is free again. */
  #giveBack({ slot, firstExit }: CompileRequest): void {
    this.#freeExits.push(firstExit);
    this.#freeSlots.push(slot);
  }

  #empty(slot: number): void {
    const { table } = this.host;
    table.set(slot, table.get(UNLINKED));
  }

  #takeSlot(): number {
    if (this.#freeSlots.length === 0 && this.#nextSlot >= 2 * MOST_REGIONS) {
      this.host.forgetJumps();
      this.#freeSlots = this.#deadSlots;
      this.#deadSlots = [];
    }
    const slot = this.#freeSlots.pop() ?? this.#nextSlot++;
    const { table } = this.host;
    if (slot >= table.length) growTable(table, table.length);
    this.#words[(REGION_UNKNOWN >> 2) + slot] = 0;
    return slot;
  }

  #unchanged({ pieces }: CompiledRegion, bytes: Uint8Array): boolean {
    let at = 0;
    for (const [from, to] of pieces) {
      for (let host = from; host < to; host++) if (this.#ram[host] !== bytes[at++]) return false;
    }
    return true;
  }

  #install(key: number, compiled: CompiledRegion): void {
    const { code } = this.host;
    const { mode, slot, firstExit } = compiled.request;
    // It may have been compiled again, to expect what the TLBs do not answer.
    const before = this.#regions.get(key);
    if (before !== undefined) this.#drop(before);
    const region = { key, compiled, countedSince: this.#executed };
    this.#regions.set(key, region);
    this.#compiledPages[compiled.request.host >>> 12] = 1;
    for (const [from, to] of compiled.pieces) code.markCompiled(from, to);
    for (const [from] of compiled.pieces) {
      let inPage = this.#pages.get(from >>> 12);
      if (inPage === undefined) this.#pages.set(from >>> 12, inPage = new Set());
      inPage.add(region);
    }
    for (const [index, target] of compiled.exits.entries()) {
      this.#targets.set(EXITS + (firstExit + index) * EXIT_SIZE, {
        key: codeKey(target, mode),
        live: true,
      });
    }
    this.compiled++;
    const record = code.known(key);
    if (record !== undefined) code.enterRegion(record, slot);
    for (const exit of this.#leading.get(key) ?? []) this.#link(exit, slot, 0);
  }

  #link(exit: number, slot: number, record: number): void {
    this.#words[exit >> 2] = slot;
    this.#words[(exit >> 2) + 1] = record;
  }

  /** Links an exit that is being taken, if it is known what stands at its target. Gives the target, in RAM memory. */
  link(exit: number): number {
    const target = this.#targets.get(exit);
    if (target === undefined) throw new Error(`Exit ${exit} belongs to no region`);
    const { key } = target;
    if (!target.live) return Math.floor(key / 8);
    const region = this.#regions.get(key);
    const record = region === undefined ? this.host.code.known(key) : undefined;
    if (region !== undefined) this.#link(exit, region.compiled.request.slot, 0);
    else if (record !== undefined) this.#link(exit, RESUME, record);
    if (region !== undefined || record !== undefined) {
      let exits = this.#leading.get(key);
      if (exits === undefined) this.#leading.set(key, exits = new Set());
      exits.add(exit);
    }
    return Math.floor(key / 8);
  }

  drop(page: number): void {
    if (!this.#pages.has(page)) return;
    this.#drops.set(page, (this.#drops.get(page) ?? 0) + 1);
    this.#dropPage(page);
  }

  /** Makes room: drops the pages that have had compiled code for longest. */
  #evict(): void {
    for (const page of this.#pages.keys()) {
      if (this.#regions.size <= KEPT_REGIONS) break;
      this.#dropPage(page);
    }
  }

  #dropPage(page: number): void {
    const regions = this.#pages.get(page) ?? [];
    this.#pages.delete(page);
    for (const region of regions) this.#drop(region);
    this.#words[CODE_DROPPED >> 2] = 1;
  }

  #drop(region: Region): void {
    const { slot, firstExit } = region.compiled.request;
    this.dropped++;
    this.#regions.delete(region.key);
    for (const [from] of region.compiled.pieces) this.#pages.get(from >>> 12)?.delete(region);
    // It may be another page than the entry's that was overwritten.
    this.host.code.leaveRegion(region.key);
    // The jump cache may still name it.
    this.#empty(slot);
    for (const exit of this.#leading.get(region.key) ?? []) this.#link(exit, UNLINKED, 0);
    this.#leading.delete(region.key);
    for (let index = 0; index < region.compiled.exits.length; index++) {
      const exit = EXITS + (firstExit + index) * EXIT_SIZE;
      const target = this.#targets.get(exit);
      if (target !== undefined) {
        this.#leading.get(target.key)?.delete(exit);
        target.live = false;
      }
      this.#link(exit, UNLINKED, 0);
    }
    this.#freeExits.push(firstExit);
    this.#deadSlots.push(slot);
  }

  recordsDropped(): void {
    this.#refused.clear();
    this.#drops.clear();
    for (const [key, exits] of this.#leading) {
      if (this.#regions.has(key)) continue;
      for (const exit of exits) this.#link(exit, UNLINKED, 0);
      this.#leading.delete(key);
    }
    for (const { compiled } of this.#regions.values()) {
      for (const [from, to] of compiled.pieces) this.host.code.markCompiled(from, to);
    }
  }
}
