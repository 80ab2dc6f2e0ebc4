import { CopyIcon } from "@/components/copy";
import { JsonView } from "@/components/json-view";
import watch from "@/components/watch.module.css";
import { toText } from "@/lib/definition-text";
import type { Experiment } from "../types";
import classes from "./detail.module.css";

/** What it was made of, as `penstock eval run` would read it. */
export function Setup({ experiment }: { experiment: Experiment }) {
  const text = toText(experiment.spec);
  return (
    <div className={watch.halves}>
      <section className="card" aria-label="Definition">
        <div className="card-head">
          Definition <span className={watch.push} /> <CopyIcon text={text} label="Copy the definition" />
        </div>
        <pre className={classes.definition}>{text}</pre>
      </section>
      <div className={watch.stack}>
        {experiment.spec.variants.map((variant) => (
          <section key={variant.name} className="card" aria-label={`Variant ${variant.name}`}>
            <div className="card-head">
              {variant.name}
              {variant.name === (experiment.spec.baseline ?? experiment.spec.variants[0]?.name) && (
                <span className="faint">baseline</span>
              )}
            </div>
            <div className={watch.pad}>
              <JsonView value={variant} label={`the variant ${variant.name}`} />
            </div>
          </section>
        ))}
      </div>
    </div>
  );
}
