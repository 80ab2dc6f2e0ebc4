import { SegmentedControl, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import artifact from "@/components/artifact/artifact.module.css";
import { ARTIFACT_NAME, toAddress } from "@/lib/artifacts";
import { FIRST_BODY, type PromptBody } from "@/lib/prompt-body";
import { PromptEditor } from "./editor/editor";

const FIRST_TEXT: PromptBody = {
  text: "Write in a {{ mood }} tone. Use short sentences.",
  variables: { mood: { default: "friendly", enum: ["friendly", "formal"] } },
};

export function NewPrompt() {
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [form, setForm] = useState<"chat" | "text">("chat");
  const wrong =
    name !== "" && !ARTIFACT_NAME.test(name)
      ? "Small letters, digits and . _ - / to begin with a letter or digit."
      : undefined;
  return (
    <div className={artifact.page}>
      <div className={artifact.bar} style={{ alignItems: "flex-end" }}>
        <TextInput
          label="Name"
          description="Slashes make folders."
          placeholder="support/answer"
          w="min(340px, 100%)"
          maxLength={128}
          value={name}
          error={wrong}
          onChange={(event) => setName(event.currentTarget.value.trim())}
          autoFocus
        />
        <SegmentedControl
          size="xs"
          aria-label="Form"
          data={[
            { value: "chat", label: "Chat" },
            { value: "text", label: "Text" },
          ]}
          value={form}
          onChange={(value) => setForm(value as "chat" | "text")}
        />
        <span className="dim">
          {form === "chat" ? "Messages with roles." : "One text; other prompts can include it."}
        </span>
      </div>
      <PromptEditor
        key={form}
        name={wrong ? "" : name}
        artifact={null}
        initial={form === "chat" ? FIRST_BODY : FIRST_TEXT}
        version={null}
        branch="main"
        onSaved={(saved) =>
          void navigate({ to: "/prompts/$name", params: { name: toAddress(saved.name) }, search: {} })
        }
        onCancel={() => void navigate({ to: "/prompts", search: {} })}
      />
    </div>
  );
}
