/** The columns of lists of artifacts. */

import type { ArtifactRow } from "@/api/types";
import type { RowColumn } from "@/components/rows/columns";
import { type ArtifactListing, toAddress } from "@/lib/artifacts";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatTime, NOTHING } from "@/lib/format";
import classes from "./artifact.module.css";
import { LabelMarks } from "./labels";

type Change = (next: ArtifactListing) => void;

export function artifactColumns(folder: string | undefined, change: Change): RowColumn<ArtifactRow>[] {
  return [
    {
      id: "name",
      label: "Name",
      width: 260,
      cell: (row) => <NameCell name={row.name} folder={folder} change={change} />,
    },
    {
      id: "head",
      label: "Version",
      width: 70,
      numeric: true,
      cell: (row) => row.head ?? <span className="faint">{NOTHING}</span>,
    },
    { id: "labels", label: "Labels", width: 220, cell: (row) => <LabelMarks labels={row.labels} /> },
    {
      id: "updated",
      label: "Changed",
      width: 110,
      sort: "updated",
      cell: (row) => <time title={formatTime(row.updated)}>{formatAgo(row.updated, nowMicroseconds())}</time>,
    },
    { id: "by", label: "By", width: 110, cell: (row) => <span className="dim">{row.updated_by}</span> },
    {
      id: "tags",
      label: "Tags",
      width: 140,
      cell: (row) => (
        <span className={classes.marks}>
          {row.tags.map((tag) => (
            <button
              key={tag}
              type="button"
              className={classes.tag}
              tabIndex={-1}
              onClick={(event) => {
                event.stopPropagation();
                change({ tag });
              }}
            >
              {tag}
            </button>
          ))}
        </span>
      ),
    },
    {
      id: "about",
      label: "Description",
      width: 200,
      cell: (row) => <span className="dim">{row.description}</span>,
    },
  ];
}

interface NameCellProps {
  name: string;
  folder: string | undefined;
  change: Change;
}

/** Folders before the name narrow the list to what is below them. */
function NameCell({ name, folder, change }: NameCellProps) {
  const shown = folder && name.startsWith(`${folder}/`) ? name.slice(folder.length + 1) : name;
  const parts = shown.split("/");
  const last = parts.pop();
  return (
    <span data-name={toAddress(name)} title={name}>
      {parts.map((part, index) => {
        const path = [folder, ...parts.slice(0, index + 1)].filter(Boolean).join("/");
        return (
          <button
            key={path}
            type="button"
            className={classes.folder}
            tabIndex={-1}
            title={`Only what is below ${path}`}
            onClick={(event) => {
              event.stopPropagation();
              change({ folder: path });
            }}
          >
            {part}/
          </button>
        );
      })}
      <b>{last}</b>
    </span>
  );
}

export function CompactArtifact({ row }: { row: ArtifactRow }) {
  return (
    <span className={classes.compact}>
      <span className={classes.titleLine}>
        <b className="cut">{row.name}</b>
        <span className="dim">{row.head ?? NOTHING}</span>
        <span className={classes.push} />
        <time className="faint">{formatAgo(row.updated, nowMicroseconds())}</time>
      </span>
      <span className="cut">
        <LabelMarks labels={row.labels} /> <span className="dim">{row.description}</span>
      </span>
    </span>
  );
}
