"""What evaluators need from outside."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from penstock.wire.usage import Usage

__all__ = ["Ask", "AskRequest", "Embed", "Reply"]


class AskRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One question to a judge model. Equal questions may be answered from a cache."""

    model: str
    """A route, or `provider/model`."""
    messages: list[dict[str, str]]
    """`role` and `content`."""
    schema: dict[str, Any] | None = None
    """JSON Schema that the answer is to fit; every field is required and none other allowed."""
    schema_name: str = "verdict"
    parameters: dict[str, Any] = {}
    """Fields of the request: `temperature`, `max_tokens`, …"""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    usage: Usage | None = None
    cost: int | None = None
    """Nano-dollars; None is unknown."""


class Ask(Protocol):
    """Asks a judge model."""

    async def __call__(self, request: AskRequest, /) -> Reply:
        """The answer.

        Raises:
            PenstockError: there is none.
            TimeoutError: none came in time.
        """
        ...


class Embed(Protocol):
    """Makes vectors of texts."""

    async def __call__(self, texts: Sequence[str], *, model: str) -> Sequence[Sequence[float]]:
        """One vector a text, in order.

        Raises:
            PenstockError: they could not be made.
            TimeoutError: none came in time.
        """
        ...
