"""A whole Anthropic message as the stream it could have been, in the vendor's order of events.

https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from penstock.providers.pieces import cut_text
from penstock.providers.sse import format_event

__all__ = ["replay_message"]

Members = dict[str, msgspec.Raw]

_decode_members = msgspec.json.Decoder(Members).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode

_AT_THE_END: Final = ("stop_reason", "stop_sequence", "stop_details", "container")
"""Members of a message that are told in its last delta."""
_NULL: Final = msgspec.Raw(b"null")


def replay_message(body: bytes, *, chunk_characters: int) -> Iterator[bytes]:
    """Events: the message's start, each block's start, deltas and stop, the message's delta and stop.

    Raises:
        msgspec.MsgspecError: the body is no message.
    """
    top = _decode_members(body)
    blocks = [_decode_members(raw) for raw in _decode_list(top["content"])]
    ending = {name: top[name] for name in _AT_THE_END if name in top}
    usage = top.get("usage", _NULL)
    start: dict[str, Any] = {**top, "content": [], **dict.fromkeys(ending), "usage": _at_start(usage)}
    yield _event({"type": "message_start", "message": start})
    for index, block in enumerate(blocks):
        opening, deltas = _block(block, chunk_characters)
        yield _event({"type": "content_block_start", "index": index, "content_block": opening})
        for delta in deltas:
            yield _event({"type": "content_block_delta", "index": index, "delta": delta})
        yield _event({"type": "content_block_stop", "index": index})
    yield _event({"type": "message_delta", "delta": ending, "usage": usage})
    yield _event({"type": "message_stop"})


def _block(block: Members, size: int) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """How a block opens, and its deltas. What has none known here comes whole in the opening."""
    kind = _decode_text(block["type"])
    if kind == "text":
        citations = block.get("citations", _NULL)
        opening: dict[str, Any] = {**block, "text": ""}
        if bytes(citations) != b"null":
            opening["citations"] = []
        return opening, _text_deltas(_decode_text(block["text"]), citations, size)
    if kind == "thinking":
        opening = {**block, "thinking": ""}
        if "signature" in block:
            opening["signature"] = ""
        return opening, _thinking_deltas(block, size)
    if kind.endswith("tool_use") and "input" in block:
        return {**block, "input": {}}, _input_deltas(bytes(block["input"]).decode(), size)
    return dict(block), iter(())


def _text_deltas(text: str, citations: msgspec.Raw, size: int) -> Iterator[dict[str, Any]]:
    for piece in cut_text(text, size):
        yield {"type": "text_delta", "text": piece}
    if bytes(citations) != b"null":
        for citation in _decode_list(citations):
            yield {"type": "citations_delta", "citation": citation}


def _thinking_deltas(block: Members, size: int) -> Iterator[dict[str, Any]]:
    for piece in cut_text(_decode_text(block["thinking"]), size):
        yield {"type": "thinking_delta", "thinking": piece}
    signature = _decode_text(block["signature"]) if "signature" in block else ""
    if signature:
        yield {"type": "signature_delta", "signature": signature}


def _input_deltas(arguments: str, size: int) -> Iterator[dict[str, Any]]:
    yield {"type": "input_json_delta", "partial_json": ""}
    for piece in cut_text(arguments, size):
        yield {"type": "input_json_delta", "partial_json": piece}


def _at_start(usage: msgspec.Raw) -> Any:
    """The usage before anything was written."""
    return {**_decode_members(usage), "output_tokens": 0} if bytes(memoryview(usage)[:1]) == b"{" else usage


def _event(event: dict[str, Any]) -> bytes:
    return format_event(_encode(event), event["type"])
