import { ActionIcon, Button, TextInput } from "@mantine/core";
import { Icon } from "@/components/icons";
import type { ContentPart } from "@/lib/prompt-body";
import { Template } from "./message-card";
import classes from "./prompt.module.css";

interface MessagePartsProps {
  name: string;
  parts: readonly ContentPart[];
  readOnly: boolean;
  onChange: (parts: ContentPart[]) => void;
}

/** A message of texts and images. */
export function MessageParts({ name, parts, readOnly, onChange }: MessagePartsProps) {
  const put = (index: number, part: ContentPart) =>
    onChange(parts.map((one, place) => (place === index ? part : one)));
  return (
    <>
      {parts.map((part, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a part is its place.
        <div key={index} className={classes.part}>
          {part.type === "text" ? (
            <Template
              label={`${name}, part ${index + 1}`}
              text={part.text}
              readOnly={readOnly}
              onChange={(text) => put(index, { type: "text", text })}
            />
          ) : (
            <TextInput
              size="xs"
              p={6}
              aria-label={`${name}, address of image ${index + 1}`}
              placeholder="{{ picture }}, https://… or data:image/png;base64,…"
              value={part.url}
              readOnly={readOnly}
              onChange={(event) => put(index, { type: "image", url: event.currentTarget.value })}
            />
          )}
          {!readOnly && (
            <ActionIcon
              variant="subtle"
              color="gray"
              size="sm"
              m={6}
              aria-label={`Remove part ${index + 1} of ${name.toLowerCase()}`}
              onClick={() => onChange(parts.filter((_, place) => place !== index))}
            >
              <Icon name="trash" size={13} />
            </ActionIcon>
          )}
        </div>
      ))}
      {!readOnly && (
        <div className={classes.row} style={{ padding: 6 }}>
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => onChange([...parts, { type: "text", text: "" }])}
          >
            Add text
          </Button>
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => onChange([...parts, { type: "image", url: "" }])}
          >
            Add an image
          </Button>
        </div>
      )}
    </>
  );
}
