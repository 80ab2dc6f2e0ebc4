import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, bodyOf } from "@/api/client";
import watch from "@/components/watch.module.css";
import { useDefinitions } from "@/lib/definitions";
import { useSignedIn } from "@/lib/session";

const NEWEST = 200;

interface Reference {
  kind: "route" | "experiment";
  id: string;
  name: string;
  /** The variant, and the version it names. */
  words: string;
}

/** Routes and experiments whose variants name the prompt. */
export function ServedBy({ name }: { name: string }) {
  const routes = useDefinitions("route").data ?? [];
  const experiments = useExperiments();
  const found: Reference[] = [
    ...routes.flatMap((route) =>
      wordsOf(route.definition.variants, name).map((words) => ({
        kind: "route" as const,
        id: route.name,
        name: route.name,
        words,
      })),
    ),
    ...experiments.flatMap((one) =>
      one.spec.variants
        .filter((variant) => refersTo(variant.prompt, name))
        .map((variant) => ({
          kind: "experiment" as const,
          id: one.id,
          name: one.name,
          words: `${variant.name}: ${variant.prompt}`,
        })),
    ),
  ];
  return (
    <section className="card" aria-label="Used by">
      <div className="card-head">Routes and experiments</div>
      {found.length === 0 && (
        <p className={watch.none}>No route and none of the newest experiments names it.</p>
      )}
      <ul className={watch.list}>
        {found.map((one) => (
          <li key={`${one.kind} ${one.id} ${one.words}`}>
            <span className="dim">{one.kind}</span>
            <span className={watch.said}>
              {one.kind === "route" ? (
                <Link to="/routes/$name" params={{ name: one.name }} search={{}}>
                  {one.name}
                </Link>
              ) : (
                <Link to="/experiments/$experiment" params={{ experiment: one.id }} search={{}}>
                  {one.name}
                </Link>
              )}{" "}
              {one.words}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function useExperiments() {
  const { project, may } = useSignedIn();
  const { data } = useQuery({
    queryKey: ["experiments", "naming", project.id],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id, limit: NEWEST } };
      return bodyOf(await api.GET("/api/v1/experiments", { params, signal })).items;
    },
    enabled: may("experiments:read"),
    staleTime: 30_000,
  });
  return data ?? [];
}

/** `smart: support/answer@production` for each variant of a route that names the prompt. */
export function wordsOf(variants: unknown, name: string): string[] {
  if (typeof variants !== "object" || variants === null) return [];
  return Object.entries(variants).flatMap(([variant, value]) => {
    const prompt =
      typeof value === "object" && value !== null ? (value as { prompt?: unknown }).prompt : null;
    return refersTo(prompt, name) ? [`${variant}: ${prompt}`] : [];
  });
}

function refersTo(prompt: unknown, name: string): prompt is string {
  if (typeof prompt !== "string") return false;
  const named = prompt.split("@")[0]?.split(":").at(-1);
  return named === name;
}
