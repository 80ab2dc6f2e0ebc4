import { ActionIcon, NumberInput, Select } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, bodyOf } from "@/api/client";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { toAddress, useArtifacts } from "@/lib/artifacts";
import { usePreference } from "@/lib/preferences";
import { useSignedIn } from "@/lib/session";
import classes from "./playground.module.css";

/** Goes through a dataset's rows; each one taken fills the variables. */
export function RowPicker({ onTake }: { onTake: (input: unknown) => boolean }) {
  const { project } = useSignedIn();
  const [dataset, setDataset] = usePreference<string | null>(`playground.dataset.${project.id}`, null);
  const [row, setRow] = useState(1);
  const [unfit, setUnfit] = useState(false);
  const list = useArtifacts("dataset", {});
  const names = list.data?.pages.flatMap((page) => page.items.map((one) => one.name)) ?? [];
  const { data, error } = useQuery({
    queryKey: ["playground", "row", project.id, dataset, row],
    queryFn: async ({ signal }) => {
      const params = {
        path: { name: toAddress(dataset ?? "") },
        query: { project: project.id, cursor: row - 1, limit: 1 },
      };
      return bodyOf(await api.GET("/api/v1/datasets/{name}/rows", { params, signal }));
    },
    enabled: dataset !== null,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
  const shown = data?.items[0];
  const go = (next: number) => {
    setRow(Math.min(Math.max(1, next), data?.rows ?? 1));
    setUnfit(false);
  };
  return (
    <div className={classes.picker}>
      <Select
        size="xs"
        w={200}
        aria-label="Dataset"
        placeholder={names.length ? "Choose a dataset" : "There is no dataset"}
        searchable
        data={names}
        value={dataset}
        onChange={(value) => {
          setDataset(value);
          setRow(1);
        }}
      />
      {dataset && (
        <>
          <ActionIcon variant="default" size={30} aria-label="Row before" onClick={() => go(row - 1)}>
            <Icon name="back" size={13} />
          </ActionIcon>
          <NumberInput
            size="xs"
            w={80}
            aria-label="Row"
            min={1}
            max={data?.rows}
            value={row}
            hideControls
            onChange={(value) => typeof value === "number" && go(value)}
          />
          <ActionIcon variant="default" size={30} aria-label="Next row" onClick={() => go(row + 1)}>
            <Icon name="right" size={13} />
          </ActionIcon>
          <span className="dim">of {data?.rows ?? "…"}</span>
          <button
            type="button"
            className={classes.take}
            disabled={!shown}
            onClick={() => shown && setUnfit(!onTake(shown.input))}
          >
            Use this row
          </button>
          {shown && <code className={`cut ${classes.rowText}`}>{sayInput(shown.input)}</code>}
        </>
      )}
      {unfit && (
        <span className="warn" role="alert">
          Its input names none of the variables.
        </span>
      )}
      {error && <Failure error={error} />}
    </div>
  );
}

function sayInput(input: unknown): string {
  return typeof input === "string" ? input : JSON.stringify(input);
}
