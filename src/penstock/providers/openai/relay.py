"""A chat stream passed on as it came: the hottest path of the gateway.

Frames go to the caller byte for byte; each is read only as far as the record needs.
"""

import msgspec

from penstock.core.errors import UpstreamError
from penstock.providers.answers import AnswerParts, ChoiceParts
from penstock.providers.failures import JSON_ERRORS, cut, malformed
from penstock.providers.lenient import decode_odd
from penstock.providers.openai.errors import stream_error
from penstock.providers.openai.finish import finish_reason
from penstock.providers.openai.tool_calls import ToolCalls
from penstock.providers.openai.usage import parse_usage
from penstock.providers.openai.wire import NOTHING, Chunk, ChunkChoice, MessagePiece, content_text, present
from penstock.providers.sse import SseSplitter, parse_frame
from penstock.providers.types import Answer

__all__ = ["DONE", "ChatRelay", "failure_in"]

DONE = b"data: [DONE]\n\n"

_decode = msgspec.json.Decoder(Chunk).decode


class ChatRelay:
    """Stream codec of the pass-through: OpenAI in, OpenAI out.

    Args:
        wants_usage: False strips the usage chunk that only Penstock asked for (FAILURES G1).
        choices: How many choices were asked for (`n`): the stream is done when all have finished.
    """

    def __init__(self, *, wants_usage: bool, choices: int = 1) -> None:
        self.started = False
        self.done = False
        self.failure: UpstreamError | None = None
        self._wants_usage = wants_usage
        self._expected = choices
        self._finished = 0
        self._ended = False
        self._splitter = SseSplitter()
        self._parts = AnswerParts()
        self._usage: msgspec.Raw = NOTHING
        self._groq_usage: msgspec.Raw = NOTHING
        self._tool_calls: dict[int, ToolCalls] = {}

    def feed(self, data: bytes) -> bytes:
        """Bytes for the caller: the whole frames that `data` completes."""
        if self.failure is not None:
            return b""
        kept: list[bytes] = []
        for frame in self._splitter.frames(data):
            if self._passes(frame):
                kept.append(frame)
            if self.failure is not None:
                return b"".join(kept)
        self.failure = self._splitter.failure
        return b"".join(kept)

    def finish(self) -> bytes:
        """The upstream closed the body."""
        if self.failure is not None:
            return b""
        out = b""
        for frame in self._splitter.rest():
            if self._passes(frame):
                out += frame.rstrip(b"\r\n") + b"\n\n"
            if self.failure is not None and self.failure.code == "upstream_malformed":
                # The last line was cut short, which is no fault of its form.
                self.failure = None
                out = b""
        if self.failure is None and not self.done and not self._all_finished():
            self.failure = cut()
        if self.failure is not None:
            return b""
        self.done = True
        return out if self._ended else out + DONE

    def answer(self) -> Answer:
        """What was received until now."""
        raw = self._usage if present(self._usage) else self._groq_usage
        if present(raw):
            self._parts.usage = parse_usage(raw)
            self._parts.usage_raw = bytes(raw)
        return self._parts.answer()

    def _all_finished(self) -> bool:
        choices = self._parts.choices
        return bool(choices) and all(choice.finish_reason for choice in choices.values())

    def _passes(self, frame: bytes) -> bool:
        """Read one frame; True when it is for the caller."""
        event = parse_frame(frame)
        if event is None or self._ended:
            return True
        name, data = event
        if data == b"[DONE]":
            self.done = self._ended = True
            return True
        try:
            chunk = _decode(data)
        except JSON_ERRORS:
            found = self._odd(data)
            if found is None:
                return self.failure is None
            chunk = found
        choices = chunk.choices
        if choices is None or chunk.error is not NOTHING or chunk.x_groq is not None or name == "error":
            self._unusual(name, data, chunk)
            if self.failure is not None:
                return False
        if self._parts.response_id is None:
            self._parts.response_id = chunk.id
        if chunk.model:
            self._parts.model = chunk.model
        if chunk.usage is not NOTHING and present(chunk.usage):
            self._usage = chunk.usage
            if not choices:
                return self._wants_usage
        for choice in choices or ():
            self._take(choice)
        return True

    def _take(self, choice: ChunkChoice) -> None:
        index = choice.index or 0
        parts = self._parts.choices.get(index)
        if parts is None:
            parts = self._parts.choice(index)
        delta = choice.delta
        if delta is not None:
            content = delta.content
            if content and isinstance(content, str):
                parts.text.append(content)
                self.started = True
            else:
                self._take_rest(delta, index, parts)
        if choice.finish_reason and parts.finish_reason is None:
            parts.finish_reason = finish_reason(choice.finish_reason)
            self._finished += 1
            if self._finished >= self._expected:
                self.done = True

    def _take_rest(self, delta: MessagePiece, index: int, parts: ChoiceParts) -> None:
        text, thinking = content_text(delta.content)
        thinking += delta.reasoning_content or delta.reasoning or ""
        if text:
            parts.text.append(text)
        if thinking:
            parts.reasoning.append(thinking)
        if delta.refusal:
            parts.refusal.append(delta.refusal)
        if delta.tool_calls:
            calls = self._tool_calls.get(index)
            if calls is None:
                calls = self._tool_calls[index] = ToolCalls(parts.calls, index, self._parts.response_id)
            calls.add(delta.tool_calls)
        if text or thinking or delta.refusal or delta.tool_calls or delta.function_call or delta.audio:
            self.started = True

    def _odd(self, data: bytes) -> Chunk | None:
        try:
            return decode_odd(_decode, data)
        except ValueError:
            self.failure = malformed("an event of its stream is not JSON")
            return None

    def _unusual(self, name: str, data: bytes, chunk: Chunk) -> None:
        if chunk.x_groq is not None and present(chunk.x_groq.usage):
            self._groq_usage = chunk.x_groq.usage
        self.failure = failure_in(name, data, chunk)


def failure_in(name: str, data: bytes, chunk: Chunk) -> UpstreamError | None:
    """The error that a stream event carries, in each of the places where servers put one (FAILURES G15)."""
    if present(chunk.error):
        return stream_error(chunk.error)
    if chunk.x_groq is not None and present(chunk.x_groq.error):
        return stream_error(chunk.x_groq.error)
    if name == "error" or (chunk.choices is None and chunk.object == "error"):
        return stream_error(data)
    return None
