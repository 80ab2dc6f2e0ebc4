/** Quality against what it costs, in money or time: what lies up and to the left is better at both. */

import { NativeSelect, SegmentedControl, useComputedColorScheme } from "@mantine/core";
import { useMemo, useState } from "react";
import { Chart } from "@/components/chart";
import watch from "@/components/watch.module.css";
import type { Summary } from "../types";
import { lessIsBetter } from "../words";
import classes from "./compare.module.css";
import { dominated, paretoOption, pointsOf } from "./pareto-option";

const COSTS = ["cost", "latency"] as const;

export function Pareto({ summary, metric: asked }: { summary: Summary; metric: string | undefined }) {
  const scheme = useComputedColorScheme();
  const names = [...new Set(summary.variants.flatMap((one) => one.metrics.map((metric) => metric.metric)))];
  const qualities = names.filter((name) => !COSTS.some((cost) => cost === name));
  const prices = COSTS.filter((name) => names.includes(name));
  const [chosen, setChosen] = useState<string | null>(null);
  const [price, setPrice] = useState<string | null>(null);
  const quality = qualities.find((name) => name === (chosen ?? asked)) ?? qualities[0];
  const against = prices.find((name) => name === price) ?? prices[0];
  const points = useMemo(
    () => (quality && against ? pointsOf(summary, against, quality) : []),
    [summary, against, quality],
  );
  const less = quality ? lessIsBetter(quality) : false;
  const worse = dominated(points, less);
  const option = useMemo(() => paretoOption(points, scheme, less), [points, scheme, less]);
  if (!quality || !against || points.length < 2) return null;
  return (
    <section className="card" aria-label="Quality and its price">
      <div className="card-head">
        Quality and its price <span className={watch.push} />
        {qualities.length > 1 && (
          <NativeSelect
            size="xs"
            aria-label="Quality"
            data={qualities}
            value={quality}
            onChange={(event) => setChosen(event.currentTarget.value)}
          />
        )}
        {prices.length > 1 && (
          <SegmentedControl
            size="xs"
            aria-label="Price"
            data={[...prices]}
            value={against}
            onChange={setPrice}
          />
        )}
      </div>
      <Chart className={classes.pareto} label={`${quality} against ${against}`} option={option} />
      <p className={classes.said}>
        {worse.length === 0
          ? "None of the variants is beaten by another at both."
          : worse.map((one) => `${one.variant} is beaten at both by ${one.by}.`).join(" ")}
      </p>
    </section>
  );
}
