/** Where each part of a strategy lies in its picture: from left to right, leaves one below the other. */

import type { Branch, StrategyNode } from "./strategy";

export interface Box {
  node: StrategyNode;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Edge {
  branch: Branch;
  from: Box;
  to: Box;
}

export interface Layout {
  boxes: Box[];
  edges: Edge[];
  width: number;
  height: number;
}

export interface Sizes {
  /** Width of a strategy and of a variant. */
  strategy: number;
  leaf: number;
  /** Between two columns: the labels of the branches stand there. */
  gap: number;
}

export const WIDE: Sizes = { strategy: 172, leaf: 266, gap: 134 };
/** For deep trees, so that three levels fit beside the rail at 1280 px. */
export const TIGHT: Sizes = { strategy: 152, leaf: 236, gap: 108 };

/** Between two leaves. */
const SPACE = 14;

/** How many strategies lie above the deepest variant. */
export function depthOf(node: StrategyNode): number {
  return node.branches.length ? 1 + Math.max(...node.branches.map((branch) => depthOf(branch.node))) : 0;
}

/** Pixels. `heightOf` says how tall the box of a node is. */
export function layoutStrategy(
  root: StrategyNode,
  sizes: Sizes,
  heightOf: (node: StrategyNode) => number,
): Layout {
  const boxes: Box[] = [];
  const edges: Edge[] = [];
  let bottom = 0;
  const place = (node: StrategyNode, depth: number): Box => {
    const height = heightOf(node);
    const x = depth * (sizes.strategy + sizes.gap);
    const width = node.branches.length ? sizes.strategy : sizes.leaf;
    const box: Box = { node, x, y: 0, width, height };
    boxes.push(box);
    if (node.branches.length === 0) {
      box.y = bottom;
      bottom += height + SPACE;
      return box;
    }
    const top = bottom;
    const below = node.branches.map((branch) => {
      const to = place(branch.node, depth + 1);
      edges.push({ branch, from: box, to });
      return to;
    });
    const first = below[0] ?? box;
    const last = below.at(-1) ?? box;
    box.y = Math.max(top, (first.y + first.height / 2 + last.y + last.height / 2) / 2 - height / 2);
    bottom = Math.max(bottom, box.y + height + SPACE);
    return box;
  };
  place(root, 0);
  return {
    boxes,
    edges,
    width: Math.max(...boxes.map((box) => box.x + box.width)),
    height: Math.max(...boxes.map((box) => box.y + box.height)),
  };
}

/** A line that leaves a box to the right and enters another from the left. */
export function edgePath({ from, to }: Edge): string {
  const [x1, y1] = [from.x + from.width, from.y + from.height / 2];
  const [x2, y2] = [to.x, to.y + to.height / 2];
  const bend = Math.min(56, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x1 + bend * 0.4} ${y2} ${x1 + bend} ${y2}L${x2} ${y2}`;
}
