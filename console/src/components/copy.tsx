import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useEffect, useState } from "react";
import classes from "./copy.module.css";
import { Icon } from "./icons";

/** Copies to the clipboard; over plain http, where browsers have no clipboard API, through a selection. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

function useCopy(text: string | (() => string)) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = window.setTimeout(() => setCopied(false), 1500);
    return () => window.clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    const done = await copyText(typeof text === "string" ? text : text());
    if (done) setCopied(true);
    else
      notifications.show({
        color: "red",
        message: "The browser did not allow copying. Select the text and copy it.",
      });
  };
  return { copied, copy: () => void copy() };
}

export function CopyIcon({ text, label }: { text: string; label: string }) {
  const { copied, copy } = useCopy(text);
  return (
    <Tooltip label={copied ? "Copied" : label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        aria-label={label}
        onClick={(event) => {
          event.stopPropagation();
          copy();
        }}
      >
        <Icon name={copied ? "check" : "copy"} size={14} />
      </ActionIcon>
    </Tooltip>
  );
}

export function CopyButton({ text, label }: { text: string | (() => string); label: string }) {
  const { copied, copy } = useCopy(text);
  return (
    <Button
      size="compact-sm"
      variant="default"
      leftSection={<Icon name={copied ? "check" : "copy"} size={14} />}
      onClick={copy}
    >
      {copied ? "Copied" : label}
    </Button>
  );
}

/** A command or a secret in a box, with a button that copies it. */
export function CopyBox({ text, label }: { text: string; label: string }) {
  return (
    <div className={classes.box}>
      <pre className={classes.text}>{text}</pre>
      <CopyIcon text={text} label={label} />
    </div>
  );
}
