"""Scores: by trace, span, session, name, source and time, the newest first."""

import uuid
from typing import Any

import msgspec
from sqlglot import exp

from penstock.store.spans.conditions import filters_of
from penstock.store.spans.engine import Engine, Read
from penstock.store.spans.expressions import Values, bind, column, sql
from penstock.store.spans.filters import JUDGED, Filter, Judged
from penstock.store.spans.tree import Node
from penstock.store.spans.types import ScoreRow

__all__ = ["ScoreFilter", "ScorePlace", "judged_of", "judged_within", "list_scores"]

_COLUMNS = (
    "id", "name", "type", "number", "label", "trace_id", "span_id", "session", "source", "author", "comment",
    "created", "metadata",
)  # fmt: skip

_JUDGED = """
    SELECT DISTINCT trace_id IS NOT NULL AND span_id IS NULL, span_id IS NOT NULL,
        trace_id IS NULL AND session IS NOT NULL
    FROM scores WHERE project = $project
"""
_KINDS = ("trace", "span", "session")


class ScoreFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which scores are asked for; None is any."""

    project: str
    trace_id: str | None = None
    """32 hex digits."""
    span_id: str | None = None
    """16 hex digits."""
    session: str | None = None
    name: str | None = None
    source: str | None = None
    from_: int | None = None
    """Microseconds since the epoch, inclusive."""
    to: int | None = None
    """Exclusive."""


class ScorePlace(msgspec.Struct, frozen=True, array_like=True):
    """A position in the list."""

    created: int
    id: str


def list_scores(engine: Engine, wanted: ScoreFilter, *, after: ScorePlace | None, limit: int) -> list[ScoreRow]:
    """Scores after a place, the newest first.

    Raises:
        ValueError: an id is not hex digits.
    """
    values: Values = {}
    query = sql("SELECT 1 FROM scores ORDER BY created DESC, id DESC")
    query = query.select(*(column(name) for name in _COLUMNS), append=False).limit(limit)
    for name, value in _equal(wanted).items():
        query = query.where(exp.EQ(this=column(name), expression=bind(values, value)), copy=False)
    if wanted.from_ is not None:
        query = query.where(exp.GTE(this=column("created"), expression=bind(values, wanted.from_)), copy=False)
    if wanted.to is not None:
        query = query.where(exp.LT(this=column("created"), expression=bind(values, wanted.to)), copy=False)
    if after is not None:
        query = query.where(_after(after, values), copy=False)
    return [_row(row) for row in engine.read(query, values)]


def judged_of(read: Read, project: str, where: Node | None) -> Judged:
    """What there are such scores of that a tree asks for: what there are none of need not be looked for."""
    columns = {leaf.column for leaf in filters_of(where) if isinstance(leaf, Filter)}
    names = sorted(name.removeprefix("score.") for name in columns if name.startswith("score."))
    if not names:
        return JUDGED
    return _kinds(read, "name IN (SELECT unnest($names))", {"project": project, "names": names})


def judged_within(read: Read, project: str, since: int, until: int) -> Judged:
    """What there are scores of that were created in `[since, until)`."""
    given: Values = {"project": project, "since": since, "until": until}
    return _kinds(read, "created >= $since AND created < $until", given)


def _kinds(read: Read, condition: str, values: Values) -> Judged:
    found = read(sql(_JUDGED).where(condition, dialect="duckdb"), values)
    return frozenset(kind for kind, *there in zip(_KINDS, *found, strict=True) if any(there))


def _equal(wanted: ScoreFilter) -> dict[str, object]:
    given: dict[str, object | None] = {
        "project": wanted.project,
        "trace_id": None if wanted.trace_id is None else uuid.UUID(hex=wanted.trace_id),
        "span_id": None if wanted.span_id is None else int(wanted.span_id, 16),
        "session": wanted.session,
        "name": wanted.name,
        "source": wanted.source,
    }
    return {name: value for name, value in given.items() if value is not None}


def _after(place: ScorePlace, values: Values) -> exp.Expr:
    older = exp.LT(this=column("created"), expression=bind(values, place.created))
    as_old = exp.EQ(this=column("created"), expression=bind(values, place.created))
    further = exp.LT(this=column("id"), expression=bind(values, place.id))
    return exp.or_(older, exp.and_(as_old, further))


def _row(row: tuple[Any, ...]) -> ScoreRow:
    given = dict(zip(_COLUMNS, row, strict=True))
    trace_id, span_id, metadata = given["trace_id"], given["span_id"], given["metadata"]
    given["trace_id"] = None if trace_id is None else trace_id.hex
    given["span_id"] = None if span_id is None else f"{span_id:016x}"
    # Checked when it was stored; sent on as it lies.
    given["metadata"] = None if metadata is None else msgspec.Raw(metadata.encode())
    return ScoreRow(**given)
