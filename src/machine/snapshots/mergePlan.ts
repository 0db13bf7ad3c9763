import { childrenOf, type Layer, type LayerGraph } from "./graph.ts";

/** Which layers can become one. Pure. */

export interface Merge {
  /**
   * `commit`: the upper layer's content goes down into the lower one, which takes its place. `stream`: the lower one's
   * goes up, and the upper one stands on what the lower one stood on. Both leave what every other layer shows unchanged.
   */
  readonly way: "commit" | "stream";
  readonly lower: Layer;
  readonly upper: Layer;
  /** Layers on the upper one, whose headers a commit must point to the lower one. */
  readonly above: readonly Layer[];
}

export interface MergeFacts {
  readonly graph: LayerGraph;
  /** Layers that a snapshot or the present is in: their content is wanted. */
  readonly wanted: ReadonlySet<string>;
  /** Files that vm.json names: kept where possible. */
  readonly bases: ReadonlySet<string>;
}

/**
 * The next merge: of a layer nobody is in any more with the only one that stands on it. One with several stays until it
 * has one. A file that another machine shares (a linked clone) is never written.
 */
export function nextMerge(facts: MergeFacts): Merge | undefined {
  for (const lower of facts.graph.layers.values()) {
    // Merging what another machine shares frees nothing: its file stays, and the content would be there twice.
    if (facts.wanted.has(lower.name) || lower.links > 1) continue;
    const [upper, second] = childrenOf(facts.graph, lower.name);
    if (!upper || second) continue;
    const way = wayOf(facts, lower, upper);
    if (way) return { way, lower, upper, above: childrenOf(facts.graph, upper.name) };
  }
  return undefined;
}

function wayOf({ graph, bases }: MergeFacts, lower: Layer, upper: Layer): Merge["way"] | undefined {
  const ours = (layer: Layer) => layer.links <= 1;
  const canCommit = ours(lower) && childrenOf(graph, upper.name).every(ours);
  const canStream = ours(upper) && upper.format === "qcow2";
  if (canCommit && canStream) return bases.has(lower.name) || upper.allocatedBytes <= lower.allocatedBytes ? "commit" : "stream";
  if (canCommit) return "commit";
  return canStream ? "stream" : undefined;
}
