"""An attempt whose two sides speak different dialects: through the neutral form, both ways."""

from collections.abc import Mapping

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import UpstreamError
from penstock.providers.answers import AnswerParts, response_answer
from penstock.providers.types import Answer, InboundCall, Reply, StreamCodec, Target
from penstock.providers.vendor import InboundDialect, StreamDecoder, StreamEncoder, UpstreamDialect
from penstock.wire.chat import (
    ChatEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallStart,
)

__all__ = ["ConvertedExchange", "ConvertedStream"]


class ConvertedExchange:
    """One attempt between any caller's dialect and any upstream's.

    Raises:
        InvalidInput: the request has no meaning in the neutral form, or the upstream cannot do what it asks.
    """

    def __init__(
        self, call: InboundCall, target: Target, *, inbound: InboundDialect, upstream: UpstreamDialect, clock: Clock
    ) -> None:
        self._call = call
        self._inbound = inbound
        self._upstream = upstream
        self._clock = clock
        self._asked = msgspec.structs.replace(inbound.parse_request(call), model=target.model, stream=call.stream)
        self.request = upstream.render_request(self._asked, target)

    def reply(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """The upstream's whole answer in the caller's dialect."""
        del headers
        response = self._upstream.decode_response(body)
        if not response.created:
            response.created = self._now()
        if not response.model:
            response.model = self._asked.model
        answer = response_answer(response)
        return Reply(body=self._inbound.encode_response(response, self._asked), answer=answer)

    def stream(self) -> StreamCodec:
        """A fresh codec."""
        encoder = self._inbound.stream_encoder(self._asked, created=self._now(), wants_usage=self._call.wants_usage)
        return ConvertedStream(self._upstream.stream_decoder(), encoder)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """A non-2xx answer as an error."""
        return self._upstream.error(status, headers, body)

    def _now(self) -> int:
        return self._clock.now() // 1_000_000


class ConvertedStream:
    """Stream codec: one vendor's decoder, the other's encoder, and what passed between them."""

    def __init__(self, decoder: StreamDecoder, encoder: StreamEncoder) -> None:
        self.started = False
        self.done = False
        self.failure: UpstreamError | None = None
        self._decoder = decoder
        self._encoder = encoder
        self._parts = AnswerParts()

    def feed(self, data: bytes) -> bytes:
        """Bytes for the caller, in its dialect."""
        if self.failure is not None:
            return b""
        out = self._encode(self._decoder.feed(data))
        self.done = self._decoder.done
        self.failure = self._decoder.failure
        return out

    def finish(self) -> bytes:
        """The upstream closed the body."""
        if self.failure is not None:
            return b""
        out = self._encode(self._decoder.finish())
        self.done = self._decoder.done
        self.failure = self._decoder.failure
        return out if self.failure is not None else out + self._encoder.finish()

    def answer(self) -> Answer:
        """What was received until now."""
        return self._parts.answer()

    def _encode(self, events: list[ChatEvent]) -> bytes:
        out: list[bytes] = []
        for event in events:
            self._parts.add(event)
            if not self.started and _is_content(event):
                self.started = True
            out.append(self._encoder.event(event))
        return b"".join(out)


def _is_content(event: ChatEvent) -> bool:
    match event:
        case TextDelta() | RefusalDelta():
            return bool(event.text)
        case ReasoningDelta():
            return bool(event.text or event.redacted)
        case _:
            return isinstance(event, ToolCallStart)
