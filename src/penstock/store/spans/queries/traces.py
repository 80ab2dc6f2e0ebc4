"""The list of calls: newest first, by pages, filtered, searched."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import msgspec
from sqlglot import exp

from penstock.store.spans.columns import USAGE
from penstock.store.spans.engine import Engine, Read, Rows
from penstock.store.spans.expressions import TOKENS, Values, column, sql
from penstock.store.spans.filters import SUMMED, Filter, condition, text_condition
from penstock.store.spans.queries.window import Window, within
from penstock.store.spans.types import TraceRow, UsageView

__all__ = ["Page", "Place", "list_calls", "newest_row", "rows_after"]

FIRST_SLICE = 3_600_000_000
"""Microseconds of the newest slice of a text search; its successors are wider where spans are few."""
SLICE_ROWS = 16_384
"""Spans of one slice, about: some 50 ms of unpacking and searching text."""
SEARCH_SECONDS = 0.15
"""A page of a search is sent after this, full or not, with a cursor to search on."""
SLACK = 60_000_000
"""Microseconds by which the attempts of a call may lie outside of its own time: another clock, a call cut short."""

# A row is a call, or the root of a trace that came from elsewhere.
_ROW = "(call OR parent_id IS NULL)"
_FIELDS = (
    "trace_id", "span_id", "name", "kind", "started", "duration", "ttft", "status", "error_type", "http_status",
    "operation", "stream", "route", "provider", "requested_model", "served_model", "session", '"user"', "key",
)  # fmt: skip
_SUMS = ("usage_input", "usage_cache_read", "usage_cache_write", "usage_output", "usage_reasoning")
# Which rows, from narrow columns; then what they hold. Long text is not among it.
_CHOOSE = f"""
    SELECT started, span_id, rowid FROM spans WHERE {_ROW} ORDER BY started DESC, span_id DESC LIMIT $limit
"""  # noqa: S608 - constants; values are bound
_FETCH = f"""
    SELECT {", ".join(_FIELDS)}, {", ".join(_SUMS)}, {TOKENS}, usage_estimated, cost,
        coalesce(input_preview, ''), coalesce(output_preview, '')
    FROM spans
    WHERE rowid IN (SELECT unnest($rows))
    ORDER BY started DESC, span_id DESC
"""  # noqa: S608 - constants; values are bound
_ATTEMPTS = f"""
    SELECT trace_id, parent_id, {", ".join(f"sum({name})" for name in _SUMS)}, sum({TOKENS}), bool_or(usage_estimated),
        sum(cost), count(*) FILTER (WHERE cost IS NULL)
    FROM spans
    WHERE project = $project AND parent_id IN (SELECT unnest($parents)) AND started >= $from AND started <= $to
    GROUP BY trace_id, parent_id
"""  # noqa: S608 - constants; values are bound
_SUMMED_ATTEMPTS = f"""
    SELECT trace_id, parent_id, {", ".join(f"sum({name}) AS {name}" for name in (*USAGE, "cost"))},
        sum({TOKENS}) AS usage_total
    FROM spans
    WHERE NOT call AND parent_id IS NOT NULL
    GROUP BY trace_id, parent_id
"""  # noqa: S608 - constants; values are bound


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A position in the list: what follows is older. A search that ran out of time stops between spans."""

    started: int
    span: int = 0


class Page(msgspec.Struct, frozen=True):
    rows: list[TraceRow]
    next: Place | None
    """Where to go on; None when nothing is left."""


def list_calls(
    engine: Engine,
    window: Window,
    *,
    filters: Sequence[Filter],
    text: str | None,
    after: Place | None,
    limit: int,
    monotonic: Callable[[], float],
) -> Page:
    """One page, newest first.

    A search for `text` reads the newest time slice first and stops early rather than late: its page
    may hold fewer rows than `limit`, or none, and still have a successor.
    """
    with engine.snapshot() as read:
        if text:
            chosen, more = _search(
                read, window, filters=filters, text=text, after=after, limit=limit, monotonic=monotonic
            )
        else:
            chosen, more = _choose(read, window, filters=filters, after=after, limit=limit + 1), None
        if len(chosen) > limit:
            chosen = chosen[:limit]
            more = Place(chosen[-1][0], chosen[-1][1])
        return Page(_fetch(read, window.project, chosen), more)


def _search(
    read: Read,
    window: Window,
    *,
    filters: Sequence[Filter],
    text: str,
    after: Place | None,
    limit: int,
    monotonic: Callable[[], float],
) -> tuple[Rows, Place | None]:
    """Rows that hold the text, and where to go on when time ran out before `limit` + 1 were found."""
    oldest, newest = _extent(read, window)
    if oldest is None or newest is None:
        return [], None
    high = newest + 1 if after is None else min(newest, after.started) + 1
    width = FIRST_SLICE
    begun = monotonic()
    found: Rows = []
    while high > oldest and len(found) <= limit:
        low, rows = _slice(read, window, oldest=oldest, high=high, width=width)
        part = msgspec.structs.replace(window, from_=low, to=high)
        found += _choose(read, part, filters=filters, text=text, after=after, limit=limit + 1 - len(found))
        width = (high - low) * (2 if rows < SLICE_ROWS else 1)
        high = low
        if len(found) <= limit and monotonic() - begun > SEARCH_SECONDS:
            return found, Place(high) if high > oldest else None
    return found, None


