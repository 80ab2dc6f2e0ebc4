"""What is wrong with a search, and where; and what a search may name."""

import msgspec

from penstock.core.errors import InvalidInput

__all__ = ["Fault", "FieldPage", "FieldView", "QueryError"]


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


class FieldView(msgspec.Struct, frozen=True, kw_only=True):
    """One name of the language."""

    name: str
    """`tags.NAME`, `attributes.NAME` and `score.NAME` stand for any name of that kind."""
    about: str
    values: str
    """What is written after it: `text choice boolean count duration money time words json names id score attribute`."""
    operators: list[str]
    aliases: list[str]
    choices: list[str]
    """All values there are, for a `choice`."""


class FieldPage(msgspec.Struct, frozen=True, kw_only=True):
    items: list[FieldView]
    next_cursor: str | None
