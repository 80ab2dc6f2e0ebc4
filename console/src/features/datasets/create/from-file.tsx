import { Button, FileInput, SegmentedControl } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, bodyOf } from "@/api/client";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { formatBytes } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { termsOf } from "../queries";
import type { FieldMapping, Preview } from "../types";
import type { Target } from "./add-rows";
import classes from "./create.module.css";
import { ImportProgress } from "./import-progress";
import { MappingForm } from "./mapping-form";
import { RowPreview } from "./row-preview";

/** A file is sent, looked at, mapped, and only then imported. */
export function FromFile({ target }: { target: Target }) {
  const { project } = useSignedIn();
  const query = { project: project.id };
  const [preview, setPreview] = useState<Preview | null>(null);
  const [mode, setMode] = useState<"append" | "replace">(target.isNew ? "replace" : "append");
  const [started, setStarted] = useState<string | null>(null);
  const upload = useMutation({
    mutationFn: async (file: File) =>
      bodyOf(
        await api.POST("/api/v1/datasets/uploads", {
          params: { query: { ...query, name: file.name } },
          body: file as never,
          bodySerializer: (body) => body as unknown as File,
          headers: { "content-type": "application/octet-stream" },
        }),
      ),
    onSuccess: setPreview,
  });
  const map = useMutation({
    mutationFn: async (mapping: FieldMapping) => {
      const params = { path: { upload: preview?.upload ?? "" }, query };
      return bodyOf(
        await api.POST("/api/v1/datasets/uploads/{upload}/preview", { params, body: { mapping } }),
      );
    },
    onSuccess: setPreview,
  });
  const begin = useMutation({
    mutationFn: async ({ upload: id, mapping, name }: Preview) => {
      const params = { path: { name: target.name.replaceAll("/", ":") }, query };
      const terms = termsOf(`Import ${name}`, mode === "append" ? target.expected || null : null);
      const body = { upload: id, mapping, mode, terms };
      return bodyOf(await api.POST("/api/v1/datasets/{name}/import", { params, body }));
    },
    onSuccess: (found) => setStarted(found.id),
  });
  if (started) return <ImportProgress id={started} onDone={target.onDone} onBack={() => setStarted(null)} />;
  return (
    <div className={watch.stack}>
      <FileInput
        size="xs"
        label="File"
        description="JSON lines, CSV or Parquet, up to 1 GB. Nothing is saved before you have seen it."
        placeholder="Choose a file"
        accept=".jsonl,.ndjson,.json,.csv,.tsv,.parquet"
        className={classes.name}
        onChange={(file) => file && upload.mutate(file)}
      />
      {upload.isPending && (
        <p className="dim" role="status">
          Sending the file…
        </p>
      )}
      {upload.error && <Failure error={upload.error} />}
      {preview && (
        <>
          <p className="dim">
            {preview.name}: {preview.format}, {formatBytes(preview.bytes)}, columns{" "}
            {preview.columns.join(", ")}.
          </p>
          <MappingForm
            columns={preview.columns}
            mapping={preview.mapping}
            onChange={(mapping) => map.mutate(mapping)}
          />
          {map.error && <Failure error={map.error} />}
          <RowPreview rows={preview.rows} />
          {begin.error && <Failure error={begin.error} />}
          <div className={watch.bar}>
            {!target.isNew && (
              <SegmentedControl
                size="xs"
                aria-label="What becomes of the rows before"
                data={[
                  { value: "append", label: "Add to the rows" },
                  { value: "replace", label: "Replace all rows" },
                ]}
                value={mode}
                onChange={(next) => setMode(next as "append" | "replace")}
              />
            )}
            <span className={watch.push} />
            {target.missing && <span className="dim">{target.missing}</span>}
            <Button
              size="xs"
              disabled={target.missing !== null || map.isPending || map.error !== null}
              loading={begin.isPending}
              onClick={() => begin.mutate(preview)}
            >
              Import
            </Button>
          </div>
        </>
      )}
    </div>
  );
}
