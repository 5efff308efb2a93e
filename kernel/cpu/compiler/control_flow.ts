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
  /** Whether a node lies in a loop. */
  repeated(node: Node): boolean;
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
    node.loop = node.predecessors.some((from) => from.order >= node.order && dominates(node, from));
    if (node.merge) node.dominator?.merges.unshift(node);
  }
  // In reverse postorder, what lies between a loop's start and the last branch back to it is in the loop, or near it.
  const loops = nodes.filter(({ loop }) => loop).map(({ order, predecessors }) => ({
    first: order,
    last: Math.max(...predecessors.map((from) => from.order)),
  }));
  return {
    entry: nodes[0]!,
    nodes,
    successor: (from, { block }) => {
      const to = block === undefined ? undefined : nodeOf.get(blocks[block]!);
      if (to === undefined) return undefined;
      return to.order > from.order || dominates(to, from) ? to : undefined;
    },
    repeated: (node) => loops.some(({ first, last }) => first <= node.order && node.order <= last),
    inPage: (node, page) => {
      let at: Node | undefined = node;
      while (at !== undefined && !at.block.pages.includes(page)) at = at.dominator;
      return at !== undefined;
    },
  };
}

function successors({ next, taken, returns }: Block): number[] {
  return [next?.block, taken?.block, ...returns.map(({ block }) => block)].filter((number) =>
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
