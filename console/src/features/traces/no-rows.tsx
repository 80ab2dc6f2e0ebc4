import { Button } from "@mantine/core";
import { Empty } from "@/components/empty";
import { FirstCall } from "@/components/first-call";
import { useAddress } from "@/lib/address";
import { isMoving } from "@/lib/time-range";
import type { TracesSearch } from "./search";

export function NoRows({
  search,
  onChange,
}: {
  search: TracesSearch;
  onChange: (next: TracesSearch) => void;
}) {
  const { range, setRange } = useAddress();
  const narrowed = Boolean(search.q || search.filter?.length);
  const widest = isMoving(range) && range.preset === "30d";
  if (!narrowed && isMoving(range)) return <FirstCall title="No calls in this time range." />;
  return (
    <Empty title={narrowed ? "No call matches." : "No calls between these two moments."} icon="search">
      <div style={{ display: "flex", gap: 8 }}>
        {narrowed && (
          <Button size="xs" variant="default" onClick={() => onChange({ q: undefined, filter: undefined })}>
            Clear the filters
          </Button>
        )}
        {!widest && (
          <Button size="xs" variant="default" onClick={() => setRange({ preset: "30d" })}>
            Look at the last 30 days
          </Button>
        )}
      </div>
    </Empty>
  );
}
