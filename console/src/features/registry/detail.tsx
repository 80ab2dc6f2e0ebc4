import { Skeleton, Tabs } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { ApiProblem } from "@/api/problem";
import type { Artifact } from "@/api/types";
import classes from "@/components/artifact/artifact.module.css";
import { CommentTab } from "@/components/artifact/comments";
import { CompareTab } from "@/components/artifact/compare-tab";
import { ArtifactHeader } from "@/components/artifact/header";
import { LabelTab } from "@/components/artifact/label-tab";
import { LineageBox } from "@/components/artifact/lineage";
import { VersionTab } from "@/components/artifact/version-tab";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import {
  type ArtifactKind,
  type ArtifactPlace,
  fromAddress,
  toAddress,
  useArtifact,
  useVersion,
} from "@/lib/artifacts";
import { useKeys } from "@/lib/keys";
import { useSignedIn } from "@/lib/session";
import { BodyEditor } from "./body-editor";
import { REGISTERED_TABS, type RegisteredSearch, type RegisteredTab } from "./search";

const route = getRouteApi("/app/registry/$kind/$name");

const LABELS: Record<RegisteredTab, string> = {
  definition: "Definition",
  versions: "Versions",
  labels: "Labels",
  compare: "Compare",
  lineage: "Lineage",
  comments: "Comments",
};

/** Any kind of artifact: its body as text, with the same history as a prompt's. */
export function RegisteredPage() {
  const { kind, name } = route.useParams();
  const place: ArtifactPlace = { kind: kind as ArtifactKind, name: fromAddress(name) };
  const { data, error, refetch } = useArtifact(place);
  const navigate = useNavigate();
  const tab = kind === "evaluator" ? ("evaluators" as const) : undefined;
  useKeys({ escape: () => void navigate({ to: "/registry", search: { tab } }) });
  if (!data && error instanceof ApiProblem && error.status === 404)
    return (
      <div className="card">
        <Empty title={`There is no ${kind} ${place.name} in this project.`} icon="registry" />
      </div>
    );
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={320} role="status" aria-label="Loading" />;
  return <Registered key={`${kind} ${name}`} place={place} artifact={data} />;
}

function Registered({ place, artifact }: { place: ArtifactPlace; artifact: Artifact }) {
  const { tab = "definition", version = "latest", before, after } = route.useSearch();
  const navigate = useNavigate();
  const params = { kind: place.kind, name: toAddress(place.name) };
  const go = (search: RegisteredSearch) => void navigate({ to: "/registry/$kind/$name", params, search });
  return (
    <div className={classes.page}>
      <ArtifactHeader place={place} artifact={artifact} />
      <Tabs
        value={tab}
        keepMounted={false}
        onChange={(value) => go({ tab: value === "definition" ? undefined : (value as RegisteredTab) })}
      >
        <Tabs.List mb={10}>
          {REGISTERED_TABS.map((id) => (
            <Tabs.Tab key={id} value={id}>
              {LABELS[id]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="definition">
          <Definition place={place} artifact={artifact} version={version} onSaved={() => go({})} />
        </Tabs.Panel>
        <Tabs.Panel value="versions">
          <VersionTab
            place={place}
            artifact={artifact}
            onOpen={(number) => go({ version: String(number) })}
            onCompare={(from, to) => go({ tab: "compare", before: String(from), after: String(to) })}
          />
        </Tabs.Panel>
        <Tabs.Panel value="labels">
          <LabelTab place={place} artifact={artifact} />
        </Tabs.Panel>
        <Tabs.Panel value="compare">
          <CompareTab
            place={place}
            artifact={artifact}
            from={before}
            to={after}
            onChange={({ from, to }) => go({ tab: "compare", before: from, after: to })}
          />
        </Tabs.Panel>
        <Tabs.Panel value="lineage">
          <LineageBox place={place} artifact={artifact} version={version} />
        </Tabs.Panel>
        <Tabs.Panel value="comments">
          <CommentTab place={place} artifact={artifact} />
        </Tabs.Panel>
      </Tabs>
    </div>
  );
}

interface DefinitionProps {
  place: ArtifactPlace;
  artifact: Artifact;
  version: string;
  onSaved: () => void;
}

function Definition({ place, artifact, version, onSaved }: DefinitionProps) {
  const { may } = useSignedIn();
  const empty = artifact.head === null && version === "latest";
  const { data, error, refetch } = useVersion(place, version, !empty);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data && !empty) return <Skeleton height={320} role="status" aria-label="Loading the version" />;
  return (
    <BodyEditor
      key={data?.number ?? 0}
      kind={place.kind}
      name={place.name}
      artifact={artifact}
      initial={data?.body ?? ""}
      branch={data?.branch ?? "main"}
      readOnly={!may(`${place.kind}s:write`) || artifact.archived !== null}
      onSaved={onSaved}
    />
  );
}
