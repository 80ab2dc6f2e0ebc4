"""Neutral events as an Anthropic event stream, in the vendor's order.

`message_start`, then for each block `content_block_start`, deltas, `content_block_stop`, then one
`message_delta` with the stop reason and the usage, then `message_stop`
(https://platform.claude.com/docs/en/build-with-claude/streaming). Blocks never overlap on this wire, while
other vendors' tool calls may: the open block is written as it comes, others wait until it is whole.
"""

from typing import Literal

import msgspec

from penstock.providers.anthropic.stop import stop_reason
from penstock.providers.anthropic.usage import encode_usage
from penstock.providers.failures import JSON_ERRORS
from penstock.wire.chat import (
    ChatEvent,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageReport,
)
from penstock.wire.usage import Usage

__all__ = ["MessageStreamEncoder"]

_encode = msgspec.json.encode
_DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":%b}\n\n'
_STOP = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'
_TEXT = b'{"type":"text_delta","text":%b}'
_THINKING = b'{"type":"thinking_delta","thinking":%b}'
_SIGNATURE = b'{"type":"signature_delta","signature":%b}'
_ARGUMENTS = b'{"type":"input_json_delta","partial_json":%b}'


class _Block:
    """A content block: being written, or waiting for the one before it."""

    __slots__ = ("call", "kind", "opening", "received", "waiting")

    def __init__(
        self, kind: Literal["text", "thinking", "tool", "whole"], opening: dict[str, object], *, call: int = -1
    ) -> None:
        self.kind = kind
        self.opening = opening
        self.call = call
        """Number of the tool call, for a tool's block."""
        self.received: list[str] = []
        """Tool arguments so far, to tell when they are whole."""
        self.waiting: list[bytes] = []
        """Deltas not yet written."""


class MessageStreamEncoder:
    """Writes one answer. Only the first choice is written, Anthropic knows no other."""

    def __init__(self, *, model: str) -> None:
        self._model = model
        self._started = False
        self._index = -1
        self._queue: list[_Block] = []
        """The open block first, then those that wait for it."""
        self._reason: Finished | None = None
        self._refused = False
        self._usage = Usage()

    def event(self, event: ChatEvent, /) -> bytes:
        """Bytes for the caller, possibly empty. A stream that begins without `Started` is given one."""
        if not self._started:
            start = event if isinstance(event, Started) else Started(id="", model=self._model)
            return self._start(start) + (b"" if event is start else self._event(event))
        return self._event(event)

    def _event(self, event: ChatEvent) -> bytes:
        match event:
            case TextDelta() | RefusalDelta():
                self._refused = self._refused or isinstance(event, RefusalDelta)
                out = self._text(event.text) if event.choice == 0 else b""
            case ToolCallDelta():
                out = self._arguments(event) if event.choice == 0 else b""
            case ToolCallStart():
                out = self._tool(event) if event.choice == 0 else b""
            case ReasoningDelta():
                out = self._reasoning(event) if event.choice == 0 else b""
            case Finished():
                if event.choice == 0:
                    self._reason = event
                out = b""
            case UsageReport():
                self._usage = event.usage
                out = b""
            case Started():
                # A message starts once, whatever the upstream says.
                out = b""
        return out

    def finish(self) -> bytes:
        """Close what is open, then the stop reason, the usage and the end."""
        out = [] if self._started else [self._start(Started(id="", model=self._model))]
        while self._queue:
            out.append(self._close())
        reason = self._reason
        sequence = reason.stop_sequence if reason is not None else None
        name = stop_reason(reason.reason if reason is not None else None, stop_sequence=sequence, refused=self._refused)
        delta = {
            "type": "message_delta",
            "delta": {"stop_reason": name, "stop_sequence": sequence},
            "usage": encode_usage(self._usage),
        }
        out.append(b"event: message_delta\ndata: %b\n\n" % _encode(delta))
        out.append(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
        return b"".join(out)

    def _start(self, event: Started) -> bytes:
        self._started = True
        if event.usage is not None:
            self._usage = event.usage
        message = {
            "id": event.id,
            "type": "message",
            "role": "assistant",
            "model": event.model,
            "content": (),
            "stop_reason": None,
            "stop_sequence": None,
            "usage": encode_usage(self._usage),
        }
        return b"event: message_start\ndata: %b\n\n" % _encode({"type": "message_start", "message": message})

    def _text(self, text: str) -> bytes:
        if not text:
            return b""
        out = b""
        if not self._queue or self._queue[-1].kind != "text":
            out = self._append(_Block("text", {"type": "text", "text": ""}))
        return out + self._write(self._queue[-1], _TEXT % _encode(text))

    def _reasoning(self, event: ReasoningDelta) -> bytes:
        if event.redacted is not None:
            return self._append(_Block("whole", {"type": "redacted_thinking", "data": event.redacted}))
        if not event.text and event.signature is None:
            return b""
        out = b""
        if not self._queue or self._queue[-1].kind != "thinking":
            out = self._append(_Block("thinking", {"type": "thinking", "thinking": "", "signature": ""}))
        block = self._queue[-1]
        if event.text:
            out += self._write(block, _THINKING % _encode(event.text))
        if event.signature is not None:
            out += self._write(block, _SIGNATURE % _encode(event.signature))
            # A signature seals its block: more reasoning starts another.
            block.kind = "whole"
        return out

    def _tool(self, event: ToolCallStart) -> bytes:
        opening: dict[str, object] = {"type": "tool_use", "id": event.id, "name": event.name, "input": {}}
        return self._append(_Block("tool", opening, call=event.index))

    def _arguments(self, event: ToolCallDelta) -> bytes:
        block = next((block for block in self._queue if block.call == event.index), None)
        if block is None or not event.arguments:
            # A closed call was whole already; nothing but white space can follow whole JSON.
            return b""
        block.received.append(event.arguments)
        out = self._write(block, _ARGUMENTS % _encode(event.arguments))
        if len(self._queue) > 1 and block is self._queue[0] and event.arguments.rstrip().endswith("}"):
            out += self._advance()
        return out

    def _write(self, block: _Block, delta: bytes) -> bytes:
        if block is self._queue[0]:
            return _DELTA % (self._index, delta)
        block.waiting.append(delta)
        return b""

    def _append(self, block: _Block) -> bytes:
        self._queue.append(block)
        return self._open(block) if len(self._queue) == 1 else self._advance()

    def _advance(self) -> bytes:
        """Close every block at the front that is whole, as long as another waits behind it."""
        out: list[bytes] = []
        while len(self._queue) > 1 and _is_whole(self._queue[0]):
            out.append(self._close())
        return b"".join(out)

    def _close(self) -> bytes:
        """Close the open block and open the next, with what it has received while it waited."""
        self._queue.pop(0)
        out = _STOP % self._index
        return out + self._open(self._queue[0]) if self._queue else out

    def _open(self, block: _Block) -> bytes:
        self._index += 1
        start = {"type": "content_block_start", "index": self._index, "content_block": block.opening}
        deltas = b"".join(_DELTA % (self._index, delta) for delta in block.waiting)
        block.waiting = []
        return b"event: content_block_start\ndata: %b\n\n" % _encode(start) + deltas


def _is_whole(block: _Block) -> bool:
    """Nothing more can come: text and reasoning end when something else begins, arguments when they are JSON."""
    if block.kind != "tool":
        return True
    try:
        msgspec.json.decode("".join(block.received), type=dict[str, msgspec.Raw])
    except JSON_ERRORS:
        return False
    return True
