import { Button, Group, Modal, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { Icon } from "@/components/icons";
import {
  NEW_QUERY,
  OF_ONE_FIELD,
  WIDGET_TYPES,
  type Widget,
  type WidgetQuery,
  type WidgetType,
} from "../types";
import classes from "./form.module.css";
import { QueryForm } from "./query-form";
import { WidgetCard } from "./widget-card";

interface WidgetFormProps {
  widget: Widget;
  isNew: boolean;
  filter: string;
  onDone: (widget: Widget) => void;
  onClose: () => void;
}

const MOST_QUERIES = 8;

/** A widget's parts, and beside them what it shows. */
export function WidgetForm({ widget: given, isNew, filter, onDone, onClose }: WidgetFormProps) {
  const [widget, setWidget] = useState(given);
  const change = (next: Partial<Widget>) => setWidget({ ...widget, ...next });
  const setQuery = (index: number, query: WidgetQuery) =>
    change({ queries: widget.queries.map((one, at) => (at === index ? query : one)) });
  const oneField = OF_ONE_FIELD.includes(widget.type);
  return (
    <Modal opened onClose={onClose} title={isNew ? "Add a widget" : "Change the widget"} size={1060}>
      <div className={classes.form}>
        <div className={classes.side}>
          <div className={classes.fields}>
            <TextInput
              size="xs"
              label="Title"
              required
              data-autofocus
              maxLength={120}
              value={widget.title}
              onChange={(event) => change({ title: event.currentTarget.value })}
            />
            <NativeSelect
              size="xs"
              label="Shown as"
              data={WIDGET_TYPES}
              value={widget.type}
              onChange={(event) => setWidget(as(widget, event.currentTarget.value as WidgetType))}
            />
          </div>
          {widget.queries.map((query, index) => (
            <QueryForm
              // A query is its place in the list.
              // biome-ignore lint/suspicious/noArrayIndexKey: as said
              key={index}
              query={query}
              {...(oneField ? { only: "field" as const } : {})}
              onChange={(next) => setQuery(index, next)}
              {...(widget.queries.length > 1
                ? { onRemove: () => change({ queries: widget.queries.filter((_, at) => at !== index) }) }
                : {})}
            />
          ))}
          {!oneField && widget.queries.length < MOST_QUERIES && (
            <Button
              size="xs"
              variant="default"
              leftSection={<Icon name="plus" size={13} />}
              onClick={() => change({ queries: [...widget.queries, NEW_QUERY] })}
            >
              Add a series
            </Button>
          )}
          <TextInput
            size="xs"
            label="About"
            description="Shown to whoever hovers over the title."
            value={widget.about ?? ""}
            onChange={(event) => change({ about: event.currentTarget.value })}
          />
        </div>
        <div className={classes.side}>
          <div className={classes.preview}>
            <WidgetCard
              widget={{ ...widget, title: widget.title || "Untitled" }}
              filter={filter}
              handles={<span />}
            />
          </div>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" size="xs" onClick={onClose}>
              Cancel
            </Button>
            <Button
              size="xs"
              disabled={!widget.title.trim()}
              onClick={() => onDone({ ...widget, title: widget.title.trim() })}
            >
              {isNew ? "Add" : "Take over"}
            </Button>
          </Group>
        </div>
      </div>
    </Modal>
  );
}

/** The same widget as another kind; what that one cannot show is left out. */
export function as(widget: Widget, type: WidgetType): Widget {
  if (!OF_ONE_FIELD.includes(type)) return { ...widget, type };
  const first = widget.queries[0] ?? NEW_QUERY;
  const query: WidgetQuery = {
    ...first,
    field: first.field ?? "duration",
    aggregation: first.field ? first.aggregation : "p95",
    of: null,
    group_by: [],
  };
  return { ...widget, type, queries: [query] };
}
