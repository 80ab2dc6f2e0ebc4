"""A whole Responses answer as the event stream it could have been, and back."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from penstock.providers.failures import JSON_ERRORS
from penstock.providers.pieces import cut_text, cut_tokens
from penstock.providers.sse import SseSplitter, format_event

__all__ = ["ResponseAssembler", "replay_response"]

Members = dict[str, msgspec.Raw]

_decode_members = msgspec.json.Decoder(Members).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_number = msgspec.json.Decoder(int).decode
_encode = msgspec.json.Encoder().encode

_NULL: Final = msgspec.Raw(b"null")
_EMPTY: Final = msgspec.Raw(b"[]")
_LAST: Final = frozenset({"response.completed", "response.incomplete"})
_NOT_YET: Final = ("usage", "incomplete_details", "completed_at")
"""Members of a response that are null while it is in progress."""
_ARGUMENTS: Final = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
}
"""By kind of item: the member that comes in pieces, and what its events are called."""


def replay_response(body: bytes, *, chunk_characters: int) -> Iterator[bytes]:
    """Events, one item after the other. Items of built-in tools are added and done at once.

    Raises:
        msgspec.MsgspecError: the body is no response.
    """
    top = _decode_members(body)
    items = [_decode_members(raw) for raw in _decode_list(top["output"])]
    begun: dict[str, Any] = {
        **top,
        "status": "in_progress",
        "output": [],
        **{name: None for name in _NOT_YET if name in top},
    }
    last = "incomplete" if _text(top.get("status")) == "incomplete" else "completed"
    number = 0
    for kind, members in _events(begun, items, chunk_characters):
        yield format_event(_encode({"type": kind, "sequence_number": number, **members}), kind)
        number += 1
    kind = f"response.{last}"
    yield format_event(_encode({"type": kind, "sequence_number": number, "response": msgspec.Raw(body)}), kind)


Event = tuple[str, dict[str, Any]]


def _events(begun: dict[str, Any], items: list[Members], size: int) -> Iterator[Event]:
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(items):
        yield from _item(item, index, size)


def _item(item: Members, index: int, size: int) -> Iterator[Event]:
    kind = _text(item.get("type"))
    opened: dict[str, Any] = {**item, "status": "in_progress"} if "status" in item else dict(item)
    place = {"item_id": item.get("id"), "output_index": index}
    inner: Iterator[Event] = iter(())
    if kind == "message":
        opened["content"] = []
        inner = _contents(item.get("content", _EMPTY), place, size)
    elif kind == "reasoning":
        inner = _reasoning(item, opened, place, size)
    elif kind in _ARGUMENTS:
        member, name = _ARGUMENTS[kind]
        opened[member] = ""
        inner = _call(item, member, name, place, size)
    yield "response.output_item.added", {"output_index": index, "item": opened}
    yield from inner
    yield "response.output_item.done", {"output_index": index, "item": item}


def _reasoning(item: Members, opened: dict[str, Any], place: dict[str, Any], size: int) -> Iterator[Event]:
    """Also empties what `opened` is told later."""
    for member in ("summary", "content"):
        if bytes(item.get(member, _NULL)) != b"null":
            opened[member] = []
    return _thoughts(item, place, size)


def _thoughts(item: Members, place: dict[str, Any], size: int) -> Iterator[Event]:
    for number, part in enumerate(_parts(item.get("summary", _NULL))):
        where = {**place, "summary_index": number}
        text = _text(part.get("text")) or ""
        kind = "response.reasoning_summary"
        yield f"{kind}_part.added", {**where, "part": {**part, "text": ""}}
        for piece in cut_text(text, size):
            yield f"{kind}_text.delta", {**where, "delta": piece}
        yield f"{kind}_text.done", {**where, "text": text}
        yield f"{kind}_part.done", {**where, "part": part}
    yield from _contents(item.get("content", _NULL), place, size)


def _contents(raw: msgspec.Raw, place: dict[str, Any], size: int) -> Iterator[Event]:
    for number, part in enumerate(_parts(raw)):
        where = {**place, "content_index": number}
        opened: dict[str, Any] = dict(part)
        match _text(part.get("type")):
            case "output_text":
                inner = _output_text(part, where, size)
                opened |= {"text": "", **{name: [] for name in ("annotations", "logprobs") if name in part}}
            case "refusal":
                inner = _plain(part, "refusal", "response.refusal", where, size)
                opened["refusal"] = ""
            case "reasoning_text":
                inner = _plain(part, "text", "response.reasoning_text", where, size)
                opened["text"] = ""
            case _:
                inner = iter(())
        yield "response.content_part.added", {**where, "part": opened}
        yield from inner
        yield "response.content_part.done", {**where, "part": part}


def _output_text(part: Members, where: dict[str, Any], size: int) -> Iterator[Event]:
    text = _text(part.get("text")) or ""
    raw = part.get("logprobs", _NULL)
    logprobs = [] if bytes(raw) == b"null" else _decode_list(raw)
    kind = "response.output_text"
    for piece, own in cut_tokens(text, logprobs, size):
        yield f"{kind}.delta", {**where, "delta": piece, "logprobs": own}
    annotations = part.get("annotations", _NULL)
    if bytes(annotations) != b"null":
        for number, annotation in enumerate(_decode_list(annotations)):
            yield f"{kind}.annotation.added", {**where, "annotation_index": number, "annotation": annotation}
    yield f"{kind}.done", {**where, "text": text, "logprobs": logprobs}


def _plain(part: Members, member: str, kind: str, where: dict[str, Any], size: int) -> Iterator[Event]:
    text = _text(part.get(member)) or ""
    for piece in cut_text(text, size):
        yield f"{kind}.delta", {**where, "delta": piece}
    yield f"{kind}.done", {**where, member: text}


def _call(item: Members, member: str, kind: str, place: dict[str, Any], size: int) -> Iterator[Event]:
    text = _text(item.get(member)) or ""
    for piece in cut_text(text, size):
        yield f"{kind}.delta", {**place, "delta": piece}
    name = {"name": item["name"]} if member == "arguments" and "name" in item else {}
    yield f"{kind}.done", {**place, **name, member: text}


def _parts(raw: msgspec.Raw) -> list[Members]:
    return [] if bytes(raw) == b"null" else [_decode_members(part) for part in _decode_list(raw)]


def _text(raw: msgspec.Raw | None) -> str | None:
    """A member's text; None for one that is absent, null or no text."""
    return _decode_text(raw) if raw is not None and bytes(memoryview(raw)[:1]) == b'"' else None


