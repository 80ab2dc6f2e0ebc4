import classes from "../annotation.module.css";
import type { Queue } from "../types";
import { sayScale, TYPES } from "../words";

/** What is asked, as annotators see it. */
export function Rubric({ queue }: { queue: Queue }) {
  return (
    <section className="card" aria-label="Rubric">
      <div className={classes.scroll}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Question</th>
              <th scope="col">Answer</th>
              <th scope="col">Guidance</th>
            </tr>
          </thead>
          <tbody>
            {queue.questions.map((one) => (
              <tr key={one.name}>
                <th scope="row">{one.name}</th>
                <td>
                  {TYPES[one.type]}
                  <div className="dim">{sayScale(one)}</div>
                  {!one.required && <div className="faint">may be left out</div>}
                </td>
                <td className={classes.guidance}>{one.guidance || "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
