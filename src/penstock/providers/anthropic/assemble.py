"""A whole Anthropic message, put together from its stream."""

from typing import Any

import msgspec

from penstock.providers.anthropic.usage import encode_usage, merge_usage
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.sse import SseSplitter
from penstock.wire.usage import Usage

__all__ = ["MessageAssembler"]

Members = dict[str, msgspec.Raw]

_decode_members = msgspec.json.Decoder(Members).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_number = msgspec.json.Decoder(int).decode
_encode = msgspec.json.Encoder().encode
_NOTHING = msgspec.Raw(b"null")


class MessageAssembler:
    """Takes a stream as a caller was given it, cut anywhere.

    A delta of a kind that is not known breaks it: what it would add to the message cannot be guessed.
    """

    def __init__(self) -> None:
        self.broken = False
        self._splitter = SseSplitter()
        self._message: Members = {}
        self._usage: bytes | None = None
        self._blocks: dict[int, _Block] = {}
        self._stopped = False

    def feed(self, data: bytes) -> None:
        """More of the stream."""
        for _, payload in self._splitter.feed(data):
            try:
                self._take(_decode_members(payload))
            except (*JSON_ERRORS, KeyError, ValueError):
                # What a provider sends may have any shape; an answer of a shape that is not known is not kept.
                self.broken = True

    def result(self, usage: Usage | None) -> bytes | None:
        """The message; `usage` is what is told when the stream told none. None for a stream without its end."""
        if self.broken or not self._stopped or not self._message:
            return None
        content: list[dict[str, Any]] = []
        for _, block in sorted(self._blocks.items()):
            whole = block.whole()
            if whole is None:
                return None
            content.append(whole)
        body: dict[str, Any] = {**self._message, "content": content}
        if self._usage is not None:
            body["usage"] = msgspec.Raw(self._usage)
        elif usage is not None:
            body["usage"] = encode_usage(usage)
        return _encode(body)

    def _take(self, event: Members) -> None:
        match _decode_text(event["type"]):
            case "message_start":
                if not self._message:
                    self._message = _decode_members(event["message"])
                    self._add_usage(self._message.get("usage", _NOTHING))
            case "content_block_start":
                block = _decode_members(event["content_block"])
                self._blocks[_decode_number(event["index"])] = _Block(block)
            case "content_block_delta":
                delta = _decode_members(event["delta"])
                self.broken = not self._blocks[_decode_number(event["index"])].add(delta) or self.broken
            case "message_delta":
                self._message.update(_decode_members(event["delta"]))
                self._add_usage(event.get("usage", _NOTHING))
                more = {name: raw for name, raw in event.items() if name not in ("type", "delta", "usage")}
                self._message.update(more)
            case "message_stop":
                self._stopped = True
            case "error":
                self.broken = True
            case _:
                # `ping`, `content_block_stop`, and whatever the vendor adds between them.
                pass

    def _add_usage(self, raw: msgspec.Raw) -> None:
        value = bytes(raw)
        self._usage = merge_usage(self._usage, None if value == b"null" else value)


class _Block:
    def __init__(self, opening: Members) -> None:
        self._opening = opening
        self._texts: dict[str, list[str]] = {}
        self._arguments: list[str] = []
        self._citations: list[msgspec.Raw] = []

    def add(self, delta: Members) -> bool:
        """False for a delta of a kind that is not known."""
        match _decode_text(delta["type"]):
            case "text_delta":
                self._text("text", delta)
            case "thinking_delta":
                self._text("thinking", delta)
            case "signature_delta":
                self._text("signature", delta)
            case "input_json_delta":
                self._arguments.append(_decode_text(delta["partial_json"]))
            case "citations_delta":
                self._citations.append(delta["citation"])
            case _:
                return False
        return True

    def whole(self) -> dict[str, Any] | None:
        """The block; None when its input is no JSON object."""
        block: dict[str, Any] = dict(self._opening)
        for name, pieces in self._texts.items():
            opened = self._opening.get(name, _NOTHING)
            block[name] = ("" if bytes(opened) == b"null" else _decode_text(opened)) + "".join(pieces)
        arguments = "".join(self._arguments)
        if arguments:
            try:
                msgspec.json.decode(arguments, type=Members)
            except JSON_ERRORS:
                return None
            block["input"] = msgspec.Raw(arguments.encode())
        if self._citations:
            block["citations"] = self._citations
        return block

    def _text(self, name: str, delta: Members) -> None:
        self._texts.setdefault(name, []).append(_decode_text(delta[name]))
