/** One report of one version of a judge, and which others there are. */

import { Button, Skeleton } from "@mantine/core";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { Empty } from "@/components/empty";
import { Fact, Facts } from "@/components/facts";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { fromAddress, toAddress } from "@/lib/artifacts";
import { formatCount, formatTime } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useSignedIn } from "@/lib/session";
import classes from "../calibrations.module.css";
import { useReport, useReports } from "../queries";
import { JudgeStateMark } from "../state-mark";
import type { Calibration, CalibrationRecord } from "../types";
import { formatCoefficient, sayEstimate, saySource, sayVersion } from "../words";
import { Disagreements } from "./disagreements";
import { Agreement, Bias, Confusion, Rates } from "./figures";

const route = getRouteApi("/app/calibrations/$name");

export function CalibrationPage() {
  const { name: address } = route.useParams();
  const name = fromAddress(address);
  const { report } = route.useSearch();
  const navigate = useNavigate();
  const { may } = useSignedIn();
  const reports = useReports(name);
  const shown = useReport(name, report ?? reports.data?.[0]?.id);
  const toList = () => void navigate({ to: "/calibrations", search: {} });
  useKeys({ escape: toList });
  const error = reports.error ?? shown.error;
  if (error) return <Failure error={error} onRetry={() => void reports.refetch()} />;
  if (reports.data?.length === 0)
    return (
      <div className="card">
        <Empty title={`${name} was never held against people.`} icon="calibrations">
          <p>Until it is, what it says shows and does not gate.</p>
        </Empty>
      </div>
    );
  if (!reports.data || !shown.data)
    return <Skeleton height={320} role="status" aria-label="Loading the report" />;
  const record = shown.data;
  return (
    <div className={watch.page}>
      <div className={watch.bar}>
        <Button size="compact-xs" variant="default" onClick={toList}>
          All judges
        </Button>
        <h2 className={watch.title}>
          {record.metric} <span className="faint">{sayVersion(record)}</span>
        </h2>
        <JudgeStateMark state={record.report.calibrated ? "calibrated" : "failed"} />
        <span className={watch.push} />
        {may("evaluators:write") && record.version !== null && (
          <Button
            size="xs"
            onClick={() =>
              void navigate({
                to: "/calibrations",
                search: { create: "yes", judge: `${record.name}@${record.version}` },
              })
            }
          >
            Calibrate again
          </Button>
        )}
      </div>
      <Head record={record} />
      <MayGate record={record} />
      <div className={classes.halves}>
        <Agreement report={record.report} />
        <Confusion report={record.report} />
        <Rates report={record.report} />
        <Bias report={record.report} />
      </div>
      <Disagreements record={record} />
      <Others name={name} all={reports.data} current={record.id} />
    </div>
  );
}

function Head({ record }: { record: Calibration }) {
  return (
    <Facts>
      <Fact label="Labels">
        {formatCount(record.report.n)}
        {record.report.unscored > 0 && ` and ${formatCount(record.report.unscored)} unscored`}
      </Fact>
      <Fact label="From">{saySource(record)}</Fact>
      <Fact label="Measured">{formatTime(record.at)}</Fact>
      <Fact label="By">{record.by}</Fact>
      <Fact label="Definition">
        <code title={record.evaluator}>{record.evaluator.slice(0, 12)}</code>
      </Fact>
    </Facts>
  );
}

function MayGate({ record: { report, rule } }: { record: Calibration }) {
  return (
    <section className="card" aria-label="May it gate">
      <div className="card-head">May gate: {report.calibrated ? "yes" : "no"}</div>
      {report.calibrated ? (
        <p className={classes.pad}>
          At least {formatCount(rule.least_labels)} labels, α at least{" "}
          {formatCoefficient(rule.least_agreement)} by the low end of its interval, and at most{" "}
          {Math.round(100 * rule.most_unscored)}% unscored: all of it holds.
        </p>
      ) : (
        <ul className={classes.reasons}>
          {report.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface OthersProps {
  name: string;
  all: readonly CalibrationRecord[];
  current: string;
}

function Others({ name, all, current }: OthersProps) {
  return (
    <section className="card" aria-label="Reports">
      <div className="card-head">All reports, each of one version</div>
      <div className={classes.scroll}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Measured</th>
              <th scope="col">Version</th>
              <th scope="col">Judgement</th>
              <th scope="col">State</th>
              <th scope="col">Agreement (α)</th>
              <th scope="col" className={classes.number}>
                Labels
              </th>
            </tr>
          </thead>
          <tbody>
            {all.map((one) => (
              <tr key={one.id} className={one.id === current ? classes.current : undefined}>
                <td>
                  <Link
                    to="/calibrations/$name"
                    params={{ name: toAddress(name) }}
                    search={{ report: one.id }}
                    aria-current={one.id === current ? "true" : undefined}
                  >
                    {formatTime(one.at)}
                  </Link>
                </td>
                <td>{sayVersion(one)}</td>
                <td>{one.metric}</td>
                <td>
                  <JudgeStateMark
                    state={one.report.calibrated ? "calibrated" : "failed"}
                    reason={one.report.reasons.join(" ")}
                  />
                </td>
                <td>{sayEstimate(one.report.agreement, formatCoefficient)}</td>
                <td className={classes.number}>{formatCount(one.report.n)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
