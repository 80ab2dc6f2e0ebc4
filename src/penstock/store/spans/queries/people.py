"""Sessions and end users: lists over a window, and one of them."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from sqlglot import exp

from penstock.store.spans.conditions import compiled, needs_totals
from penstock.store.spans.engine import Engine, Question, Read, Rows, prepare
from penstock.store.spans.expressions import Values, bind, column, parsed, sql
from penstock.store.spans.filters import Filter
from penstock.store.spans.queries.activity import ACTIVITIES, DAY, Who, fill_activity
from penstock.store.spans.queries.choices import Form, rows_of
from penstock.store.spans.queries.overview import known_cost
from penstock.store.spans.queries.rows import ROW, fetch, with_totals
from penstock.store.spans.queries.search import Candidates
from penstock.store.spans.queries.texts import looked_up
from penstock.store.spans.queries.traces import Place
from penstock.store.spans.queries.window import Window, within
from penstock.store.spans.tree import Node
from penstock.store.spans.types import Activity, TraceRow

__all__ = ["ActivityCalls", "ActivityOrder", "ActivityPage", "ActivityPlace", "activities", "activity"]

ActivityOrder = Literal["last", "first", "calls", "errors", "tokens", "cost"]
_DONE = "other, first, last, rows, errors, spans, tokens, cost, known, unknown"
_SUMS = (
    "arg_max(other, last) AS other", "min(first) AS first", "max(last) AS last", "CAST(sum(rows) AS BIGINT) AS calls",
    "CAST(sum(errors) AS BIGINT) AS errors", "CAST(sum(spans) AS BIGINT) AS spans",
    "CAST(sum(tokens) AS BIGINT) AS tokens", "CAST(sum(cost) AS BIGINT) AS cost",
    "CAST(sum(known) AS BIGINT) AS known", "CAST(sum(unknown) AS BIGINT) AS unknown",
)  # fmt: skip


class ActivityPlace(msgspec.Struct, frozen=True, array_like=True):
    """A position in a list: what follows has less of what it is sorted by, or as much and a later name."""

    value: int
    who: str


class ActivityPage(msgspec.Struct, frozen=True):
    rows: list[Activity]
    next: ActivityPlace | None


class ActivityCalls(msgspec.Struct, frozen=True):
    """One session or user, and a part of its rows of the trace list."""

    of: Activity
    """All that it did."""
    rows: list[TraceRow]
    """In order of time."""
    next: Place | None
    """Leads to the rows before these; None when there are none."""


def activities(
    engine: Engine,
    window: Window,
    who: Who,
    *,
    where: Node | None,
    order: ActivityOrder,
    after: ActivityPlace | None,
    limit: int,
    candidates: Candidates | None = None,
) -> ActivityPage:
    """Sessions, or users, that did anything in the window, with what they did in it; those with most come first.

    Args:
        engine: The store.
        window: The time; open ends reach as far as the spans.
        who: Which.
        where: Only those of whom a call, or the root of a trace, in the window fits.
        order: Which of their numbers the list is sorted by.
        after: The place after which to begin.
        limit: How many at most.
        candidates: Where texts can lie, when the store has an index of words.
    """
    values: Values = {}
    within(window, values)
    with engine.snapshot() as read:
        parts = _parts(read, window, who, values)
        if not parts:
            return ActivityPage([], None)
        sums = exp.select("who", *_SUMS).from_(_united(parts), copy=False).group_by("who")
        where = looked_up(read, window, where, candidates)
        if where is not None:
            sums = sums.where(exp.In(this=column("who"), query=_fitting(window, who, where, values)), copy=False)
        if after is not None:
            sums = sums.having(_after(after, order, values), copy=False)
        listed = exp.select("*").from_(sums.subquery("sums", copy=False), copy=False)
        listed = listed.order_by(f"{order} DESC", "who", copy=False).limit(bind(values, limit + 1), copy=False)
        rows = [_activity(row) for row in read(prepare(listed), values)]
    more = None
    if len(rows) > limit:
        rows = rows[:limit]
        last = rows[-1]
        more = ActivityPlace(getattr(last, order) if order != "cost" else last.cost or 0, last.id)
    return ActivityPage(rows, more)


def activity(
    engine: Engine, project: str, who: Who, name: str, *, after: Place | None, limit: int
) -> ActivityCalls | None:
    """One session or user: what it did in all, and the newest of its rows of the trace list, from a place on.

    Args:
        engine: The store.
        project: Whose.
        who: Which of the two.
        name: The session, or user.
        after: The place to go on from: rows that are older follow.
        limit: How many rows at most.
    """
    values: Values = {"project": project, "name": name}
    with engine.snapshot() as read:
        days = _days(read, project, who, name)
        pending = [day for (day,) in read(sql("SELECT day FROM pending_days ORDER BY day"), {})]
        parts = [*days, *_of_days(read, who, pending, values)]
        if not parts:
            return None
        seen = [*(day for day, *_ in days), *pending]
        window = Window(project=project, from_=min(seen), to=max(seen) + DAY)
        is_it = Filter(column=who, operator="eq", value=name)
        chosen = _chosen(read, _narrowed(window, days, after, limit + 1), is_it, after=after, limit=limit + 1)
        more = len(chosen) > limit
        chosen = chosen[:limit]
        rows = fetch(read, project, [row[2] for row in chosen], [row[0] for row in chosen])
    place = Place(chosen[-1][0], chosen[-1][1]) if more else None
    return ActivityCalls(_activity((name, *_whole(parts))), rows[::-1], place)


def _united(parts: Sequence[exp.Select]) -> exp.Subquery:
    united: exp.Query = parts[0]
    for part in parts[1:]:
        united = exp.union(united, part, distinct=False, copy=False)
    return united.subquery("parts", copy=False)


def _direct(who: Who) -> exp.Select:
    query = sql(fill_activity(who))
    query.set("where", exp.Where(this=exp.not_(exp.Is(this=column(who), expression=exp.null()))))
    return query


def _parts(read: Read, window: Window, who: Who, values: Values) -> list[exp.Select]:
    """Rows of activity of the window: of whole days as they are summed up, of the rest from spans."""
    ((oldest, newest),) = read(sql("SELECT min(started), max(started) FROM spans"), {})
    if oldest is None:
        return []
    low = oldest if window.from_ is None else max(window.from_, oldest)
    high = newest + 1 if window.to is None else min(window.to, newest + 1)
    # Of a day before which, or after which, there is nothing, the window has all.
    first = low // DAY * DAY if low == oldest else -(-low // DAY) * DAY
    last = -(-high // DAY) * DAY if high == newest + 1 else high // DAY * DAY
    if first >= last:
        return [_piece(who, low, high, values)] if low < high else []
    pending = read(sql("SELECT day FROM pending_days WHERE day >= $first AND day < $last ORDER BY day"),
                   {"first": first, "last": last})  # fmt: skip
    edges = [(low, first), *((day, day + DAY) for (day,) in pending), (last, high)]
    parts = [_piece(who, begin, end, values) for begin, end in edges if begin < end]
    rolled = exp.select("*").from_(ACTIVITIES[who]).where("project = $project", dialect="duckdb", copy=False)
    rolled = rolled.where(
        exp.GTE(this=column("day"), expression=bind(values, first)),
        exp.LT(this=column("day"), expression=bind(values, last)),
        copy=False,
    )
    return [*parts, rolled]


def _piece(who: Who, low: int, high: int, values: Values) -> exp.Select:
    return _direct(who).where(
        exp.EQ(this=column("project"), expression=exp.Placeholder(this="project")),
        exp.GTE(this=column("started"), expression=bind(values, low)),
        exp.LT(this=column("started"), expression=bind(values, high)),
        copy=False,
    )


def _fitting(window: Window, who: Who, where: Node, values: Values) -> exp.Subquery:
    held = within(window, values)
    query = with_totals(exp.select(column(who)).from_("spans"), needed=needs_totals(where), time=held)
    query = query.where(*held, ROW, compiled(where, values, scope="row"))
    return query.subquery(copy=False)


def _after(place: ActivityPlace, order: ActivityOrder, values: Values) -> exp.Expr:
    sums = {"last": "max(last)", "first": "min(first)", "calls": "sum(rows)"}
    value = parsed(sums.get(order, f"sum({order})"))
    at = bind(values, place.value)
    later = exp.GT(this=column("who"), expression=bind(values, place.who))
    same = exp.and_(exp.EQ(this=value.copy(), expression=at.copy()), later)
    return exp.paren(exp.or_(exp.LT(this=value, expression=at), same))


def _narrowed(window: Window, days: Rows, after: Place | None, wanted: int) -> Window:
    """The part of a closed window that holds the newest rows from a place on, as many as are wanted.

    Of one that did much, these lie in a few of the days that are summed up.
    """
    end = window.to or 0
    if after is not None:
        end = min(end, after.started)
        window = msgspec.structs.replace(window, to=min(window.to or 0, after.started + 1))
    left = wanted
    for day, _, _, _, rows, *_ in sorted(days, reverse=True):
        # How many rows of the place's own day come before it is not known: none are counted on.
        if day + DAY <= end:
            left -= rows
        if left <= 0:
            return msgspec.structs.replace(window, from_=day)
    return window


def _chosen(read: Read, window: Window, where: Node, *, after: Place | None, limit: int) -> Rows:
    """`(started, span_id, place in storage, …)` of the newest rows of a closed window that fit, from a place on."""
    form = Form("started", True, "row", begins=True, ends=True, after=None if after is None else True, beyond=False)
    query, own = rows_of(Question(where), form)
    given: Values = {"project": window.project, "from": window.from_, "to": window.to, "limit": limit}
    if after is not None:
        given |= {"at_started": after.started, "at_span": after.span}
    return read(query, own | given)


def _days(read: Read, project: str, who: Who, name: str) -> Rows:
    """Days that are summed up on which it did anything, with what it did on each: `day` and `_DONE`.

    A day that has changed since may be one that holds more, or fewer: it is left out.
    """
    query = sql(f"SELECT day, {_DONE} FROM {ACTIVITIES[who]} WHERE project = $project AND who = $who")  # noqa: S608 - constants; values are bound
    query = query.where("day NOT IN (SELECT day FROM pending_days)", dialect="duckdb")
    return read(query, {"project": project, "who": name})


def _of_days(read: Read, who: Who, days: Sequence[int], values: Values) -> Rows:
    """The same of days that are not summed up, all as one."""
    if not days:
        return []
    values = dict(values)
    parts = [_piece(who, day, day + DAY, values) for day in days]
    query = exp.select("min(day)", *_SUMS).from_(_united(parts), copy=False).where("who = $name", dialect="duckdb")
    return read(query.group_by("who"), values)


def _whole(parts: Rows) -> tuple[object, ...]:
    """What was done in all: the newest of `other`, the first and the last moment, and sums."""
    _, others, firsts, lasts, *amounts = zip(*parts, strict=True)
    known = [(last, other) for last, other in zip(lasts, others, strict=True) if other is not None]
    newest = max(known)[1] if known else None
    return newest, min(firsts), max(lasts), *map(sum, amounts)


def _activity(row: Sequence[object]) -> Activity:
    who, other, first, last, calls, errors, spans, tokens, cost, known, unknown = row
    return msgspec.convert(
        {
            "id": who,
            "other": other,
            "first": first,
            "last": last,
            "calls": calls,
            "errors": errors,
            "spans": spans,
            "tokens": tokens,
            "cost": known_cost(int(str(cost)), known=int(str(known)), unknown=int(str(unknown))),
            "cost_unknown": unknown,
        },
        Activity,
    )
