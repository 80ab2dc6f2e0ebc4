"""Any metric of any spans by anything: from the hours that are summed up where these tell it, else from the spans."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec
from sqlglot import exp

from penstock.store.spans.conditions import compiled
from penstock.store.spans.engine import Engine, Prepared, Question, Read, Rows, prepare
from penstock.store.spans.expressions import Values, bind, bucket, column, parsed
from penstock.store.spans.expressions import measure as bucket_value
from penstock.store.spans.filters import JUDGED, Judged, Scope
from penstock.store.spans.metrics import MetricQuery, MetricResult, Population
from penstock.store.spans.queries.activity import DAY
from penstock.store.spans.queries.cells import Ranges, among, bounds_of, ranges_of
from penstock.store.spans.queries.cube import Family, family_of
from penstock.store.spans.queries.metric_cells import Cell, CellKey, Kind, kind_of, series_of
from penstock.store.spans.queries.metric_samples import estimate
from penstock.store.spans.queries.populations import (
    Labels,
    check,
    columns_of,
    field_of,
    grouped_by,
    label_key,
    label_keys,
    one_of,
    source_of,
    unit_of,
)
from penstock.store.spans.queries.scores import judged_within
from penstock.store.spans.queries.search import Candidates
from penstock.store.spans.queries.texts import look_up
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import Node

__all__ = ["measure", "rolled_population"]

MOST_GROUPS = 100
_BOUNDS = (("from", "to"), ("since", "until"))
"""Names of the window's bounds; a score may be of a span of another time, so that of spans none are said."""

WHOLE = -1
"""Stands for the whole window where the time of a step does."""
_Ask = Literal["counts", "amounts", "largest"]


class _Plan(NamedTuple):
    """How a question is answered."""

    query: MetricQuery
    columns: set[str]
    kind: Kind
    family: Family | None
    counted: Family | None
    """Where groups are counted."""
    few: bool
    """Whether what is grouped by has few values: it is summed up by them."""


