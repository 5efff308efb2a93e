import { assert, assertEquals } from "@std/assert";
import { assemble } from "../../../tests/guests/assembler/assembler.ts";
import { Decoder } from "../decoder.ts";
import { FETCH_TLB, TLB_ENTRIES, TLB_ENTRY_SIZE } from "../layout.ts";
import { CodeMode } from "../state.ts";
import { type Block, type Edge, findBlocks } from "./blocks.ts";
import { CodePages, PAGE } from "./code_pages.ts";

/** Where the program's pages lie, one after the other, in RAM: apart and out of order. */
const HOSTS = [3 * PAGE, PAGE, 6 * PAGE] as const;
const RAM_SIZE = 8 * PAGE;
const LINEAR = 0xffff_ffff_8100_0000n;
const CONTEXT = 4n;

interface Surroundings {
  /** Pages that the fetch TLB knows beside the entry's: tags' low bits by number. */
  readonly known?: { readonly [page: number]: bigint };
  /** Labels that execution has never come to. */
  readonly unreached?: readonly string[];
  /** Where indirect branches have led, by the labels in front of them. */
  readonly led?: { readonly [label: string]: string };
}

/** Blocks of the region that is entered at the label `entry`. */
class Region {
  readonly blocks: readonly Block[];
  readonly #symbols: ReadonlyMap<string, bigint>;

  constructor(source: string, { known = {}, unreached = [], led = {} }: Surroundings = {}) {
    const { bytes, symbols } = assemble(`bits 64\n${source}`, 0);
    this.#symbols = symbols;
    const hostOf = (address: number) => HOSTS[Math.floor(address / PAGE)]! + address % PAGE;
    const ram = new Uint8Array(new SharedArrayBuffer(RAM_SIZE));
    bytes.forEach((byte, address) => ram[hostOf(address)] = byte);
    const starts = new Uint8Array(new SharedArrayBuffer(RAM_SIZE / 8));
    for (const [name, address] of symbols) {
      const host = hostOf(Number(address));
      if (!unreached.includes(name)) starts[host >> 3]! |= 1 << (host & 7);
    }
    const engine = new DataView(new SharedArrayBuffer(FETCH_TLB + TLB_ENTRIES * TLB_ENTRY_SIZE));
    for (const [number, context] of Object.entries(known)) {
      const linear = LINEAR + BigInt(Number(number) * PAGE);
      const slot = FETCH_TLB + Number(linear >> 12n & BigInt(TLB_ENTRIES - 1)) * TLB_ENTRY_SIZE;
      engine.setBigUint64(slot, linear | context, true);
      engine.setInt32(slot + 8, HOSTS[Number(number)]! - Number(BigInt.asIntN(32, linear)), true);
    }
    const entry = this.address("entry");
    const at = { host: hostOf(entry), mode: CodeMode.Bits64, page: LINEAR, context: CONTEXT };
    const targets = new Map(
      Object.entries(led).map(([from, to]) => [
        hostOf(this.address(from)),
        Number(BigInt.asIntN(32, LINEAR + BigInt(this.address(to)))),
      ]),
    );
    const targetFrom = (host: number) => targets.get(host) ?? 0;
    const memory = { ram, engine, starts, targetFrom };
    this.blocks = findBlocks(new CodePages(memory, new Decoder(), at), entry);
  }

