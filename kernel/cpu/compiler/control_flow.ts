/**
 * The shape of a region's control flow, as WebAssembly's blocks and loops need it (N. Ramsey, "Beyond Relooper",
 * ICFP 2022): what dominates what, where loops begin, where paths meet.
 *
 * @module
 */

import type { Block, Edge } from "./blocks.ts";

/** A block with its place in the control flow. */
export interface Node {
  readonly block: Block;
  /** Place in reverse postorder. */
  readonly order: number;
  /** Blocks that it immediately dominates and that several paths lead to, last in reverse postorder first. */
  readonly merges: Node[];
  /** A branch leads back to it. */
  loop: boolean;
  /** Several paths lead to it from before. */
  merge: boolean;
  dominator: Node | undefined;
  readonly predecessors: Node[];
}

/** Nodes that are entered at the first of them alone. */
export interface Stretch {
  readonly first: Node;
  readonly nodes: ReadonlySet<Node>;
}

/** How many instructions make a block long. */
const LONG_BLOCK = 20;
/** How many instructions a loop may have to be a stretch: in more, the host has too few registers. */
const SHORT_LOOP = 48;

/** Control flow of a region. */
export interface ControlFlow {
  readonly entry: Node;
  /** In reverse postorder. */
  readonly nodes: readonly Node[];
  /**
   * The node that execution goes on with after `from`, or `undefined` if it must leave the region: nothing is there, or
   * it would enter a loop in the middle.
   */
  successor(from: Node, edge: Edge): Node | undefined;
  /** Whether each way to `node` leads through a block that lies in a page. */
  inPage(node: Node, page: number): boolean;
  /** Where most of the time is spent: short loops without loops in them, and long blocks outside of those. */
  readonly stretches: readonly Stretch[];
  /** Whether a node lies in a loop. */
  repeated(node: Node): boolean;
  /** Which of {@link stretches} a node lies in. */
  stretch(node: Node): Stretch | undefined;
}

/** Analyses the blocks of a region; the first is its entry. */
export function analyse(blocks: readonly Block[]): ControlFlow {
  const nodes = reversePostorder(blocks).map((block, order): Node => ({
    block,
    order,
    merges: [],
    loop: false,
    merge: false,
    dominator: undefined,
    predecessors: [],
  }));
  const nodeOf = new Map(nodes.map((node) => [node.block, node]));
  for (const node of nodes) {
    for (const number of successors(node.block)) nodeOf.get(blocks[number]!)?.predecessors.push(node);
  }
  findDominators(nodes);
  for (const node of nodes) {
    const forward = node.predecessors.filter((from) => from.order < node.order);
    node.merge = forward.length > 1;
    node.loop = node.predecessors.some((from) => from.order >= node.order && leads(from, node));
    if (node.merge) node.dominator?.merges.unshift(node);
  }
  const loops = nodes.filter(({ loop }) => loop)
    .map((first): Stretch => ({ first, nodes: between(first, first) }));
  const innermost = loops.filter(({ first, nodes }) =>
    lengthOf(nodes) <= SHORT_LOOP && !nodes.values().some((node) => node.loop && node !== first)
  );
  const stretchOf = new Map<Node, Stretch>();
  for (const node of nodes) {
    const stretch = innermost.find((loop) => loop.nodes.has(node)) ??
      (node.block.instructions.length >= LONG_BLOCK ? { first: node, nodes: new Set([node]) } : undefined);
    if (stretch !== undefined) stretchOf.set(node, stretch);
  }
  return {
    entry: nodes[0]!,
    nodes,
    successor: (from, { block }) => {
      const to = block === undefined ? undefined : nodeOf.get(blocks[block]!);
      if (to === undefined) return undefined;
      return leads(from, to) ? to : undefined;
    },
    repeated: (node) => loops.some((loop) => loop.nodes.has(node)),
    stretches: [...new Set(stretchOf.values())],
    stretch: (node) => stretchOf.get(node),
    inPage: (node, page) => {
      let at: Node | undefined = node;
      while (at !== undefined && !at.block.pages.includes(page)) at = at.dominator;
      return at !== undefined;
    },
  };
}

function lengthOf(nodes: ReadonlySet<Node>): number {
  return nodes.values().reduce((length, { block }) => length + block.instructions.length, 0);
}

/**
 * The nodes on all ways from a node to one that it dominates. Both belong to them only if they are come through again: a
 * loop is what lies between its start and itself.
 */
export function between(start: Node, end: Node): ReadonlySet<Node> {
  const nodes = new Set<Node>();
  const waiting = [end];
  while (waiting.length > 0) {
    const node = waiting.pop()!;
    for (const from of node.predecessors) {
      const outside = from === start ? start !== end : !dominates(start, from);
      if (outside || nodes.has(from) || !leads(from, node)) continue;
      nodes.add(from);
      if (from !== start) waiting.push(from);
    }
  }
  return nodes;
}

/** Whether a branch stays in the region: it leads on, or back to the start of a loop. */
function leads(from: Node, to: Node): boolean {
  return to.order > from.order || dominates(to, from);
}

function successors({ next, taken, likely }: Block): number[] {
  return [next?.block, taken?.block, ...likely.map(({ block }) => block)].filter((number) =>
    number !== undefined
  );
}

function reversePostorder(blocks: readonly Block[]): Block[] {
  const entry = blocks[0]!;
  const order: Block[] = [];
  const seen = new Set<Block>([entry]);
  const stack: { block: Block; rest: number[] }[] = [{ block: entry, rest: successors(entry) }];
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    const number = top.rest.pop();
    if (number === undefined) {
      order.push(top.block);
      stack.pop();
      continue;
    }
    const block = blocks[number]!;
    if (seen.has(block)) continue;
    seen.add(block);
    stack.push({ block, rest: successors(block) });
  }
  return order.reverse();
}

function findDominators(nodes: readonly Node[]): void {
  const entry = nodes[0]!;
  entry.dominator = entry;
  for (let changed = true; changed;) {
    changed = false;
    for (const node of nodes.slice(1)) {
      let common: Node | undefined;
      for (const from of node.predecessors) {
        if (from.dominator !== undefined) common = common === undefined ? from : intersect(common, from);
      }
      if (common !== node.dominator) {
        node.dominator = common;
        changed = true;
      }
    }
  }
  entry.dominator = undefined;
}

function intersect(a: Node, b: Node): Node {
  while (a !== b) {
    while (a.order > b.order) a = a.dominator!;
    while (b.order > a.order) b = b.dominator!;
  }
  return a;
}

/** Whether every path to `node` leads through `above`. */
function dominates(above: Node, node: Node): boolean {
  let at: Node | undefined = node;
  while (at !== undefined && at.order > above.order) at = at.dominator;
  return at === above;
}
