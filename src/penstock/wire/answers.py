"""A cached answer: what is given again, and what is needed to say what that saved."""

import msgspec

from penstock.wire.usage import Usage

__all__ = ["CachedAnswer"]


class CachedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole, complete answer as its first caller was given it."""

    operation: str
    """Inbound operation; says in which dialect `body` is."""
    body: bytes
    """The whole (non-streaming) answer in the caller's dialect, also when it was obtained as a stream."""
    content_type: str = "application/json"
    created: int
    """When it was obtained, microseconds since the epoch. Its age counts from here."""
    provider: str
    model: str
    """The model at the provider, as it was asked for."""
    variant: str | None = None
    served_model: str | None = None
    response_id: str | None = None
    finish_reasons: tuple[str, ...] = ()
    usage: Usage | None = None
    """What the provider billed for it; None when nothing is known."""
    usage_raw: bytes | None = None
    """The provider's own usage object, JSON."""
    cost: int | None = None
    """Nano-dollars that obtaining it cost; None unknown."""
    price_version: str | None = None
    output: bytes = b"[]"
    """OpenTelemetry output messages for the record, JSON array."""

    @property
    def size(self) -> int:
        """Bytes it takes, near enough to bound a cache by."""
        return len(self.body) + len(self.output) + len(self.usage_raw or b"") + OVERHEAD


OVERHEAD = 1024
"""Bytes of everything else: the struct, its short texts, its key, its place in an index."""
