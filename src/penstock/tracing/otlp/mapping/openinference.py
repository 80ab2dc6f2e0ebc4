"""OpenInference, as Phoenix's and Arize's instrumentations write it.

Source: https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
"""

import re
from typing import Any, cast

from penstock.tracing.otlp.mapping.draft import MODEL_KINDS, Draft
from penstock.tracing.otlp.mapping.messages import (
    Message,
    Part,
    call_part,
    content_parts,
    finish_reason_of,
    messages_of,
    result_part,
    role_of,
    said,
)
from penstock.tracing.otlp.mapping.values import json_of, listed, places, take, text
from penstock.tracing.otlp.types import Attributes
from penstock.wire.span import Kind

__all__ = ["kind_of", "read", "read_values"]

_KINDS: dict[str, Kind] = {
    "LLM": "llm",
    "EMBEDDING": "embedding",
    "RETRIEVER": "retriever",
    "RERANKER": "reranker",
    "TOOL": "tool",
    "AGENT": "agent",
    "CHAIN": "chain",
    "PROMPT": "chain",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluator",
    "DECISION": "chain",
}
_OPERATIONS: dict[Kind, str] = {"llm": "chat", "embedding": "embeddings", "reranker": "rerank"}
_LISTED = places(
    r"(llm\.(?:input_messages|output_messages|tools|prompts|choices)|embedding\.embeddings|retrieval\.documents"
    r"|reranker\.(?:input|output)_documents)\.([0-9]{1,6})\.(.+)"
)
_INNER = places(r"(contents|tool_calls)\.([0-9]{1,6})\.(.+)")
_ANSWER_ID = re.compile(r'"id": ?"((?:chatcmpl|cmpl|resp|msg|gen)[-_][\w.:-]{1,200})"')
"""The id that a provider gave its answer, wherever in the answer's JSON a framework put it."""
_MEDIA = ("image", "audio", "video", "document")


def kind_of(attributes: Attributes) -> Kind | None:
    """What a span is by this convention; None when it does not say."""
    kind = attributes.get("openinference.span.kind")
    return _KINDS.get(kind.upper()) if isinstance(kind, str) else None


def read(attributes: Attributes, draft: Draft) -> None:
    """What this convention says. For spans that name it."""
    del attributes["openinference.span.kind"]
    draft.operation = _OPERATIONS.get(draft.kind, "")
    if draft.kind in MODEL_KINDS:
        draft.provider = text(attributes, "llm.provider", "llm.system")
        _read_models(attributes, draft)
    lists = listed(attributes, _LISTED)
    if lists:
        _read_lists(attributes, draft, lists)
    if "reranker.query" in attributes:
        draft.input = said(take(attributes, "reranker.query"))
    if isinstance(attributes.get("metadata"), str):
        attributes["metadata"] = json_of(attributes["metadata"])


def _read_models(attributes: Attributes, draft: Draft) -> None:
    """Instrumentations that know but one model name write it once the answer has told it."""
    named = text(attributes, "llm.model_name", "embedding.model_name", "reranker.model_name")
    draft.model = text(attributes, "llm.request.model_name") or named
    draft.served = text(attributes, "llm.response.model_name") or named
    parameters = attributes.get("llm.invocation_parameters")
    given = json_of(parameters) if isinstance(parameters, str) else None
    if isinstance(given, dict):
        asked = cast("dict[str, Any]", given)
        # What was asked for is told here when the one name there is has been overwritten by the answer's.
        draft.model = asked["model"] if isinstance(asked.get("model"), str) else draft.model
        draft.stream = asked.get("stream") is True
    answer = attributes.get("output.value")
    if isinstance(answer, str) and "gen_ai.response.id" not in attributes:
        found = _ANSWER_ID.search(answer)
        if found is not None:
            attributes["gen_ai.response.id"] = found[1]
    reason = finish_reason_of(take(attributes, "llm.finish_reason"))
    if reason is not None:
        draft.finish_reasons = [reason]


def _read_lists(attributes: Attributes, draft: Draft, lists: dict[str, list[Attributes]]) -> None:
    if "llm.input_messages" in lists or "llm.output_messages" in lists:
        draft.input = [_message(entry, "user") for entry in lists.get("llm.input_messages", ())]
        draft.output = [_message(entry, "assistant") for entry in lists.get("llm.output_messages", ())]
    for entry in lists.get("llm.prompts", ()) if not draft.input else ():
        draft.input += said(entry.get("prompt.text"))
    for entry in lists.get("llm.choices", ()) if not draft.output else ():
        draft.output += said(entry.get("completion.text"), role="assistant")
    if "llm.tools" in lists:
        tools = [
            json_of(value) if isinstance(value, str) else value
            for entry in lists["llm.tools"]
            for value in entry.values()
        ]
        attributes["gen_ai.tool.definitions"] = tools
    if "embedding.embeddings" in lists:
        _read_embeddings(attributes, draft, lists["embedding.embeddings"])
    for name in ("retrieval.documents", "reranker.output_documents"):
        if name in lists:
            attributes[name], draft.output = _documents(lists[name])
    if "reranker.input_documents" in lists:
        attributes["reranker.input_documents"] = [_document(entry) for entry in lists["reranker.input_documents"]]


