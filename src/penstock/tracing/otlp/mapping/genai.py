"""OpenTelemetry's GenAI conventions, all generations.

    1.28  content on events `gen_ai.content.prompt` and `gen_ai.content.completion`, `gen_ai.usage.prompt_tokens`
    1.30  events `gen_ai.{system,user,assistant,tool}.message` and `gen_ai.choice`, `gen_ai.system`
    1.37+ `gen_ai.{input,output}.messages`, `gen_ai.system_instructions`, on the span or on the event
          `gen_ai.client.inference.operation.details`; `gen_ai.provider.name`

Pydantic AI wrote the events of 1.30 as JSON into the attribute `events`.
Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

from collections.abc import Sequence
from typing import Any, cast

from penstock.tracing.otlp.mapping.draft import MODEL_KINDS, Draft
from penstock.tracing.otlp.mapping.messages import (
    Message,
    call_part,
    finish_reason_of,
    message_of,
    messages_of,
    result_part,
    said,
)
from penstock.tracing.otlp.mapping.values import json_of, number, take, text, texts
from penstock.tracing.otlp.types import Attributes, Event
from penstock.wire.span import Kind

__all__ = ["kind_of", "read", "read_events"]

_KINDS: dict[str, Kind] = {
    "chat": "llm",
    "text_completion": "llm",
    "completion": "llm",
    "generate_content": "llm",
    "embeddings": "embedding",
    "embedding": "embedding",
    "rerank": "reranker",
    "retrieval": "retriever",
    "execute_tool": "tool",
    "invoke_agent": "agent",
    "create_agent": "agent",
    "invoke_workflow": "chain",
    "plan": "chain",
    "handoff": "agent",
    "evaluate": "evaluator",
}
_DETAILS = frozenset({"gen_ai.client.inference.operation.details", "gen_ai.client.operation.details"})
_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}


def kind_of(attributes: Attributes) -> Kind | None:
    """What a span is by these conventions; None when they do not say."""
    operation = attributes.get("gen_ai.operation.name")
    if isinstance(operation, str):
        return _KINDS.get(operation)
    if "gen_ai.tool.name" in attributes:
        return "tool"
    if "gen_ai.request.model" in attributes and ("gen_ai.system" in attributes or "gen_ai.provider.name" in attributes):
        return "llm"
    return "agent" if "gen_ai.agent.name" in attributes else None


def read_events(attributes: Attributes, events: list[Event], draft: Draft) -> list[Event]:
    """Content that stands on events. Returns the events that are about something else."""
    rest: list[Event] = []
    for event in events:
        if event.name in _DETAILS:
            for name, value in event.attributes.items():
                attributes.setdefault(name, value)
        elif not _message_event(event.name, event.attributes, draft):
            rest.append(event)
    return rest


def _message_event(name: str, fields: Attributes, draft: Draft) -> bool:
    match name:
        case "gen_ai.content.prompt":
            draft.input += messages_of(fields.get("gen_ai.prompt"))
        case "gen_ai.content.completion":
            draft.output += messages_of(fields.get("gen_ai.completion"), role="assistant")
        case "gen_ai.choice":
            draft.output.append(_choice(fields))
        case _ if name in _ROLES:
            draft.input.append(message_of(_plain_fields(fields), role=_ROLES[name]))
        case _:
            return False
    return True


def _plain_fields(fields: Attributes) -> dict[str, Any]:
    """An event's fields: `tool_calls` and the like may have come as JSON, and any may carry the prefix."""
    plain = {name.removeprefix("gen_ai.event."): value for name, value in fields.items()}
    return {
        name: json_of(value) if name != "content" and isinstance(value, str) else value for name, value in plain.items()
    }


def _choice(fields: Attributes) -> Message:
    plain = _plain_fields(fields)
    inner = plain.get("message")
    said_fields = cast("dict[str, Any]", inner) if isinstance(inner, dict) else plain
    if isinstance(inner, str):
        said_fields = {"content": inner}
    message = message_of({"role": "assistant"} | said_fields, role="assistant")
    reason = finish_reason_of(plain.get("finish_reason"))
    return message | {"finish_reason": reason} if reason else message


