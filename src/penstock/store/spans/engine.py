"""What queries need of an engine, whichever it is.

A query is a SQLGlot expression in DuckDB's dialect with placeholders; an engine renders it in its own.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

import msgspec
from sqlglot import exp

__all__ = ["Engine", "Prepared", "Question", "Read", "Rows", "prepare"]

Rows = list[tuple[Any, ...]]


class Prepared:
    """A query that is asked often: making text of an expression takes longer than many a query.

    Its text is made once for each dialect.
    """

    __slots__ = ("_query", "_texts", "kept", "names")

    def __init__(self, query: exp.Expr, *, kept: bool = False) -> None:
        self._query = query
        self.kept = kept
        """Whether one question asks it more than once, so that its answer is worth keeping however long it is."""
        self._texts: dict[str, str] = {}
        self.names = frozenset(placeholder.name for placeholder in query.find_all(exp.Placeholder))
        """Its placeholders."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what it selects."""
        assert isinstance(self._query, exp.Query)  # noqa: S101 - nobody asks a statement that selects nothing
        return tuple(self._query.named_selects)

    def text(self, dialect: str, render: Callable[[exp.Expr], str]) -> str:
        """The query in a dialect; `render` makes it when it was not asked for before."""
        text = self._texts.get(dialect)
        if text is None:
            text = self._texts[dialect] = render(self._query)
        return text


def prepare(query: exp.Expr, *, kept: bool = False) -> Prepared:
    return Prepared(query, kept=kept)


class Question:
    """What a query is made of, as the key of a cache of prepared queries: equal when what it holds is written alike."""

    __slots__ = ("_key", "asked")

    def __init__(self, asked: Any) -> None:
        self.asked = asked
        self._key = msgspec.msgpack.encode(asked)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Question) and self._key == other._key


class Read(Protocol):
    """Runs a query. `values` may hold more than the query has placeholders for."""

    finds_by_time: ClassVar[bool]
    """Whether spans lie in order of time: one is found sooner by its place when it is told when it started, too, and
    those of many stretches of time by a plain list of these. The newest are found without reading those before them,
    and columns are read one after the other, each of rows that those before it leave.
    """
    beside_sums: ClassVar[frozenset[str]]
    """Fields of a row that stand beside its sums, too, where `copied` is true."""

    def __call__(self, query: exp.Expr | Prepared, values: Mapping[str, Any]) -> Rows: ...


class Engine(Protocol):
    """A store of spans that can be asked. Any thread may ask."""

    def snapshot(self) -> AbstractContextManager[Read]:
        """Queries that all see the store as it is now, as far as the engine can.

        Raises:
            Unavailable: `span_store_unavailable`.
        """
        ...

    def read(self, query: exp.Expr, values: Mapping[str, Any] | None = None) -> Rows:
        """One query. Raises `Unavailable` as `snapshot` does."""
        ...

    def give_way(self, patience: float) -> None:
        """Wait for a moment in which nobody asks anything, at most about `patience` seconds.

        For work that nobody waits for, between its own questions.
        """
        ...
