"""What the gateway needs from outside: a journal to write to, a transport to send with, prices."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from penstock.core.errors import PenstockError
from penstock.providers.types import Target, UpstreamRequest
from penstock.wire.prices import PriceBook
from penstock.wire.snapshot import GatewaySettings, JournalSettings, PriceEntry, ProviderEntry
from penstock.wire.span import Span
from penstock.wire.usage import Usage

__all__ = ["Journal", "Price", "Pricing", "PricingFactory", "Transport", "UpstreamResponse"]


class Journal(Protocol):
    """Durable, append-only. `record` returns when the spans are in the file."""

    def configure(self, settings: JournalSettings) -> None: ...

    def admit(self) -> None:
        """Raises `Unavailable` when a new call could not be recorded and policy says to refuse it."""
        ...

    def begin(self, span: Span) -> None:
        """Note a streamed call in flight."""
        ...

    def record(self, spans: Sequence[Span]) -> None:
        """Raises `Unavailable` when the spans could not be written and policy says to refuse."""
        ...

    def record_soon(self, spans: Sequence[Span], then: Callable[[PenstockError | None], None]) -> None:
        """As `record`, together with all calls that end in this turn of the event loop.

        `then` is called once the spans are in the file, or with what `record` would have raised.
        """
        ...

    def tick(self) -> None:
        """Housekeeping, a few times a second."""
        ...

    def close(self) -> None: ...


class UpstreamResponse(Protocol):
    """A provider's answer whose head has arrived."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Case-insensitive."""
        ...

    async def read(self, limit: int, *, progress: Callable[[], None] | None = None) -> bytes:
        """The whole body; `progress` is called as parts of it come.

        Raises `UpstreamError` when it is cut or longer than `limit` bytes.
        """
        ...

    async def chunk(self) -> bytes:
        """The next bytes as they come; empty at the end. Raises `UpstreamError` when it is cut."""
        ...

    def release(self, *, reuse: bool) -> None:
        """Give the connection back, or close it when the body was not read to its end."""
        ...


class Transport(Protocol):
    """The one seam to the network."""

    def configure(self, settings: GatewaySettings) -> None: ...

    async def send(self, request: UpstreamRequest, target: Target) -> UpstreamResponse:
        """Send, and wait for the head of the answer. Redirects are not followed.

        Raises:
            UpstreamError: no connection, TLS failure, or closed before an answer.
        """
        ...

    async def close(self) -> None: ...


class Price(Protocol):
    @property
    def cost(self) -> int | None:
        """Nano-dollars; None unknown."""
        ...

    @property
    def version(self) -> str | None: ...


class Pricing(Protocol):
    def price(self, provider: ProviderEntry, model: str, usage: Usage, at: int) -> Price: ...


class PricingFactory(Protocol):
    def __call__(self, overrides: Sequence[PriceEntry], *, book: PriceBook | None) -> Pricing: ...