def read(attributes: Attributes, draft: Draft) -> None:
    """What these conventions say and no other has said yet."""
    operation = text(attributes, "gen_ai.operation.name")
    draft.operation = draft.operation or operation or ""
    if draft.session is None and "gen_ai.conversation.id" in attributes:
        draft.session = text(attributes, "gen_ai.conversation.id")
    if "gen_ai.prompt.name" in attributes:
        draft.prompt_name = draft.prompt_name or text(attributes, "gen_ai.prompt.name")
        draft.prompt_version = draft.prompt_version or text(attributes, "gen_ai.prompt.version")
    if draft.kind in MODEL_KINDS:
        _read_model(attributes, draft)
    if not draft.input:
        draft.input = messages_of(attributes.pop("gen_ai.input.messages", None))
        if "gen_ai.system_instructions" in attributes:
            draft.input = messages_of(attributes.pop("gen_ai.system_instructions"), role="system") + draft.input
    if not draft.output:
        draft.output = messages_of(attributes.pop("gen_ai.output.messages", None), role="assistant")
    match draft.kind:
        case "tool":
            _read_tool(attributes, draft)
        case "agent":
            _read_agent(attributes, draft)
        case "retriever":
            draft.input = draft.input or said(take(attributes, "gen_ai.retrieval.query.text"))
        case _:
            pass
    if "events" in attributes:
        _read_json_events(attributes, draft)


def _read_model(attributes: Attributes, draft: Draft) -> None:
    draft.provider = draft.provider or text(attributes, "gen_ai.provider.name", "gen_ai.system")
    draft.model = draft.model or text(attributes, "gen_ai.request.model")
    draft.served = draft.served or text(attributes, "gen_ai.response.model")
    reasons = texts(attributes, "gen_ai.response.finish_reasons", "gen_ai.response.finish_reason")
    draft.finish_reasons = draft.finish_reasons or [finish_reason_of(reason) or reason for reason in reasons]
    stream = take(attributes, "gen_ai.request.stream", "gen_ai.is_streaming")
    draft.stream = draft.stream or stream is True
    if draft.ttft is None:
        seconds = number(attributes, "gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token")
        draft.ttft = None if seconds is None else int(seconds * 1e6)


def _read_tool(attributes: Attributes, draft: Draft) -> None:
    """The name and the id of the call stay among the attributes, too."""
    name, call = attributes.get("gen_ai.tool.name"), attributes.get("gen_ai.tool.call.id")
    if not draft.input:
        arguments = take(attributes, "gen_ai.tool.call.arguments", "tool_arguments")
        if arguments is not None:
            draft.input = [{"role": "assistant", "parts": [call_part(name, arguments, id=call)]}]
    if not draft.output:
        result = take(attributes, "gen_ai.tool.call.result", "tool_response")
        if result is not None:
            result = json_of(result) if isinstance(result, str) else result
            draft.output = [{"role": "tool", "parts": [result_part(result, id=call)]}]


def _read_agent(attributes: Attributes, draft: Draft) -> None:
    """Pydantic AI keeps what an agent and its model said to each other in one list, the answer last."""
    everything = messages_of(take(attributes, "pydantic_ai.all_messages", "all_messages_events"))
    if everything:
        answer = everything[-1:] if everything[-1]["role"] == "assistant" else []
        draft.input += everything[: len(everything) - len(answer)]
        draft.output = draft.output or answer
    if "final_result" in attributes and not draft.output:
        draft.output = said(attributes.pop("final_result"), role="assistant")


def _read_json_events(attributes: Attributes, draft: Draft) -> None:
    value = attributes["events"]
    entries = json_of(value) if isinstance(value, str) else value
    if draft.input or draft.output or not isinstance(entries, list):
        return
    rest: list[object] = []
    for entry in cast("Sequence[object]", entries):
        fields = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
        if not _message_event(str(fields.get("event.name")), fields, draft):
            rest.append(cast("object", entry))
    if rest:
        attributes["events"] = rest
    else:
        del attributes["events"]
