import type { SnapshotRow } from "../messages.ts";
import { svg } from "./svg.ts";

/** Colours of the sheet, `--branch-0` and so on; then they begin anew. */
const colours = 6;
const height = 100;
const middle = height / 2;

/** How wide a lane is: many lanes must leave room for words. */
export function laneWidth(lanes: number): number {
  return lanes <= 4 ? 22 : lanes <= 7 ? 16 : 11;
}

/**
 * The row's part of the graph. It is stretched to the row's height, so that lines meet whatever the height is; the node
 * itself is drawn by the sheet, which would be stretched too.
 */
export function lanesOf({ graph, kind }: SnapshotRow, lanes: number): SVGElement {
  const width = laneWidth(lanes);
  const x = (lane: number) => (lane + 0.5) * width;
  const lines: SVGElement[] = [];
  const own = x(graph.lane);
  if (graph.from === "above") lines.push(line(`M${own} 0V${middle}`, graph.branch, kind === "present"));
  else if (graph.from !== "nothing")
    lines.push(
      line(`M${x(graph.from.lane)} 0C${x(graph.from.lane)} ${middle} ${x(graph.from.lane)} ${middle} ${own} ${middle}`, graph.branch),
    );
  if (graph.goesOn) lines.push(line(`M${own} ${middle}V${height}`, graph.branch));
  // Over the curve that leaves it, so that the longer line stays one.
  for (const { lane, branch } of graph.passing) lines.push(line(`M${x(lane)} 0V${height}`, branch));
  return svg(
    "svg",
    { class: "lanes", viewBox: `0 0 ${lanes * width} ${height}`, preserveAspectRatio: "none", width: lanes * width, "aria-hidden": "true" },
    ...lines,
  );
}

function line(path: string, branch: number, dashed = false): SVGElement {
  return svg("path", { d: path, class: `line branch-${branch % colours}${dashed ? " dashed" : ""}` });
}

/** The node's class and place. */
export function nodeOf({ graph, kind }: SnapshotRow, lanes: number): { className: string; left: number } {
  return { className: `node ${kind} branch-${graph.branch % colours}`, left: (graph.lane + 0.5) * laneWidth(lanes) };
}
