import { Button, Popover, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Icon } from "@/components/icons";
import classes from "./detail.module.css";

/** Finds a trace id in what was pasted: the id itself, or the address of a trace. */
export function traceIdIn(text: string): string | null {
  return /(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/.exec(text.toLowerCase())?.[0] ?? null;
}

/** Asks for another trace, and shows both beside each other. */
export function CompareButton({ traceId }: { traceId: string }) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const other = traceIdIn(text);
  return (
    <Popover position="bottom-end" width={340} trapFocus>
      <Popover.Target>
        <Button
          className={classes.wide}
          size="compact-sm"
          variant="default"
          leftSection={<Icon name="compare" size={14} />}
        >
          Compare
        </Button>
      </Popover.Target>
      <Popover.Dropdown p={10}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (other) void navigate({ to: "/traces/compare", search: { a: traceId, b: other } });
          }}
        >
          <TextInput
            size="xs"
            label="With which trace?"
            description="Its id or its address. In the list, select two rows and compare them."
            data-autofocus
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            error={text !== "" && !other ? "A trace id has 32 hex digits." : undefined}
          />
          <Button size="compact-sm" type="submit" mt={8} disabled={!other}>
            Compare
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