class ResponseAssembler:
    """Takes a stream as a caller was given it, cut anywhere: its last event holds the whole response.

    A server that leaves the output out of it has told each item when it was done.
    """

    def __init__(self) -> None:
        self.broken = False
        self._splitter = SseSplitter()
        self._items: dict[int, msgspec.Raw] = {}
        self._response: Members = {}

    def feed(self, data: bytes) -> None:
        """More of the stream."""
        for name, payload in self._splitter.feed(data):
            if payload == b"[DONE]":
                continue
            try:
                self._take(name, _decode_members(payload))
            except (*JSON_ERRORS, KeyError):
                # What a provider sends may have any shape; an answer of a shape that is not known is not kept.
                self.broken = True

    def result(self) -> bytes | None:
        """The response; None for a stream without its end."""
        if self.broken or not self._response:
            return None
        output = self._response.get("output", _EMPTY)
        if self._items and bytes(output) in (b"[]", b"null"):
            return _encode({**self._response, "output": [item for _, item in sorted(self._items.items())]})
        return _encode(self._response)

    def _take(self, name: str, event: Members) -> None:
        kind = _text(event.get("type")) or name
        if kind in _LAST:
            self._response = _decode_members(event["response"])
        elif kind == "response.output_item.done":
            self._items[_decode_number(event["output_index"])] = event["item"]
        elif kind in ("error", "response.failed"):
            self.broken = True
