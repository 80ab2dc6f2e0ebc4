import { Skeleton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Artifact, Lineage } from "@/api/types";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { type ArtifactPlace, toAddress, useLineage } from "@/lib/artifacts";

type Edge = Lineage["edges"][number];
type Node = Lineage["nodes"][number];

/** Read from the later version to the earlier one, and the other way round. */
const WORDS: Record<Edge["relation"], [forward: string, back: string]> = {
  derived_from: ["was derived from", "was made into"],
  uses: ["uses", "is used by"],
  produced_by: ["was produced by", "produced"],
  evaluated_on: ["was evaluated on", "was evaluated with"],
  calibrated_on: ["was calibrated on", "was calibrated with"],
};

interface LineageBoxProps {
  place: ArtifactPlace;
  artifact: Artifact;
  version: string;
}

/** What a version was made from, and what was made from it. */
export function LineageBox({ place, artifact, version }: LineageBoxProps) {
  const { data, error, refetch } = useLineage(place, version);
  return (
    <section className="card" aria-label="Lineage">
      <div className="card-head">Made from, and used by</div>
      {error && !data && <Failure error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={80} m={12} role="status" aria-label="Loading the lineage" />}
      {data && data.edges.length === 0 && (
        <p className={watch.none}>
          Nothing is recorded. Partials, and what experiments and datasets used, appear here by themselves.
        </p>
      )}
      {data && data.edges.length > 0 && <Edges graph={data} artifact={artifact} />}
      {data && !data.complete && <p className={watch.none}>There is more beyond three steps.</p>}
    </section>
  );
}

function Edges({ graph, artifact }: { graph: Lineage; artifact: Artifact }) {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  return (
    <ul className={watch.list}>
      {graph.edges.map((edge) => {
        const from = nodes.get(edge.from);
        const to = nodes.get(edge.to);
        // Told from the artifact that is shown where it is one of the two.
        const turned =
          to?.name === artifact.name && to.kind === artifact.kind && from?.name !== artifact.name;
        const [left, right] = turned ? [to, from] : [from, to];
        return (
          <li key={`${edge.from} ${edge.relation} ${edge.to}`}>
            <NodeLink node={left} />
            <span className={watch.said}>
              {WORDS[edge.relation][turned ? 1 : 0]} <NodeLink node={right} />
            </span>
            <span className="dim">{edge.by}</span>
          </li>
        );
      })}
    </ul>
  );
}

function NodeLink({ node }: { node: Node | undefined }) {
  if (!node) return null;
  if (node.external) return <External reference={node.external} />;
  const text = `${node.name} ${node.version}`;
  const name = toAddress(node.name ?? "");
  const search = { version: String(node.version ?? "") };
  if (node.kind === "prompt")
    return (
      <Link to="/prompts/$name" params={{ name }} search={search}>
        {text}
      </Link>
    );
  if (node.kind === "model" || node.kind === "evaluator")
    return (
      <Link to="/registry/$kind/$name" params={{ kind: node.kind, name }} search={search}>
        {text}
      </Link>
    );
  return (
    <span>
      {node.kind} {text}
    </span>
  );
}

function External({ reference }: { reference: string }) {
  const trace = /^trace:([0-9a-f]{32})$/.exec(reference)?.[1];
  if (!trace) return <code>{reference}</code>;
  return (
    <Link to="/traces/$traceId" params={{ traceId: trace }} search={{}}>
      trace {trace.slice(0, 8)}
    </Link>
  );
}
