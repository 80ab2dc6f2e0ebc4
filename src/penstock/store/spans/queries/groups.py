"""Rows of the trace list, or spans, by what they have in common."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from penstock.store.spans.engine import Engine, Read, Rows, prepare
from penstock.store.spans.expressions import FAILED, MODEL_SPAN, TOKENS, Values, bind, bucket, column, parsed
from penstock.store.spans.filters import JUDGED
from penstock.store.spans.metrics import Population
from penstock.store.spans.queries.activity import DAY
from penstock.store.spans.queries.cells import Ranges, among, bounds_of, ranges_of
from penstock.store.spans.queries.cube import FAMILIES, Family, family_of
from penstock.store.spans.queries.metrics import rolled_population
from penstock.store.spans.queries.overview import Histogram, known_cost
from penstock.store.spans.queries.populations import (
    Labels,
    Source,
    check,
    columns_of,
    grouped_by,
    label_key,
    label_keys,
    one_of,
    source_of,
)
from penstock.store.spans.queries.samples import Estimate, Sample, draw_clusters, tells
from penstock.store.spans.queries.scores import judged_within
from penstock.store.spans.queries.search import Candidates
from penstock.store.spans.queries.texts import Found, sampled
from penstock.store.spans.queries.window import Window, closed, within
from penstock.store.spans.tree import Node
from penstock.store.spans.types import GroupRow, Groups

__all__ = ["group_by"]

MOST = 200
LEAST_HITS = 100
"""In a sample of spans; of what is rarer, all is counted: conditions that sort out so much are quickly asked."""


def group_by(
    engine: Engine,
    window: Window,
    columns: tuple[str, ...],
    *,
    where: Node | None,
    population: Population = "traces",
    limit: int = 50,
    candidates: Candidates | None = None,
    exact: bool = False,
) -> Groups:
    """The groups with the most rows, the largest first.

    Where a condition looks into very many texts, or very many spans would be read that no sums are kept of, they are
    estimates from a sample, unless `exact`; then which groups are the largest is an estimate, too. Where sums are kept
    but no histograms, only the latencies are.

    Raises:
        InvalidInput: there is no grouping by these columns (`invalid_metric`).
    """
    check(population=population, aggregation="count", field=None, group_by=columns)
    with engine.snapshot() as read:
        whole = closed(read, window)
        if whole is None:
            return Groups(rows=[])
        if population == "scores":
            found = Found(where, counted=True)
        else:
            found = sampled(read, whole, where, candidates, exact=exact)
        asked = _Grouped(read, whole, columns, found, population)
        # Of what lies in no block that was read, a sample cannot tell that there is none.
        if found.sample is not None and (estimated := asked.estimated(found.sample, min(limit, MOST))):
            return Groups(rows=estimated, sample=found.sample.share)
        clusters = None if found.counted or asked.is_quick else draw_clusters(read, whole)
        if clusters is not None and not asked.has_sums and (estimated := asked.largest(clusters, min(limit, MOST))):
            return Groups(rows=estimated, sample=clusters.share)
        rows = asked.sums(min(limit, MOST))
        if not rows:
            return Groups(rows=[])
        if clusters is not None and (not asked.has_sums or _calls(rows, columns) * clusters.share < LEAST_HITS):
            clusters = None
        histograms = asked.histograms([tuple(row[: len(columns)]) for row in rows], clusters)
    share = 1.0 if clusters is None else clusters.share
    return Groups(rows=[_group(row, len(columns), histograms) for row in rows], sample=share)


def _calls(rows: Rows, columns: Sequence[str]) -> int:
    return sum(row[len(columns)] for row in rows)


class _Grouped:
    def __init__(
        self, read: Read, window: Window, columns: tuple[str, ...], found: Found, population: Population
    ) -> None:
        self._read = read
        self._window = window
        self._columns = columns
        self._where = found.where
        self._texts = found.texts
        self._population: Population = population
        self._names = [f"g{number}" for number in range(len(columns))]

    @property
    def has_sums(self) -> bool:
        """Whether all but the latencies is summed up."""
        return self._family(histogram=False) is not None

    @property
    def is_quick(self) -> bool:
        """Whether the latencies are, too."""
        return self.has_sums and self._family(histogram=True) is not None

    def sums(self, limit: int) -> Rows:
        """`(labels, rows, errors, tokens, cost, known, unknown)` of the largest groups."""
        family = self._family(histogram=False)
        sums = self._sums(family)
        values, parts = self._parts(sums, family=family, groups=())
        whole = isinstance(parts.this, exp.Select)
        merged = [f"CAST(coalesce({name if whole else f'sum({name})'}, 0) AS BIGINT) AS all_{name}" for name in sums]
        query = exp.select(*self._names, *merged).from_(parts, copy=False)
        query = query if whole else query.group_by(*self._names, copy=False)
        ordered = [exp.Ordered(this=column(name), nulls_first=False) for name in self._names]
        query = query.order_by("all_n DESC", *ordered).limit(bind(values, limit), copy=False)
        return self._read(prepare(query), values)

    def largest(self, sample: Sample, limit: int) -> list[GroupRow]:
        """The largest groups by a sample of spans; none where it holds too little to tell.

        Where there are more, the half of the sample chooses, and the other half is scaled up.
        """
        first, second = sample.halves()
        chosen = self._chosen(first, limit + 1)
        if len(chosen) <= limit:
            rows = self.estimated(sample, limit)
            enough = sum(row.calls for row in rows) * sample.share >= LEAST_HITS
        else:
            rows = self.estimated(second, limit, chosen=chosen[:limit])
            enough = True
        return rows if enough and tells([Estimate(row.calls, row.margin) for row in rows]) else []

    def _chosen(self, sample: Sample, limit: int) -> list[Labels]:
        """The largest groups of a sample."""
        values: Values = {"project": self._window.project}
        part, scope = self._direct(values, within(self._window, values), fields=())
        labels = grouped_by(self._columns, values, scope=scope)
        selected = [exp.alias_(label, name, copy=False) for label, name in zip(labels, self._names, strict=True)]
        query = part.select(*selected, "count(*) AS n", append=False, copy=False)
        sample.narrow(query, values)
        ordered = [exp.Ordered(this=column(name), nulls_first=False) for name in self._names]
        query = query.group_by(*self._names, copy=False).order_by("n DESC", *ordered, copy=False)
        return [tuple(row[:-1]) for row in self._read(query.limit(bind(values, limit), copy=False), values)]

    def estimated(self, sample: Sample, limit: int, *, chosen: Sequence[Labels] | None = None) -> list[GroupRow]:
        """The largest groups of a sample, scaled up; or those that are chosen, also if it holds none of them."""
        values: Values = {"project": self._window.project}
        part, scope = self._direct(values, within(self._window, values), fields=("cost",))
        number, of_duration = sample.number(values), parsed(bucket("duration"))
        labels = grouped_by(self._columns, values, scope=scope)
        if chosen is not None:
            part = _among(part, labels, self._names, chosen, values)
        selected = [exp.alias_(label, name, copy=False) for label, name in zip(labels, self._names, strict=True)]
        selected += [exp.alias_(number, "block", copy=False), exp.alias_(of_duration, "bucket", copy=False)]
        # Of many groups, blocks and buckets together are nearly as many as spans: each is counted by itself.
        apart = chosen is not None
        selected.append(parsed(f"{'grouping(bucket)' if apart else 'NULL'} AS of_block"))
        amounts = [parsed(f"CAST(coalesce({of_spans}, 0) AS BIGINT)") for of_spans, _ in self._sums(None).values()]
        query = part.select(*selected, *amounts, append=False, copy=False)
        if apart:
            sets = [exp.Tuple(expressions=[column(each) for each in (*self._names, by)]) for by in ("block", "bucket")]
            query.set("group", exp.Group(expressions=[exp.GroupingSets(expressions=sets)]))
        else:
            query = query.group_by(*self._names, "block", "bucket", copy=False)
        sample.narrow(query, values)
        sums: defaultdict[Labels, list[int]] = defaultdict(lambda: [0] * len(amounts))
        blocks: defaultdict[Labels, Counter[int]] = defaultdict(Counter)
        histograms: defaultdict[Labels, Histogram] = defaultdict(Histogram)
        for row in self._read(query, values):
            given, (block, number_, of_block, *found) = tuple(row[: len(labels)]), row[len(labels) :]
            if of_block != 0:
                sums[given] = [one + other for one, other in zip(sums[given], found, strict=True)]
                blocks[given][block] += found[0]
            if of_block != 1:
                histograms[given].add(number_, found[0])
        # Those of which there are none are listed, too.
        for given in chosen or ():
            sums.setdefault(given, [0] * len(amounts))
        most = sorted(sums, key=lambda given: (-sums[given][0], *((name is None, name or "") for name in given)))
        rows: list[GroupRow] = []
        for given in most[:limit]:
            group = _group((*given, *map(sample.scaled, sums[given])), len(labels), histograms)
            # Never none: what has no margin was counted.
            group.margin = max(1, sample.estimate(blocks[given]).margin)
            rows.append(group)
        return rows

    def histograms(self, chosen: Sequence[Labels], sample: Sample | None = None) -> dict[Labels, Histogram]:
        """Of these groups, in all spans or in a sample."""
        family = self._family(histogram=True)
        sums = {"bucket": (bucket("duration"), "bucket"), "n": ("count(*)", "sum(spans)")}
        values, parts = self._parts(sums, family=family, groups=("bucket",), chosen=chosen)
        whole = isinstance(parts.this, exp.Select)
        number = f"CAST({'n' if whole else 'sum(n)'} AS BIGINT)"
        query = exp.select(*self._names, "bucket", number).from_(parts, copy=False)
        # What is judged, but not stored, took no time.
        query = query.where("bucket IS NOT NULL", copy=False)
        query = query if whole else query.group_by(*self._names, "bucket", copy=False)
        if sample is not None:
            sample.narrow(query, values)
        found: defaultdict[Labels, Histogram] = defaultdict(Histogram)
        for row in self._read(prepare(query), values):
            found[tuple(row[: len(self._names)])].add(row[-2], row[-1])
        return found

    def _sums(self, family: Family | None) -> dict[str, tuple[str, str]]:
        """What is summed up, of spans and of a family's rows."""
        # Where there is no family, nothing is read from one.
        kept, rows = family or FAMILIES[0], self._population in {"calls", "traces"}
        (_, tokens), (known, cost) = kept.sums("usage_total", rows=rows), kept.sums("cost", rows=rows)
        return {
            "n": ("count(*)", "sum(spans)"),
            "failed": (f"count(*) FILTER (WHERE {FAILED})", f"sum(spans) FILTER (WHERE {FAILED})"),
            "tokens": (f"sum({self._own('tokens')})", f"sum({tokens})"),
            "cost": (f"sum({self._own('cost')})", f"sum({cost})"),
            "known": (f"count({self._own('cost')})", f"sum({known})"),
            "unknown": (
                f"count(*) FILTER (WHERE {MODEL_SPAN} AND {self._own('cost')} IS NULL)",
                f"sum(spans - ({known})) FILTER (WHERE {MODEL_SPAN})",
            ),
        }

    def _family(self, *, histogram: bool) -> Family | None:
        if self._population == "scores":
            return None
        length = (self._window.to or 0) - (self._window.from_ or 0)
        wanted = columns_of(self._where, fields=self._columns)
        summed = () if histogram else ("cost", "usage_total")
        return family_of(wanted, histogram=histogram, summed=summed, length=length)

    def _own(self, what: str) -> str:
        """What a row of the list sums up to, where the population is of such."""
        own = TOKENS if what == "tokens" else "cost"
        if self._population not in {"calls", "traces"}:
            return own
        total = "total_usage_total" if what == "tokens" else "total_cost"
        return f"CASE WHEN total_span IS NULL THEN {own} ELSE {total} END"

    def _parts(
        self,
        amounts: dict[str, tuple[str, str]],
        *,
        family: Family | None,
        groups: tuple[str, ...],
        chosen: Sequence[Labels] | None = None,
    ) -> tuple[Values, exp.Subquery]:
        """What is read from spans, and what from a family, one below the other; one by itself has all of a group."""
        window = self._window
        low, high = window.from_ or 0, window.to or 0
        ranges = Ranges(((low, high),)) if family is None else ranges_of(self._read, window, step=DAY, family=family)
        # What is judged may be older than the judgement: no texts are sorted out by its time.
        since, until = ("since", "until") if self._population == "scores" else ("from", "to")
        values: Values = {"project": window.project, since: low, until: high}
        sources: list[tuple[exp.Expr, Family | None]] = []
        if ranges.spans:
            values |= bounds_of("piece", ranges.spans)
            sources.append((parsed(among("started", "piece", len(ranges.spans))), None))
        if ranges.rolled is not None:
            values |= bounds_of("kept", [ranges.rolled])
            sources.append((parsed(among("hour", "kept", 1)), family))
        united: exp.Query | None = None
        for held, rolled in sources:
            if rolled is None:
                part, scope = self._direct(values, (held,), fields=() if "bucket" in amounts else ("cost",))
            else:
                part, scope = rolled_population(self._population, "duration", self._where, rolled, values), rolled.scope
                part = part.where(held, copy=False)
            labels = grouped_by(self._columns, values, scope=scope)
            if chosen is not None:
                part = _among(part, labels, self._names, chosen, values)
            selected = [exp.alias_(label, name, copy=False) for label, name in zip(labels, self._names, strict=True)]
            selected += [
                exp.alias_(parsed(of_rolled if rolled is not None else of_spans), name, copy=False)
                for name, (of_spans, of_rolled) in amounts.items()
            ]
            part = part.select(*selected, append=False, copy=False).group_by(*self._names, *groups, copy=False)
            united = part if united is None else exp.union(united, part, distinct=False, copy=False)
        assert united is not None  # noqa: S101 - a closed window has a piece
        return values, united.subquery("parts", copy=False)

    def _direct(self, values: Values, time: Sequence[exp.Expr], *, fields: tuple[str, ...]) -> Source:
        columns = columns_of(self._where, fields=fields)
        judged = JUDGED
        if self._population == "scores":
            judged = judged_within(self._read, self._window.project, values["since"], values["until"])
        return source_of(
            self._population,
            self._where,
            values,
            columns=columns,
            field=None,
            time=time,
            texts=self._texts,
            judged=judged,
        )


