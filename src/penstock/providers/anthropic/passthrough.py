"""An Anthropic caller meets an Anthropic upstream: only `model` changes, everything else goes by as it came."""

from collections.abc import Mapping
from typing import Final

import msgspec

from penstock.core.errors import UpstreamError
from penstock.providers import failures
from penstock.providers.answers import response_answer
from penstock.providers.anthropic.errors import error, stream_error
from penstock.providers.anthropic.events import ContentBlock, Delta, Event, parse_event
from penstock.providers.anthropic.outbound import headers_for
from penstock.providers.anthropic.response import decode_response
from penstock.providers.anthropic.stop import finish_reason
from penstock.providers.anthropic.usage import merge_usage, read_usage
from penstock.providers.anthropic.wire import given
from penstock.providers.estimate import estimate_text_tokens
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.messages import output_messages
from penstock.providers.sse import SseSplitter, parse_frame
from penstock.providers.types import Answer, InboundCall, Reply, Target, UpstreamRequest
from penstock.wire.chat import Choice, FinishReason, Part, Reasoning, Text, ToolCall
from penstock.wire.usage import Usage

__all__ = ["MessagesExchange", "MessagesStreamCodec"]

_PATHS: Final = {"messages": "/messages", "count_tokens": "/messages/count_tokens"}


class _TokenCount(msgspec.Struct):
    input_tokens: int


_decode_count = msgspec.json.Decoder(_TokenCount).decode


