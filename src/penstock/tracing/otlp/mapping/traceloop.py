"""OpenLLMetry (Traceloop): GenAI's names of usage, messages flattened to `gen_ai.prompt.N.*`, spans of its own kinds.

Source: opentelemetry-semantic-conventions-ai
"""

from typing import Any, cast

from penstock.tracing.otlp.mapping.draft import MODEL_KINDS, Draft
from penstock.tracing.otlp.mapping.messages import (
    Message,
    call_part,
    content_parts,
    finish_reason_of,
    result_part,
    role_of,
    said,
)
from penstock.tracing.otlp.mapping.values import json_of, listed, places, take, text
from penstock.tracing.otlp.types import Attributes
from penstock.wire.span import Kind

__all__ = ["SIGNS", "kind_of", "read"]

_KINDS: dict[str, Kind] = {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"}
_REQUESTS: dict[str, Kind] = {
    "chat": "llm",
    "completion": "llm",
    "embedding": "embedding",
    "rerank": "reranker",
}
_OPERATIONS: dict[str, str] = {
    "chat": "chat",
    "completion": "text_completion",
    "embedding": "embeddings",
    "rerank": "rerank",
}
_LISTED = places(r"(gen_ai\.prompt|gen_ai\.completion|llm\.request\.functions)\.([0-9]{1,6})\.(.+)")
SIGNS = frozenset(
    f"{prefix}.0.{rest}"
    for prefix, rests in (
        ("gen_ai.prompt", ("role", "content")),
        ("gen_ai.completion", ("role", "content", "finish_reason")),
        ("llm.request.functions", ("name",)),
    )
    for rest in rests
)
"""One of these is there where anything is flattened."""
_CALLS = places(r"(tool_calls)\.([0-9]{1,6})\.(.+)")
_PROPERTIES = "traceloop.association.properties."
MAX_TAGS = 64


def kind_of(attributes: Attributes) -> Kind | None:
    """What a span is by this convention; None when it does not say."""
    kind = attributes.get("traceloop.span.kind")
    if isinstance(kind, str):
        return _KINDS.get(kind)
    request = attributes.get("llm.request.type")
    return _REQUESTS.get(request) if isinstance(request, str) else None


def read(attributes: Attributes, draft: Draft, tags: dict[str, str]) -> None:
    """What this convention says and no other has said yet."""
    request = text(attributes, "llm.request.type")
    draft.operation = draft.operation or _OPERATIONS.get(request or "", request or "")
    if draft.kind in MODEL_KINDS:
        stream = take(attributes, "llm.is_streaming")
        draft.stream = draft.stream or stream is True
    lists = listed(attributes, _LISTED) if not SIGNS.isdisjoint(attributes) else None
    if lists:
        if not draft.input:
            draft.input = [_message(entry, "user") for entry in lists.get("gen_ai.prompt", ())]
        if not draft.output:
            draft.output = [_message(entry, "assistant") for entry in lists.get("gen_ai.completion", ())]
        functions = lists.get("llm.request.functions")
        if functions:
            attributes["gen_ai.tool.definitions"] = [
                {name: json_of(value) if isinstance(value, str) else value for name, value in entry.items()}
                for entry in functions
            ]
    if "traceloop.entity.input" in attributes and not draft.input:
        draft.input = _entity(take(attributes, "traceloop.entity.input"), draft, attributes, "user")
    if "traceloop.entity.output" in attributes and not draft.output:
        draft.output = _entity(take(attributes, "traceloop.entity.output"), draft, attributes, "assistant")
    draft.prompt_name = draft.prompt_name or text(attributes, "traceloop.prompt.key")
    version = take(attributes, "traceloop.prompt.version")
    draft.prompt_version = draft.prompt_version or (None if version is None else str(version))
    _read_properties(attributes, draft, tags)


def _read_properties(attributes: Attributes, draft: Draft, tags: dict[str, str]) -> None:
    for name in [name for name in attributes if name.startswith(_PROPERTIES)]:
        match name[len(_PROPERTIES) :]:
            case "session_id":
                draft.session = draft.session or str(attributes.pop(name))
            case "user_id":
                user = str(attributes.pop(name))
                draft.user = draft.user or user
            case tag if len(tags) < MAX_TAGS:
                tags.setdefault(tag, str(attributes.pop(name)))
            case _:
                pass


def _message(entry: Attributes, role: str) -> Message:
    message: Message = {"role": role_of(entry.get("role"), role), "parts": []}
    if entry.get("tool_call_id"):
        message["parts"] = [result_part(entry.get("content"), id=entry["tool_call_id"])]
        return message
    calls = listed(entry, _CALLS)
    message["parts"] = content_parts(entry.get("content"))
    for call in calls.get("tool_calls", ()):
        message["parts"].append(call_part(call.get("name"), call.get("arguments"), id=call.get("id")))
    reason = finish_reason_of(entry.get("finish_reason"))
    return message | {"finish_reason": reason} if reason else message


def _entity(value: object, draft: Draft, attributes: Attributes, role: str) -> list[Message]:
    """What a task or a tool was given, or gave: JSON of `{"inputs"}`, `{"args", "kwargs"}`, or anything."""
    parsed = json_of(value) if isinstance(value, str) else value
    if draft.kind != "tool" or parsed is None:
        return said(value, role=role)
    if role == "assistant":
        return [{"role": "tool", "parts": [result_part(parsed)]}]
    fields = cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
    given: object = fields.get("kwargs") or fields.get("inputs") or fields.get("args") or cast("object", parsed)
    return [{"role": "assistant", "parts": [call_part(attributes.get("traceloop.entity.name"), given)]}]
