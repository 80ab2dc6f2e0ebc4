import { Button, Group, Popover, Stack, Text, UnstyledButton } from "@mantine/core";
import { useState } from "react";
import { Icon } from "@/components/icons";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { formatTime, zoneOf } from "@/lib/format";
import { fromLocalInput, isMoving, PRESETS, type TimeRange, toLocalInput, windowOf } from "@/lib/time-range";
import classes from "./range-picker.module.css";

export function RangePicker() {
  const { range, setRange } = useAddress();
  const [opened, setOpened] = useState(false);
  const choose = (next: TimeRange) => {
    setRange(next);
    setOpened(false);
  };
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" width={300} trapFocus>
      <Popover.Target>
        <button
          type="button"
          className={classes.button}
          onClick={() => setOpened(!opened)}
          aria-label={`Time range: ${labelOf(range)}`}
        >
          <Icon name="clock" size={14} />
          <span className={classes.long}>{labelOf(range)}</span>
          <span className={classes.short}>{isMoving(range) ? range.preset : "custom"}</span>
          <Icon name="down" size={12} />
        </button>
      </Popover.Target>
      <Popover.Dropdown p={6}>
        {PRESETS.map((preset) => (
          <UnstyledButton
            key={preset.id}
            className={classes.preset}
            data-chosen={(isMoving(range) && range.preset === preset.id) || undefined}
            onClick={() => choose({ preset: preset.id })}
          >
            <span>{preset.label}</span>
            <span className="faint">{preset.id}</span>
          </UnstyledButton>
        ))}
        <Custom range={range} onChoose={choose} />
      </Popover.Dropdown>
    </Popover>
  );
}

function Custom({ range, onChoose }: { range: TimeRange; onChoose: (range: TimeRange) => void }) {
  const window = windowOf(range, nowMicroseconds());
  const [from, setFrom] = useState(toLocalInput(window.from));
  const [to, setTo] = useState(toLocalInput(window.to));
  const parsed = { from: fromLocalInput(from), to: fromLocalInput(to) };
  const valid = parsed.from !== null && parsed.to !== null && parsed.from < parsed.to;
  const apply = () => {
    if (parsed.from !== null && parsed.to !== null && valid) onChoose({ from: parsed.from, to: parsed.to });
  };
  return (
    <Stack gap={6} p={6} mt={4} className={classes.custom}>
      <Group justify="space-between">
        <Text fw={600} fz="xs">
          From – to
        </Text>
        <Text c="dimmed" fz="xs">
          {zoneOf(new Date())}
        </Text>
      </Group>
      <input
        className={classes.input}
        type="datetime-local"
        aria-label="From"
        value={from}
        onChange={(event) => setFrom(event.currentTarget.value)}
      />
      <input
        className={classes.input}
        type="datetime-local"
        aria-label="To"
        value={to}
        onChange={(event) => setTo(event.currentTarget.value)}
      />
      {!valid && (
        <Text fz="xs" className="bad">
          The end must lie after the start.
        </Text>
      )}
      <Button size="xs" onClick={apply} disabled={!valid}>
        Apply
      </Button>
    </Stack>
  );
}

function labelOf(range: TimeRange): string {
  if (isMoving(range)) return PRESETS.find((preset) => preset.id === range.preset)?.label ?? range.preset;
  const short = (us: number) => formatTime(us).slice(5, 16);
  return `${short(range.from)} – ${short(range.to)}`;
}
