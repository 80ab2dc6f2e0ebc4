import { Button, Skeleton, Tabs } from "@mantine/core";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { ApiProblem } from "@/api/problem";
import type { Artifact } from "@/api/types";
import classes from "@/components/artifact/artifact.module.css";
import { CommentTab } from "@/components/artifact/comments";
import { CompareTab } from "@/components/artifact/compare-tab";
import { ArtifactHeader } from "@/components/artifact/header";
import { LabelTab } from "@/components/artifact/label-tab";
import { VersionTab } from "@/components/artifact/version-tab";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { type ArtifactPlace, fromAddress, toAddress, useArtifact } from "@/lib/artifacts";
import { useKeys } from "@/lib/keys";
import { useSignedIn } from "@/lib/session";
import { PROMPT_TABS, type PromptSearch, type PromptTab } from "../search";
import { EditTab } from "./edit-tab";
import { UsageTab } from "./usage-tab";

const route = getRouteApi("/app/prompts/$name");

const LABELS: Record<PromptTab, string> = {
  edit: "Edit",
  versions: "Versions",
  labels: "Labels",
  compare: "Compare",
  usage: "Usage",
  comments: "Comments",
};

export function PromptPage() {
  const place: ArtifactPlace = { kind: "prompt", name: fromAddress(route.useParams().name) };
  const { data, error, refetch } = useArtifact(place);
  const navigate = useNavigate();
  useKeys({ escape: () => void navigate({ to: "/prompts", search: {} }) });
  if (!data && error instanceof ApiProblem && error.status === 404) return <NoPrompt name={place.name} />;
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={320} role="status" aria-label="Loading the prompt" />;
  return <PromptBodyView key={place.name} place={place} artifact={data} />;
}

function NoPrompt({ name }: { name: string }) {
  return (
    <div className="card">
      <Empty title={`There is no prompt ${name} in this project.`} icon="prompts">
        <p>
          It may be of another project. See{" "}
          <Link to="/prompts" search={{}}>
            all prompts
          </Link>{" "}
          of this one.
        </p>
      </Empty>
    </div>
  );
}

function PromptBodyView({ place, artifact }: { place: ArtifactPlace; artifact: Artifact }) {
  const { tab = "edit", version, before, after } = route.useSearch();
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const name = toAddress(place.name);
  const go = (search: PromptSearch) => void navigate({ to: "/prompts/$name", params: { name }, search });
  const shown = version ?? "latest";
  return (
    <div className={classes.page}>
      <ArtifactHeader
        place={place}
        artifact={artifact}
        actions={
          may("gateway:call") &&
          artifact.head !== null && (
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<Icon name="playground" size={14} />}
              onClick={() =>
                void navigate({
                  to: "/playground",
                  search: { prompt: [`${place.name}@${version ?? artifact.head}`] },
                })
              }
            >
              Open in playground
            </Button>
          )
        }
      />
      <Tabs
        value={tab}
        keepMounted={false}
        onChange={(value) => go({ tab: value === "edit" ? undefined : (value as PromptTab), version })}
      >
        <Tabs.List mb={10}>
          {PROMPT_TABS.map((id) => (
            <Tabs.Tab key={id} value={id}>
              {LABELS[id]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="edit">
          <EditTab
            place={place}
            artifact={artifact}
            version={shown}
            onSaved={() => go({})}
            onLatest={() => go({})}
          />
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
        <Tabs.Panel value="usage">
          <UsageTab place={place} artifact={artifact} version={shown} />
        </Tabs.Panel>
        <Tabs.Panel value="comments">
          <CommentTab place={place} artifact={artifact} />
        </Tabs.Panel>
      </Tabs>
    </div>
  );
}
