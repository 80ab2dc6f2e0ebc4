"""Who spent what: money by counter of a budget, its course, who is behind it, peaks of rates, and savings.

Budgets count in whole hours of the calendar, so what the rollup holds is read from there; the hours after the
oldest pending one are read from spans. End users and tags are not in the rollup. Budgets are of what goes through the
gateway: what applications report of calls elsewhere costs money too, and counts towards none.

A call belongs to the window in which it started, with all its attempts, so attempts of calls that began before
the window are taken off again. Windows are meant that are not over: attempts after the end are not looked for.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Literal, NamedTuple

import msgspec
from sqlglot import exp

from penstock.store.spans.engine import Engine, Prepared, Read, prepare
from penstock.store.spans.expressions import HOUR, MODEL, MODEL_SPAN, TOKENS, Values, sql
from penstock.wire.limits import Level

__all__ = [
    "Area",
    "Peak",
    "PeakOf",
    "Saved",
    "SavedRow",
    "SpendRow",
    "Spending",
    "Top",
    "TopOf",
    "peak",
    "recorded",
    "saved",
    "spenders",
    "spending",
]

DAY = 24 * HOUR
TOP = 10
TopOf = Literal["project", "key", "model", "route", "user"]
PeakOf = Literal["requests", "tokens", "parallel"]

_WHO: dict[Level, str] = {
    "organisation": "''",
    "project": "project",
    "key": '"key"',
    "user": '"user"',
    "tag": "tags[$tag]",
}
_ROLLED = frozenset[Level]({"organisation", "project", "key"})
"""Levels of which the rollup tells."""
_OURS = "source = 'gateway'"
_LABELS: dict[TopOf, str] = {
    "project": "project",
    "key": '"key"',
    "model": MODEL,
    "route": "route",
    "user": '"user"',
}
_NOT_ADMITTED = "('rate_limited', 'parallel_limited', 'budget_exceeded', 'limits_unavailable')"


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a limit counts, and when."""

    level: Level
    match: tuple[str, ...] = ()
    """Project ids, key ids, hashes of users, or values of the tag; empty: each by itself."""
    tag: str = ""
    """Name of the tag."""
    project: str | None = None
    """Only its calls; None: all projects'."""
    from_: int
    """Microseconds since the epoch, inclusive."""
    to: int
    """Exclusive."""


class SpendRow(msgspec.Struct, frozen=True, kw_only=True):
    who: str
    """Project id, key id, hash of a user, or value of the tag; empty for the organisation."""
    spent: int
    """Nano-dollars."""
    unknown: int
    """Requests to a model whose cost is unknown."""


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """What an area spent, and the course of those who spent most."""

    spent: int
    counters: int
    """How many spent anything."""
    rows: list[SpendRow]
    """The largest first."""
    series: dict[str, dict[int, int]]
    """Of each row, nano-dollars by start of the step."""
    history: dict[str, dict[int, int]]
    """Of each row, nano-dollars by hour, over the time before the window too."""


