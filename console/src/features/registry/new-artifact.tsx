import { Skeleton, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import artifact from "@/components/artifact/artifact.module.css";
import { ARTIFACT_NAME, toAddress } from "@/lib/artifacts";
import { useModelNames } from "@/lib/model-names";
import { BodyEditor } from "./body-editor";

interface NewArtifactProps {
  kind: "model" | "evaluator";
  onCancel: () => void;
}

export function NewArtifact({ kind, onCancel }: NewArtifactProps) {
  const { names, loading } = useModelNames();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  // The example names a model that exists here, and must not replace what was typed meanwhile.
  if (loading) return <Skeleton height={220} role="status" aria-label="Loading" />;
  const valid = ARTIFACT_NAME.test(name);
  const model = names.find((one) => /^[^/]+\/[^*]+$/.test(one)) ?? "openai/gpt-4o-mini";
  return (
    <div className={artifact.page}>
      <TextInput
        label="Name"
        description="Slashes make folders."
        placeholder={kind === "model" ? "support/small" : "support/answers-politely"}
        w="min(340px, 100%)"
        maxLength={128}
        value={name}
        error={name && !valid ? "Small letters, digits and . _ - /" : undefined}
        onChange={(event) => setName(event.currentTarget.value.trim())}
        autoFocus
      />
      <BodyEditor
        key={kind}
        kind={kind}
        name={valid ? name : ""}
        artifact={null}
        initial={kind === "model" ? { target: model, parameters: { temperature: 0.2 } } : { type: "exact" }}
        branch="main"
        readOnly={false}
        onCancel={onCancel}
        onSaved={(saved) =>
          void navigate({
            to: "/registry/$kind/$name",
            params: { kind, name: toAddress(saved.name) },
            search: {},
          })
        }
      />
    </div>
  );
}
