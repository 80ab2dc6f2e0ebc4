/** A page that lists artifacts of one kind: folders by slash, search, tags, labels. */

import { Button, Chip, Select, TextInput } from "@mantine/core";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { ArtifactRow } from "@/api/types";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { RowsTable } from "@/components/rows/rows-table";
import { useCursor } from "@/components/rows/use-cursor";
import { type ArtifactKind, type ArtifactListing, useArtifacts, useProtectedLabels } from "@/lib/artifacts";
import classes from "./artifact.module.css";
import { artifactColumns, CompactArtifact } from "./columns";

const PAUSE_MS = 250;
const idOf = (row: ArtifactRow) => row.id;

interface ArtifactListProps {
  kind: ArtifactKind;
  /** `prompts`. */
  things: string;
  listing: ArtifactListing;
  onChange: (next: ArtifactListing) => void;
  onOpen: (row: ArtifactRow) => void;
  /** The button that makes a new one. */
  create: ReactNode;
  empty: ReactNode;
  className?: string;
}

export function ArtifactList(props: ArtifactListProps) {
  const { kind, things, listing, onChange } = props;
  const list = useArtifacts(kind, listing);
  const { data: guarded } = useProtectedLabels(kind);
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const change = (next: ArtifactListing) => onChange({ ...listing, ...next });
  const cursor = useCursor(rows, idOf, props.onOpen, { onEscape: () => change({ q: undefined }) });
  const labels = [
    ...new Set([...(guarded ?? []), ...rows.flatMap((row) => row.labels.map((one) => one.name))]),
  ];
  const narrowed = Boolean(listing.q || listing.folder || listing.tag || listing.label || listing.archived);
  return (
    <div className={props.className ?? classes.list}>
      <div className={classes.bar}>
        <SearchBox things={things} q={listing.q} onChange={(q) => change({ q })} />
        <Select
          size="xs"
          w={150}
          aria-label="Label"
          placeholder="Any label"
          clearable
          data={listing.label && !labels.includes(listing.label) ? [...labels, listing.label] : labels}
          value={listing.label ?? null}
          onChange={(label) => change({ label: label ?? undefined })}
        />
        <Chip
          size="xs"
          checked={listing.archived === "yes"}
          onChange={(checked) => change({ archived: checked ? "yes" : undefined })}
        >
          Archived
        </Chip>
        {listing.tag && (
          <Button size="compact-xs" variant="light" onClick={() => change({ tag: undefined })}>
            #{listing.tag} ×
          </Button>
        )}
        <span className={classes.push} />
        {props.create}
      </div>
      {listing.folder && <FolderPath folder={listing.folder} onChange={(folder) => change({ folder })} />}
      {list.error && !list.data ? (
        <Failure error={list.error} onRetry={() => void list.refetch()} />
      ) : (
        <RowsTable
          label={things[0]?.toUpperCase() + things.slice(1)}
          rows={rows}
          columns={artifactColumns(listing.folder, change)}
          keyOf={idOf}
          onOpen={props.onOpen}
          loading={list.isPending}
          cursor={cursor.key}
          sort={listing.sort === "updated" ? "-updated" : "name"}
          onSort={(sort) => change({ sort: sort?.includes("updated") ? "updated" : undefined })}
          more={{
            has: list.hasNextPage,
            loading: list.isFetchingNextPage,
            error: list.isFetchNextPageError ? list.error : null,
            load: () => void list.fetchNextPage(),
            words: { loading: `Loading more ${things}…`, end: `No more ${things}.` },
          }}
          compactHeight={58}
          compact={(row) => <CompactArtifact row={row} />}
          empty={narrowed ? <NoMatch things={things} onClear={() => onChange({})} /> : props.empty}
        />
      )}
    </div>
  );
}

interface SearchBoxProps {
  things: string;
  q: string | undefined;
  onChange: (q: string | undefined) => void;
}

function SearchBox({ things, q, onChange }: SearchBoxProps) {
  const [text, setText] = useState(q ?? "");
  const change = useRef(onChange);
  change.current = onChange;
  useEffect(() => setText(q ?? ""), [q]);
  useEffect(() => {
    const wanted = text.trim() || undefined;
    if (wanted === q) return;
    const timer = window.setTimeout(() => change.current(wanted), PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [text, q]);
  return (
    <TextInput
      data-page-search
      className={classes.search}
      size="xs"
      aria-label={`Search ${things}`}
      placeholder="Words of the name, description or text   /"
      leftSection={<Icon name="search" size={13} />}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
    />
  );
}

interface FolderPathProps {
  folder: string;
  onChange: (folder: string | undefined) => void;
}

/** `all / support / answers`: a click goes up. */
function FolderPath({ folder, onChange }: FolderPathProps) {
  const parts = folder.split("/");
  return (
    <nav className={classes.path} aria-label="Folder">
      <Icon name="folder" size={14} />
      <button type="button" className={classes.folder} onClick={() => onChange(undefined)}>
        all
      </button>
      {parts.map((part, index) => {
        const path = parts.slice(0, index + 1).join("/");
        return (
          <span key={path}>
            <span className="faint">/ </span>
            <button type="button" className={classes.folder} onClick={() => onChange(path)}>
              {part}
            </button>
          </span>
        );
      })}
    </nav>
  );
}

function NoMatch({ things, onClear }: { things: string; onClear: () => void }) {
  return (
    <Empty title={`No ${things} match.`} icon="search">
      <Button size="xs" variant="default" onClick={onClear}>
        Show all
      </Button>
    </Empty>
  );
}
