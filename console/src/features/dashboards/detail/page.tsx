import { Skeleton, useComputedColorScheme } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { csv, download, fileName } from "@/lib/download";
import { useKeys } from "@/lib/keys";
import { allOf } from "@/lib/metrics";
import { boxOf, nextBox } from "../layout";
import { type Pictured, pictureOf } from "../picture";
import { useDashboard, type WidgetData } from "../queries";
import { type Dashboard, type DashboardDocument, NEW_QUERY, type Widget } from "../types";
import { rowsOf } from "../widget-csv";
import { EditBar } from "./edit-bar";
import { Grid } from "./grid";
import classes from "./grid.module.css";
import { Toolbar } from "./toolbar";
import { WidgetForm } from "./widget-form";

const route = getRouteApi("/app/dashboards/$dashboard");

export function DashboardPage() {
  const { dashboard: id } = route.useParams();
  const { data, error, refetch } = useDashboard(id);
  const { edit } = route.useSearch();
  const navigate = useNavigate();
  useKeys({ escape: () => void navigate({ to: "/dashboards", search: {} }) }, edit === undefined);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={420} role="status" aria-label="Loading the dashboard" />;
  return <DashboardBody key={data.id} dashboard={data} />;
}

function DashboardBody({ dashboard }: { dashboard: Dashboard }) {
  const { q, edit } = route.useSearch();
  const navigate = useNavigate();
  const scheme = useComputedColorScheme("light");
  const [draft, setDraft] = useState<DashboardDocument | null>(null);
  const shown = (edit && draft) || dashboard.document;
  const [form, setForm] = useState<{ index: number; widget: Widget } | null>(null);
  const seen = useRef(new Map<number, WidgetData>());
  const filter = allOf(shown.q, q);
  const change = (next: { q?: string | undefined; edit?: "yes" | undefined }) =>
    void navigate({ to: ".", search: (before: object) => ({ ...before, ...next }), replace: true } as never);
  const setWidgets = (widgets: Widget[]) => setDraft({ ...shown, widgets });
  const add = () => {
    const widget: Widget = {
      title: "",
      about: "",
      type: "line",
      queries: [NEW_QUERY],
      layout: nextBox(shown.widgets, "line"),
    };
    setForm({ index: shown.widgets.length, widget });
  };
  const pictured = (): Pictured[] =>
    shown.widgets.flatMap((widget, index) => {
      const data = seen.current.get(index);
      return data ? [{ widget, data, box: boxOf(widget) }] : [];
    });
  const exportAs = async (format: "png" | "csv") => {
    const parts = pictured();
    const name = fileName(shown.name);
    if (format === "png") download(`${name}.png`, await pictureOf(shown.name, parts, scheme));
    else {
      const text = parts
        .map(({ widget, data }) => csv([[widget.title], ...rowsOf(widget, data)]))
        .join("\r\n");
      download(`${name}.csv`, text, "text/csv");
    }
  };
  const finish = () => {
    setDraft(null);
    change({ edit: undefined });
  };
  return (
    <div className={classes.page}>
      <Toolbar
        dashboard={dashboard}
        q={q}
        editing={edit !== undefined}
        onFilter={(text) => change({ q: text })}
        onEdit={() => change({ edit: "yes" })}
        onExport={(format) => void exportAs(format)}
      />
      {edit && (
        <EditBar
          dashboard={dashboard}
          draft={shown}
          changed={draft !== null}
          onChange={setDraft}
          onAdd={add}
          onDone={finish}
        />
      )}
      {!edit && shown.description && <p className={classes.lead}>{shown.description}</p>}
      {shown.widgets.length === 0 && (
        <div className="card">
          <Empty title="This dashboard has no widgets yet." icon="dashboards">
            <p>{edit ? "Add the first one above." : "Choose Edit to add the first one."}</p>
          </Empty>
        </div>
      )}
      <Grid
        widgets={shown.widgets}
        filter={filter}
        editing={edit !== undefined}
        onChange={setWidgets}
        onEdit={(index) => setForm({ index, widget: shown.widgets[index] as Widget })}
        onData={(index, data) => {
          if (data) seen.current.set(index, data);
        }}
      />
      {form && (
        <WidgetForm
          widget={form.widget}
          isNew={form.index >= shown.widgets.length}
          filter={filter}
          onClose={() => setForm(null)}
          onDone={(widget) => {
            const widgets = [...shown.widgets];
            widgets[form.index] = widget;
            setWidgets(widgets);
            setForm(null);
          }}
        />
      )}
    </div>
  );
}
