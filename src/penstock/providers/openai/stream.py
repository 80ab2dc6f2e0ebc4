"""A Chat Completions stream, read as neutral events and written from them."""

from typing import Any, assert_never

import msgspec

from penstock.core.errors import UpstreamError
from penstock.providers.answers import ChoiceParts
from penstock.providers.failures import JSON_ERRORS, cut, malformed
from penstock.providers.lenient import decode_odd
from penstock.providers.openai.finish import finish_reason
from penstock.providers.openai.relay import DONE, failure_in
from penstock.providers.openai.response import reasoning_detail
from penstock.providers.openai.tool_calls import ToolCalls
from penstock.providers.openai.usage import encode_chat_usage, parse_usage
from penstock.providers.openai.wire import Chunk, ChunkChoice, content_text, present
from penstock.providers.sse import SseSplitter
from penstock.wire.chat import (
    ChatEvent,
    Finished,
    Reasoning,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageReport,
)
from penstock.wire.usage import Usage

__all__ = ["ChatStreamDecoder", "ChatStreamEncoder"]

_decode = msgspec.json.Decoder(Chunk).decode
_encode = msgspec.json.Encoder().encode


class ChatStreamDecoder:
    """Reads one upstream stream; see `penstock.providers.vendor.StreamDecoder`."""

    def __init__(self) -> None:
        self.done = False
        self.failure: UpstreamError | None = None
        self._splitter = SseSplitter()
        self._announced = False
        self._response_id: str | None = None
        self._finished: dict[int, bool] = {}
        self._tool_calls: dict[int, ToolCalls] = {}

    def feed(self, data: bytes, /) -> list[ChatEvent]:
        """Events that `data` completes; those before a failure are still returned."""
        if self.failure is not None:
            return []
        events: list[ChatEvent] = []
        for name, payload in self._splitter.feed(data):
            self._read(name, payload, events)
            if self.failure is not None:
                return events
        self.failure = self._splitter.failure
        return events

    def finish(self) -> list[ChatEvent]:
        """The upstream closed the body."""
        if self.failure is not None:
            return []
        events: list[ChatEvent] = []
        for name, payload in self._splitter.finish():
            self._read(name, payload, events)
            if self.failure is not None and self.failure.code == "upstream_malformed":
                # The last line was cut short, which is no fault of its form.
                self.failure = None
        if self.failure is None and not self.done:
            self.failure = cut()
        return events

    def _read(self, name: str, data: bytes, events: list[ChatEvent]) -> None:
        if data == b"[DONE]":
            self.done = True
            return
        try:
            chunk = _decode(data)
        except JSON_ERRORS:
            found = self._odd(data)
            if found is None:
                return
            chunk = found
        self.failure = failure_in(name, data, chunk)
        if self.failure is not None:
            return
        if not self._announced and (chunk.choices or chunk.id):
            self._announced = True
            self._response_id = chunk.id
            events.append(Started(id=chunk.id or "", model=chunk.model or ""))
        for choice in chunk.choices or ():
            self._choice(choice, events)
        usage = chunk.usage
        if not present(usage) and chunk.x_groq is not None:
            usage = chunk.x_groq.usage
        if present(usage):
            counted = parse_usage(usage)
            if counted is not None:
                events.append(UsageReport(usage=counted, raw=bytes(usage)))

    def _odd(self, data: bytes) -> Chunk | None:
        try:
            return decode_odd(_decode, data)
        except ValueError:
            self.failure = malformed("an event of its stream is not JSON")
            return None

    def _choice(self, choice: ChunkChoice, events: list[ChatEvent]) -> None:
        index = choice.index or 0
        finished = self._finished.setdefault(index, False)
        delta = choice.delta
        logprobs = choice.logprobs if present(choice.logprobs) else None
        if delta is not None:
            text, thinking = content_text(delta.content)
            thinking += delta.reasoning_content or delta.reasoning or ""
            if thinking:
                events.append(ReasoningDelta(text=thinking, choice=index))
            if text or logprobs is not None:
                events.append(TextDelta(text=text, choice=index, logprobs=logprobs))
            if delta.refusal:
                events.append(RefusalDelta(text=delta.refusal, choice=index))
            if delta.tool_calls:
                events.extend(self._calls(index).add(delta.tool_calls))
        reason = finish_reason(choice.finish_reason)
        if reason is not None and not finished:
            if index in self._tool_calls:
                events.extend(self._tool_calls[index].finish())
            events.append(Finished(reason=reason, choice=index))
            self._finished[index] = True
            self.done = all(self._finished.values())

    def _calls(self, index: int) -> ToolCalls:
        calls = self._tool_calls.get(index)
        if calls is None:
            calls = self._tool_calls[index] = ToolCalls(ChoiceParts().calls, index, self._response_id)
        return calls


