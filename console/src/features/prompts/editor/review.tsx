import { Skeleton, Tabs } from "@mantine/core";
import { useState } from "react";
import type { Artifact, PromptEstimate, SavedVersion } from "@/api/types";
import artifactClasses from "@/components/artifact/artifact.module.css";
import { ArtifactDifferences } from "@/components/artifact/differences";
import { SaveBar } from "@/components/artifact/save-bar";
import definition from "@/components/definition/definition.module.css";
import { Failure } from "@/components/failure";
import { MessageView } from "@/components/messages/message-view";
import { VariableValues } from "@/components/prompt/values";
import { useArtifactProposal } from "@/lib/artifacts";
import { formatCount, formatMoneyShort } from "@/lib/format";
import { compactBody, conversationOf, type PromptBody } from "@/lib/prompt-body";
import { faultOf, type PromptCheck, usePreview, useSettledValue } from "./use-check";

export interface ReviewProps {
  name: string;
  artifact: Artifact | null;
  version: number | null;
  branch: string;
  body: PromptBody;
  readOnly: boolean;
  check: PromptCheck;
  /** What keeps it from being saved, beside what the server finds. */
  faults: readonly string[];
  texts: Record<string, string>;
  values: Record<string, unknown>;
  onTexts: (texts: Record<string, string>) => void;
  onSaved: (saved: SavedVersion) => void;
  onCancel?: () => void;
}

/** How long it is and what it costs, what saving would change, what it renders to. */
export function Review(props: ReviewProps) {
  const { body, check, faults, readOnly, artifact } = props;
  const [tab, setTab] = useState<string | null>(artifact ? "changes" : "preview");
  const ready = check.passed && faults.length === 0;
  return (
    <section className={`card ${definition.review}`} aria-label="Review">
      <div className="card-head">
        <Length estimate={check.estimate} fault={check.fault !== null} />
      </div>
      {faults.length > 0 && (
        <ul className={definition.problems} style={{ padding: "10px 12px 0" }} role="alert">
          {faults.map((text) => (
            <li key={text} style={{ display: "block" }}>
              {text}
            </li>
          ))}
        </ul>
      )}
      {check.error && <Failure error={check.error} />}
      <Tabs value={tab} onChange={setTab} keepMounted={false}>
        <Tabs.List px={6}>
          {artifact && <Tabs.Tab value="changes">Changes</Tabs.Tab>}
          <Tabs.Tab value="preview">Preview</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="changes" className={definition.reviewBody}>
          {artifact && <Changes {...props} artifact={artifact} />}
        </Tabs.Panel>
        <Tabs.Panel value="preview" className={definition.reviewBody}>
          <Preview {...props} />
        </Tabs.Panel>
      </Tabs>
      {!readOnly && (
        <SaveBar
          kind="prompt"
          name={props.name}
          artifact={artifact}
          branch={props.branch}
          body={compactBody(body)}
          ready={ready}
          onSaved={props.onSaved}
          onCancel={props.onCancel}
        />
      )}
    </section>
  );
}

function Length({ estimate, fault }: { estimate: PromptEstimate | undefined; fault: boolean }) {
  if (!estimate) return <span className="faint">{fault ? "Not right yet" : "Counting…"}</span>;
  const { input_tokens, input_cost, max_cost, model, reason } = estimate;
  return (
    <span style={{ fontWeight: 400 }} data-stale={fault || undefined}>
      <b>{formatCount(input_tokens)} tokens</b>{" "}
      <span className="dim" title={reason ?? undefined}>
        {input_cost === null
          ? model
            ? `no price for ${model}`
            : "no model named, so no cost"
          : `${formatMoneyShort(input_cost)} to read with ${model}`}
        {max_cost !== null && `, ${formatMoneyShort(max_cost)} at most`}
      </span>
    </span>
  );
}

function Changes({ artifact, name, branch, body, check }: ReviewProps & { artifact: Artifact }) {
  const settled = useSettledValue(JSON.stringify(compactBody(body)));
  const known = artifact.branches.some((one) => one.name === branch);
  const { data, error } = useArtifactProposal(
    { kind: "prompt", name },
    JSON.parse(settled),
    known ? `branch:${branch}` : "latest",
    artifact.head !== null && !check.fault,
  );
  if (artifact.head === null) return <p className="dim">All of it: there is no version yet.</p>;
  if (check.fault || faultOf(error)) return <p className="dim">The prompt cannot be saved as it is.</p>;
  if (error) return <Failure error={error} />;
  if (!data) return <p className="faint">Comparing…</p>;
  if (!data.differences.length) return <p className="dim">Nothing: this is version {data.before.number}.</p>;
  return <ArtifactDifferences differences={data.differences} />;
}

function Preview({ body, check, texts, values, onTexts }: ReviewProps) {
  const missing = check.estimate?.missing ?? [];
  const { data, error } = usePreview(body, values, !check.fault && missing.length === 0);
  const variables = body.variables ?? {};
  return (
    <div className={artifactClasses.page}>
      <VariableValues variables={variables} texts={texts} onChange={onTexts} />
      {missing.length > 0 ? (
        <p className="dim">Give {missing.join(", ")} a value to see what is sent.</p>
      ) : error ? (
        <Failure error={error} />
      ) : !data ? (
        !check.fault && <Skeleton height={80} aria-label="Rendering" />
      ) : (
        <>
          {data.warnings.map((text) => (
            <p key={text} className="warn">
              {text}
            </p>
          ))}
          {data.text !== null && <pre style={{ margin: 0, whiteSpace: "pre-wrap" }}>{data.text}</pre>}
          {conversationOf(data.messages).map((message, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a message is its place.
            <MessageView key={index} message={message} />
          ))}
        </>
      )}
    </div>
  );
}
