/**
 * Where each node of a tree stands when it is drawn as lanes, one row a node, as graphs of versions are; pure.
 *
 * A parent is above its children. The child that leads to the present (elsewhere: the one with most below it) goes on in
 * its parent's lane and comes last; the others come before it, each in the lane to the right, and end before the next
 * begins. So the present is always the last row of the first lane, a chain is one straight line, and there are at most
 * about log₂ n lanes beside the present's.
 */

export interface GraphNode {
  readonly id: string;
  readonly parent: string | null;
}

export interface Line {
  readonly lane: number;
  /** Number of the branch: what is drawn in one colour. */
  readonly branch: number;
}

export interface GraphRow extends Line {
  readonly id: string;
  /** Lines that go through the row beside the node. */
  readonly passing: readonly Line[];
  /** How its line comes: not at all (a root), straight from above, or out of another lane. */
  readonly from: "nothing" | "above" | { readonly lane: number };
  /** Its line goes on below. */
  readonly goesOn: boolean;
  /** Of the tree, from 1, as `aria-level` counts. */
  readonly level: number;
  /** Among its siblings, from 1. */
  readonly position: number;
  readonly siblings: number;
  /** The child in its own lane. */
  readonly mainChild: string | null;
}

interface Pending {
  readonly node: GraphNode;
  readonly lane: number;
  readonly branch: number | "new";
  readonly passing: readonly Line[];
  readonly from: GraphRow["from"];
  readonly level: number;
  readonly position: number;
  readonly siblings: number;
}

/** `present`: the node whose way from the root stays in the first lane. What names no node as parent is a root. */
export function graphRows(nodes: readonly GraphNode[], present?: string): GraphRow[] {
  const tree = new Tree(nodes, present);
  const rows: GraphRow[] = [];
  let branches = 0;
  const roots = tree.ordered(tree.roots);
  // Taken from the end: the first root is the last to be put there.
  const pending: Pending[] = roots
    .map((node, index): Pending => {
      const place = { position: index + 1, siblings: roots.length };
      return { node, lane: 0, branch: "new", passing: [], from: "nothing", level: 1, ...place };
    })
    .reverse();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, lane, passing, from, level, position, siblings } = next;
    const branch = next.branch === "new" ? branches++ : next.branch;
    const children = tree.ordered(tree.childrenOf(node.id));
    const main = children.at(-1);
    rows.push({
      id: node.id,
      lane,
      branch,
      passing,
      from,
      goesOn: main !== undefined,
      level,
      position,
      siblings,
      mainChild: main?.id ?? null,
    });
    const below = { level: level + 1, siblings: children.length };
    if (main) pending.push({ node: main, lane, branch, passing, from: "above", position: children.length, ...below });
    const aside = [...passing, { lane, branch }];
    for (const [index, child] of [...children.slice(0, -1).entries()].reverse())
      pending.push({ node: child, lane: lane + 1, branch: "new", passing: aside, from: { lane }, position: index + 1, ...below });
  }
  return rows;
}

class Tree {
  readonly roots: readonly GraphNode[];
  readonly #children = new Map<string, GraphNode[]>();
  readonly #sizes = new Map<string, number>();
  readonly #towardsPresent = new Set<string>();

  constructor(nodes: readonly GraphNode[], present: string | undefined) {
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const roots: GraphNode[] = [];
    for (const node of nodes) {
      const parent = node.parent === null ? undefined : byId.get(node.parent);
      if (!parent || parent === node) roots.push(node);
      else if (this.#children.get(parent.id)?.push(node) === undefined) this.#children.set(parent.id, [node]);
    }
    this.roots = roots;
    for (let at = present; at !== undefined && !this.#towardsPresent.has(at); at = byId.get(at)?.parent ?? undefined)
      this.#towardsPresent.add(at);
    this.#measure();
  }

  childrenOf(id: string): readonly GraphNode[] {
    return this.#children.get(id) ?? [];
  }

  /** In the order they were given, but the one that goes on in the lane is last. */
  ordered(children: readonly GraphNode[]): GraphNode[] {
    const main = children.find(({ id }) => this.#towardsPresent.has(id)) ?? this.#largest(children);
    return main ? [...children.filter((child) => child !== main), main] : [];
  }

  #largest(children: readonly GraphNode[]): GraphNode | undefined {
    let best: GraphNode | undefined;
    // Of equal ones the youngest, which was given last.
    for (const child of children) if (!best || this.#sizeOf(child) >= this.#sizeOf(best)) best = child;
    return best;
  }

  #sizeOf({ id }: GraphNode): number {
    return this.#sizes.get(id) ?? 1;
  }

  /** Without recursion: a chain may be long. */
  #measure(): void {
    const order: GraphNode[] = [];
    const waiting = [...this.roots];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      order.push(node);
      waiting.push(...this.childrenOf(node.id));
    }
    for (const node of order.reverse())
      this.#sizes.set(node.id, 1 + this.childrenOf(node.id).reduce((sum, child) => sum + this.#sizeOf(child), 0));
  }
}