def _message(entry: Attributes, role: str) -> Message:
    fields = {name.removeprefix("message."): value for name, value in entry.items()}
    message: Message = {"role": role_of(fields.get("role"), role), "parts": []}
    if "tool_call_id" in fields:
        message["parts"] = [result_part(fields.get("content"), id=fields["tool_call_id"])]
        return message
    inner = listed(fields, _INNER)
    parts = content_parts(fields.get("content")) if "contents" not in inner else []
    parts += [_content(each) for each in inner.get("contents", ())]
    for call in inner.get("tool_calls", ()):
        name, given = call.get("tool_call.function.name"), call.get("tool_call.function.arguments")
        part = call_part(name, given, id=call.get("tool_call.id"))
        # A call may be told of twice: among the contents, and in a list of its own.
        if part not in parts:
            parts.append(part)
    if "function_call_name" in fields:
        parts.append(call_part(fields["function_call_name"], fields.get("function_call_arguments_json")))
    message["parts"] = parts
    if isinstance(fields.get("name"), str):
        message["name"] = fields["name"]
    return message


def _content(entry: Attributes) -> Part:
    fields = {name.removeprefix("message_content."): value for name, value in entry.items()}
    kind = fields.get("type")
    if "tool_call.function.name" in fields:
        name, given = fields["tool_call.function.name"], fields.get("tool_call.function.arguments")
        return call_part(name, given, id=fields.get("tool_call.id"))
    for medium in _MEDIA:
        address = fields.get(f"{medium}.{medium}.url")
        if isinstance(address, str):
            media = fields.get(f"{medium}.{medium}.mime_type")
            (part,) = content_parts(
                [{"type": "image_url", "modality": medium, "image_url": address, "mime_type": media}]
            )
            return part
    if kind == "reasoning" or "thinking" in str(kind):
        return {"type": "reasoning", "content": str(fields.get("text") or "")}
    if isinstance(fields.get("text"), str):
        return {"type": "text", "content": fields["text"]}
    return {"type": str(kind or "text")} | {name: value for name, value in fields.items() if name != "type"}


def _read_embeddings(attributes: Attributes, draft: Draft, entries: list[Attributes]) -> None:
    """The texts are the input. Of the vectors only their length is kept."""
    lengths: list[int] = []
    for entry in entries:
        draft.input += said(entry.get("embedding.text"))
        vector = entry.get("embedding.vector")
        if isinstance(vector, list):
            lengths.append(len(vector))  # pyright: ignore[reportUnknownArgumentType] - numbers
    if lengths:
        attributes["embedding.dimensions"] = lengths


def _documents(entries: list[Attributes]) -> tuple[list[dict[str, Any]], list[Message]]:
    """What else is known of documents, and their text as what was answered."""
    documents = [_document(entry) for entry in entries]
    parts: list[Part] = [{"type": "text", "content": str(document.pop("content", ""))} for document in documents]
    return documents, [{"role": "tool", "parts": parts}]


def _document(entry: Attributes) -> dict[str, Any]:
    fields = {name.removeprefix("document."): value for name, value in entry.items()}
    if isinstance(fields.get("metadata"), str):
        fields["metadata"] = json_of(fields["metadata"])
    return fields


def read_values(attributes: Attributes, draft: Draft) -> None:
    """`input.value` and `output.value`, where nothing better was said: the input and output of a chain or a tool."""
    if draft.kind == "embedding":
        # The text stands in a list of its own, and the answer is nothing but vectors.
        value = attributes.pop("output.value", None)
        if isinstance(value, str):
            attributes["output.value.characters_not_recorded"] = len(value)
    if not draft.input and "input.value" in attributes:
        value = take(attributes, "input.value")
        if draft.kind == "tool":
            name = attributes.get("tool.name", attributes.get("gen_ai.tool.name"))
            draft.input = [{"role": "assistant", "parts": [call_part(name, value, id=attributes.get("tool.id"))]}]
        else:
            draft.input = _said(attributes, "input", value, draft, "user")
    if not draft.output and "output.value" in attributes:
        value = take(attributes, "output.value")
        if draft.kind == "tool":
            result = json_of(value) if isinstance(value, str) else value
            draft.output = [{"role": "tool", "parts": [result_part(result, id=attributes.get("tool.id"))]}]
        else:
            draft.output = _said(attributes, "output", value, draft, "assistant")


def _said(attributes: Attributes, side: str, value: object, draft: Draft, role: str) -> list[Message]:
    """A model's JSON holds messages; anything else is shown as it came."""
    if draft.kind == "llm" and attributes.get(f"{side}.mime_type") == "application/json":
        return messages_of(value, role=role)
    return said(value, role=role)
