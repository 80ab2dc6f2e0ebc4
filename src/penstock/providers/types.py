"""What the gateway needs from a dialect: an inbound call, an exchange per attempt, a stream codec."""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from penstock.core.errors import UpstreamError
from penstock.wire.snapshot import ProviderEntry
from penstock.wire.usage import Usage

__all__ = [
    "Answer",
    "Dialect",
    "Exchange",
    "InboundCall",
    "Operation",
    "Reply",
    "StreamCodec",
    "Target",
    "UpstreamRequest",
]

Dialect = Literal["openai", "anthropic"]
"""Whose error object and stream framing the caller expects."""
Operation = Literal["chat", "responses", "embeddings", "messages", "count_tokens"]


class InboundCall(msgspec.Struct, frozen=True, kw_only=True):
    """A caller's request, parsed as far as every path needs and no further."""

    operation: Operation
    fields: dict[str, msgspec.Raw]
    """Top-level members with their values as the bytes that came, in the order they came."""
    model: str
    stream: bool = False
    bare: bool = False
    """Variables came and no message: all of the conversation is to come from a prompt."""
    wants_usage: bool = False
    """True when the caller itself asked for the usage chunk of a stream."""
    session: str | None = None
    user: str | None = None
    """The end user's id as the body names it; never stored as it is."""
    headers: Mapping[str, str] = {}
    """The caller's vendor headers that an upstream of the same dialect is given (`anthropic-beta`, …)."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where one attempt goes: a provider, its secrets resolved, and the model in its spelling."""

    provider: ProviderEntry
    model: str
    secret: str | None = None
    headers: Mapping[str, str] = {}
    """`provider.headers` with references resolved."""


class UpstreamRequest(msgspec.Struct, frozen=True, kw_only=True):
    method: Literal["GET", "POST"] = "POST"
    url: str
    headers: Mapping[str, str]
    body: bytes


class Answer(msgspec.Struct, kw_only=True):
    """What an attempt gave, as far as it got; read for the record and for the price."""

    usage: Usage | None = None
    """None when the upstream reported none (then the gateway estimates)."""
    usage_raw: bytes | None = None
    """The upstream's usage object, JSON."""
    served_model: str | None = None
    response_id: str | None = None
    finish_reasons: list[str] = []
    """In OpenTelemetry's spelling (`stop`, `length`, `tool_calls`, `content_filter`), one per choice."""
    output: bytes = b"[]"
    """JSON array of OpenTelemetry GenAI output messages, one per choice."""
    output_characters: int = 0
    """Characters of text, reasoning and tool arguments received: the base of an estimate."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole (non-streaming) answer in the caller's dialect."""

    body: bytes
    answer: Answer
    content_type: str = "application/json"


class StreamCodec(Protocol):
    """Turns one upstream stream into one stream of the caller's dialect, chunk by chunk.

    Attributes:
        started: True once a content event was fed (text, reasoning, tool call, refusal). Lifecycle
            events before it (`message_start`, a first empty role delta, `response.created`) do not count,
            so the gateway may hold them back and fall back to another target.
        done: True once the dialect's end was seen: a finish reason or end marker.
        failure: Set when the upstream sent an error event, broken JSON or an event over the size
            limit. `feed` returns what preceded it; nothing fed afterwards is looked at.
    """

    started: bool
    done: bool
    failure: UpstreamError | None

    def feed(self, data: bytes) -> bytes:
        """Bytes for the caller, possibly empty. Never raises for what an upstream may send."""
        ...

    def finish(self) -> bytes:
        """The upstream closed the body. Returns the last bytes; sets `failure` (`upstream_cut`) when not `done`."""
        ...

    def answer(self) -> Answer:
        """What was received until now; whole when `done`, partial otherwise."""
        ...


class Exchange(Protocol):
    """One attempt: an inbound call prepared for one target."""

    request: UpstreamRequest

    def reply(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """The caller's answer for a 2xx body.

        Raises:
            UpstreamError: the body is not what the upstream's dialect demands.
        """
        ...

    def stream(self) -> StreamCodec:
        """A fresh codec for a 2xx event stream."""
        ...

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """A non-2xx answer as an error: message, code, `retryable`, `retry_after`."""
        ...
