/** What a retriever found, read from the forms that instrumentations use. */

import { readMessages } from "./messages";

export interface Document {
  id: string | null;
  text: string;
  score: number | null;
  metadata: Record<string, unknown> | null;
}

type Fields = Record<string, unknown>;

const TEXT = ["content", "text", "page_content", "document.content", "pageContent"];
const SCORE = ["score", "document.score", "relevance_score", "similarity"];
const ID = ["id", "document.id", "document_id", "id_"];
const METADATA = ["metadata", "document.metadata"];
const LISTS = ["documents", "retrieval.documents", "reranker.output_documents", "nodes", "results", "data"];

/** The documents in a span's output, else in its attributes; empty when there are none to be seen. */
export function readDocuments(span: { output?: unknown; attributes?: unknown }): Document[] {
  const output = documentsIn(fromJson(span.output), 0);
  if (output.length) return output;
  const attributes = documentsIn(span.attributes, 0);
  return attributes.length ? attributes : splitDocuments(span);
}

/** Texts as the parts of one message, and what is known of each in the attributes, in the same order. */
function splitDocuments(span: { output?: unknown; attributes?: unknown }): Document[] {
  const facts = isFields(span.attributes)
    ? LISTS.map((name) => (span.attributes as Fields)[name]).find(Array.isArray)
    : null;
  const texts = readMessages(span.output).flatMap((message) =>
    message.parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])),
  );
  if (!facts || facts.length !== texts.length) return [];
  return texts.map((text, index) => documentOf({ ...(facts[index] as Fields), text }) ?? bare(text));
}

function bare(text: string): Document {
  return { id: null, text, score: null, metadata: null };
}

/** Forms are nested a few levels: a list of messages of parts that hold an object with a list. */
const DEEPEST = 7;

function documentsIn(value: unknown, depth: number): Document[] {
  if (depth > DEEPEST) return [];
  if (Array.isArray(value)) {
    const found = value.map(documentOf);
    if (value.length && found.every((one) => one !== null)) return found as Document[];
    return value.flatMap((one) => documentsIn(fromJson(one), depth + 1));
  }
  if (!isFields(value)) return [];
  for (const name of LISTS) {
    const list = fromJson(value[name]);
    if (Array.isArray(list)) return documentsIn(list, depth + 1);
  }
  // A message of OpenTelemetry's form around them.
  for (const name of ["parts", "content"]) {
    const inner = fromJson(value[name]);
    if (typeof inner === "object" && inner !== null) return documentsIn(inner, depth + 1);
  }
  return [];
}

function documentOf(value: unknown): Document | null {
  if (!isFields(value) || "role" in value || "parts" in value || typeof value.type === "string") return null;
  const own = isFields(value.document)
    ? { ...value, ...value.document }
    : isFields(value.node)
      ? { ...value, ...value.node }
      : value;
  const text = first(own, TEXT);
  if (typeof text !== "string") return null;
  const score = first(own, SCORE);
  const metadata = fromJson(first(own, METADATA));
  const id = first(own, ID);
  return {
    id: id === undefined || id === null ? null : String(id),
    text,
    score: typeof score === "number" ? score : null,
    metadata: isFields(metadata) ? metadata : null,
  };
}

function first(fields: Fields, names: readonly string[]): unknown {
  for (const name of names) if (fields[name] !== undefined && fields[name] !== null) return fields[name];
  return undefined;
}

function fromJson(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