  address(label: string): number {
    return Number(this.#symbols.get(label)!);
  }

  /** Instructions of the blocks at a label. */
  at(label: string): string[] {
    return this.blocks.filter(({ address }) => address === this.address(label)).map(names);
  }

  /** The block that an edge leads to, which is the one at `label`. */
  follow(edge: Edge | undefined, label: string): Block {
    assertEquals(edge?.address, this.address(label));
    assert(edge?.block !== undefined, `"${label}" is not in the region`);
    const block = this.blocks[edge.block]!;
    assertEquals(block.address, edge.address);
    return block;
  }

  /** Asserts that an edge leads out of the region to `label`. */
  assertLeaves(edge: Edge | undefined, label: string): void {
    assertEquals(edge, { address: this.address(label), block: undefined });
  }
}

function names({ instructions }: Block): string {
  return instructions.map(({ variant }) => variant.form.definition.name).join(" ");
}

Deno.test("a loop is a block that leads to itself", () => {
  const region = new Region(`
    zero 0x123
    entry: mov ecx, 10
    again: add eax, ecx
    dec ecx
    jne again
    end: mov edx, eax
    ret`);
  assertEquals(region.blocks.length, 3);
  const entry = region.blocks[0]!;
  assertEquals([entry.address, names(entry), entry.taken], [0x123, "mov", undefined]);
  const again = region.follow(entry.next, "again");
  assertEquals(names(again), "add dec jcc");
  assertEquals(region.follow(again.taken, "again"), again);
  const end = region.follow(again.next, "end");
  assertEquals([names(end), end.taken, end.next, end.likely], ["mov ret", undefined, undefined, []]);
  assertEquals(region.blocks.map(({ pages }) => pages), [[0], [0], [0]]);
});

Deno.test("a short function stands in the region once for each call, and returns behind it", () => {
  const region = new Region(`
    entry: inc ecx
    call double
    first: inc edx
    call double
    second: jmp rax
    double: add eax, eax
    jno fine
    xor eax, eax
    fine: ret`);
  const entry = region.blocks[0]!;
  const once = region.follow(entry.taken, "double");
  const fine = region.follow(once.taken, "fine");
  const first = region.follow(fine.likely[0], "first");
  assertEquals([names(entry), names(once), names(fine), names(first)], [
    "inc call",
    "add jcc",
    "ret",
    "inc call",
  ]);
  const again = region.follow(first.taken, "double");
  assert(again !== once);
  const fineAgain = region.follow(again.taken, "fine");
  assertEquals(names(region.follow(fineAgain.likely[0], "second")), "jmp");
  assertEquals([region.at("double").length, region.at("fine").length], [2, 2]);
});

Deno.test("calls within calls return one by one", () => {
  const region = new Region(`
    entry: call outer
    end: jmp rax
    outer: call inner
    behindInner: ret
    inner: call innermost
    behindInnermost: ret
    innermost: call leaf
    behindLeaf: ret
    leaf: ret`);
  let block = region.blocks[0]!;
  for (const label of ["outer", "inner", "innermost", "leaf"]) block = region.follow(block.taken, label);
  for (const label of ["behindLeaf", "behindInnermost", "behindInner", "end"]) {
    block = region.follow(block.likely[0], label);
  }
});

Deno.test("a long function stands in no caller's region", () => {
  const call = (length: number) =>
    new Region(`
      entry: call function
      back: ret
      function: ${"inc eax\n".repeat(length)}
      ret`);
  const long = call(60);
  long.assertLeaves(long.blocks[0]!.taken, "function");
  assertEquals(long.blocks.map(names), ["call"]);
  assertEquals(call(6).at("back"), ["ret"]);
});

Deno.test("a function that calls itself goes on at the entry, and one that is called within it leaves", () => {
  const direct = new Region(`
    entry: dec ecx
    je end
    recurse: call entry
    back: inc eax
    end: ret`);
  const recurse = direct.follow(direct.blocks[0]!.next, "recurse");
  assertEquals(direct.follow(recurse.taken, "entry"), direct.blocks[0]);
  assertEquals([direct.at("entry").length, direct.at("back"), direct.at("end")], [1, ["inc"], ["ret"]]);
  const end = direct.follow(direct.blocks[0]!.taken, "end");
  assertEquals(end.likely.map((edge) => names(direct.follow(edge, "back"))), ["inc"]);

  const indirect = new Region(`
    entry: call other
    ret
    other: call entry
    ret`);
  indirect.assertLeaves(indirect.follow(indirect.blocks[0]!.taken, "other").taken, "entry");
});

const TWO_PAGES = `
  entry: inc eax
  jne other
  ret
  align 4096
  zero 0x20
  other: dec eax
  jmp entry`;

Deno.test("a branch is followed to a page that the fetch TLB knows", () => {
  const region = new Region(TWO_PAGES, { known: { 1: CONTEXT } });
  const other = region.follow(region.blocks[0]!.taken, "other");
  assertEquals([names(other), other.pages], ["dec jmp", [1]]);
  assertEquals(region.follow(other.taken, "entry"), region.blocks[0]);
  assertEquals(region.blocks[0]!.pages, [0]);
});

Deno.test("a branch is not followed to a page that the fetch TLB does not know in this context", () => {
  for (const known of [{}, { 2: CONTEXT }, { 1: 0n }]) {
    const region = new Region(TWO_PAGES, { known });
    region.assertLeaves(region.blocks[0]!.taken, "other");
    assertEquals(region.at("other"), []);
  }
});

const CROSSING = `
  zero 0xff0
  before: mov ebx, 1
  mov ecx, 2
  inc eax
  crossing: mov edx, 0x12345678
  behind: inc eax
  ret`;

Deno.test("an instruction in two pages is a block of its own", () => {
  const region = new Region(CROSSING.replace("before", "entry"), { known: { 1: CONTEXT } });
  const entry = region.blocks[0]!;
  const crossing = region.follow(entry.next, "crossing");
  const behind = region.follow(crossing.next, "behind");
  assertEquals([entry, crossing, behind].map(names), ["mov mov inc", "mov", "inc ret"]);
  assertEquals([entry, crossing, behind].map(({ pages }) => pages), [[0], [0, 1], [1]]);
  assertEquals(crossing.instructions[0]!.immediate, 0x12345678n);
});

Deno.test("an instruction in two pages is left out if the second is not known", () => {
  const region = new Region(CROSSING.replace("before", "entry"));
  assertEquals(region.blocks.map(names), ["mov mov inc"]);
  region.assertLeaves(region.blocks[0]!.next, "crossing");
});

Deno.test("no region begins with an instruction in two pages, or one that does not exist", () => {
  const known = { 1: CONTEXT };
  assertEquals(new Region(CROSSING.replace("crossing", "entry"), { known }).blocks, []);
  assertEquals(new Region("entry: db 0x06", { known }).blocks, []);
});

Deno.test("indirect calls are followed to where they led last, and jumps by way of a variable", () => {
  const source = `
    entry: mov eax, 1
    through: call [rbp+0x1000]
    back: inc edx
    dispatch: jmp [rbx+rcx*8]
    stub: jmp [rbp+0x2000]
    function: inc ecx
    ret
    other: ret`;
  const led = { through: "stub", stub: "function", dispatch: "other" };
  const known = { 0: CONTEXT };
  const region = new Region(source, { led, known });
  const stub = region.follow(region.blocks[0]!.likely[0], "stub");
  const called = region.follow(stub.likely[0], "function");
  const back = region.follow(called.likely[0], "back");
  assertEquals([names(called), names(back), back.likely], ["inc ret", "inc jmp", []]);
  assertEquals(new Region(source).blocks.map(names), ["mov call"]);
  const unreached = new Region(source, { led, known, unreached: ["function"] });
  assertEquals([unreached.at("stub"), unreached.at("function")], [["jmp"], []]);
});

Deno.test("an indirect branch is not followed to a page that the fetch TLB does not know", () => {
  const source = `
    entry: jmp [rbp+0x1000]
    align 4096
    other: ret`;
  const led = { entry: "other" };
  const known = new Region(source, { led, known: { 1: CONTEXT } });
  assertEquals(names(known.follow(known.blocks[0]!.likely[0], "other")), "ret");
  assertEquals(new Region(source, { led }).blocks.map(names), ["jmp"]);
});

Deno.test("code that execution has never come to is left out", () => {
  const source = `
    entry: test eax, eax
    je cold
    warm: call unused
    ret
    cold: inc eax
    jmp warm
    unused: ret`;
  const region = new Region(source, { unreached: ["cold", "unused"] });
  const warm = region.follow(region.blocks[0]!.next, "warm");
  region.assertLeaves(region.blocks[0]!.taken, "cold");
  region.assertLeaves(warm.taken, "unused");
  assertEquals(region.blocks.map(names), ["test jcc", "call"]);
  const reached = new Region(source);
  assertEquals([reached.at("cold"), reached.at("unused")], [["inc jmp"], ["ret"]]);
});

Deno.test("long code without branches ends at the same address wherever it is entered", () => {
  const additions = (count: number) => "add eax, ecx\n".repeat(count);
  const ends = [0, 1, 5, 40].map((before) => {
    const region = new Region(`${additions(before)}entry: ${additions(1000 - before)}`);
    assertEquals(region.blocks.length, 1);
    return region.blocks[0]!.next?.address;
  });
  assertEquals(ends, [896, 896, 896, 896]);
});

Deno.test("a block is not cut where its region gets long enough", () => {
  const region = new Region(`
    entry: ${"inc ecx\n".repeat(99)}
    jne end
    ${"dec ecx\n".repeat(50)}
    ret
    end: ret`);
  assertEquals(region.blocks.map(({ instructions }) => instructions.length), [100]);
  region.assertLeaves(region.blocks[0]!.taken, "end");
});
