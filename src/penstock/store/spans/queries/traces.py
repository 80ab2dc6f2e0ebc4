"""Lists of calls and of spans: by pages, filtered, sorted, searched."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec
from sqlglot import exp

from penstock.store.spans.conditions import compiled, needs_totals
from penstock.store.spans.engine import Engine, Prepared, Question, Read, Rows, prepare
from penstock.store.spans.expressions import Values, column, sql
from penstock.store.spans.filters import Scope, place_of
from penstock.store.spans.queries.rows import ROW, fetch, with_totals
from penstock.store.spans.queries.search import Candidates, Choose, search, searches
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
    candidates: Candidates | None = None,
) -> Page:
    """One page of calls and roots.

    A search for text reads the newest time slice first and stops early rather than late: its page may hold fewer
    rows than `limit`, or none, and still have a successor. It is always in order of time, the newest first.
    """
    wanted = _Wanted(where, after, limit, NEWEST if searches(where) else order, "row")
    return _list(engine, window, wanted, monotonic=monotonic, candidates=candidates)


def list_spans(
    engine: Engine,
    window: Window,
    *,
    where: Node | None,
    after: Place | None,
    limit: int,
    monotonic: Callable[[], float],
    order: Order = NEWEST,
    candidates: Candidates | None = None,
) -> Page:
    """One page of spans of any kind, as `list_calls`; cost and tokens are the span's own."""
    wanted = _Wanted(where, after, limit, NEWEST if searches(where) else order, "span")
    return _list(engine, window, wanted, monotonic=monotonic, candidates=candidates)


class _Wanted(NamedTuple):
    """One page."""

    where: Node | None
    after: Place | None
    limit: int
    order: Order
    scope: Scope


def _list(
    engine: Engine,
    window: Window,
    wanted: _Wanted,
    *,
    monotonic: Callable[[], float],
    candidates: Candidates | None,
) -> Page:
    where, after, limit, order, scope = wanted
    with engine.snapshot() as read:
        more: Place | None = None
        if searches(where):
            choose = _chooser(read, where, scope)
            at = None if after is None else (after.started, after.span)
            stretches = None if candidates is None else candidates(read, window, where)
            chosen, high = search(read, window, stretches, choose=choose, after=at, limit=limit, monotonic=monotonic)
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
    form = _Form(
        order.by,
        order.descending,
        scope,
        window.from_ is not None,
        window.to is not None,
        None if after is None else after.value is None,
        beyond is not None,
    )
    summed = scope == "row" and (order.by in {"cost", "tokens"} or needs_totals(where))
    # Rows that stand for others are few; the rest need not be looked for among the sums.
    forms = [form._replace(summed=which) for which in (False, True)] if summed else [form]
    given = {"project": window.project, "from": window.from_, "to": window.to, "limit": limit, "beyond": beyond}
    if after is not None:
        given |= {"at_started": after.started, "at_span": after.span, "at_value": after.value}
    rows: Rows = []
    for each in forms:
        query, values = _prepared(Question(where), each)
        rows += read(query, values | given)
    return sorted(rows, key=_key(order))[:limit] if summed else rows


def _key(order: Order) -> Callable[[Sequence[Any]], tuple[bool, int, int, int]]:
    """What rows of `_choose` are sorted by."""
    sign = -1 if order.descending else 1

    def key(row: Sequence[Any]) -> tuple[bool, int, int, int]:
        started, span, _, value = row
        worth = 0 if order.by == "started" or value is None else int(value)
        return order.by != "started" and value is None, sign * worth, sign * started, sign * span

    return key


class _Form(NamedTuple):
    """What shapes the text of a query beside the conditions."""

    by: Sort
    descending: bool
    scope: Scope
    begins: bool
    ends: bool
    after: bool | None
    """Whether the place to go on from has no value; None without such a place."""
    beyond: bool
    summed: bool | None = None
    """Only rows that stand for others, or only those that do not; None for all, by what they are themselves."""


@lru_cache(maxsize=1024)
def _prepared(question: Question, form: _Form) -> tuple[Prepared, Values]:
    """The query for conditions, and the values in it that belong to these."""
    where: Node | None = question.asked
    order = Order(by=form.by, descending=form.descending)
    values: Values = {}
    window = Window(project="", from_=0 if form.begins else None, to=0 if form.ends else None)
    scope: Scope = "row" if form.summed else "span"
    value = place_of(SORTS[form.by], values, scope=scope)
    query = exp.select("started", "span_id", "rowid", exp.alias_(value, "sorted_by")).from_("spans")
    query = with_totals(query, needed=form.summed is True)
    if form.summed is not None:
        query = query.where("summed" if form.summed else "NOT summed", copy=False)
    query = query.where(*within(window, values), ROW if form.scope == "row" else None, copy=False)
    if form.beyond:
        query = query.where(exp.GT(this=column("rowid"), expression=exp.Placeholder(this="beyond")), copy=False)
    if form.after is not None:
        query = query.where(_after(value, order, valued=not form.after), copy=False)
    if where is not None:
        query = query.where(compiled(where, values, scope=scope), copy=False)
    down = form.descending
    keys = [] if form.by == "started" else [exp.Ordered(this=value.copy(), desc=down, nulls_first=False)]
    keys += [exp.Ordered(this=column(name), desc=down, nulls_first=False) for name in ("started", "span_id")]
    query = query.order_by(*keys, copy=False).limit(exp.Placeholder(this="limit"), copy=False)
    return prepare(query), values


def _after(value: exp.Expr, order: Order, *, valued: bool) -> exp.Expr:
    """What comes after a place in this order."""
    beyond: type[exp.Binary] = exp.LT if order.descending else exp.GT
    upto: type[exp.Binary] = exp.LTE if order.descending else exp.GTE
    started, span, at = (exp.Placeholder(this=name) for name in ("at_started", "at_span", "at_value"))
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
    if not valued:
        return exp.and_(null, later)
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
