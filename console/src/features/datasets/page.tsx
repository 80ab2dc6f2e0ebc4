import { Button, Menu } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { ArtifactList } from "@/components/artifact/list";
import { Empty } from "@/components/empty";
import { Icon } from "@/components/icons";
import { toAddress } from "@/lib/artifacts";
import { useSignedIn } from "@/lib/session";
import { AddRows } from "./create/add-rows";
import { SOURCE_WORDS } from "./create/words";
import { type DatasetSource, SOURCES } from "./search";

const route = getRouteApi("/app/datasets");

export function DatasetsPage() {
  const { create } = route.useSearch();
  const { may } = useSignedIn();
  return create && may("datasets:write") ? <New source={create} /> : <List />;
}

function New({ source }: { source: DatasetSource }) {
  const { traces } = route.useSearch();
  const navigate = useNavigate();
  return (
    <AddRows
      dataset={null}
      expected=""
      source={source}
      filter={traces}
      onSource={(next) => void navigate({ to: "/datasets", search: { create: next, traces } })}
      onDone={(name) =>
        void navigate({ to: "/datasets/$dataset", params: { dataset: toAddress(name) }, search: {} })
      }
      onClose={() => void navigate({ to: "/datasets", search: {} })}
    />
  );
}

function List() {
  const { create: _, traces: __, ...listing } = route.useSearch();
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const open = (source: DatasetSource) => void navigate({ to: "/datasets", search: { create: source } });
  const create = may("datasets:write") && (
    <Menu position="bottom-end" width={250}>
      <Menu.Target>
        <Button size="xs" leftSection={<Icon name="plus" size={14} />}>
          New dataset
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {SOURCES.map((source) => (
          <Menu.Item key={source} onClick={() => open(source)}>
            {SOURCE_WORDS[source].label} <span className="faint">{SOURCE_WORDS[source].about}</span>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
  return (
    <ArtifactList
      kind="dataset"
      things="datasets"
      listing={listing}
      onChange={(next) => void navigate({ to: "/datasets", search: next })}
      onOpen={(row) =>
        void navigate({ to: "/datasets/$dataset", params: { dataset: toAddress(row.name) }, search: {} })
      }
      create={create}
      empty={
        <Empty title="No datasets in this project." icon="datasets">
          <p>
            A dataset is what variants are measured on: inputs, and what a good answer is. Upload a file, or
            take rows from recorded traces.
          </p>
          {create || <p>Your role may not make datasets. Ask an editor.</p>}
        </Empty>
      }
    />
  );
}
