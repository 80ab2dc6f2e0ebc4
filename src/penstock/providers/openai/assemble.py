"""A whole chat completion, put together from its stream."""

from typing import Any, Final, cast

import msgspec

from penstock.providers.failures import JSON_ERRORS
from penstock.providers.openai.tool_calls import argument_text, call_id
from penstock.providers.openai.usage import encode_chat_usage
from penstock.providers.sse import SseSplitter
from penstock.wire.usage import Usage

__all__ = ["ChatAssembler"]

Json = dict[str, Any]

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode

_OF_STREAMS: Final = frozenset({"choices", "object", "usage", "obfuscation"})
"""Members of a chunk that a whole answer has otherwise, or not at all."""
_NAMES: Final = frozenset({"id", "type", "name", "role", "format", "signature"})
"""Members whose text comes whole, and with some servers again and again."""


class ChatAssembler:
    """Takes a stream as a caller was given it, cut anywhere. Members that nobody here knows are kept.

    Texts are joined, lists whose items have an `index` are merged by it, others are joined; of what stands on
    every chunk the last counts.
    """

    def __init__(self) -> None:
        self.broken = False
        self._splitter = SseSplitter()
        self._top: Json = {}
        self._usage: Any = None
        self._choices: dict[int, _Choice] = {}

    def feed(self, data: bytes) -> None:
        """More of the stream."""
        for name, payload in self._splitter.feed(data):
            if payload == b"[DONE]":
                continue
            try:
                chunk = _decode(payload)
                self._take(name, chunk)
            except (*JSON_ERRORS, TypeError, AttributeError, ValueError):
                # What a provider sends may have any shape; an answer of a shape that is not known is not kept.
                self.broken = True

    def result(self, usage: Usage | None) -> bytes | None:
        """The answer; `usage` is what is told when the stream told none. None for a stream without its end."""
        choices = [choice for _, choice in sorted(self._choices.items())]
        if self.broken or not choices or any(choice.reason is None for choice in choices):
            return None
        body: Json = {**self._top, "object": "chat.completion"}
        answer_id = str(body.get("id", ""))
        body["choices"] = [choice.whole(answer_id) for choice in choices]
        if self._usage is not None:
            body["usage"] = self._usage
        elif usage is not None:
            body["usage"] = encode_chat_usage(usage)
        return _encode(body)

    def _take(self, name: str, chunk: Json) -> None:
        if name == "error" or chunk.get("error"):
            self.broken = True
            return
        for member, value in chunk.items():
            if member not in _OF_STREAMS and (value not in (None, "") or member not in self._top):
                self._top[member] = value
        if chunk.get("usage") is not None:
            self._usage = chunk["usage"]
        for number, choice in enumerate(cast("list[Json]", chunk.get("choices") or ())):
            index = choice.get("index")
            place = number if index is None else int(index)
            found = self._choices.get(place)
            if found is None:
                found = self._choices[place] = _Choice(place)
            found.take(choice)


class _Choice:
    def __init__(self, index: int) -> None:
        self.reason: str | None = None
        self._index = index
        self._message: Json = {"role": "assistant", "content": None}
        self._texts: dict[str, list[str]] = {}
        self._calls: list[Json] = []
        self._arguments: list[list[str]] = []
        self._at_index: dict[int, int] = {}
        self._rest: Json = {}

    def take(self, choice: Json) -> None:
        for name, value in choice.items():
            if name == "delta":
                self._delta(cast("Json", value or {}))
            elif name == "finish_reason":
                self.reason = self.reason or value
            elif name == "logprobs":
                self._rest[name] = _merged(self._rest.get(name), value)
            elif name != "index":
                self._rest[name] = value

    def whole(self, answer_id: str) -> Json:
        message = {**self._message, **{name: "".join(pieces) for name, pieces in self._texts.items()}}
        if self._calls:
            message["tool_calls"] = [
                self._call(number, call_id(answer_id, self._index, number)) for number in range(len(self._calls))
            ]
        return {"index": self._index, "message": message, **self._rest, "finish_reason": self.reason}

    def _delta(self, delta: Json) -> None:
        for name, value in delta.items():
            if name == "tool_calls":
                for piece in cast("list[Json]", value or ()):
                    self._tool_call(piece)
            elif isinstance(value, str) and name not in _NAMES:
                self._texts.setdefault(name, []).append(value)
            elif value is not None or name not in self._message:
                self._message[name] = _merged(self._message.get(name), value, name)

    def _tool_call(self, piece: Json) -> None:
        number = self._number(piece)
        function = cast("Json", piece.get("function") or {})
        arguments = function.get("arguments")
        if arguments is not None:
            self._arguments[number].append(argument_text(arguments))
        # A name that some servers repeat with every piece counts once.
        rest: Json = {name: value for name, value in piece.items() if name not in ("index", "function")}
        names = {name: value for name, value in function.items() if name != "arguments" and value}
        if names:
            rest["function"] = names
        self._calls[number] = _merged(self._calls[number], rest)

    def _number(self, piece: Json) -> int:
        """Which call a piece belongs to, by the rules of `penstock.providers.openai.tool_calls`."""
        index, call = piece.get("index"), piece.get("id")
        if index is None:
            known = next((place for place, found in enumerate(self._calls) if call and found.get("id") == call), None)
            if known is not None:
                return known
            return len(self._calls) - 1 if self._calls and not call else self._open()
        number = self._at_index.get(index)
        named = bool(cast("Json", piece.get("function") or {}).get("name"))
        if number is None or (call and call != self._calls[number].get("id") and named):
            number = self._at_index[index] = self._open()
        return number

    def _open(self) -> int:
        self._calls.append({})
        self._arguments.append([])
        return len(self._calls) - 1

    def _call(self, number: int, spare_id: str) -> Json:
        call = self._calls[number]
        made: Json = {**call, "id": call.get("id") or spare_id, "type": call.get("type") or "function"}
        if self._arguments[number] or "function" in call:
            made["function"] = {**call.get("function", {}), "arguments": "".join(self._arguments[number])}
        return made


def _merged(known: Any, more: Any, name: str = "") -> Any:
    """What was known and what came, as one value."""
    if more is None or known is None:
        return known if more is None else more
    if isinstance(known, str) and isinstance(more, str):
        return more or known if name in _NAMES else known + more
    if isinstance(known, dict) and isinstance(more, dict):
        merged = cast("Json", known)
        for member, value in cast("Json", more).items():
            merged[member] = _merged(merged.get(member), value, member)
        return merged
    if isinstance(known, list) and isinstance(more, list):
        return _merged_list(cast("list[Any]", known), cast("list[Any]", more))
    return more


def _merged_list(known: list[Any], more: list[Any]) -> list[Any]:
    for item in more:
        place = _place(item)
        same = next((i for i, old in enumerate(known) if place is not None and _place(old) == place), None)
        if same is None:
            known.append(item)
        else:
            known[same] = _merged(known[same], item)
    return known


def _place(item: Any) -> Any:
    return cast("Json", item).get("index") if isinstance(item, dict) else None