def measure(engine: Engine, query: MetricQuery, *, candidates: Candidates | None = None) -> MetricResult:
    """The answer to a question; unless it must be exact, an estimate where very many texts would be looked into.

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
    with engine.snapshot() as read:
        if query.population != "scores":
            window = Window(project=query.project, from_=query.from_, to=query.to)
            where, stretches = look_up(read, window, query.where, candidates)
            texts_stay = where is query.where
            if not query.exact and texts_stay and (estimated := estimate(read, query, stretches)) is not None:
                return estimated
            query = msgspec.structs.replace(query, where=where, exact=True)
        plan = _plan(query)
        asked = _Asked(read, plan)
        added = plan.kind in {"additive", "bounds"}
        if query.group_by and query.population == "scores" and added and plan.few:
            groups, chosen, cells = asked.of_all()
        elif query.group_by and query.step is None and added and plan.family == plan.counted:
            groups, chosen, cells = asked.largest()
        else:
            groups, chosen = asked.groups() if query.group_by else (1, [()])
            cells = asked.cells(chosen if groups > len(chosen) else None)
        totals = asked.totals(cells, chosen if groups > len(chosen) else None)
    return MetricResult(
        step=query.step,
        unit=unit_of(query.aggregation, query.field),
        series=[series_of(query, labels, cells, totals.get(labels, Cell())) for labels in chosen],
        groups=groups,
    )


def _plan(query: MetricQuery) -> _Plan:
    columns = columns_of(query.where, query.of, fields=(query.field, *query.group_by))
    kind = kind_of(query)
    family = None
    length = query.to - query.from_
    dimensions = columns_of(query.where, query.of, fields=query.group_by)
    known = family_of(columns_of(fields=query.group_by), histogram=False)
    few = known is not None and not known.brief
    if query.population == "scores":
        return _Plan(query, columns, kind, None, None, few)
    if kind == "histogram" and query.field in {"duration", "ttft"}:
        family = family_of(dimensions, histogram=True, step=query.step, length=length)
    elif kind == "additive" and (query.field is None or _is_summed(query.field)):
        summed = () if query.field is None else (query.field,)
        family = family_of(dimensions, histogram=False, summed=summed, step=query.step, length=length)
    of_groups = columns_of(query.where, fields=query.group_by)
    return _Plan(query, columns, kind, family, family_of(of_groups, histogram=False, length=length), few)


def _is_summed(field: str) -> bool:
    return field in {"duration", "ttft", "cost", "saved"} or field.startswith("usage_")


class _Asked:
    """One question in one snapshot of the store."""

    def __init__(self, read: Read, plan: _Plan) -> None:
        self._read = read
        self._plan = plan
        query = plan.query
        self._ranges = self._cut(plan.family, query.step or DAY)
        # What stays the same when the question is asked again of another time, or another project.
        same = msgspec.structs.replace(query, project="", from_=0, to=0)
        self._question = Question(same)
        self._judged = JUDGED
        if query.population == "scores":
            self._judged = judged_within(read, query.project, query.from_, query.to)

    def _cut(self, family: Family | None, step: int) -> Ranges:
        query = self._plan.query
        if family is None:
            return Ranges(((query.from_, query.to),) if query.from_ < query.to else ())
        window = Window(project=query.project, from_=query.from_, to=query.to)
        return ranges_of(self._read, window, step=step, family=family)

    def groups(self) -> tuple[int, list[Labels]]:
        """How many groups there are, and those with the most of the population, the largest first."""
        rows = self._rows(by_time=False, ask="counts", chosen=None)
        return (rows[0][-1] if rows else 0), [tuple(row[:-1]) for row in rows]

    def largest(self) -> tuple[int, list[Labels], dict[CellKey, Cell]]:
        """How many groups there are, those with the most of the population, and what these come to; in one query."""
        rows = self._rows(by_time=False, ask="largest", chosen=None)
        labels = len(self._plan.query.group_by)
        cells = self._found([row[:-1] for row in rows])
        return (rows[0][-1] if rows else 0), [tuple(row[:labels]) for row in rows], cells

    def of_all(self) -> tuple[int, list[Labels], dict[CellKey, Cell]]:
        """As `largest`, and in each step. All groups are read: for what is slow to find and has few."""
        cells = self.cells(None)
        sizes: Counter[Labels] = Counter()
        for (labels, _), cell in cells.items():
            sizes[labels] += cell.count
        top = max(1, min(self._plan.query.top, MOST_GROUPS))
        chosen = sorted(sizes, key=lambda labels: (-sizes[labels], [(each is None, each or "") for each in labels]))
        kept = set(chosen[:top])
        return len(sizes), chosen[:top], {key: cell for key, cell in cells.items() if key[0] in kept}

    def cells(self, chosen: Sequence[Labels] | None) -> dict[CellKey, Cell]:
        """What each group comes to in each step; of these groups only when given."""
        return self._cells(by_time=self._plan.query.step is not None, chosen=chosen)

    def totals(self, cells: Mapping[CellKey, Cell], chosen: Sequence[Labels] | None) -> dict[Labels, Cell]:
        """What each group comes to in the whole window."""
        if self._plan.kind == "histogram" and self._plan.query.step is not None:
            return {labels: cells[labels, WHOLE] for labels, at in cells if at == WHOLE}
        if self._plan.kind == "exact" and self._plan.query.step is not None:
            return {labels: cell for (labels, _), cell in self._cells(by_time=False, chosen=chosen).items()}
        totals: dict[Labels, Cell] = {}
        for (labels, _), cell in cells.items():
            if labels not in totals:
                totals[labels] = Cell(exact=cell.exact)
            totals[labels].add(cell)
        return totals

    def _cells(self, *, by_time: bool, chosen: Sequence[Labels] | None) -> dict[CellKey, Cell]:
        return self._found(self._rows(by_time=by_time, ask="amounts", chosen=chosen))

    def _found(self, rows: Rows) -> dict[CellKey, Cell]:
        found: defaultdict[CellKey, Cell] = defaultdict(Cell)
        kind = self._plan.kind
        keys = len(self._plan.query.group_by) + 1
        for row in rows:
            cell = found[tuple(row[: keys - 1]), row[keys - 1]]
            rest = (*row[keys:], 0, 0) if kind == "additive" else row[keys:]
            cell.count, cell.values = rest[0], rest[1] or 0
            if kind == "additive":
                cell.total = float(rest[2] or 0)
            elif kind == "bounds":
                cell.low, cell.high = rest[2], rest[3]
            elif kind == "histogram":
                cell.exact = None if rest[2] is None else bucket_value(rest[2])
            else:
                cell.exact = rest[2]
        return found

    def _rows(self, *, by_time: bool, ask: _Ask, chosen: Sequence[Labels] | None) -> Rows:
        counted = ask == "counts"
        family = self._plan.counted if counted else self._plan.family
        ranges = self._cut(family, DAY) if counted else self._ranges
        pieces, rolled = ranges.spans, ranges.rolled
        if not pieces and rolled is None:
            return []
        form = _Form(len(pieces), None if rolled is None else family, by_time, ask, chosen is not None, self._judged)
        prepared, values = _prepared(self._question, form)
        query = self._plan.query
        low, high = _BOUNDS[query.population == "scores"]
        values = values | {"project": query.project, low: query.from_, high: query.to, "start": query.from_}
        values |= bounds_of("piece", pieces) | bounds_of("kept", [] if rolled is None else [rolled])
        if chosen is not None:
            values["chosen"] = [label_key(each) for each in chosen]
            for number in range(len(query.group_by)):
                # Never empty: an engine could not tell of what.
                values[f"chosen{number}"] = sorted({each[number] or "" for each in chosen})
        return self._read(prepared, values)


class _Form(NamedTuple):
    """What shapes the text of a query beside the question."""

    pieces: int
    family: Family | None
    """Where the rest is read from beside the pieces that are read from spans."""
    by_time: bool
    ask: _Ask
    chosen: bool
    judged: Judged


@lru_cache(maxsize=1024)
def _prepared(question: Question, form: _Form) -> tuple[Prepared, Values]:
    """The query for a question, and the values in it that belong to the question."""
    written = _Written(_plan(question.asked), form)
    written_as = {"counts": written.counts, "amounts": written.amounts, "largest": written.largest}
    return prepare(written_as[form.ask]()), written.values


class _Written:
    """The text of one query.

    What it reads is bounded by `cells.bounds_of` its pieces and of what is `kept`; `$start` is the window's start.
    """

    def __init__(self, plan: _Plan, form: _Form) -> None:
        self._plan = plan
        self._form = form
        low, high = _BOUNDS[plan.query.population == "scores"]
        self.values: Values = {"project": None, low: None, high: None}
        self._names = [f"g{number}" for number in range(len(plan.query.group_by))]

    def counts(self) -> exp.Select:
        """`(labels, how many groups)` of the largest groups."""
        names = self._names
        whole = self._whole()
        sums = exp.select(*names, f"CAST({'n' if whole else 'sum(n)'} AS BIGINT) AS n").from_(self._parts(), copy=False)
        return self._first(sums if whole else sums.group_by(*names), names)

    def largest(self) -> exp.Select:
        """`(labels, t, amounts, how many groups)` of the largest groups, each in one step."""
        sums = self.amounts()
        amounts = ["n", *(f"m{number}" for number in range(len(sums.selects) - len(self._names) - 2))]
        for place, name in zip(sums.selects[-len(amounts) :], amounts, strict=True):
            place.replace(exp.alias_(place.copy(), name))
        return self._first(sums, [*self._names, "t", *amounts])

    def _first(self, sums: exp.Select, columns: Sequence[str]) -> exp.Select:
        """The largest, `n` being how many, and beside them how many there are."""
        ordered = [exp.Ordered(this=column(name), nulls_first=False) for name in self._names]
        top = max(1, min(self._plan.query.top, MOST_GROUPS))
        query = exp.select(*columns, "count(*) OVER ()").from_(sums.subquery("sums", copy=False), copy=False)
        return query.where("n > 0", copy=False).order_by("n DESC", *ordered, copy=False).limit(top, copy=False)

    def amounts(self) -> exp.Select:
        """`(labels, t, amounts)`."""
        keys = [*self._names, "t"]
        if self._plan.kind == "histogram":
            return self._percentile(keys)
        merged = {
            "additive": (("sum", "n"), ("sum", "c"), ("sum", "s"))[: self._additive()],
            "bounds": (("sum", "n"), ("sum", "c"), ("min", "low"), ("max", "high")),
            "exact": (("sum", "n"), ("sum", "c"), ("max", "exact")),
        }[self._plan.kind]
        whole = self._whole()
        amounts = [name if whole else f"{function}({name})" for function, name in merged]
        amounts[:2] = [f"CAST({each} AS BIGINT)" for each in amounts[:2]]
        query = exp.select(*keys, *amounts).from_(self._parts(), copy=False)
        return query if whole else query.group_by(*keys, copy=False)

    def _whole(self) -> bool:
        """Whether one source has all, so that there is nothing to merge: among very many groups this takes as long."""
        return (self._form.pieces > 0) != (self._form.family is not None)

    def _additive(self) -> int:
        """How many numbers are added up: of the population, of values or what holds, of what they come to."""
        query = self._plan.query
        return 3 if query.field is not None else 2 if query.aggregation == "share" else 1

    def _percentile(self, keys: Sequence[str]) -> exp.Select:
        """By nearest rank, out of the counts of buckets; those without a value lie in the bucket null.

        Of steps and, at the time `WHOLE`, of all of them together: what is read is read once for both.
        """
        every = ", ".join((*keys, "whole"))
        sets = [(*keys, "bucket"), *([(*keys[:-1], "bucket")] if self._form.by_time else [])]
        grouped = [exp.Tuple(expressions=[column(name) for name in each]) for each in sets]
        counted = exp.select(*keys, "grouping(t) AS whole", "bucket", "sum(n) AS n", dialect="duckdb")
        counted = counted.from_(self._parts(), copy=False)
        counted.set("group", exp.Group(expressions=[exp.GroupingSets(expressions=grouped)]))
        ranked = exp.select(
            *keys,
            "whole",
            "bucket",
            "n",
            f"sum(n) OVER (PARTITION BY {every} ORDER BY bucket NULLS LAST) AS upto",
            f"coalesce(sum(n) FILTER (WHERE bucket IS NOT NULL) OVER (PARTITION BY {every}), 0) AS known",
            dialect="duckdb",
        ).from_(counted.subquery("counted", copy=False), copy=False)
        rank = f"greatest(1, (known * {int(self._plan.query.aggregation[1:])} + 99) // 100)"
        return (
            exp.select(
                *keys[:-1],
                f"CASE WHEN whole = 1 THEN {WHOLE} ELSE t END AS moment",
                "CAST(sum(n) AS BIGINT)",
                "CAST(max(known) AS BIGINT)",
                f"min(bucket) FILTER (WHERE bucket IS NOT NULL AND upto >= {rank})",
                dialect="duckdb",
            )
            .from_(ranked.subquery("ranked", copy=False), copy=False)
            .group_by(*keys, "whole", copy=False)
        )

    def _parts(self) -> exp.Subquery:
        """What is read from spans, and what from a family, one below the other."""
        parts: list[exp.Query] = [self._part(None)] if self._form.pieces else []
        if self._form.family is not None:
            parts.append(self._part(self._form.family))
        united = parts[0] if len(parts) == 1 else exp.union(*parts, distinct=False, copy=False)
        return united.subquery("parts", copy=False)

    def _part(self, family: Family | None) -> exp.Select:
        query, values = self._plan.query, self.values
        scope: Scope = "span"
        time = "started" if family is None else "hour"
        pieces = among(time, "piece", self._form.pieces) if family is None else among(time, "kept", 1)
        within = parsed(pieces)
        if family is not None:
            scope = family.scope
            part = rolled_population(query.population, query.field, query.where, family, values)
            part = part.where(within, copy=False)
        else:
            part, scope = source_of(
                query.population,
                query.where,
                values,
                columns=self._plan.columns,
                field=query.field,
                time=(within,),
                judged=self._form.judged,
            )
        labels = grouped_by(query.group_by, values, scope=scope)
        if self._form.chosen:
            # Each label by itself, which costs next to nothing; labels together of what is grouped.
            for place, label in enumerate(labels):
                part = part.where(exp.or_(one_of(label, f"chosen{place}"), label.copy().is_(exp.null())), copy=False)
            named: list[exp.Expr] = [column(name) for name in self._names]
            part = part.having(one_of(label_keys(named), "chosen"), copy=False)
        at: exp.Expr = exp.Placeholder(this="start")
        if self._form.by_time and query.step is not None:
            step = bind(values, query.step)
            at = exp.Mul(this=exp.IntDiv(this=column(time), expression=step), expression=step.copy())
        keys = [exp.alias_(label, name, copy=False) for label, name in zip(labels, self._names, strict=True)]
        keys.append(exp.alias_(at, "t", copy=False))
        groups = [*self._names, *(["t"] if self._form.by_time else [])]
        groups += ["bucket"] if self._plan.kind == "histogram" and self._form.ask != "counts" else []
        part = part.select(*keys, *self._amounts(scope, family), append=False, copy=False)
        return part.group_by(*groups, copy=False) if groups else part

    def _amounts(self, scope: Scope, family: Family | None) -> list[exp.Expr]:
        query, values = self._plan.query, self.values
        rolled = family is not None
        n = parsed("sum(spans) AS n" if rolled else "count(*) AS n")
        if self._form.ask == "counts":
            return [n]
        if self._plan.kind == "histogram":
            return [self._bucket(scope, rolled=rolled), n]
        if query.aggregation == "share" and query.of is not None:
            holds = compiled(query.of, values, scope=scope)
            if rolled:
                held: exp.Expr = exp.func("sum", exp.Case().when(holds, column("spans")).else_(exp.Literal.number(0)))
            else:
                held = exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=holds))
            return [n, exp.alias_(held, "c", copy=False)]
        if query.field is None:
            return [n]
        if family is not None:
            return [n, *_rolled_sums(query.field, query.population, family)]
        return [n, *self._of_field(query.field, scope)]

    def _bucket(self, scope: Scope, *, rolled: bool) -> exp.Expr:
        if rolled:
            return column("bucket")
        query = self._plan.query
        place = field_of(query.field or "", query.population, self.values, scope=scope)
        return exp.alias_(parsed(bucket(place.sql("duckdb"))), "bucket", copy=False)

    def _of_field(self, field: str, scope: Scope) -> list[exp.Expr]:
        query, values, kind = self._plan.query, self.values, self._plan.kind
        if query.aggregation == "distinct":
            (place,) = grouped_by((field,), values, scope=scope)
        else:
            place = field_of(field, query.population, values, scope=scope)
        known = exp.alias_(exp.Count(this=place.copy()), "c", copy=False)
        if kind == "additive":
            return [known, exp.alias_(exp.func("sum", place), "s")]
        if kind == "bounds":
            return [known, exp.alias_(exp.func("min", place), "low"), exp.alias_(exp.func("max", place.copy()), "high")]
        if query.aggregation == "distinct":
            return [known, exp.alias_(exp.Count(this=exp.Distinct(expressions=[place])), "exact")]
        share = exp.Literal.number(int(query.aggregation[1:]) / 100)
        return [known, exp.alias_(exp.func("quantile_disc", place, share), "exact")]


def rolled_population(
    population: Population, field: str | None, where: Node | None, family: Family, values: Values
) -> exp.Select:
    """The population in the rows of a family: `listed` of those that hold sums twice, all of others."""
    listed = {"traces": "listed", "calls": '"call" AND listed', "model_calls": "asked", "spans": "TRUE"}[population]
    part = exp.select("1").from_(family.table).where(listed, dialect="duckdb")
    if family.histogram:
        part = part.where(exp.EQ(this=column("measure"), expression=bind(values, field)))
    elif not family.brief and population in {"model_calls", "spans"}:
        part = part.where("NOT listed")
    part = part.where(exp.EQ(this=column("project"), expression=exp.Placeholder(this="project")))
    return part if where is None else part.where(compiled(where, values, scope=family.scope))


def _rolled_sums(field: str, population: Population, family: Family) -> list[exp.Expr]:
    count, name = family.sums(field, rows=population in {"calls", "traces"})
    return [parsed(f"sum({count}) AS c"), parsed(f"sum({name}) AS s")]