class ChatStreamEncoder:
    """Writes one stream for the caller; see `penstock.providers.vendor.StreamEncoder`.

    Every choice begins with its role, ends with its finish reason; then, when the caller asked for it, a
    chunk without choices carries the usage, and `[DONE]` ends the stream.
    """

    def __init__(self, *, model: str, created: int, wants_usage: bool) -> None:
        self._created = created
        self._wants_usage = wants_usage
        self._usage: Usage | None = None
        self._begun: set[int] = set()
        self._head = b""
        self._tail = b'],"usage":null}\n\n' if wants_usage else b"]}\n\n"
        self._name(model, "")

    def event(self, event: ChatEvent, /) -> bytes:
        """Bytes for the caller, possibly empty."""
        out = b""
        match event:
            case Started():
                self._usage = event.usage
                self._name(event.model, event.id)
                out = self._begin(0)
            case TextDelta():
                out = self._delta(event.choice, {"content": event.text}, logprobs=event.logprobs)
            case ReasoningDelta():
                out = self._delta(event.choice, _reasoning(event))
            case RefusalDelta():
                out = self._delta(event.choice, {"refusal": event.text})
            case ToolCallStart():
                function = {"name": event.name, "arguments": ""}
                call: dict[str, Any] = {"index": event.index, "id": event.id, "type": "function", "function": function}
                out = self._delta(event.choice, {"tool_calls": [call]})
            case ToolCallDelta():
                more = {"index": event.index, "function": {"arguments": event.arguments}}
                out = self._delta(event.choice, {"tool_calls": [more]})
            case Finished():
                out = self._delta(event.choice, {}, reason=event.reason)
            case UsageReport():
                self._usage = event.usage
            case _:
                assert_never(event)
        return out

    def finish(self) -> bytes:
        """Usage, if it was asked for, and the end marker."""
        if not self._wants_usage or self._usage is None:
            return DONE
        return self._head + b'],"usage":%b}\n\n' % bytes(encode_chat_usage(self._usage)) + DONE

    def _name(self, model: str, response_id: str) -> None:
        self._head = b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,"choices":[' % (
            _encode(response_id),
            self._created,
            _encode(model),
        )

    def _begin(self, choice: int) -> bytes:
        self._begun.add(choice)
        return self._chunk(choice, {"role": "assistant", "content": ""}, NULL, NULL)

    def _delta(
        self, choice: int, delta: dict[str, Any], *, logprobs: msgspec.Raw | None = None, reason: str | None = None
    ) -> bytes:
        begin = b"" if choice in self._begun else self._begin(choice)
        return begin + self._chunk(
            choice, delta, NULL if logprobs is None else bytes(logprobs), NULL if reason is None else _encode(reason)
        )

    def _chunk(self, choice: int, delta: dict[str, Any], logprobs: bytes, reason: bytes) -> bytes:
        middle = b'{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":%b}' % (
            choice,
            _encode(delta),
            logprobs,
            reason,
        )
        return self._head + middle + self._tail


NULL = b"null"


def _reasoning(event: ReasoningDelta) -> dict[str, Any]:
    delta: dict[str, Any] = {"reasoning_content": event.text} if event.text else {}
    # The text itself goes by as `reasoning_content`; the detail carries what proves it.
    detail = reasoning_detail(Reasoning(signature=event.signature, redacted=event.redacted))
    if detail is not None:
        delta["reasoning_details"] = [detail]
    return delta
