"""A Responses stream passed on as it came."""

from typing import Final

import msgspec

from penstock.core.errors import UpstreamError
from penstock.providers.answers import AnswerParts, CallParts
from penstock.providers.failures import JSON_ERRORS, cut, malformed
from penstock.providers.lenient import decode_odd
from penstock.providers.openai.errors import stream_error
from penstock.providers.openai.responses.wire import Body, Event, Item, body_answer
from penstock.providers.openai.wire import present
from penstock.providers.sse import SseSplitter, parse_frame
from penstock.providers.types import Answer

__all__ = ["ResponsesRelay"]

_decode = msgspec.json.Decoder(Event).decode
_decode_body = msgspec.json.Decoder(Body).decode
_decode_item = msgspec.json.Decoder(Item).decode

_TEXT: Final = "response.output_text.delta"
_REASONING: Final = frozenset({"response.reasoning_summary_text.delta", "response.reasoning_text.delta"})
_REFUSAL: Final = "response.refusal.delta"
_ARGUMENTS: Final = "response.function_call_arguments.delta"
_LAST: Final = frozenset({"response.completed", "response.incomplete"})
_CONTAINERS: Final = frozenset({"message", "reasoning"})
"""Items that are empty when they are added: their content follows in deltas."""


class ResponsesRelay:
    """Stream codec of the pass-through: Responses in, Responses out."""

    def __init__(self) -> None:
        self.started = False
        self.done = False
        self.failure: UpstreamError | None = None
        self._splitter = SseSplitter()
        self._parts = AnswerParts()
        self._calls: dict[int, CallParts] = {}
        self._last: Body | None = None

    def feed(self, data: bytes) -> bytes:
        """Bytes for the caller: the whole frames that `data` completes."""
        if self.failure is not None:
            return b""
        kept: list[bytes] = []
        for frame in self._splitter.frames(data):
            self._read(frame)
            if self.failure is not None:
                return b"".join(kept)
            kept.append(frame)
        self.failure = self._splitter.failure
        return b"".join(kept)

    def finish(self) -> bytes:
        """The upstream closed the body."""
        if self.failure is not None:
            return b""
        out = b""
        for frame in self._splitter.rest():
            self._read(frame)
            if self.failure is None:
                out = frame.rstrip(b"\r\n") + b"\n\n"
            elif self.failure.code == "upstream_malformed":
                # The last line was cut short, which is no fault of its form.
                self.failure = None
        if not self.done and self.failure is None:
            self.failure = cut()
        return b"" if self.failure is not None else out

    def answer(self) -> Answer:
        """What was received until now."""
        if self._last is None:
            return self._parts.answer()
        answer = body_answer(self._last)
        if not self._last.output and self._parts.choices:
            # A response that failed may be told without what it had said.
            self._parts.usage, self._parts.usage_raw = answer.usage, answer.usage_raw
            return self._parts.answer()
        return answer

    def _read(self, frame: bytes) -> None:
        parsed = parse_frame(frame)
        if parsed is None or parsed[1] == b"[DONE]":
            return
        name, data = parsed
        try:
            event = _decode(data)
        except JSON_ERRORS:
            found = self._odd(data)
            if found is None:
                return
            event = found
        kind = event.type or name
        if kind.endswith(".delta"):
            self._delta(kind, event)
        elif kind == "response.output_item.added":
            self._item(event)
        else:
            self._lifecycle(kind, event, data)

    def _odd(self, data: bytes) -> Event | None:
        try:
            return decode_odd(_decode, data)
        except ValueError:
            self.failure = malformed("an event of its stream is not JSON")
            return None

    def _delta(self, kind: str, event: Event) -> None:
        delta = event.delta
        if not isinstance(delta, str) or not delta:
            return
        self.started = True
        choice = self._parts.choice(0)
        if kind == _TEXT:
            choice.text.append(delta)
        elif kind in _REASONING:
            choice.reasoning.append(delta)
        elif kind == _REFUSAL:
            choice.refusal.append(delta)
        elif kind == _ARGUMENTS and event.output_index in self._calls:
            self._calls[event.output_index].arguments.append(delta)

    def _item(self, event: Event) -> None:
        try:
            item = _decode_item(event.item)
        except JSON_ERRORS:
            return
        if item.type not in _CONTAINERS:
            self.started = True
        if item.type == "function_call":
            call = self._calls[event.output_index] = CallParts(item.call_id or "", item.name or "")
            self._parts.choice(0).calls.append(call)

    def _lifecycle(self, kind: str, event: Event, data: bytes) -> None:
        if kind == "error" or (not kind and present(event.error)):
            self.failure = stream_error(event.error if present(event.error) else data)
            return
        if not present(event.response):
            return
        try:
            body = _decode_body(event.response)
        except JSON_ERRORS:
            # Of a shape that the record cannot read; the caller may.
            self.done = self.done or kind in _LAST
            return
        self._parts.response_id = body.id
        self._parts.model = body.model
        if kind == "response.failed":
            self._last = body
            self.failure = stream_error(body.error)
        elif kind in _LAST:
            self._last = body
            self.done = True
