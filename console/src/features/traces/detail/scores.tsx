/** How a span, its trace or its session was judged; and a judgement of one's own. */

import { ActionIcon, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "@/api/client";
import type { Score, SpanRecord, Trace } from "@/api/types";
import { explain } from "@/components/failure";
import { Icon } from "@/components/icons";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatTime } from "@/lib/format";
import { sayScore } from "@/lib/scores";
import { useSignedIn } from "@/lib/session";
import detail from "./detail.module.css";
import { ScoreForm } from "./score-form";
import classes from "./scores.module.css";

const SOURCES: Record<Score["source"], string> = {
  code: "by code",
  judge: "by a judge model",
  guard: "by a guard",
  person: "by a person",
  user: "by the end user",
};

interface ScoreTabProps {
  trace: Trace;
  span: SpanRecord;
  scores: readonly Score[];
}

export function ScoreTab({ trace, span, scores }: ScoreTabProps) {
  const { may } = useSignedIn();
  return (
    <div className={detail.stack}>
      {scores.length === 0 && <p className="dim">Nobody has judged this yet.</p>}
      {scores.length > 0 && (
        <ul className={classes.scores}>
          {scores.map((score) => (
            <ScoreRow key={score.id} score={score} traceId={trace.trace_id} />
          ))}
        </ul>
      )}
      {may("scores:write") && <ScoreForm traceId={trace.trace_id} spanId={span.span_id} />}
    </div>
  );
}

function ScoreRow({ score, traceId }: { score: Score; traceId: string }) {
  const { may, project } = useSignedIn();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: async () => {
      const params = { path: { score_id: score.id }, query: { project: project.id } };
      await api.DELETE("/api/v1/scores/{score_id}", { params });
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["scores", project.id, traceId] }),
    onError: (error) => notifications.show({ color: "red", message: explain(error).title }),
  });
  const of = score.span_id ? "" : score.trace_id ? "of the trace" : "of the session";
  return (
    <li>
      <div className={classes.scoreLine}>
        <b>{score.name}</b>
        <span className={classes.scoreValue}>{sayScore(score)}</span>
        <span className="dim">
          {SOURCES[score.source]} {of}
        </span>
        <span className={detail.push} />
        <time className="faint" title={formatTime(score.created)}>
          {formatAgo(score.created, nowMicroseconds())}
        </time>
        {may("scores:write") && (
          <Tooltip label="Delete this score">
            <ActionIcon
              variant="subtle"
              color="gray"
              size="sm"
              aria-label={`Delete the score ${score.name}`}
              loading={remove.isPending}
              onClick={() => remove.mutate()}
            >
              <Icon name="trash" size={13} />
            </ActionIcon>
          </Tooltip>
        )}
      </div>
      {score.comment && <p className={classes.comment}>{score.comment}</p>}
      {score.author && <span className="faint">{score.author}</span>}
    </li>
  );
}
