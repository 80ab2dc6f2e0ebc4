import { pretty } from "@/components/json-view";
import { LongText } from "@/components/messages/message-view";
import type { Document } from "@/lib/documents";
import { NOTHING } from "@/lib/format";
import detail from "./detail.module.css";
import classes from "./documents.module.css";

/** What a retriever found, the best first as it came. */
export function Documents({ documents }: { documents: readonly Document[] }) {
  return (
    <div>
      <h3 className={detail.section}>
        {documents.length} {documents.length === 1 ? "document" : "documents"}
      </h3>
      <ol className={classes.documents}>
        {documents.map((document, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a record never changes, its order is its identity.
          <li key={index}>
            <header>
              <span className="faint">{index + 1}</span>
              <b className="cut" title={titleOf(document)}>
                {titleOf(document)}
              </b>
              {document.score !== null && (
                <span className="dim" title="Score that the retriever gave it">
                  {document.score.toLocaleString("en-US", { maximumSignificantDigits: 4 })}
                </span>
              )}
            </header>
            <LongText text={document.text} />
            {document.metadata && Object.keys(document.metadata).length > 0 && (
              <dl className={classes.metadata}>
                {Object.entries(document.metadata).map(([name, value]) => (
                  <div key={name}>
                    <dt>{name}</dt>
                    <dd className="cut" title={pretty(value)}>
                      {typeof value === "string" ? value : JSON.stringify(value)}
                    </dd>
                  </div>
                ))}
              </dl>
            )}
          </li>
        ))}
      </ol>
    </div>
  );
}

function titleOf(document: Document): string {
  const named = document.metadata?.title ?? document.metadata?.source ?? document.metadata?.file_name;
  return typeof named === "string" ? named : (document.id ?? NOTHING);
}
