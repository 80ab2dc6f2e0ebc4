/** One dataset: its rows, versions, splits, and what was found when it was checked. */

import { Button, Menu, Skeleton, Tabs } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import type { Artifact } from "@/api/types";
import { ArtifactHeader } from "@/components/artifact/header";
import { ExportMenu } from "@/components/export-menu";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import watch from "@/components/watch.module.css";
import { fromAddress, toAddress, useArtifact } from "@/lib/artifacts";
import { useKeys } from "@/lib/keys";
import { useSignedIn } from "@/lib/session";
import { AddRows } from "../create/add-rows";
import { SOURCE_WORDS } from "../create/words";
import { DATASET_TABS, type DatasetSearch, type DatasetTab, SOURCES } from "../search";
import { ChecksTab } from "./checks";
import { Rows } from "./rows";
import { SplitsTab } from "./splits";
import { DatasetVersions } from "./versions";

const route = getRouteApi("/app/datasets/$dataset");
const LABELS: Record<DatasetTab, string> = {
  rows: "Rows",
  versions: "Versions",
  splits: "Splits",
  checks: "Checks",
};

export function DatasetPage() {
  const { dataset } = route.useParams();
  const name = fromAddress(dataset);
  const { data, error, refetch } = useArtifact({ kind: "dataset", name });
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data)
    return (
      <div role="status" aria-label="Loading the dataset">
        <Skeleton height={50} mb={12} />
        <Skeleton height={400} />
      </div>
    );
  return <Body key={name} dataset={data} />;
}

function Body({ dataset }: { dataset: Artifact }) {
  const search = route.useSearch();
  const { tab = "rows", add } = search;
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const change = (next: DatasetSearch) =>
    void navigate({
      to: ".",
      search: (before: object) => ({ ...before, ...next }),
      replace: next.tab === undefined,
    } as never);
  const toList = () => void navigate({ to: "/datasets", search: {} });
  useKeys({
    escape: () => {
      if (add) change({ add: undefined });
      else if (search.row) change({ row: undefined });
      else toList();
    },
  });
  if (add && may("datasets:write"))
    return (
      <AddRows
        dataset={dataset.name}
        expected={dataset.digest ?? ""}
        source={add}
        filter={undefined}
        onSource={(next) => change({ add: next })}
        onDone={() => change({ add: undefined, tab: undefined, version: undefined })}
        onClose={() => change({ add: undefined })}
      />
    );
  return (
    <div className={watch.page}>
      <ArtifactHeader
        place={{ kind: "dataset", name: dataset.name }}
        artifact={dataset}
        actions={<Acts dataset={dataset} search={search} onChange={change} />}
      />
      <Tabs
        value={tab}
        onChange={(value) => change({ tab: value === "rows" ? undefined : (value as DatasetTab) })}
        keepMounted={false}
      >
        <Tabs.List>
          {DATASET_TABS.map((id) => (
            <Tabs.Tab key={id} value={id} py={8} fz="sm">
              {LABELS[id]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="rows" pt={12}>
          <Rows dataset={dataset} search={search} onChange={change} />
        </Tabs.Panel>
        <Tabs.Panel value="versions" pt={12}>
          <DatasetVersions dataset={dataset} search={search} onChange={change} />
        </Tabs.Panel>
        <Tabs.Panel value="splits" pt={12}>
          <SplitsTab dataset={dataset} version={search.version} />
        </Tabs.Panel>
        <Tabs.Panel value="checks" pt={12}>
          <ChecksTab
            dataset={dataset}
            version={search.version}
            onRow={(row) => change({ tab: undefined, split: undefined, row })}
          />
        </Tabs.Panel>
      </Tabs>
    </div>
  );
}

interface ActsProps {
  dataset: Artifact;
  search: DatasetSearch;
  onChange: (next: DatasetSearch) => void;
}

function Acts({ dataset, search, onChange }: ActsProps) {
  const { project, may } = useSignedIn();
  const navigate = useNavigate();
  const version = search.version ?? String(dataset.head ?? "latest");
  return (
    <>
      {may("datasets:write") && dataset.archived === null && (
        <Menu position="bottom-end" width={250}>
          <Menu.Target>
            <Button size="compact-sm" leftSection={<Icon name="plus" size={13} />}>
              Add rows
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {SOURCES.map((source) => (
              <Menu.Item key={source} onClick={() => onChange({ add: source, row: undefined })}>
                {SOURCE_WORDS[source].label} <span className="faint">{SOURCE_WORDS[source].about}</span>
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      {may("experiments:write") && dataset.head !== null && (
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<Icon name="experiments" size={13} />}
          onClick={() =>
            void navigate({
              to: "/experiments",
              search: { create: "yes", dataset: `${dataset.name}@${version}` },
            })
          }
        >
          Experiment
        </Button>
      )}
      {dataset.head !== null && (
        <ExportMenu
          path={`/api/v1/datasets/${toAddress(dataset.name)}/export`}
          params={{ project: project.id, version, split: search.split }}
        />
      )}
    </>
  );
}