class MessagesExchange:
    """One attempt of a `messages` or `count_tokens` call at an Anthropic upstream."""

    def __init__(self, call: InboundCall, target: Target) -> None:
        headers = headers_for(target, version=call.headers.get("anthropic-version"))
        beta = call.headers.get("anthropic-beta")
        if beta is not None:
            headers.setdefault("anthropic-beta", beta)
        model = msgspec.Raw(msgspec.json.encode(target.model))
        self.request = UpstreamRequest(
            url=target.provider.base_url + _PATHS[call.operation],
            headers=headers,
            body=msgspec.json.encode({**call.fields, "model": model}),
        )
        self._counts = call.operation == "count_tokens"

    def reply(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """The caller's answer for a 2xx body: the body itself."""
        del headers
        return Reply(body=body, answer=_count(body) if self._counts else response_answer(decode_response(body)))

    def stream(self) -> "MessagesStreamCodec":
        """A fresh codec for a 2xx event stream."""
        return MessagesStreamCodec()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """A non-2xx answer as an error."""
        return error(status, headers, body)


def _count(body: bytes) -> Answer:
    """Counting is free: no usage of its own, the count stays in the raw usage."""
    try:
        _decode_count(body)
    except JSON_ERRORS as broken:
        raise failures.malformed(f"expected a token count, {broken}", body=body) from broken
    return Answer(usage=Usage(), usage_raw=body)


class _Block:
    """A content block as far as it was received."""

    __slots__ = ("opening", "pieces", "signature")

    def __init__(self, opening: ContentBlock) -> None:
        self.opening = opening
        self.pieces: list[str] = []
        self.signature = opening.signature

    def part(self) -> Part | None:
        opening = self.opening
        received = "".join(self.pieces)
        part: Part | None = None
        match opening.type:
            case "text":
                part = Text(text=opening.text + received)
            case "thinking":
                part = Reasoning(text=opening.thinking + received, signature=self.signature or None)
            case "redacted_thinking":
                part = Reasoning(redacted=opening.data)
            case "tool_use":
                arguments = received or bytes(opening.input).decode("utf-8", "replace")
                part = ToolCall(id=opening.id, name=opening.name, arguments=arguments)
            case _:
                pass
        return part


class MessagesStreamCodec:
    """Passes an Anthropic stream on, whole events at a time and byte for byte, and reads along."""

    def __init__(self) -> None:
        self.started = False
        self.done = False
        self.failure: UpstreamError | None = None
        self._sse = SseSplitter()
        self._ended = False
        self._id: str | None = None
        self._model: str | None = None
        self._usage: bytes | None = None
        self._reason: FinishReason | None = None
        self._blocks: dict[int, _Block] = {}
        self._characters = 0

    def feed(self, data: bytes) -> bytes:
        """Bytes for the caller, possibly empty. Never raises for what an upstream may send."""
        if self.failure is not None:
            return b""
        frames = self._sse.frames(data)
        for position, frame in enumerate(frames):
            self._read(frame)
            if self.failure is not None:
                return b"".join(frames[:position])
        self.failure = self._sse.failure
        return frames[0] if len(frames) == 1 else b"".join(frames)

    def finish(self) -> bytes:
        """The upstream closed the body. Returns the last bytes; sets `failure` (`upstream_cut`) when not `done`."""
        if self.failure is not None:
            return b""
        rest = self._sse.rest()
        if not self.done:
            for frame in rest:
                self._read(frame)
            if not self.done:
                # Broken data in the rest is a cut stream as well, not a malformed one.
                self.failure = failures.cut()
                return b""
        # The last event came without its blank line; the caller gets it whole.
        return b"".join(frame.rstrip(b"\r\n") + b"\n\n" for frame in rest)

    def answer(self) -> Answer:
        """What was received until now; whole when `done`, partial otherwise."""
        parts = [part for _, block in sorted(self._blocks.items()) if (part := block.part()) is not None]
        reasons: list[str] = [self._reason] if self._reason is not None else []
        return Answer(
            usage=self._buckets(),
            usage_raw=self._usage,
            served_model=self._model,
            response_id=self._id,
            finish_reasons=reasons,
            output=output_messages([Choice(parts=parts, finish_reason=self._reason)]) if parts or self.done else b"[]",
            output_characters=self._characters,
        )

    def _buckets(self) -> Usage | None:
        """Usage as reported. The output of a stream cut short was not reported yet, so it is estimated."""
        usage = read_usage(self._usage)
        if usage is None or self.done:
            return usage
        output = reasoning = 0
        for block in self._blocks.values():
            tokens = estimate_text_tokens("".join(block.pieces))
            if block.opening.type == "thinking":
                reasoning += tokens
            else:
                output += tokens
        return msgspec.structs.replace(usage, output=max(usage.output, output), reasoning=reasoning, estimated=True)

    def _read(self, frame: bytes) -> None:
        if self._ended:
            return
        named = parse_frame(frame)
        if named is None:
            return
        try:
            event = parse_event(named[1])
        except ValueError as broken:
            self.failure = failures.malformed(f"expected an event of a Messages stream, {broken}", body=named[1])
            return
        if event is not None:
            if event.type == "content_block_delta" and event.delta is not None:
                self._delta(event.index, event.delta)
            else:
                self._other(event, named[1])

    def _delta(self, index: int, delta: Delta) -> None:
        self.started = True
        piece = delta.text or delta.partial_json or delta.thinking
        self._characters += len(piece)
        block = self._blocks.get(index)
        if block is None:
            return
        if piece:
            block.pieces.append(piece)
        elif delta.signature:
            block.signature = delta.signature

    def _other(self, event: Event, data: bytes) -> None:
        match event.type:
            case "content_block_start" if event.content_block is not None:
                self._blocks[event.index] = _Block(event.content_block)
                # Text and thinking begin with their first delta; any other block is content already.
                self.started = self.started or event.content_block.type not in ("text", "thinking")
            case "message_start" if event.message is not None:
                self._id, self._model = event.message.id, event.message.model
                self._usage = merge_usage(self._usage, given(event.message.usage))
            case "message_delta":
                self._usage = merge_usage(self._usage, given(event.usage))
                if event.delta is not None and event.delta.stop_reason is not None:
                    self._reason = finish_reason(event.delta.stop_reason)
                    self.done = True
            case "message_stop":
                self.done = self._ended = True
            case "error":
                self.failure = stream_error(data)
            case _:
                # `ping`, `content_block_stop`, and whatever the vendor adds.
                pass
