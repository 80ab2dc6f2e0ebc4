"""Any metric of any spans by anything: from the hours that are summed up where these tell it, else from the spans."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlglot import exp

from penstock.store.spans.conditions import compiled
from penstock.store.spans.engine import Engine, Read
from penstock.store.spans.expressions import HOUR, TOKENS, Values, bind, bucket, column
from penstock.store.spans.filters import form_of
from penstock.store.spans.metrics import MetricPoint, MetricQuery, MetricResult, MetricSeries
from penstock.store.spans.queries.cells import Ranges, ranges_of
from penstock.store.spans.queries.cube import Family, family_of
from penstock.store.spans.queries.overview import Histogram
from penstock.store.spans.queries.populations import (
    check,
    columns_of,
    field_of,
    grouped_by,
    source_of,
    unit_of,
)
from penstock.store.spans.queries.window import Window

__all__ = ["measure"]

MOST_GROUPS = 100
_SECOND = 1_000_000
_NONE = "\x00"
"""Stands for a missing label where labels are compared."""
_BETWEEN = "\x1f"

_BOUNDS = (("from", "to"), ("since", "until"))
"""Names of the window's bounds; a score may be of a span of another time, so that of spans none are said."""

Labels = tuple[str | None, ...]
_Key = tuple[Labels, int]


class _Cell(msgspec.Struct):
    """Of one group and step: how many there are, and what their values come to."""

    count: int = 0
    values: int = 0
    """How many have a value; for a share, how many of which it holds."""
    total: float = 0
    low: float | None = None
    high: float | None = None
    exact: float | None = None
    """What only the engine can tell: a number of distinct values, a percentile of small numbers."""
    histogram: Histogram | None = None

    def add(self, other: "_Cell") -> None:
        self.count += other.count
        self.values += other.values
        self.total += other.total
        self.low = min((each for each in (self.low, other.low) if each is not None), default=None)
        self.high = max((each for each in (self.high, other.high) if each is not None), default=None)
        if other.histogram is not None:
            self.histogram = self.histogram or Histogram()
            self.histogram.include(other.histogram)


class _Plan(NamedTuple):
    """How a question is answered."""

    query: MetricQuery
    columns: set[str]
    kind: str
    """`additive`, `bounds`, `histogram` or `exact`."""
    family: Family | None


def measure(engine: Engine, query: MetricQuery) -> MetricResult:
    """The answer to a question.

    Raises:
        InvalidInput: the question cannot be asked (`invalid_metric`).
    """
    check(
        population=query.population,
        aggregation=query.aggregation,
        field=query.field,
        of=query.of,
        group_by=query.group_by,
    )
    plan = _plan(query)
    with engine.snapshot() as read:
        asked = _Asked(read, plan)
        groups, chosen = asked.groups() if query.group_by else (1, [()])
        cells = asked.cells(chosen if groups > len(chosen) else None)
        totals = asked.totals(cells, chosen if groups > len(chosen) else None)
    return MetricResult(
        step=query.step,
        unit=unit_of(query.aggregation, query.field),
        series=[_series(query, labels, cells, totals.get(labels, _Cell())) for labels in chosen],
        groups=groups,
    )


def _plan(query: MetricQuery) -> _Plan:
    columns = columns_of(query.where, query.of, fields=(query.field, *query.group_by))
    kind = _kind(query)
    family = None
    dimensions = columns_of(query.where, query.of, fields=query.group_by)
    if query.population != "scores" and (query.step is None or query.step % HOUR == 0):
        if kind == "histogram" and query.field in {"duration", "ttft"}:
            family = family_of(dimensions, histogram=True)
        elif kind == "additive" and (query.field is None or _is_summed(query.field)):
            family = family_of(dimensions, histogram=False)
    return _Plan(query, columns, kind, family)


def _kind(query: MetricQuery) -> str:
    if query.aggregation in {"min", "max"}:
        return "bounds"
    if query.aggregation == "distinct":
        return "exact"
    if not query.aggregation.startswith("p"):
        return "additive"
    whole = query.field is not None and form_of(query.field) == "integer"
    return "histogram" if whole else "exact"


