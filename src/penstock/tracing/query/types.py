"""What is wrong with a search, and where."""

import msgspec

from penstock.core.errors import InvalidInput

__all__ = ["Fault", "QueryError"]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a search that cannot be understood."""

    message: str
    hint: str | None
    start: int
    """Characters before it."""
    end: int
    """Characters up to its end; equal to `start` where something is missing."""


class QueryError(InvalidInput):
    """A search that cannot be understood. The message says at which character; `start` and `end` for programs."""

    default_code = "invalid_query"

    def __init__(self, message: str, *, start: int, end: int, hint: str | None = None, field: str = "q") -> None:
        super().__init__(f"{message.rstrip('.')}, at character {start + 1}.", field=field, hint=hint)
        self.start = start
        self.end = end

    @property
    def fault(self) -> Fault:
        return Fault(message=self.message, hint=self.hint, start=self.start, end=self.end)
