"""Lists of calls and of spans: by pages, filtered, sorted, searched."""

from collections.abc import Callable
from typing import Literal

import msgspec
from sqlglot import exp

from penstock.store.spans.conditions import compiled, needs_totals
from penstock.store.spans.engine import Engine, Read, Rows
from penstock.store.spans.expressions import Values, bind, column, sql
from penstock.store.spans.filters import Scope, place_of
from penstock.store.spans.queries.rows import ROW, fetch, with_totals
from penstock.store.spans.queries.search import Choose, search, searches
from penstock.store.spans.queries.window import Window, within
from penstock.store.spans.tree import Node
from penstock.store.spans.types import TraceRow

__all__ = ["NEWEST", "SORTS", "Order", "Page", "Place", "Sort", "list_calls", "list_spans", "newest_row", "rows_after"]

Sort = Literal["started", "duration", "cost", "tokens"]
SORTS: dict[Sort, str] = {"started": "started", "duration": "duration", "cost": "cost", "tokens": "usage_total"}
"""What a list can be sorted by, and the column that this is. Rows that have no such value come last."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A position in the list: what follows comes later in its order. A search that ran out of time stops between spans.

    `value` is what the list is sorted by, when that is not time.
    """

    started: int
    span: int = 0
    value: int | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    by: Sort = "started"
    descending: bool = True


class Page(msgspec.Struct, frozen=True):
    rows: list[TraceRow]
    next: Place | None
    """Where to go on; None when nothing is left."""


NEWEST = Order()


def list_calls(
    engine: Engine,
    window: Window,
    *,
    where: Node | None,
    after: Place | None,
    limit: int,
    monotonic: Callable[[], float],
    order: Order = NEWEST,
) -> Page:
    """One page of calls and roots.

    A search for text reads the newest time slice first and stops early rather than late: its page may hold fewer
    rows than `limit`, or none, and still have a successor. It is always in order of time, the newest first.
    """
    return _list(engine, window, where=where, after=after, limit=limit, monotonic=monotonic, order=order, scope="row")


def list_spans(
    engine: Engine,
    window: Window,
    *,
    where: Node | None,
    after: Place | None,
    limit: int,
    monotonic: Callable[[], float],
    order: Order = NEWEST,
) -> Page:
    """One page of spans of any kind, as `list_calls`; cost and tokens are the span's own."""
    return _list(engine, window, where=where, after=after, limit=limit, monotonic=monotonic, order=order, scope="span")


def _list(
    engine: Engine,
    window: Window,
    *,
    where: Node | None,
    after: Place | None,
    limit: int,
    monotonic: Callable[[], float],
    order: Order,
    scope: Scope,
) -> Page:
    with engine.snapshot() as read:
        more: Place | None = None
        if searches(where):
            order = NEWEST
            choose = _chooser(read, where, scope)
            at = None if after is None else (after.started, after.span)
            chosen, high = search(read, window, where, choose=choose, after=at, limit=limit, monotonic=monotonic)
            more = None if high is None else Place(high)
        else:
            chosen = _choose(read, window, where=where, after=after, limit=limit + 1, order=order, scope=scope)
        if len(chosen) > limit:
            chosen = chosen[:limit]
            more = Place(chosen[-1][0], chosen[-1][1], None if order.by == "started" else chosen[-1][3])
        return Page(fetch(read, window.project, [row[2] for row in chosen], scope=scope), more)


def _chooser(read: Read, where: Node | None, scope: Scope) -> Choose:
    def choose(window: Window, after: tuple[int, int] | None, limit: int) -> Rows:
        place = None if after is None else Place(*after)
        return _choose(read, window, where=where, after=place, limit=limit, order=NEWEST, scope=scope)

    return choose


def _choose(
    read: Read,
    window: Window,
    *,
    where: Node | None,
    limit: int,
    order: Order,
    scope: Scope,
    after: Place | None = None,
    beyond: int | None = None,
) -> Rows:
    """`(started, span_id, place in storage, what is sorted by)` of the rows that fit, in order."""
    values: Values = {}
    value = place_of(SORTS[order.by], values, scope=scope)
    query = exp.select("started", "span_id", "rowid", exp.alias_(value, "sorted_by")).from_("spans")
    summed = scope == "row" and (order.by in {"cost", "tokens"} or needs_totals(where))
    query = with_totals(query, needed=summed).where(*within(window, values), ROW if scope == "row" else None)
    if beyond is not None:
        query = query.where(exp.GT(this=column("rowid"), expression=bind(values, beyond)))
    if after is not None:
        query = query.where(_after(after, value, order, values))
    if where is not None:
        query = query.where(compiled(where, values, scope=scope))
    down = order.descending
    keys = [] if order.by == "started" else [exp.Ordered(this=value.copy(), desc=down, nulls_first=False)]
    keys += [exp.Ordered(this=column(name), desc=down, nulls_first=False) for name in ("started", "span_id")]
    return read(query.order_by(*keys).limit(bind(values, limit)), values)


def _after(place: Place, value: exp.Expr, order: Order, values: Values) -> exp.Expr:
    """What comes after a place in this order."""
    beyond: type[exp.Binary] = exp.LT if order.descending else exp.GT
    upto: type[exp.Binary] = exp.LTE if order.descending else exp.GTE
    started, span = bind(values, place.started), bind(values, place.span)
    # The first condition says nothing that the second does not, but is one that zone maps can answer.
    later = exp.and_(
        upto(this=column("started"), expression=started),
        exp.paren(
            exp.or_(
                beyond(this=column("started"), expression=started.copy()),
                beyond(this=column("span_id"), expression=span),
            )
        ),
    )
    if order.by == "started":
        return later
    null = exp.Is(this=value.copy(), expression=exp.null())
    if place.value is None:
        return exp.and_(null, later)
    at = bind(values, place.value)
    same = exp.and_(exp.EQ(this=value.copy(), expression=at.copy()), later)
    return exp.paren(exp.or_(beyond(this=value.copy(), expression=at), same, null))


def newest_row(engine: Engine) -> int:
    """A mark in the order of storage; `rows_after` gives what came since."""
    ((mark,),) = engine.read(sql("SELECT max(rowid) FROM spans"))
    return -1 if mark is None else mark


def rows_after(
    engine: Engine, project: str, *, mark: int, where: Node | None, limit: int
) -> tuple[list[TraceRow], int]:
    """Calls stored since the mark, newest first and at most `limit`, and the new mark.

    Late calls are among them, whenever they started.
    """
    with engine.snapshot() as read:
        ((newest,),) = read(sql("SELECT max(rowid) FROM spans"), {})
        window = Window(project=project)
        chosen = _choose(read, window, where=where, limit=limit, order=NEWEST, scope="row", beyond=mark)
        return fetch(read, project, [row[2] for row in chosen]), -1 if newest is None else newest
