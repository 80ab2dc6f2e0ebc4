import { Button } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import type { SpanRecord, Trace } from "@/api/types";
import { Icon } from "@/components/icons";
import { canReplay } from "@/features/playground/replay";
import { useSignedIn } from "@/lib/session";

interface PlaygroundButtonProps {
  trace: Trace;
  /** The selected span; the one that stands for the trace where none is, or it asked no model. */
  spans: readonly (SpanRecord | undefined)[];
}

/** Asks again what a call asked, with changes. */
export function PlaygroundButton({ trace, spans }: PlaygroundButtonProps) {
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const span = spans.find((one) => one && canReplay(one));
  if (!span || !may("gateway:call")) return null;
  return (
    <Button
      size="compact-sm"
      variant="default"
      leftSection={<Icon name="playground" size={14} />}
      onClick={() =>
        void navigate({ to: "/playground", search: { trace: trace.trace_id, span: span.span_id } })
      }
    >
      Open in playground
    </Button>
  );
}
