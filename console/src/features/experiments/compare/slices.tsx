import { NativeSelect } from "@mantine/core";
import { useState } from "react";
import watch from "@/components/watch.module.css";
import { formatCount, NOTHING } from "@/lib/format";
import type { SliceSummary, Summary } from "../types";
import { formatInterval, formatValue } from "../words";
import classes from "./compare.module.css";
import { IntervalBar, scaleOf } from "./interval-bar";

/** One metric by the values of a field, with intervals of their own: small slices are unsure. */
export function Slices({ summary }: { summary: Summary }) {
  const names = [...new Set(summary.variants.flatMap((one) => one.metrics.map((metric) => metric.metric)))];
  const [metric = "", setMetric] = useState(names[0]);
  const fields = [...new Set(summary.slices.map((slice) => slice.field))];
  const variants = summary.variants.map((one) => one.variant);
  return (
    <section className="card" aria-label="Slices">
      <div className="card-head">
        Slices <span className={watch.push} />
        <NativeSelect
          size="xs"
          aria-label="Metric"
          data={names}
          value={metric}
          onChange={(event) => setMetric(event.currentTarget.value)}
        />
      </div>
      <div className={classes.scroll}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Value</th>
              <th scope="col" className="number">
                Rows
              </th>
              {variants.map((variant) => (
                <th key={variant} scope="col">
                  {variant}
                </th>
              ))}
            </tr>
          </thead>
          {fields.map((field) => (
            <Field
              key={field}
              slices={summary.slices.filter((slice) => slice.field === field)}
              metric={metric}
              variants={variants}
            />
          ))}
        </table>
      </div>
    </section>
  );
}

interface FieldProps {
  slices: readonly SliceSummary[];
  metric: string;
  variants: readonly string[];
}

function Field({ slices, metric, variants }: FieldProps) {
  const of = (slice: SliceSummary, variant: string) =>
    slice.variants[variant]?.find((one) => one.metric === metric);
  const scale = scaleOf(
    slices.flatMap((slice) => variants.map((variant) => of(slice, variant)?.figure ?? null)),
  );
  return (
    <tbody>
      {slices.map((slice, index) => (
        <tr key={slice.value}>
          {index === 0 && (
            <th scope="rowgroup" rowSpan={slices.length}>
              {slice.field}
            </th>
          )}
          <td>{slice.value}</td>
          <td className="number">{formatCount(slice.rows)}</td>
          {variants.map((variant) => {
            const found = of(slice, variant);
            if (!found?.figure)
              return (
                <td key={variant} className="faint">
                  {NOTHING}
                </td>
              );
            return (
              <td key={variant}>
                <span className={classes.interval}>
                  <IntervalBar figure={found.figure} scale={scale} />
                  <span>
                    <b>{formatValue(found.figure.value, found.unit)}</b>{" "}
                    <span className="faint">{formatInterval(found.figure, found.unit)}</span>
                  </span>
                </span>
              </td>
            );
          })}
        </tr>
      ))}
    </tbody>
  );
}
