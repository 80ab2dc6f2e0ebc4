"""What a vendor's package provides, so that any caller's dialect meets any upstream's.

A vendor's package is a plain module (`openai.chat`, `anthropic.messages`, …) whose functions fit these
protocols. Everything between the two sides is the neutral form of `penstock.wire.chat`.
"""

from collections.abc import Mapping
from typing import Protocol

from penstock.core.errors import UpstreamError
from penstock.providers.types import InboundCall, Target, UpstreamRequest
from penstock.wire.chat import ChatEvent, ChatRequest, ChatResponse

__all__ = ["InboundDialect", "StreamDecoder", "StreamEncoder", "UpstreamDialect"]


class StreamEncoder(Protocol):
    """Writes neutral events as one stream of the caller's dialect."""

    def event(self, event: ChatEvent, /) -> bytes:
        """Bytes for the caller, possibly empty. `Started` comes first and once."""
        ...

    def finish(self) -> bytes:
        """The last bytes of a stream that ended well; not called for one that failed."""
        ...


class StreamDecoder(Protocol):
    """Reads one upstream stream, cut anywhere, as neutral events.

    Attributes:
        done: True once a finish reason or the dialect's end marker was seen.
        failure: Set by an error event, broken JSON (`upstream_malformed`), an event over the size limit,
            or an end without `done` (`upstream_cut`). Nothing fed afterwards is looked at.
    """

    done: bool
    failure: UpstreamError | None

    def feed(self, data: bytes, /) -> list[ChatEvent]:
        """Events that `data` completes; those before a failure are still returned. Never raises."""
        ...

    def finish(self) -> list[ChatEvent]:
        """The upstream closed the body: the last events, or `failure`."""
        ...


class InboundDialect(Protocol):
    """The caller's side: requests come in, answers go out."""

    def parse_request(self, call: InboundCall, /) -> ChatRequest:
        """The request in the neutral form.

        Raises:
            InvalidInput: a member is not what the dialect demands, or has no neutral meaning.
        """
        ...

    def encode_response(self, response: ChatResponse, request: ChatRequest, /) -> bytes:
        """A whole answer, JSON. `request` is what was asked, for dialects that repeat it."""
        ...

    def stream_encoder(self, request: ChatRequest, /, *, created: int, wants_usage: bool) -> StreamEncoder:
        """`created` is in seconds since the epoch; `wants_usage` is whether the caller asked for usage."""
        ...


class UpstreamDialect(Protocol):
    """The upstream's side: requests go out, answers come in."""

    def render_request(self, request: ChatRequest, target: Target, /) -> UpstreamRequest:
        """The request in the vendor's form, streaming or not as `request.stream` says.

        Raises:
            InvalidInput: the vendor cannot do what is asked, and dropping it would change the answer.
        """
        ...

    def decode_response(self, body: bytes, /) -> ChatResponse:
        """A whole 2xx body. `created` is 0 when the vendor does not say.

        Raises:
            UpstreamError: the body is not what the dialect demands (`upstream_malformed`).
        """
        ...

    def stream_decoder(self) -> StreamDecoder:
        """A fresh decoder for one 2xx event stream."""
        ...

    def error(self, status: int, headers: Mapping[str, str], body: bytes, /) -> UpstreamError:
        """A non-2xx answer as an error. Header names are lower case."""
        ...
