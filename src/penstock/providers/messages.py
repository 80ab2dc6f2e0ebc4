"""Neutral messages as OpenTelemetry GenAI messages, JSON: what a span records of a call's text.

The shapes are those of the GenAI semantic conventions (`gen-ai-input-messages.json` and
`gen-ai-output-messages.json`). Binary data is not recorded: a blob carries its size in bytes and the
SHA-256 of its base64 text in place of `content`.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, assert_never

import msgspec

from penstock.providers.failures import JSON_ERRORS
from penstock.wire.chat import (
    Audio,
    Choice,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

__all__ = [
    "Recorded",
    "RecordedCall",
    "RecordedPart",
    "RecordedReasoning",
    "RecordedRefusal",
    "RecordedText",
    "encode_recorded",
    "input_messages",
    "output_messages",
    "recorded_arguments",
]


class RecordedText(msgspec.Struct, tag_field="type", tag="text"):
    content: str


class RecordedReasoning(msgspec.Struct, tag_field="type", tag="reasoning"):
    content: str


class RecordedRefusal(msgspec.Struct, tag_field="type", tag="refusal"):
    content: str


class RecordedCall(msgspec.Struct, tag_field="type", tag="tool_call"):
    id: str
    name: str
    arguments: Any
    """The JSON value; the text as it came when it is no JSON."""


class RecordedResult(msgspec.Struct, tag_field="type", tag="tool_call_response", omit_defaults=True):
    id: str
    response: Any
    """Text, or a list of parts when the result is more than text."""
    is_error: bool = False


class RecordedBlob(msgspec.Struct, tag_field="type", tag="blob"):
    modality: str
    mime_type: str | None
    size: int
    sha256: str


class RecordedUri(msgspec.Struct, tag_field="type", tag="uri"):
    modality: str
    mime_type: str | None
    uri: str


class RecordedFile(msgspec.Struct, tag_field="type", tag="file"):
    modality: str
    mime_type: str | None
    file_id: str


RecordedPart = (
    RecordedText
    | RecordedReasoning
    | RecordedRefusal
    | RecordedCall
    | RecordedResult
    | RecordedBlob
    | RecordedUri
    | RecordedFile
)


class Recorded(msgspec.Struct, omit_defaults=True):
    """One message of the record; `finish_reason` stands on output messages only."""

    role: str
    parts: Sequence[RecordedPart | msgspec.Raw]
    finish_reason: str | None = None
    name: str | None = None


_encoder = msgspec.json.Encoder()
encode_recorded = _encoder.encode


def input_messages(messages: Iterable[Message]) -> bytes:
    """JSON array, one item per message."""
    return encode_recorded([Recorded(message.role, _parts(message.parts), name=message.name) for message in messages])


def output_messages(choices: Iterable[Choice]) -> bytes:
    """JSON array, one item per choice; a choice that was cut off has the finish reason `error`."""
    return encode_recorded(
        [Recorded("assistant", _parts(choice.parts), choice.finish_reason or "error") for choice in choices]
    )


def _parts(parts: Iterable[Part]) -> list[RecordedPart]:
    return [recorded for part in parts if (recorded := _part(part)) is not None]


def _part(part: Part) -> RecordedPart | None:
    match part:
        case Text():
            return RecordedText(part.text)
        case ToolCall():
            return RecordedCall(part.id, part.name, recorded_arguments(part.arguments))
        case ToolResult():
            return RecordedResult(part.id, _result(part), part.is_error)
        case Reasoning():
            # A signature or encrypted reasoning is the vendor's; it says nothing to a reader.
            return RecordedReasoning(part.text) if part.text else None
        case Refusal():
            return RecordedRefusal(part.text)
        case Image() | Audio() | File():
            return _media_part(part)
        case _:
            assert_never(part)


def _media_part(part: Image | Audio | File) -> RecordedPart:
    match part:
        case Image():
            return _media("image", data=part.data, media_type=part.media_type, uri=part.url, file_id=None)
        case Audio():
            return _media("audio", data=part.data, media_type=f"audio/{part.format}", uri=None, file_id=None)
        case File():
            return _media("file", data=part.data, media_type=part.media_type, uri=part.url, file_id=part.file_id)


def _media(
    modality: str, *, data: str | None, media_type: str | None, uri: str | None, file_id: str | None
) -> RecordedPart:
    if data is not None:
        digest = hashlib.sha256(data.encode()).hexdigest()
        size = len(data) * 3 // 4 - (data[-2:].count("=") if data else 0)
        return RecordedBlob(modality, media_type, size, digest)
    if uri is not None:
        return RecordedUri(modality, media_type, uri)
    return RecordedFile(modality, media_type, file_id or "")


def recorded_arguments(text: str) -> Any:
    """The arguments as a value, in the very bytes that came; text when they are no JSON."""
    try:
        return msgspec.json.decode(text, type=msgspec.Raw) if text else {}
    except JSON_ERRORS:
        return text


def _result(part: ToolResult) -> Any:
    if all(isinstance(piece, Text) for piece in part.parts):
        return "".join(piece.text for piece in part.parts if isinstance(piece, Text))
    return _parts(part.parts)
