"""Responses answers and stream events, as far as they are read. Unknown members are skipped."""

from typing import Any

import msgspec

from penstock.providers.answers import AnswerParts, CallParts
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.messages import (
    Recorded,
    RecordedCall,
    RecordedPart,
    RecordedReasoning,
    RecordedRefusal,
    RecordedText,
    encode_recorded,
    recorded_arguments,
)
from penstock.providers.openai.usage import parse_usage
from penstock.providers.openai.wire import NOTHING, present
from penstock.providers.types import Answer
from penstock.wire.chat import FinishReason

__all__ = ["Body", "Event", "Item", "body_answer", "finish_reason"]


class ItemText(msgspec.Struct):
    """A part of an item's `content` or `summary`."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None


class Item(msgspec.Struct):
    type: str = ""
    content: list[ItemText] | None = None
    summary: list[ItemText] | None = None
    name: str | None = None
    call_id: str | None = None
    arguments: str | None = None


class IncompleteDetails(msgspec.Struct):
    reason: str | None = None


class Body(msgspec.Struct):
    """A whole answer."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[msgspec.Raw] | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING
    incomplete_details: IncompleteDetails | None = None


class Event(msgspec.Struct):
    """One event of a stream."""

    type: str = ""
    delta: Any = None
    response: msgspec.Raw = NOTHING
    item: msgspec.Raw = NOTHING
    output_index: int = 0
    error: msgspec.Raw = NOTHING


_decode_item = msgspec.json.Decoder(Item).decode


def finish_reason(body: Body, *, calls_tools: bool) -> FinishReason:
    """Why the model stopped; Responses says it in `status` and `incomplete_details`."""
    if body.status == "incomplete":
        reason = body.incomplete_details.reason if body.incomplete_details is not None else None
        return "content_filter" if reason == "content_filter" else "length"
    if body.status in {"failed", "cancelled"}:
        return "error"
    return "tool_calls" if calls_tools else "stop"


def body_answer(body: Body) -> Answer:
    """What the record and the price need of a whole answer."""
    parts = AnswerParts()
    choice = parts.choice(0)
    recorded: list[RecordedPart | msgspec.Raw] = []
    for raw in body.output or ():
        try:
            item = _decode_item(raw)
        except JSON_ERRORS:
            recorded.append(raw)
            continue
        if item.type == "message":
            for piece in item.content or ():
                text, refusal = piece.text or "", piece.refusal or ""
                choice.text.append(text)
                choice.refusal.append(refusal)
                recorded.append(RecordedRefusal(refusal) if refusal else RecordedText(text))
        elif item.type == "reasoning":
            for piece in (*(item.summary or ()), *(item.content or ())):
                choice.reasoning.append(piece.text or "")
                recorded.append(RecordedReasoning(piece.text or ""))
        elif item.type == "function_call":
            call = CallParts(item.call_id or "", item.name or "")
            call.arguments.append(item.arguments or "")
            choice.calls.append(call)
            recorded.append(RecordedCall(call.id, call.name, recorded_arguments(item.arguments or "")))
        else:
            # A built-in tool's call (web search, code interpreter, …), recorded as it came.
            recorded.append(raw)
    reason = finish_reason(body, calls_tools=bool(choice.calls))
    usage = parse_usage(body.usage) if present(body.usage) else None
    return Answer(
        usage=usage,
        usage_raw=bytes(body.usage) if usage is not None else None,
        served_model=body.model,
        response_id=body.id,
        finish_reasons=[reason],
        output=encode_recorded([Recorded("assistant", recorded, reason)]),
        output_characters=choice.characters(),
    )
