import { Button, Skeleton } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { useKeys } from "@/lib/keys";
import { useSignedIn } from "@/lib/session";
import { type Draft, MOST_VARIANTS, newId, obstacleOf, runOf, type Variant } from "./draft";
import { History } from "./history";
import { OpenMenu } from "./open-menu";
import classes from "./playground.module.css";
import { ShareButton } from "./share-button";
import { SharedInput } from "./shared-input";
import { type KeptDraft, useDraft } from "./use-draft";
import { useRuns } from "./use-runs";
import { VariantColumn } from "./variant-column";

const route = getRouteApi("/app/playground");

export function PlaygroundPage() {
  const search = route.useSearch();
  const { may } = useSignedIn();
  const kept = useDraft(search);
  if (!may("gateway:call"))
    return (
      <div className="card">
        <Empty title="Your role may not call models." icon="playground">
          <p>
            The playground's calls are billed as any. They take the permission <code>gateway:call</code>,
            which editors have.
          </p>
        </Empty>
      </div>
    );
  if (!kept.draft && kept.error) return <Failure error={kept.error} onRetry={kept.retry} />;
  if (!kept.draft) return <Skeleton height={320} role="status" aria-label="Loading the playground" />;
  return <Playground draft={kept.draft} kept={kept} />;
}

function Playground({ draft, kept }: { draft: Draft; kept: KeptDraft }) {
  const { may } = useSignedIn();
  const runs = useRuns();
  const navigate = useNavigate();
  const { variants } = draft;
  const ready = variants.filter((one) => obstacleOf(draft, one) === null);
  const set = (next: Variant[]) => kept.change((before) => ({ ...before, variants: next }));
  const runAll = () => {
    for (const one of ready) runs.start(one.id, runOf(draft, one));
  };
  const stopAll = () => {
    for (const one of variants) runs.stop(one.id);
  };
  useKeys({ escape: () => runs.running && stopAll() });
  const add = (variant: Variant) => set([...variants, { ...variant, id: newId() }]);
  const last = variants.at(-1);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Ctrl Enter runs from any field of the page.
    <div
      className={classes.page}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        runAll();
      }}
    >
      <div className={classes.bar}>
        {runs.running ? (
          <Button size="xs" color="red" onClick={stopAll}>
            Stop
          </Button>
        ) : (
          <Button size="xs" disabled={ready.length === 0} onClick={runAll} title="Ctrl Enter">
            {variants.length > 1 ? `Run ${ready.length === variants.length ? "all" : ready.length}` : "Run"}
          </Button>
        )}
        {last && (
          <Button
            size="xs"
            variant="default"
            leftSection={<Icon name="plus" size={13} />}
            disabled={variants.length >= MOST_VARIANTS}
            onClick={() => add(last)}
          >
            Add a variant
          </Button>
        )}
        {may("prompts:read") && <OpenMenu disabled={variants.length >= MOST_VARIANTS} onOpen={add} />}
        <span className={classes.push} />
        <ShareButton variants={variants} />
        <Button
          size="xs"
          variant="default"
          onClick={() => {
            stopAll();
            kept.reset();
            void navigate({ to: "/playground", search: {} });
          }}
        >
          Start anew
        </Button>
      </div>
      <SharedInput draft={draft} onChange={(next) => kept.change((before) => ({ ...before, ...next }))} />
      <div className={classes.columns}>
        {variants.map((one, index) => (
          <VariantColumn
            key={one.id}
            index={index}
            variant={one}
            obstacle={obstacleOf(draft, one)}
            run={runs.of(one.id)}
            other={index > 0 && variants[0] ? runs.of(variants[0].id) : undefined}
            onRun={() => runs.start(one.id, runOf(draft, one))}
            onStop={() => runs.stop(one.id)}
            onChange={(changed) =>
              kept.change((before) => ({
                ...before,
                variants: before.variants.map((v) => (v.id === one.id ? changed : v)),
              }))
            }
            onRemove={
              variants.length > 1
                ? () => {
                    runs.stop(one.id);
                    set(variants.filter((v) => v.id !== one.id));
                  }
                : undefined
            }
          />
        ))}
      </div>
      {may("traces:read") && <History session={draft.session} />}
    </div>
  );
}