def _is_summed(field: str) -> bool:
    return field in {"duration", "ttft", "cost", "saved"} or field.startswith("usage_")


class _Asked:
    """One question in one snapshot of the store."""

    def __init__(self, read: Read, plan: _Plan) -> None:
        self._read = read
        self._plan = plan
        query = plan.query
        window = Window(project=query.project, from_=query.from_, to=query.to)
        whole = Ranges(((query.from_, query.to),) if query.from_ < query.to else ())
        self._ranges = whole if plan.family is None else ranges_of(read, window, step=query.step or HOUR)

    def groups(self) -> tuple[int, list[Labels]]:
        """How many groups there are, and those with the most of the population, the largest first."""
        values, parts = self._parts(by_time=False, counted=True, chosen=None)
        if not parts:
            return 0, []
        names = self._labels()
        sums = exp.select(*names, "CAST(sum(n) AS BIGINT) AS n").from_(_united(parts)).group_by(*names).subquery("sums")
        top = max(1, min(self._plan.query.top, MOST_GROUPS))
        ordered = [exp.Ordered(this=column(name), nulls_first=False) for name in names]
        query = (
            exp.select(*names, "count(*) OVER ()").from_(sums).where("n > 0").order_by("n DESC", *ordered).limit(top)
        )
        rows = self._read(query, values)
        return (rows[0][-1] if rows else 0), [tuple(row[:-1]) for row in rows]

    def cells(self, chosen: Sequence[Labels] | None) -> dict[_Key, _Cell]:
        """What each group comes to in each step; of these groups only when given."""
        return self._asked(by_time=self._plan.query.step is not None, chosen=chosen)

    def totals(self, cells: Mapping[_Key, _Cell], chosen: Sequence[Labels] | None) -> dict[Labels, _Cell]:
        """What each group comes to in the whole window."""
        if self._plan.kind == "exact" and self._plan.query.step is not None:
            return {labels: cell for (labels, _), cell in self._asked(by_time=False, chosen=chosen).items()}
        totals: dict[Labels, _Cell] = {}
        for (labels, _), cell in cells.items():
            if labels in totals:
                totals[labels].add(cell)
            else:
                totals[labels] = _Cell()
                totals[labels].add(cell)
                totals[labels].exact = cell.exact
        return totals

    def _asked(self, *, by_time: bool, chosen: Sequence[Labels] | None) -> dict[_Key, _Cell]:
        values, parts = self._parts(by_time=by_time, counted=False, chosen=chosen)
        if not parts:
            return {}
        keys = [*self._labels(), "t"]
        merged = {
            "additive": ["CAST(sum(n) AS BIGINT)", "CAST(sum(c) AS BIGINT)", "sum(s)"],
            "bounds": ["CAST(sum(n) AS BIGINT)", "CAST(sum(c) AS BIGINT)", "min(low)", "max(high)"],
            "histogram": ["bucket", "CAST(sum(n) AS BIGINT)"],
            "exact": ["CAST(sum(n) AS BIGINT)", "CAST(sum(c) AS BIGINT)", "max(exact)"],
        }[self._plan.kind]
        groups = [*keys, "bucket"] if self._plan.kind == "histogram" else keys
        rows = self._read(exp.select(*keys, *merged).from_(_united(parts)).group_by(*groups), values)
        return self._read_cells(rows, len(keys))

    def _read_cells(self, rows: Iterable[Sequence[Any]], keys: int) -> dict[_Key, _Cell]:
        found: defaultdict[_Key, _Cell] = defaultdict(_Cell)
        kind = self._plan.kind
        for row in rows:
            cell = found[tuple(row[: keys - 1]), row[keys - 1]]
            rest = row[keys:]
            if kind == "histogram":
                at, count = rest
                cell.count += count
                cell.histogram = cell.histogram or Histogram()
                if at is not None:
                    cell.histogram.add(at, count)
                continue
            cell.count, cell.values = rest[0], rest[1] or 0
            if kind == "additive":
                cell.total = float(rest[2]) if rest[2] is not None else 0
            elif kind == "bounds":
                cell.low, cell.high = rest[2], rest[3]
            else:
                cell.exact = rest[2]
        return found

    def _labels(self) -> list[str]:
        return [f"g{number}" for number in range(len(self._plan.query.group_by))]

    def _parts(
        self, *, by_time: bool, counted: bool, chosen: Sequence[Labels] | None
    ) -> tuple[Values, list[exp.Select]]:
        """A query for each piece of the window, all with the columns that `_asked` merges; and their values."""
        query = self._plan.query
        values: Values = {"project": query.project}
        values |= dict(zip(_BOUNDS[query.population == "scores"], (query.from_, query.to), strict=True))
        parts = [
            self._part(values, low, high, rolled=False, by_time=by_time, counted=counted, chosen=chosen)
            for low, high in self._ranges.spans
        ]
        if self._ranges.rolled is not None:
            low, high = self._ranges.rolled
            parts.append(self._part(values, low, high, rolled=True, by_time=by_time, counted=counted, chosen=chosen))
        return values, parts

    def _part(
        self,
        values: Values,
        low: int,
        high: int,
        *,
        rolled: bool,
        by_time: bool,
        counted: bool,
        chosen: Sequence[Labels] | None,
    ) -> exp.Select:
        query, family = self._plan.query, self._plan.family
        if rolled and family is not None:
            part, scope, time = _rolled(query, family, values), "span", "hour"
        else:
            part, scope = source_of(
                query.population, query.where, values, columns=self._plan.columns, field=query.field
            )
            time = "started"
        part = part.where(
            exp.GTE(this=column(time), expression=bind(values, low)),
            exp.LT(this=column(time), expression=bind(values, high)),
        )
        labels = grouped_by(query.group_by, values, scope=scope)
        if chosen is not None:
            values.setdefault("chosen", [_joined(each) for each in chosen])
            part = part.where(exp.In(this=_join(labels), query=exp.select("unnest($chosen)").subquery()))
        at: exp.Expr = bind(values, query.from_)
        if by_time and query.step is not None:
            step = bind(values, query.step)
            at = exp.Mul(this=exp.IntDiv(this=column(time), expression=step), expression=step.copy())
        keys = [exp.alias_(label, name) for label, name in zip(labels, self._labels(), strict=True)]
        keys.append(exp.alias_(at, "t"))
        amounts = self._amounts(values, scope, rolled=rolled and family is not None, counted=counted)
        groups = [each.alias for each in keys if each.alias != "t" or by_time]
        groups += ["bucket"] if self._plan.kind == "histogram" and not counted else []
        part = part.select(*keys, *amounts, append=False)
        return part.group_by(*groups) if groups else part

    def _amounts(self, values: Values, scope: Any, *, rolled: bool, counted: bool) -> list[exp.Expr]:
        query, kind = self._plan.query, self._plan.kind
        number = "sum(spans)" if rolled else "count(*)"
        n: exp.Expr = exp.maybe_parse(f"{number} AS n", dialect="duckdb")
        if counted:
            return [n]
        if kind == "histogram":
            if rolled:
                return [exp.maybe_parse("bucket"), n]
            place = field_of(query.field or "", query.population, values, scope=scope)
            return [exp.alias_(exp.maybe_parse(bucket(place.sql("duckdb")), dialect="duckdb"), "bucket"), n]
        if query.aggregation == "share" and query.of is not None:
            holds = compiled(query.of, values, scope=scope)
            if rolled:
                held: exp.Expr = exp.func("sum", exp.Case().when(holds, column("spans")).else_(exp.Literal.number(0)))
            else:
                held = exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=holds))
            return [n, exp.alias_(held, "c"), exp.alias_(exp.Literal.number(0), "s")]
        if query.field is None:
            return [n, exp.alias_(exp.Literal.number(0), "c"), exp.alias_(exp.Literal.number(0), "s")]
        if rolled:
            return [n, *_rolled_sums(query.field)]
        place = (
            grouped_by((query.field,), values, scope=scope)[0]
            if query.aggregation == "distinct"
            else field_of(query.field, query.population, values, scope=scope)
        )
        return [n, exp.alias_(exp.Count(this=place.copy()), "c"), *self._of_field(place, kind)]

    def _of_field(self, place: exp.Expr, kind: str) -> list[exp.Expr]:
        if kind == "additive":
            return [exp.alias_(exp.func("sum", place), "s")]
        if kind == "bounds":
            return [exp.alias_(exp.func("min", place), "low"), exp.alias_(exp.func("max", place.copy()), "high")]
        aggregation = self._plan.query.aggregation
        if aggregation == "distinct":
            return [exp.alias_(exp.Count(this=exp.Distinct(expressions=[place])), "exact")]
        share = exp.Literal.number(int(aggregation[1:]) / 100)
        return [exp.alias_(exp.func("quantile_disc", place, share), "exact")]


