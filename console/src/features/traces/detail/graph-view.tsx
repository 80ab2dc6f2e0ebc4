/** Agents, tools and models of a trace by name, and who called whom. */

import { Switch } from "@mantine/core";
import { useMemo, useState } from "react";
import type { SpanRecord } from "@/api/types";
import { Empty } from "@/components/empty";
import { agentGraph } from "@/lib/agent-graph";
import { formatDuration, formatMoneyShort } from "@/lib/format";
import { NODE_HEIGHT, NODE_WIDTH, type PlacedNode, placeGraph } from "@/lib/graph-layout";
import classes from "./graph.module.css";

interface GraphViewProps {
  spans: readonly SpanRecord[];
  selected: string | undefined;
  onSelect: (id: string) => void;
}

/** More nodes than this say nothing as a picture. */
const MOST_NODES = 150;

export function GraphView({ spans, selected, onSelect }: GraphViewProps) {
  const [chains, setChains] = useState(false);
  const hasChains = useMemo(() => spans.some((span) => span.kind === "chain"), [spans]);
  const graph = useMemo(() => agentGraph(spans, chains), [spans, chains]);
  const tooMany = graph.nodes.length > MOST_NODES;
  const placed = useMemo(() => (tooMany ? null : placeGraph(graph)), [graph, tooMany]);
  return (
    <section className={`card ${classes.root}`} aria-label="Agent graph">
      <div className={classes.bar}>
        <span className="dim">
          {graph.nodes.length} {graph.nodes.length === 1 ? "part" : "parts"}, by name; a click goes to its
          next span
        </span>
        {hasChains && (
          <Switch
            size="xs"
            label="Steps in between"
            checked={chains}
            onChange={(event) => setChains(event.currentTarget.checked)}
          />
        )}
      </div>
      {graph.nodes.length === 0 && (
        <Empty title="No agent, tool or model took part." icon="graph">
          <p>The spans of this trace are steps and other work. The list of spans has them all.</p>
        </Empty>
      )}
      {tooMany && (
        <Empty title={`${graph.nodes.length} parts are too many for a picture.`} icon="graph">
          <p>Turn off the steps in between, or look at the list of spans.</p>
        </Empty>
      )}
      {placed && placed.nodes.length > 0 && (
        <div className={classes.scroll}>
          <svg
            width={placed.width}
            height={placed.height}
            viewBox={`0 0 ${placed.width} ${placed.height}`}
            role="group"
            aria-label="Who called whom"
          >
            <defs>
              <marker
                id="arrow"
                viewBox="0 0 8 8"
                refX="7"
                refY="4"
                markerWidth="7"
                markerHeight="7"
                orient="auto"
              >
                <path d="M0 0 8 4 0 8z" className={classes.head} />
              </marker>
            </defs>
            {placed.edges.map((edge) => (
              <g key={`${edge.from} ${edge.to}`}>
                <path className={classes.edge} d={edge.path} markerEnd="url(#arrow)" />
                {edge.count > 1 && (
                  <text className={classes.count} x={edge.label.x} y={edge.label.y} dy="0.35em">
                    {edge.count}×
                  </text>
                )}
              </g>
            ))}
            {placed.nodes.map((node) => (
              <Node key={node.id} node={node} selected={selected} onSelect={onSelect} />
            ))}
          </svg>
        </div>
      )}
    </section>
  );
}

interface NodeProps {
  node: PlacedNode;
  selected: string | undefined;
  onSelect: (id: string) => void;
}

function Node({ node, selected, onSelect }: NodeProps) {
  const at = selected === undefined ? -1 : node.spans.indexOf(selected);
  const next = node.spans[(at + 1) % node.spans.length];
  const facts = [
    node.count > 1 ? `${node.count}×` : null,
    formatDuration(node.duration),
    node.cost ? formatMoneyShort(node.cost) : null,
  ];
  return (
    <foreignObject
      x={node.x - NODE_WIDTH / 2}
      y={node.y - NODE_HEIGHT / 2}
      width={NODE_WIDTH}
      height={NODE_HEIGHT}
    >
      <button
        type="button"
        className={classes.node}
        data-kind={node.kind}
        data-selected={at >= 0 || undefined}
        onClick={() => next && onSelect(next)}
      >
        <span className={classes.kind}>
          {node.kind}
          {node.errors > 0 && <span className="bad"> {node.errors} failed</span>}
        </span>
        <b className="cut" title={node.label}>
          {node.label}
        </b>
        <span className={`cut ${classes.facts}`}>{facts.filter(Boolean).join(" · ")}</span>
      </button>
    </foreignObject>
  );
}
