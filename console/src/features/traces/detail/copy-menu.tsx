import { Button, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import type { SpanRecord, Trace } from "@/api/types";
import { copyText } from "@/components/copy";
import { explain } from "@/components/failure";
import { Icon } from "@/components/icons";
import { canRepeat, curlOf } from "@/lib/curl";
import { useSignedIn } from "@/lib/session";
import { spanQuery } from "./use-trace";

interface CopyMenuProps {
  trace: Trace;
  selected: SpanRecord;
  /** The span that stands for the trace. */
  call: SpanRecord;
}

/** The trace as a link, as JSON, and its call as a command that makes it again. */
export function CopyMenu({ trace, selected, call }: CopyMenuProps) {
  const { project, gatewayUrl } = useSignedIn();
  const client = useQueryClient();
  // The call whose request is copied: the selected one, or the one it is an attempt of.
  const repeatable = selected.call ? selected : call;
  /** The span with its text, which a large trace comes without. */
  const whole = (span: SpanRecord) =>
    trace.complete === false
      ? client.fetchQuery(spanQuery(project.id, trace.trace_id, span.span_id))
      : Promise.resolve(span);
  const copy = async (what: string, text: string | Promise<string>) => {
    try {
      const done = await copyText(await text);
      notifications.show(
        done
          ? { message: `${what} copied.`, autoClose: 1500 }
          : { color: "red", message: "The browser did not allow copying." },
      );
    } catch (error) {
      notifications.show({ color: "red", message: explain(error).title });
    }
  };
  const json = (value: unknown) => JSON.stringify(value, null, 2);
  return (
    <Menu position="bottom-end" width={210}>
      <Menu.Target>
        <Button size="compact-sm" variant="default" leftSection={<Icon name="copy" size={14} />}>
          Copy
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => void copy("Link", window.location.href)}>Link</Menu.Item>
        {canRepeat(repeatable.operation) && (
          <Menu.Item
            onClick={() =>
              void copy(
                "Command",
                whole(repeatable).then((span) => curlOf(span, gatewayUrl)),
              )
            }
          >
            Call as curl
          </Menu.Item>
        )}
        <Menu.Item onClick={() => void copy("Span", whole(selected).then(json))}>Span as JSON</Menu.Item>
        <Menu.Item onClick={() => void copy("Trace", json(trace))}>
          {trace.complete === false ? "Trace as JSON, without long texts" : "Trace as JSON"}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