def _rolled(query: MetricQuery, family: Family, values: Values) -> exp.Select:
    """The population in the rows of a family."""
    listed = {"traces": "listed", "calls": '"call" AND listed', "model_calls": "asked", "spans": "TRUE"}[
        query.population
    ]
    part = exp.select("1").from_(family.table).where(listed, dialect="duckdb")
    if family.histogram:
        part = part.where(exp.EQ(this=column("measure"), expression=bind(values, query.field)))
    elif query.population in {"model_calls", "spans"}:
        part = part.where("NOT listed")
    part = part.where(exp.EQ(this=column("project"), expression=exp.Placeholder(this="project")))
    return part if query.where is None else part.where(compiled(query.where, values))


def _rolled_sums(field: str) -> list[exp.Expr]:
    name = TOKENS if field == "usage_total" else field
    count = f"{field}_count" if field in {"ttft", "cost", "saved"} else "spans"
    return [exp.maybe_parse(f"sum({count}) AS c"), exp.maybe_parse(f"sum({name}) AS s")]


def _united(parts: Sequence[exp.Select]) -> exp.Subquery:
    united: exp.Query = parts[0]
    for part in parts[1:]:
        united = exp.union(united, part, distinct=False)
    return united.subquery("parts")


def _joined(labels: Labels) -> str:
    return _BETWEEN.join(_NONE if label is None else label for label in labels)


