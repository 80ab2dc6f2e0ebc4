import { ActionIcon, Menu, Skeleton, Tooltip, useComputedColorScheme } from "@mantine/core";
import { useEffect } from "react";
import { EstimateNote } from "@/components/estimate";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { csv, download, fileName } from "@/lib/download";
import { formatCount } from "@/lib/format";
import { boxOf } from "../layout";
import { pictureOf } from "../picture";
import { useWidgetData, type WidgetData } from "../queries";
import type { Widget } from "../types";
import { rowsOf } from "../widget-csv";
import classes from "./widget.module.css";
import { WidgetBody } from "./widget-body";

interface WidgetCardProps {
  widget: Widget;
  filter: string;
  /** What is drawn while the dashboard is edited: handles and buttons. */
  handles?: React.ReactNode;
  onData?: (data: WidgetData | null) => void;
}

export function WidgetCard({ widget, filter, handles, onData }: WidgetCardProps) {
  const { data, error, loading, retry, countExactly, counting } = useWidgetData(widget, filter);
  useEffect(() => onData?.(data), [onData, data]);
  return (
    <section
      className={`card ${classes.card}`}
      aria-label={widget.title}
      data-editing={handles ? true : undefined}
    >
      <div className={classes.head}>
        <Tooltip label={widget.about} disabled={!widget.about} multiline maw={320}>
          <h2 className={`${classes.title} cut`}>{widget.title}</h2>
        </Tooltip>
        {handles || (data && <WidgetMenu widget={widget} data={data} />)}
      </div>
      {data && (
        <EstimateNote
          sample={data.sample}
          also={sayUnknown(data.unknown)}
          className={classes.estimate}
          counting={counting}
          onCount={countExactly}
        />
      )}
      <div className={classes.body} aria-busy={loading}>
        {data ? (
          <WidgetBody widget={widget} data={data} filter={filter} linked={!handles} />
        ) : error ? (
          <Failure error={error} onRetry={retry} />
        ) : (
          <Skeleton
            m={12}
            style={{ flex: 1 }}
            width="auto"
            role="status"
            aria-label={`Loading ${widget.title}`}
          />
        )}
      </div>
    </section>
  );
}

function sayUnknown(steps: number): string | undefined {
  if (steps === 0) return undefined;
  return steps === 1 ? "1 step is not in the sample" : `${formatCount(steps)} steps are not in the sample`;
}

function WidgetMenu({ widget, data }: { widget: Widget; data: WidgetData }) {
  const scheme = useComputedColorScheme("light");
  const name = fileName(widget.title);
  const savePicture = async () => {
    const box = { ...boxOf(widget), x: 0, y: 0 };
    download(`${name}.png`, await pictureOf("", [{ widget, data, box }], scheme));
  };
  return (
    <Menu position="bottom-end" width={170}>
      <Menu.Target>
        <ActionIcon
          className={classes.menu}
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={`Export ${widget.title}`}
        >
          <Icon name="download" size={13} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void savePicture()}>Picture (PNG)</Menu.Item>
        <Menu.Item onClick={() => download(`${name}.csv`, csv(rowsOf(widget, data)), "text/csv")}>
          Numbers (CSV)
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
