"""`streamGenerateContent?alt=sse` as neutral events. Each event of the wire is an answer with only the new parts."""

import msgspec

from penstock.core.errors import UpstreamError
from penstock.providers import failures
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.gemini.errors import stream_error
from penstock.providers.gemini.response import ending, logprobs_content, tool_call
from penstock.providers.gemini.signatures import mark_signature
from penstock.providers.gemini.usage import read_usage
from penstock.providers.gemini.wire import Candidate, GenerateContentResponse, Part, given
from penstock.providers.lenient import decode_odd
from penstock.providers.sse import SseSplitter
from penstock.wire.chat import (
    ChatEvent,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    UsageReport,
)

__all__ = ["GeminiStreamDecoder"]

_decode = msgspec.json.Decoder(GenerateContentResponse).decode


def _parse(data: bytes) -> GenerateContentResponse | None:
    """One event; None for JSON of another shape. Raises ValueError when it is not JSON."""
    try:
        return _decode(data)
    except JSON_ERRORS:
        return decode_odd(_decode, data)


class GeminiStreamDecoder:
    """Reads one stream, cut anywhere. It is done when every candidate that began has finished."""

    def __init__(self) -> None:
        self.done = False
        self.failure: UpstreamError | None = None
        self._sse = SseSplitter()
        self._id: str | None = None
        self._calls: dict[int, int] = {}
        """Number of tool calls so far, by candidate."""
        self._open: set[int] = set()
        self._finished: set[int] = set()

    def feed(self, data: bytes, /) -> list[ChatEvent]:
        """Events that `data` completes; those before a failure are still returned. Never raises."""
        if self.failure is not None:
            return []
        events: list[ChatEvent] = []
        for _, event in self._sse.feed(data):
            self._read(event, events)
            if self.failure is not None:
                return events
        self.failure = self._sse.failure
        return events

    def finish(self) -> list[ChatEvent]:
        """The upstream closed the body: the last events, or `failure`."""
        events: list[ChatEvent] = []
        if self.failure is None:
            was_done = self.done
            for _, event in self._sse.finish():
                self._read(event, events)
            if was_done and self.failure is not None and self.failure.code == "upstream_malformed":
                self.failure = None
            elif not self.done and (self.failure is None or self.failure.code == "upstream_malformed"):
                # Broken data in the rest is a cut stream as well, not a malformed one.
                self.failure = failures.cut()
        return events

    def _read(self, data: bytes, events: list[ChatEvent]) -> None:
        try:
            chunk = _parse(data)
        except ValueError as error:
            self.failure = failures.malformed(f"expected an event of a Gemini stream, {error}", body=data)
            return
        if chunk is not None:
            self._dispatch(chunk, events)

    def _dispatch(self, chunk: GenerateContentResponse, events: list[ChatEvent]) -> None:
        error = given(chunk.error)
        if error is not None:
            self.failure = stream_error(error)
            return
        if self._id is None:
            self._id = chunk.response_id or ""
            events.append(Started(id=self._id, model=chunk.model_version or ""))
        raw = given(chunk.usage_metadata)
        usage = read_usage(raw)
        if usage is not None:
            events.append(UsageReport(usage=usage, raw=raw))
        for candidate in chunk.candidates or ():
            self._candidate(candidate, events)
            if self.failure is not None:
                return
        blocked = chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason is not None
        if blocked and not self._finished:
            self._finished.add(0)
            events.append(Finished(reason="content_filter"))
        self.done = bool(self._finished) and not self._open

    def _candidate(self, candidate: Candidate, events: list[ChatEvent]) -> None:
        index = candidate.index
        if index not in self._finished:
            self._open.add(index)
        first = len(events)
        for part in (candidate.content.parts if candidate.content is not None else None) or ():
            self._part(index, part, events)
        logprobs = logprobs_content(candidate.logprobs_result)
        if logprobs is not None:
            # One event carries those of the whole chunk: an entry per token, whatever part it belongs to.
            encoded = msgspec.Raw(msgspec.json.encode({"content": logprobs}))
            text = next((event for event in reversed(events[first:]) if isinstance(event, TextDelta)), None)
            if text is None:
                events.append(TextDelta(text="", choice=index, logprobs=encoded))
            else:
                text.logprobs = encoded
        reason, self.failure = ending(candidate, called=self._calls.get(index, 0) > 0)
        if reason is not None and index not in self._finished:
            self._open.discard(index)
            self._finished.add(index)
            events.append(Finished(reason=reason, choice=index))

    def _part(self, choice: int, part: Part, events: list[ChatEvent]) -> None:
        signature = mark_signature(part.thought_signature)
        if part.function_call is not None:
            number = self._calls.get(choice, 0)
            self._calls[choice] = number + 1
            call = tool_call(part.function_call, part.thought_signature, f"{self._id}/{choice}/{number}")
            events.append(ToolCallStart(index=number, id=call.id, name=call.name, choice=choice))
            events.append(ToolCallDelta(index=number, arguments=call.arguments, choice=choice))
        elif part.thought:
            events.append(ReasoningDelta(text=part.text or "", signature=signature, choice=choice))
        else:
            if part.text:
                events.append(TextDelta(text=part.text, choice=choice))
            if signature is not None:
                events.append(ReasoningDelta(signature=signature, choice=choice))