def _join(labels: Sequence[exp.Expr]) -> exp.Expr:
    """The labels as one text, a missing one marked."""
    marked = [exp.func("coalesce", label.copy(), exp.func("chr", exp.Literal.number(0))) for label in labels]
    if len(marked) == 1:
        return marked[0]
    return exp.DPipe(
        this=exp.DPipe(this=marked[0], expression=exp.func("chr", exp.Literal.number(31))), expression=marked[1]
    )


def _series(query: MetricQuery, labels: Labels, cells: Mapping[_Key, _Cell], total: _Cell) -> MetricSeries:
    seconds = (query.to - query.from_) / _SECOND
    points: list[MetricPoint] = []
    if query.step is not None:
        for t in range(query.from_ // query.step * query.step, query.to, query.step):
            part = min(t + query.step, query.to) - max(t, query.from_)
            points.append(_point(query, t, cells.get((labels, t), _Cell()), part / _SECOND))
    return MetricSeries(labels=labels, total=_point(query, query.from_, total, seconds), points=points)


def _point(query: MetricQuery, t: int, cell: _Cell, seconds: float) -> MetricPoint:
    return MetricPoint(t=t, value=_value(query, cell, seconds), count=cell.count)


def _value(query: MetricQuery, cell: _Cell, seconds: float) -> float | None:
    match query.aggregation:
        case "count":
            return float(cell.count)
        case "rate":
            return cell.count / seconds if seconds else None
        case "share":
            return cell.values / cell.count if cell.count else None
        case "distinct":
            return float(cell.exact or 0)
        case "sum":
            return cell.total if cell.values else None
        case "avg":
            return cell.total / cell.values if cell.values else None
        case "min":
            return None if cell.low is None else float(cell.low)
        case "max":
            return None if cell.high is None else float(cell.high)
        case _:
            if cell.histogram is None:
                return None if cell.exact is None else float(cell.exact)
            found = cell.histogram.percentile(int(query.aggregation[1:]) / 100)
            return None if found is None else float(found)