def _slice(read: Read, window: Window, *, oldest: int, high: int, width: int) -> tuple[int, int]:
    """Where a slice begins that ends at `high` and is as wide as asked, or as its spans allow; and their number."""
    while True:
        low = max(oldest, high - width)
        part = msgspec.structs.replace(window, from_=low, to=high)
        values: Values = {}
        ((rows,),) = read(sql("SELECT count(*) FROM spans").where(*within(part, values)), values)
        if rows <= 2 * SLICE_ROWS or width == 1:
            return low, rows
        width = max(1, width // 2)


def _extent(read: Read, window: Window) -> tuple[int | None, int | None]:
    values: Values = {}
    query = sql("SELECT min(started), max(started) FROM spans").where(*within(window, values))
    ((oldest, newest),) = read(query, values)
    return oldest, newest


def _choose(
    read: Read,
    window: Window,
    *,
    filters: Sequence[Filter],
    limit: int,
    after: Place | None = None,
    text: str | None = None,
    beyond: int | None = None,
) -> Rows:
    """`(started, span_id, rowid)` of the newest rows that fit, newest first."""
    values: Values = {"limit": limit}
    conditions = within(window, values)
    if after is not None:
        conditions += _after(after, values)
    if beyond is not None:
        values["beyond"] = beyond
        conditions.append(exp.GT(this=exp.column("rowid"), expression=exp.Placeholder(this="beyond")))
    conditions += [condition(given, values) for given in filters if given.column not in SUMMED]
    if text:
        conditions.append(text_condition(("input", "output"), text, values))
    query = sql(_CHOOSE).where(*conditions)
    summed = [given for given in filters if given.column in SUMMED]
    if not summed:
        return read(query, values)
    single = query.where("kind <> 'gateway'", *(condition(given, values) for given in summed))
    several = _of_several(query, window, summed, values)
    rows = read(single, values) + read(several, values)
    rows.sort(reverse=True)
    return rows[:limit]


def _of_several(query: exp.Select, window: Window, summed: Iterable[Filter], values: Values) -> exp.Select:
    """Calls with several attempts, by the sums of these. They are few, so the sums are made for all of them."""
    sums = sql(_SUMMED_ATTEMPTS).where(*within(msgspec.structs.replace(window, to=None), values))
    having = [condition(given, values, source=exp.column(given.column, table="attempts")) for given in summed]
    parents = exp.select("trace_id", "parent_id").from_(sums.subquery("attempts")).where(*having)
    pair = exp.Tuple(expressions=[column("trace_id"), column("span_id")])
    return query.where("kind = 'gateway'", exp.In(this=pair, query=parents.subquery()))


def _after(place: Place, values: Values) -> list[exp.Expr]:
    values["started"] = place.started
    values["span"] = place.span
    started, span = exp.Placeholder(this="started"), exp.Placeholder(this="span")
    return [
        exp.LTE(this=column("started"), expression=started),
        exp.paren(
            exp.or_(
                exp.LT(this=column("started"), expression=started.copy()),
                exp.LT(this=column("span_id"), expression=span),
            )
        ),
    ]


def _fetch(read: Read, project: str, chosen: Rows) -> list[TraceRow]:
    if not chosen:
        return []
    rows = read(sql(_FETCH), {"rows": [row[2] for row in chosen]})
    attempts = _attempts(read, project, rows)
    return [_row(row, attempts.get((row[0], row[1]))) for row in rows]


def _attempts(read: Read, project: str, rows: Rows) -> dict[tuple[Any, Any], tuple[Any, ...]]:
    """Sums over the attempts of those rows that have several, by trace and span id."""
    parents = [row for row in rows if row[3] == "gateway"]
    if not parents:
        return {}
    values: Values = {
        "project": project,
        "parents": [row[1] for row in parents],
        "from": min(row[4] for row in parents) - SLACK,
        "to": max(row[4] + row[5] for row in parents) + SLACK,
    }
    return {(row[0], row[1]): row[2:] for row in read(sql(_ATTEMPTS), values)}


def _row(row: tuple[Any, ...], attempts: tuple[Any, ...] | None) -> TraceRow:
    fields = dict(zip((name.strip('"') for name in _FIELDS), row, strict=False))
    fields["trace_id"] = row[0].hex
    fields["span_id"] = f"{row[1]:016x}"
    *sums, total, estimated, cost, asked, answered = row[len(_FIELDS) :]
    if attempts is not None:
        *sums, total, estimated, known, unknown = attempts
        cost = None if unknown and not known else known
    usage = UsageView(
        **dict(
            zip(("input", "cache_read", "cache_write", "output", "reasoning"), cast("list[int]", sums), strict=True)
        ),
        total=total,
        estimated=estimated,
    )
    return TraceRow(**fields, key_name=None, usage=usage, cost=cost, input_preview=asked, output_preview=answered)


def newest_row(engine: Engine) -> int:
    """A mark in the order of storage; `rows_after` gives what came since."""
    ((mark,),) = engine.read(sql("SELECT max(rowid) FROM spans"))
    return -1 if mark is None else mark


def rows_after(
    engine: Engine, project: str, *, mark: int, filters: Sequence[Filter], text: str | None, limit: int
) -> tuple[list[TraceRow], int]:
    """Calls stored since the mark, newest first and at most `limit`, and the new mark.

    Late calls are among them, whenever they started.
    """
    with engine.snapshot() as read:
        ((newest,),) = read(sql("SELECT max(rowid) FROM spans"), {})
        chosen = _choose(read, Window(project=project), filters=filters, text=text, limit=limit, beyond=mark)
        return _fetch(read, project, chosen), -1 if newest is None else newest
