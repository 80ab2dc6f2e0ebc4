"""What the intake needs from outside."""

from typing import Protocol

from penstock.wire.usage import Usage

__all__ = ["Hide", "IntakeLog", "Pricing"]


class IntakeLog(Protocol):
    """Where accepted spans wait for the store. Belongs to the event loop's thread."""

    async def append_durably(self, lines: bytes, count: int) -> None:
        """Returns when the lines are on the disk.

        Raises:
            Unavailable: they are not.
        """
        ...


class Pricing(Protocol):
    """What a model call costs. Any thread may ask."""

    def __call__(self, provider: str, model: str, usage: Usage, at: int) -> tuple[int | None, str | None]:
        """Nano-dollars, None when unknown, and the list that priced it.

        Args:
            provider: As the application names it: `openai`, `gcp.vertex_ai`.
            model: In the provider's spelling.
            usage: Tokens in disjoint buckets.
            at: Microseconds since the epoch.
        """
        ...


class Hide(Protocol):
    """The hash that stands for an end user, the same as in the gateway's records."""

    def __call__(self, user: str) -> str: ...
