/** How rows are divided: by a hash of their group, so that a row stays where it is in all later versions. */

import { ActionIcon, Button, Checkbox, NumberInput, Skeleton, TextInput } from "@mantine/core";
import { useState } from "react";
import type { Artifact } from "@/api/types";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import watch from "@/components/watch.module.css";
import { formatCount, formatPercent } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { useDivide, useSplits } from "../queries";
import type { SplitPage } from "../types";
import classes from "./detail.module.css";

export function SplitsTab({ dataset, version }: { dataset: Artifact; version: string | undefined }) {
  const { may } = useSignedIn();
  const { data, error, refetch } = useSplits(dataset.name, version ?? "latest");
  if (dataset.head === null)
    return (
      <div className="card">
        <Empty title="No rows to divide yet." icon="datasets" />
      </div>
    );
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={160} role="status" aria-label="Loading the splits" />;
  return (
    <div className={watch.halves}>
      <section className="card" aria-label="Splits">
        <div className="card-head">Rows of each split</div>
        <ul className={classes.splits}>
          {data.items.map((one) => (
            <li key={one.split ?? ""}>
              <span>{one.split ?? <span className="faint">none</span>}</span>
              <span className={classes.share}>
                <span style={{ width: `${share(data, one.rows) * 100}%` }} />
              </span>
              <span className="number">{formatCount(one.rows)}</span>
              <span className="number dim">{formatPercent(share(data, one.rows))}</span>
            </li>
          ))}
        </ul>
      </section>
      {may("datasets:write") && version === undefined && (
        <Divide key={JSON.stringify(data.splits)} dataset={dataset} page={data} />
      )}
    </div>
  );
}

function share({ items }: SplitPage, rows: number): number {
  return rows / (items.reduce((sum, one) => sum + one.rows, 0) || 1);
}

interface Line {
  name: string;
  share: number;
}

const USUAL: Line[] = [
  { name: "train", share: 80 },
  { name: "test", share: 20 },
];

function Divide({ dataset, page }: { dataset: Artifact; page: SplitPage }) {
  const before = page.splits ? Object.entries(page.splits.shares) : [];
  const [lines, setLines] = useState<Line[]>(
    before.length ? before.map(([name, one]) => ({ name, share: one })) : USUAL,
  );
  const [resplit, setResplit] = useState(false);
  const divide = useDivide(dataset.name);
  const change = (at: number, next: Partial<Line>) =>
    setLines(lines.map((line, index) => (index === at ? { ...line, ...next } : line)));
  const total = lines.reduce((sum, line) => sum + line.share, 0);
  const names = lines.map((line) => line.name.trim());
  const wrong = names.some((name) => !name) || new Set(names).size < names.length || total <= 0;
  return (
    <form
      className={`card ${watch.stack} ${watch.pad}`}
      aria-label="Divide the rows"
      onSubmit={(event) => {
        event.preventDefault();
        const shares = Object.fromEntries(lines.map((line) => [line.name.trim(), line.share]));
        divide.mutate({ shares, resplit, expected: dataset.digest });
      }}
    >
      <p className="dim" style={{ margin: 0 }}>
        Rows of one group always stay together, and a row keeps its split in later versions as far as the
        shares allow.
      </p>
      {lines.map((line, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line being named is known by its place only.
        <div key={at} className={classes.splitLine}>
          <TextInput
            size="xs"
            aria-label={`Split ${at + 1}`}
            value={line.name}
            onChange={(event) => change(at, { name: event.currentTarget.value })}
          />
          <NumberInput
            size="xs"
            aria-label={`Share ${at + 1}`}
            min={0}
            value={line.share}
            onChange={(value) => change(at, { share: Number(value) || 0 })}
          />
          <span className="number dim">{formatPercent(total ? line.share / total : 0)}</span>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Remove split ${at + 1}`}
            disabled={lines.length === 1}
            onClick={() => setLines(lines.filter((_, index) => index !== at))}
          >
            <Icon name="trash" size={14} />
          </ActionIcon>
        </div>
      ))}
      <div>
        <Button
          size="compact-xs"
          variant="subtle"
          leftSection={<Icon name="plus" size={12} />}
          disabled={lines.length >= 10}
          onClick={() => setLines([...lines, { name: "", share: 10 }])}
        >
          Add a split
        </Button>
      </div>
      {before.length > 0 && (
        <Checkbox
          size="xs"
          label="Rows may go from one split into another"
          description="What was measured on the splits before is not comparable any more."
          checked={resplit}
          onChange={(event) => setResplit(event.currentTarget.checked)}
        />
      )}
      {divide.error && <Failure error={divide.error} />}
      <div className={watch.bar}>
        <span className={watch.push} />
        <Button size="xs" type="submit" disabled={wrong} loading={divide.isPending}>
          Save as a new version
        </Button>
      </div>
    </form>
  );
}