class Top(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    cost: int
    calls: int


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    who: str
    amount: int
    at: int
    """Start of the step."""


class SavedRow(msgspec.Struct, frozen=True, kw_only=True):
    t: int
    route: str
    hits: int
    joined: int
    misses: int
    saved: int
    unknown: int


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[SavedRow]
    """One for each step and route."""


def spending(engine: Engine, area: Area, *, step: int, most: int, history: int) -> Spending:
    """What an area spent.

    Args:
        engine: The store.
        area: Begins with an hour.
        step: Microseconds of a step of the series.
        most: Rows at most.
        history: Where the history begins, microseconds since the epoch; it ends with the area.
    """
    with engine.snapshot() as read:
        late = _late(read, area)
        rows = _rows(read, area, most)
        chosen = [row[0] for row in rows]
        series = _by_time(_course(read, area, chosen, step=step))
        before = msgspec.structs.replace(area, from_=history - history % HOUR)
        past = _by_time(_course(read, before, chosen, step=HOUR))
    off: defaultdict[str, int] = defaultdict(int)
    for who, started, cost in late:
        off[who] += cost
        if who in series:
            series[who][started // step * step] -= cost
    found = [SpendRow(who=who, spent=spent - off[who], unknown=unknown) for who, spent, unknown, _, _ in rows]
    total, counters = (rows[0][3], rows[0][4]) if rows else (0, 0)
    return Spending(
        spent=total - sum(off.values()),
        counters=counters,
        rows=found,
        series={who: dict(series[who]) for who in chosen},
        history={who: dict(past[who]) for who in chosen},
    )


def recorded(
    engine: Engine, areas: Sequence[Area], *, segments: Sequence[str]
) -> tuple[list[dict[str, int]], set[str]]:
    """What each area spent, by whom, straight from the spans; and which of these segments are in the store.

    All of it as of one moment.
    """
    found: list[dict[str, int]] = []
    with engine.snapshot() as read:
        stored = read(sql("SELECT name FROM segments WHERE list_contains($names, name)"), {"names": list(segments)})
        for area in areas:
            query = sql(f"SELECT {_WHO[area.level]} AS who, CAST(sum(cost) AS BIGINT) FROM spans")  # noqa: S608 - constants; values are bound
            costs: dict[str, int] = dict(read(_of(query, _Shape.of(area)).group_by("who"), _values(area)))
            for who, _, cost in _late(read, area):
                costs[who] = (costs.get(who) or 0) - cost
            found.append({who: cost for who, cost in costs.items() if cost})
    return found, {name for (name,) in stored}


def spenders(engine: Engine, area: Area, kinds: Sequence[TopOf]) -> dict[TopOf, list[Top]]:
    """Who spent most in the area, by each of these."""
    found: dict[TopOf, list[Top]] = {}
    with engine.snapshot() as read:
        for kind in kinds:
            counted = MODEL_SPAN if kind == "model" else '"call"'
            query = sql(
                f"""
                SELECT {_LABELS[kind]} AS label, CAST(coalesce(sum(cost), 0) AS BIGINT) AS spent,
                    count(*) FILTER (WHERE {counted}) AS calls
                FROM spans
                WHERE {_LABELS[kind]} IS NOT NULL
                GROUP BY label HAVING coalesce(sum(cost), 0) > 0
                ORDER BY spent DESC, label LIMIT {TOP}
                """  # noqa: S608 - constants; values are bound
            )
            rows = read(_of(query, _Shape.of(area)), _values(area))
            found[kind] = [Top(id=label, cost=cost, calls=calls) for label, cost, calls in rows]
    return found


def peak(engine: Engine, area: Area, what: PeakOf, *, step: int) -> Peak | None:
    """The most that one counter had in one step (of parallel calls: at one moment). Refused calls do not count."""
    admitted = f"(error_type IS NULL OR error_type NOT IN {_NOT_ADMITTED})"
    who = _WHO[area.level]
    if what == "parallel":
        inner = sql(
            f"""
            SELECT {who} AS who, started AS begun, started + duration AS ended FROM spans WHERE "call" AND {admitted}
            """  # noqa: S608 - constants; values are bound
        )
    else:
        amount, kept = ("1", f'"call" AND {admitted}') if what == "requests" else (TOKENS, "TRUE")
        inner = sql(
            f"""
            SELECT {who} AS who, started // $step * $step AS at, CAST(sum({amount}) AS BIGINT) AS amount
            FROM spans WHERE {kept} GROUP BY who, at
            """  # noqa: S608 - as above
        )
    source = _of(inner, _Shape.of(area)).subquery("steps")
    if what == "parallel":
        source = _overlaps(source).subquery("steps")
    query = exp.select("who", "at", "amount").from_(source).where("amount > 0").order_by("amount DESC", "at").limit(1)
    rows = engine.read(query, _values(area) | {"step": step})
    return Peak(who=rows[0][0], at=rows[0][1], amount=int(rows[0][2])) if rows else None


def saved(engine: Engine, project: str, from_: int, to: int, *, step: int) -> Saved:
    """What the gateway's cache answered, by step and route."""
    query = sql(
        """
        SELECT started // $step * $step AS t, coalesce(route, '') AS route,
            count(*) FILTER (WHERE cache = 'hit'), count(*) FILTER (WHERE cache = 'joined'),
            count(*) FILTER (WHERE cache = 'miss'),
            CAST(coalesce(sum(saved) FILTER (WHERE cache IN ('hit', 'joined')), 0) AS BIGINT),
            count(*) FILTER (WHERE cache IN ('hit', 'joined') AND saved IS NULL)
        FROM spans
        WHERE project = $project AND started >= $from AND started < $to AND "call" AND cache IS NOT NULL
        GROUP BY t, coalesce(route, '')
        """
    )
    rows = engine.read(query, {"project": project, "from": from_, "to": to, "step": step})
    return Saved(
        rows=[
            SavedRow(t=t, route=route, hits=hits, joined=joined, misses=misses, saved=nano, unknown=unknown)
            for t, route, hits, joined, misses, nano, unknown in rows
        ]
    )


class _Shape(NamedTuple):
    """What of an area shapes a query; the rest are values."""

    level: Level
    project: bool
    match: bool

    @classmethod
    def of(cls, area: Area) -> "_Shape":
        return cls(area.level, area.project is not None, bool(area.match))

    def conditions(self, who: str, *, table: str = "") -> list[str]:
        conditions = [f"{table}project = $project"] if self.project else []
        if self.level != "organisation":
            conditions.append(f"{who} IS NOT NULL")
        if self.match:
            conditions.append(f"{who} IN (SELECT unnest($match))")
        return conditions


def _values(area: Area) -> Values:
    return {"from": area.from_, "to": area.to, "project": area.project, "tag": area.tag, "match": list(area.match)}


def _of(query: exp.Select, shape: _Shape) -> exp.Select:
    """A query over spans, held to an area."""
    return query.where(
        _OURS, "started >= $from", "started < $to", *shape.conditions(_WHO[shape.level]), dialect="duckdb"
    )


def _late(read: Read, area: Area) -> list[tuple[str, int, int]]:
    """Attempts in the area of calls that began before it: whose, when, nano-dollars."""
    return [(row[0], row[1], row[2]) for row in read(_late_query(_Shape.of(area)), _values(area) | {"day": DAY})]


@cache
def _late_query(shape: _Shape) -> Prepared:
    who = "''" if shape.level == "organisation" else f"c.{_WHO[shape.level]}"
    query = sql(
        f"""
        SELECT {who}, c.started, c.cost
        FROM spans AS c JOIN spans AS p ON p.trace_id = c.trace_id AND p.span_id = c.parent_id
        WHERE c.{_OURS} AND p.{_OURS}
            AND NOT c."call" AND c.cost <> 0 AND c.started >= $from AND c.started < $to AND c.started < $from + $day
            AND p."call" AND p.started >= $from - $day AND p.started < $from AND p.started + p.duration >= $from
        """  # noqa: S608 - constants; values are bound
    )
    return prepare(query.where(*shape.conditions(who, table="c."), dialect="duckdb"))


def _split(read: Read, area: Area, step: int) -> int:
    """Up to which moment the rollup tells what the area spent."""
    if area.level not in _ROLLED or step % HOUR:
        return area.from_
    query = sql("SELECT min(hour) FROM pending_hours WHERE hour >= $from AND hour < $to")
    ((pending,),) = read(query, {"from": area.from_, "to": area.to})
    last = area.to - area.to % HOUR
    return last if pending is None else min(last, pending)


def _cells(shape: _Shape, *, rolled: bool) -> exp.Subquery:
    """Rows of `(who, t, cost, unknown)`: from the rollup up to `$split`, then from spans."""
    direct = sql(
        f"""
        SELECT {_WHO[shape.level]} AS who, started // $step * $step AS t, coalesce(sum(cost), 0) AS cost,
            count(*) FILTER (WHERE {MODEL_SPAN} AND cost IS NULL) AS unknown
        FROM spans WHERE started >= $split GROUP BY who, t
        """  # noqa: S608 - constants; values are bound
    )
    direct = _of(direct, shape)
    if not rolled:
        return direct.subquery("cells")
    kept = sql(
        f"""
        SELECT {_WHO[shape.level]} AS who, hour // $step * $step AS t, coalesce(cost, 0) AS cost,
            CASE WHEN {MODEL_SPAN} THEN spans - cost_count ELSE 0 END AS unknown
        FROM cube_keys WHERE NOT listed AND {_OURS} AND hour >= $from AND hour < $split
        """  # noqa: S608 - constants; values are bound
    ).where(*shape.conditions(_WHO[shape.level]), dialect="duckdb")
    return exp.union(kept, direct, distinct=False).subquery("cells")


def _rows(read: Read, area: Area, most: int) -> list[tuple[str, int, int, int, int]]:
    """`(who, spent, unknown, spent by all, how many)` of those who spent most."""
    split = _split(read, area, HOUR)
    query = _rows_query(_Shape.of(area), rolled=split > area.from_)
    rows = read(query, _values(area) | {"most": most, "step": HOUR, "split": split})
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


@cache
def _rows_query(shape: _Shape, *, rolled: bool) -> Prepared:
    sums = (
        exp.select("who", "CAST(sum(cost) AS BIGINT) AS spent", "CAST(sum(unknown) AS BIGINT) AS unknown")
        .from_(_cells(shape, rolled=rolled))
        .group_by("who")
        .having("sum(cost) > 0 OR sum(unknown) > 0")
    )
    return prepare(
        exp.select("who", "spent", "unknown", "CAST(sum(spent) OVER () AS BIGINT)", "count(*) OVER ()")
        .from_(sums.subquery("sums"))
        .order_by("spent DESC", "who")
        .limit(exp.Placeholder(this="most"))
    )


def _course(read: Read, area: Area, chosen: Sequence[str], *, step: int) -> list[tuple[str, int, int]]:
    """`(who, start of the step, cost)` of these."""
    if not chosen:
        return []
    narrowed = area if area.level == "organisation" else msgspec.structs.replace(area, match=tuple(chosen))
    split = _split(read, narrowed, step)
    query = _course_query(_Shape.of(narrowed), rolled=split > narrowed.from_)
    return [(row[0], row[1], row[2]) for row in read(query, _values(narrowed) | {"step": step, "split": split})]


@cache
def _course_query(shape: _Shape, *, rolled: bool) -> Prepared:
    query = exp.select("who", "t", "CAST(sum(cost) AS BIGINT)").from_(_cells(shape, rolled=rolled))
    return prepare(query.group_by("who", "t"))


def _by_time(rows: Sequence[tuple[str, int, int]]) -> defaultdict[str, defaultdict[int, int]]:
    found: defaultdict[str, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for who, t, cost in rows:
        found[who][t] += cost
    return found


def _overlaps(calls: exp.Subquery) -> exp.Select:
    """How many calls were in flight at each start of one."""
    edges = exp.union(
        exp.select("who", "begun AS at", "1 AS change").from_(calls),
        exp.select("who", "ended AS at", "-1 AS change").from_(calls.copy()),
        distinct=False,
    )
    running = "sum(change) OVER (PARTITION BY who ORDER BY at, change ROWS UNBOUNDED PRECEDING) AS amount"
    return exp.select("who", "at", running).from_(edges.subquery("edges"))
