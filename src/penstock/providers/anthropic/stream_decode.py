"""An Anthropic event stream as neutral events."""

from penstock.core.errors import UpstreamError
from penstock.providers import failures
from penstock.providers.anthropic.errors import stream_error
from penstock.providers.anthropic.events import ContentBlock, Delta, Event, parse_event
from penstock.providers.anthropic.stop import finish_reason
from penstock.providers.anthropic.usage import merge_usage, read_usage
from penstock.providers.anthropic.wire import given
from penstock.providers.sse import SseSplitter, parse_frame
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

__all__ = ["MessageStreamDecoder"]


class MessageStreamDecoder:
    """Reads one stream, cut anywhere. Blocks that only Anthropic's own tools produce are passed over."""

    def __init__(self) -> None:
        self.done = False
        self.failure: UpstreamError | None = None
        self._sse = SseSplitter()
        self._started = False
        self._ended = False
        self._usage: bytes | None = None
        self._calls: dict[int, int] = {}
        """Number of the tool call by index of its block."""

    def feed(self, data: bytes, /) -> list[ChatEvent]:
        """Events that `data` completes; those before a failure are still returned. Never raises."""
        if self.failure is not None:
            return []
        events: list[ChatEvent] = []
        for frame in self._sse.frames(data):
            self._read(frame, events)
            if self.failure is not None:
                return events
        self.failure = self._sse.failure
        return events

    def finish(self) -> list[ChatEvent]:
        """The upstream closed the body: the last events, or `failure`."""
        events: list[ChatEvent] = []
        if self.failure is None and not self.done:
            for frame in self._sse.rest():
                self._read(frame, events)
            if not self.done:
                # Broken data in the rest is a cut stream as well, not a malformed one.
                self.failure = failures.cut()
        return events

    def _read(self, frame: bytes, events: list[ChatEvent]) -> None:
        named = parse_frame(frame)
        if named is None or self._ended:
            return
        data = named[1]
        try:
            event = parse_event(data)
        except ValueError as error:
            self.failure = failures.malformed(f"expected an event of a Messages stream, {error}", body=data)
            return
        if event is not None:
            self._dispatch(event, data, events)

    def _dispatch(self, event: Event, data: bytes, events: list[ChatEvent]) -> None:
        match event.type:
            case "content_block_delta" if event.delta is not None:
                self._delta(event.index, event.delta, events)
            case "content_block_start" if event.content_block is not None:
                self._block(event.index, event.content_block, events)
            case "message_start" if event.message is not None:
                self._usage = merge_usage(self._usage, given(event.message.usage))
                if not self._started:
                    self._started = True
                    usage = read_usage(self._usage)
                    events.append(Started(id=event.message.id, model=event.message.model, usage=usage))
            case "message_delta":
                self._message_delta(event, events)
            case "message_stop":
                if not self.done:
                    events.append(Finished(reason="stop"))
                self.done = self._ended = True
            case "error":
                self.failure = stream_error(data)
            case _:
                # `ping`, `content_block_stop`, and whatever the vendor adds.
                pass

    def _block(self, index: int, block: ContentBlock, events: list[ChatEvent]) -> None:
        match block.type:
            case "text" if block.text:
                events.append(TextDelta(text=block.text))
            case "thinking" if block.thinking or block.signature:
                events.append(ReasoningDelta(text=block.thinking, signature=block.signature or None))
            case "redacted_thinking":
                events.append(ReasoningDelta(redacted=block.data))
            case "tool_use":
                number = self._calls[index] = len(self._calls)
                events.append(ToolCallStart(index=number, id=block.id, name=block.name))
                arguments = bytes(block.input)
                if arguments != b"{}":
                    # Some compatible servers give the whole input here and send no deltas.
                    events.append(ToolCallDelta(index=number, arguments=arguments.decode("utf-8", "replace")))
            case _:
                pass

    def _delta(self, index: int, delta: Delta, events: list[ChatEvent]) -> None:
        match delta.type:
            case "text_delta":
                events.append(TextDelta(text=delta.text))
            case "input_json_delta" if index in self._calls:
                if delta.partial_json:
                    events.append(ToolCallDelta(index=self._calls[index], arguments=delta.partial_json))
            case "thinking_delta":
                events.append(ReasoningDelta(text=delta.thinking))
            case "signature_delta":
                events.append(ReasoningDelta(signature=delta.signature))
            case _:
                # `citations_delta`, and arguments of server tools.
                pass

    def _message_delta(self, event: Event, events: list[ChatEvent]) -> None:
        self._usage = merge_usage(self._usage, given(event.usage))
        usage = read_usage(self._usage)
        if usage is not None:
            events.append(UsageReport(usage=usage, raw=self._usage))
        if event.delta is not None and event.delta.stop_reason is not None:
            self.done = True
            reason = finish_reason(event.delta.stop_reason)
            events.append(Finished(reason=reason, stop_sequence=event.delta.stop_sequence))