def _among(
    part: exp.Select, labels: Sequence[exp.Expr], names: Sequence[str], chosen: Sequence[Labels], values: Values
) -> exp.Select:
    """Only rows of these groups: each label is looked at by itself, and together only those of what is grouped."""
    for number, label in enumerate(labels):
        terms: list[exp.Expr] = []
        # An engine could not tell of what a list is that is empty.
        if given := sorted({name for each in chosen if (name := each[number]) is not None}):
            values[f"chosen{number}"] = given
            terms.append(one_of(label, f"chosen{number}"))
        if any(each[number] is None for each in chosen):
            terms.append(label.copy().is_(exp.null()))
        part = part.where(exp.or_(*terms, copy=False), copy=False)
    if len(labels) == 1:
        return part
    values["chosen"] = [label_key(each) for each in chosen]
    return part.having(one_of(label_keys([column(name) for name in names]), "chosen"), copy=False)


def _group(row: Sequence[Any], labels: int, histograms: dict[Labels, Histogram]) -> GroupRow:
    calls, failed, tokens, cost, known, unknown = row[labels:]
    named = tuple(None if each is None else str(each) for each in row[:labels])
    histogram = histograms.get(tuple(row[:labels]), Histogram())
    return GroupRow(
        labels=named,
        calls=calls,
        errors=failed,
        p50=histogram.percentile(0.5),
        p95=histogram.percentile(0.95),
        tokens=tokens,
        cost=known_cost(cost, known=known, unknown=unknown),
    )
