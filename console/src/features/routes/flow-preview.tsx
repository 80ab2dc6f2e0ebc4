import { readRoute } from "@/lib/strategy";
import { useTargetHealth } from "@/lib/workers";
import { Flow } from "./detail/flow";

/** The picture of a definition that is being written. */
export function FlowPreview({ definition }: { definition: Record<string, unknown> }) {
  const health = useTargetHealth();
  return (
    <section className="card" aria-label="How calls would flow">
      <div className="card-head">How calls would flow</div>
      <Flow root={readRoute(definition).root} stats={undefined} health={health} />
    </section>
  );
}
