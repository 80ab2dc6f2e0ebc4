"""What the simulator would bill for: every chat that it accepted, and whether its caller was told the usage."""

from typing import Any

import msgspec

from penstock.wire.usage import Usage

__all__ = ["Ledger"]


class _Sum(msgspec.Struct):
    answers: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    def add(self, usage: Usage) -> None:
        self.answers += 1
        self.input += usage.input + usage.input_image
        self.cache_read += usage.cache_read
        self.cache_write += usage.cache_write
        self.output += usage.output
        self.reasoning += usage.reasoning


class Ledger:
    """Tokens by model, in disjoint buckets, since the start or the last reset.

    `reported` are answers whose usage went out, whole or, where each piece of a stream tells it (Gemini), as far as it
    came: any gateway's books must agree with them to the token. Of `unreported` ones (silent, cut, or without usage on
    order) a gateway can only estimate; their output is what was sent before they ended.
    """

    def __init__(self) -> None:
        self._reported: dict[str, _Sum] = {}
        self._unreported: dict[str, _Sum] = {}

    def bill(self, model: str, usage: Usage, *, reported: bool) -> None:
        """Add one accepted request."""
        (self._reported if reported else self._unreported).setdefault(model, _Sum()).add(usage)

    def render(self) -> dict[str, Any]:
        return {"reported": self._reported, "unreported": self._unreported}
