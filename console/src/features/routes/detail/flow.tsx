/** A strategy as a picture: calls come in on the left, each leaf is a variant with what it does right now. */

import { useMediaQuery } from "@mantine/hooks";
import type { RouteStats, TargetHealth, VariantStat } from "@/api/types";
import { TargetMark } from "@/components/target-mark";
import { formatDuration, formatMoneyShort, formatPercent } from "@/lib/format";
import { type Branch, liveShare, type StrategyNode } from "@/lib/strategy";
import { depthOf, type Edge, edgePath, layoutStrategy, TIGHT, WIDE } from "@/lib/strategy-layout";
import classes from "./flow.module.css";

/** Models of one variant that are named; the rest is a number. */
const SHOWN_MODELS = 4;
const LINE = 17;

interface FlowProps {
  root: StrategyNode;
  stats: RouteStats | undefined;
  health: ReadonlyMap<string, TargetHealth>;
}

interface Live {
  /** False in a preview: there is nothing yet to show. */
  measured: boolean;
  /** Share of the route's calls that came by here; null when it cannot be told. */
  shareOf: (node: StrategyNode) => number | null;
  statOf: (variant: string) => VariantStat | undefined;
  health: ReadonlyMap<string, TargetHealth>;
}

export function Flow({ root, stats, health }: FlowProps) {
  const narrow = useMediaQuery("(max-width: 760px)");
  const shares = new Map((stats?.variants ?? []).map((one) => [one.variant, one.share]));
  const live: Live = {
    measured: stats !== undefined,
    shareOf: (node) => (stats?.calls ? liveShare(node, root, shares) : null),
    statOf: (variant) => stats?.variants.find((one) => one.variant === variant),
    health,
  };
  return narrow ? <Outline root={root} live={live} /> : <Picture root={root} live={live} />;
}

function heightOf(node: StrategyNode, measured: boolean): number {
  if (node.variant)
    return (measured ? 60 : 40) + LINE * Math.min(node.variant.models.length, SHOWN_MODELS + 1);
  // Notes may take two lines each in the narrow box.
  return 38 + node.notes.reduce((sum, note) => sum + 15 * Math.min(3, Math.ceil(note.length / 22)), 0);
}

function Picture({ root, live }: { root: StrategyNode; live: Live }) {
  const sizes = depthOf(root) > 2 ? TIGHT : WIDE;
  const layout = layoutStrategy(root, sizes, (node) => heightOf(node, live.measured));
  return (
    <div className={classes.scroll}>
      <div className={classes.canvas} style={{ width: layout.width, height: layout.height }}>
        <svg width={layout.width} height={layout.height} className={classes.edges} aria-hidden="true">
          {layout.edges.map((edge) => (
            <path
              key={edge.to.node.id}
              d={edgePath(edge)}
              data-way={edge.branch.way}
              strokeWidth={widthOf(edge, live)}
            />
          ))}
        </svg>
        {layout.edges.map((edge) => (
          <div
            key={edge.to.node.id}
            className={classes.label}
            style={{
              left: edge.to.x - sizes.gap + 36,
              width: sizes.gap - 40,
              top: edge.to.y + edge.to.height / 2,
            }}
          >
            <BranchLabel branch={edge.branch} live={live} />
          </div>
        ))}
        {layout.boxes.map((box) => (
          <div
            key={box.node.id}
            className={classes.place}
            style={{ left: box.x, top: box.y, width: box.width, height: box.height }}
          >
            <NodeBox node={box.node} live={live} />
          </div>
        ))}
      </div>
    </div>
  );
}

/** Thicker where more calls went; before there were any, where more are meant to go. */
function widthOf(edge: Edge, live: Live): number {
  const share = live.shareOf(edge.to.node) ?? edge.branch.share ?? 0;
  return 1.5 + 5 * (edge.branch.way === "copies" ? 0 : share);
}

function BranchLabel({ branch, live }: { branch: Branch; live: Live }) {
  const share = branch.way === "copies" ? null : live.shareOf(branch.node);
  return (
    <>
      <span className={classes.why} title={branch.label}>
        {branch.label}
      </span>
      {share !== null && <span className={classes.share}>{formatPercent(share)} live</span>}
    </>
  );
}

function NodeBox({ node, live }: { node: StrategyNode; live: Live }) {
  if (node.variant) return <Leaf node={node} live={live} />;
  return (
    <div className={classes.strategy}>
      <b>{node.kind}</b>
      {node.notes.map((note) => (
        <span key={note} className={classes.note} title={note}>
          {note}
        </span>
      ))}
    </div>
  );
}

function Leaf({ node, live }: { node: StrategyNode; live: Live }) {
  const { variant } = node;
  if (!variant) return null;
  const stat = live.statOf(variant.name);
  const states = variant.models.map((model) => live.health.get(model)?.state ?? "closed");
  const out = states.length > 0 && states.every((state) => state === "open");
  const rest = variant.models.length - SHOWN_MODELS;
  return (
    <div className={classes.leaf} data-out={out || undefined}>
      <div className={classes.leafHead}>
        <b className="cut">{variant.name}</b>
        {live.measured && <span className={classes.leafShare}>{formatPercent(stat?.share ?? 0)}</span>}
      </div>
      {live.measured && <LeafNumbers stat={stat} />}
      {variant.models.slice(0, SHOWN_MODELS).map((model) => (
        <TargetMark key={model} target={model} health={live.health.get(model)} />
      ))}
      {rest > 0 && (
        <span className="faint" title={variant.models.slice(SHOWN_MODELS).join("\n")}>
          and {rest} more
        </span>
      )}
    </div>
  );
}

function LeafNumbers({ stat }: { stat: VariantStat | undefined }) {
  return (
    <>
      <div className={classes.meter}>
        <span style={{ width: `${(stat?.share ?? 0) * 100}%` }} />
      </div>
      <div className={classes.numbers}>
        <span className={stat?.errors ? "bad" : undefined} title="Failed attempts">
          {stat?.attempts ? `${formatPercent(stat.errors / stat.attempts)} failed` : "no attempts"}
        </span>
        {stat !== undefined && stat.attempts > 0 && (
          <>
            <span title="p95 of its attempts">{formatDuration(stat.p95)}</span>
            <span title="Cost of its attempts">{formatMoneyShort(stat.cost)}</span>
          </>
        )}
      </div>
    </>
  );
}

/** The same from top to bottom, for narrow screens. */
function Outline({ root, live }: { root: StrategyNode; live: Live }) {
  return (
    <div className={classes.outline}>
      <NodeBox node={root} live={live} />
      <OutlineBranches node={root} live={live} />
    </div>
  );
}

function OutlineBranches({ node, live }: { node: StrategyNode; live: Live }) {
  if (node.branches.length === 0) return null;
  return (
    <ul>
      {node.branches.map((branch) => (
        <li key={branch.node.id} data-way={branch.way}>
          <div className={classes.outlineLabel}>
            <BranchLabel branch={branch} live={live} />
          </div>
          <NodeBox node={branch.node} live={live} />
          <OutlineBranches node={branch.node} live={live} />
        </li>
      ))}
    </ul>
  );
}
