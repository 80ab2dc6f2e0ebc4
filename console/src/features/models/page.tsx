import { Skeleton } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, bodyOf } from "@/api/client";
import type { Models, ProviderRow } from "@/api/types";
import { CopyBox } from "@/components/copy";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { StatusMark } from "@/components/status";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatCount, formatPercent, formatTime } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { windowOf } from "@/lib/time-range";
import { ModelTable } from "./model-table";
import classes from "./models.module.css";

const REFRESH_MS = 10_000;

export function useModels() {
  const { range, live } = useAddress();
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["models", project.id, range],
    queryFn: async ({ signal }) => {
      const query = { project: project.id, ...windowOf(range, nowMicroseconds()) };
      return bodyOf(await api.GET("/api/v1/models", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: live ? REFRESH_MS : false,
  });
}

export function ModelsPage() {
  const { data, error, refetch } = useModels();
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  if (data.providers.length === 0) return <NoProviders />;
  return (
    <div className={classes.page}>
      {data.providers.map((provider) => (
        <Provider key={provider.name} provider={provider} />
      ))}
      <Aliases aliases={data.aliases} />
    </div>
  );
}

function Provider({ provider }: { provider: ProviderRow }) {
  return (
    <section className="card" aria-label={provider.name}>
      <div className={classes.head}>
        <h2>{provider.name}</h2>
        <StatusMark status={provider.health.status} />
        <Health provider={provider} />
        <span className={classes.url} title={provider.base_url}>
          {provider.kind} · {provider.base_url}
        </span>
      </div>
      {provider.models.length ? (
        <ModelTable models={provider.models} />
      ) : (
        <p className={classes.none}>
          No models are listed and none was called in this time range. Call one as{" "}
          <code>{provider.name}/MODEL</code>, or list them under <code>providers.{provider.name}.models</code>{" "}
          in penstock.yaml.
        </p>
      )}
    </section>
  );
}

/** What the calls of the window say about a provider; nothing is sent to it to find out. */
function Health({ provider }: { provider: ProviderRow }) {
  const { health } = provider;
  const now = nowMicroseconds();
  if (!health.calls) return <span className="faint">no calls in this time range</span>;
  const failing = health.last_error !== null && health.last_error !== undefined;
  return (
    <span className={classes.health}>
      <span>{formatCount(health.calls)} calls</span>
      <span className={health.errors ? "bad" : undefined}>{formatPercent(health.error_rate)} failed</span>
      {failing && (
        <Link
          to="/traces"
          search={{ filter: [`provider:eq:${provider.name}`, "status:eq:error"] }}
          className={classes.lastError}
          title={`${formatTime(health.last_error ?? 0)}\n${health.last_error_message ?? ""}`}
        >
          last error {formatAgo(health.last_error ?? 0, now)}
          {health.last_error_message ? `: ${health.last_error_message}` : ""}
        </Link>
      )}
    </span>
  );
}

function Aliases({ aliases }: { aliases: Models["aliases"] }) {
  return (
    <section className="card" aria-label="Aliases">
      <div className={classes.head}>
        <h2>Aliases</h2>
        <span className="faint">names that applications call; targets are tried in order</span>
      </div>
      {aliases.length === 0 ? (
        <p className={classes.none}>
          None yet. Add one under <code>aliases</code> in penstock.yaml and call it as the <code>model</code>.
        </p>
      ) : (
        <ul className={classes.aliases}>
          {aliases.map((alias) => (
            <li key={alias.name}>
              <Link to="/traces" search={{ filter: [`route:eq:${alias.name}`] }}>
                {alias.name}
              </Link>
              <span className={classes.targets}>{alias.targets.join("  →  ")}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

const EXAMPLE = `providers:
  openai:
    kind: openai
    base_url: https://api.openai.com/v1
    api_key: env:OPENAI_API_KEY`;

function NoProviders() {
  return (
    <div className="card">
      <Empty title="No provider is configured." icon="models">
        <p>Add one to penstock.yaml. The gateway takes it over within two seconds, without a restart.</p>
        <CopyBox text={EXAMPLE} label="Copy the example" />
      </Empty>
    </div>
  );
}

function Loading() {
  return (
    <div className={classes.page} role="status" aria-label="Loading">
      <Skeleton height={180} />
      <Skeleton height={120} />
    </div>
  );
}
