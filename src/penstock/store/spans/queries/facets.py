"""The values of columns, the most frequent first: filter menus."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from sqlglot import exp

from penstock.store.spans.conditions import compiled, needs_totals
from penstock.store.spans.engine import Engine, Read, prepare
from penstock.store.spans.expressions import MODEL, Values, bind, column, parsed
from penstock.store.spans.filters import Scope, place_of
from penstock.store.spans.queries.activity import DAY
from penstock.store.spans.queries.cells import among, bounds_of, ranges_of
from penstock.store.spans.queries.cube import Family, family_of
from penstock.store.spans.queries.metrics import rolled_population
from penstock.store.spans.queries.populations import columns_of, grouped_by
from penstock.store.spans.queries.rows import ROW, with_totals
from penstock.store.spans.queries.samples import Estimate, Sample, draw_clusters, tells
from penstock.store.spans.queries.search import Candidates
from penstock.store.spans.queries.texts import Found, sampled
from penstock.store.spans.queries.window import Window, closed, within
from penstock.store.spans.tree import Node
from penstock.store.spans.types import Facet, Facets

__all__ = ["FACET_COLUMNS", "facets", "facets_of"]

MOST = 50
LISTS = frozenset(("tags", "finish_reasons"))
LEAST_HITS = 100
"""In a sample of spans; of what is rarer, all is counted: conditions that sort out so much are quickly asked."""
_MANY = frozenset(("session", "user"))
"""Columns of so many values that those of a sample are told of each by itself; as tags are."""
FACET_COLUMNS: dict[str, str] = {
    **{
        name: f'"{name}"'
        for name in (
            "name", "kind", "source", "service", "status", "error_type", "http_status", "operation", "stream", "route",
            "variant", "change", "provider", "target_model", "requested_model", "served_model", "prompt_name",
            "prompt_version", "session", "user", "key", "price_version", "cache", "usage_estimated",
        )
    },
    "model": MODEL,
    "tags": "unnest(map_keys(tags))",
    "finish_reasons": "unnest(finish_reasons)",
}  # fmt: skip
"""Columns with a menu of values; `tags` lists the tags' names."""
_Counts = defaultdict[str | None, Counter[int]]
"""How often each value stands in each block of a sample."""


def facets(
    engine: Engine, window: Window, name: str, *, where: Node | None = None, candidates: Candidates | None = None
) -> list[Facet]:
    """Values among calls and roots of the window that fit, with how often they stand there, at most 50.

    `name` is one of `FACET_COLUMNS`, or `tags.<key>`. Never an estimate.
    """
    return facets_of(engine, window, (name,), where=where, candidates=candidates, exact=True).columns[name]


def facets_of(
    engine: Engine,
    window: Window,
    names: Sequence[str],
    *,
    where: Node | None = None,
    candidates: Candidates | None = None,
    exact: bool = False,
) -> Facets:
    """The values of several columns, all of the same calls and roots; as `facets`.

    Where a condition looks into very many texts, or very many spans would be read for columns that no sums are kept of,
    the values of these are estimates from a sample, unless `exact`; then which are the most frequent is one, too.
    """
    with engine.snapshot() as read:
        whole = closed(read, window)
        if whole is None:
            return Facets(columns={name: [] for name in names})
        found = sampled(read, whole, where, candidates, exact=exact)
        if found.sample is not None:
            estimated = _estimated(read, whole, names, found, found.sample)
            # Of what lies in no block that was read, a sample cannot tell that there is none.
            if any(estimated.values()):
                return Facets(columns=estimated, sample=found.sample.share)
        direct = [] if found.counted else [name for name in names if _family(whole, name, where) is None]
        clusters = draw_clusters(read, whole) if direct else None
        estimated = {} if clusters is None else _of_spans(read, whole, direct, found, clusters)
        share = clusters.share if clusters is not None and estimated else 1.0
        exactly = _exactly(read, whole, [name for name in names if name not in estimated], found.where)
        return Facets(columns={name: (estimated | exactly)[name] for name in names}, sample=share)


def _of_spans(read: Read, window: Window, names: Sequence[str], found: Found, sample: Sample) -> dict[str, list[Facet]]:
    """Columns by a sample of spans; those of which it holds too little to tell are left out."""
    together = [name for name in names if name not in _MANY and not name.startswith("tags.")]
    counts: dict[str, _Counts] = {}
    for asked in (together, *((name,) for name in names if name not in together)):
        if asked:
            counts |= _counts(read, window, asked, found, sample)
    return {
        name: facets
        for name, of_column in counts.items()
        if sum(spans.total() for spans in of_column.values()) >= LEAST_HITS
        and (facets := _largest(of_column, sample)) is not None
    }


def _largest(counts: _Counts, sample: Sample) -> list[Facet] | None:
    """The most frequent values; None where the sample cannot tell which they are.

    Where there are more, one half of the sample chooses, and the other half is scaled up.
    """
    if len(counts) <= MOST:
        found = _most(counts, sample)
    else:
        halves: tuple[_Counts, _Counts] = (defaultdict(Counter), defaultdict(Counter))
        for value, spans in counts.items():
            for block, number in spans.items():
                halves[block % 2][value][block // 2] += number
        found = _most({value: halves[1][value] for value in _frequent(halves[0])}, sample.halves()[1])
    return found if tells([Estimate(facet.count, facet.margin) for facet in found]) else None


def _estimated(
    read: Read, window: Window, names: Sequence[str], found: Found, sample: Sample
) -> dict[str, list[Facet]]:
    """All columns by one look into the texts of the sample."""
    counts = _counts(read, window, names, found, sample)
    return {name: _most(counts[name], sample) for name in names}


def _counts(read: Read, window: Window, names: Sequence[str], found: Found, sample: Sample) -> dict[str, _Counts]:
    """How often values of columns stand in each block of the sample."""
    values: Values = {}
    query = with_totals(exp.select("1").from_("spans"), needed=needs_totals(found.where))
    query = query.where(ROW, *within(window, values), copy=False)
    if found.where is not None:
        query = query.where(compiled(found.where, values, scope="row", texts=found.texts), copy=False)
    aliases = [f"f{at}" for at in range(len(names))]
    given = [exp.alias_(_together(name, values), alias) for name, alias in zip(names, aliases, strict=True)]
    number = exp.alias_(sample.number(values), "block", copy=False)
    query = query.select(number, "count(*)", *given, append=False, copy=False).group_by("block", *aliases)
    sample.narrow(query, values)
    counts: list[_Counts] = [defaultdict(Counter) for _ in names]
    for block, spans, *row in read(query, values):
        for name, of_column, value in zip(names, counts, row, strict=True):
            for each in (value or ()) if name in LISTS else (value,):
                of_column[each][block] += spans
    return dict(zip(names, counts, strict=True))


def _most(counts: Mapping[str | None, Counter[int]], sample: Sample) -> list[Facet]:
    most = _frequent(counts)
    estimates = [sample.estimate(counts[value]) for value in most]
    return [
        Facet(value=value, count=count, margin=margin) for value, (count, margin) in zip(most, estimates, strict=True)
    ]


def _frequent(counts: Mapping[str | None, Counter[int]]) -> list[str | None]:
    return sorted(counts, key=lambda value: (-counts[value].total(), value is None, value or ""))[:MOST]


def _together(name: str, values: Values) -> exp.Expr:
    """A row's value of a column as text; of a column of lists, all of its values."""
    value = _value(name, values)
    if name in LISTS:
        # Without the function that gives each value a row.
        return value.this
    return exp.cast(value, "VARCHAR")


def _exactly(read: Read, window: Window, names: Sequence[str], where: Node | None) -> dict[str, list[Facet]]:
    """Columns whose values are counted; those that the same hours tell of in one question."""
    beside: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        family = _family(window, name, where)
        if family is not None and not _is_list(name):
            beside[family.table].append(name)
    counted: dict[str, list[Facet]] = {}
    for together in beside.values():
        if len(together) > 1:
            counted |= _beside(read, window, together, where)
    return {name: counted[name] if name in counted else _facets(read, window, name, where) for name in names}


def _is_list(name: str) -> bool:
    return name in LISTS or name.startswith("tags.")


def _beside(read: Read, window: Window, names: Sequence[str], where: Node | None) -> dict[str, list[Facet]]:
    """Several columns of one family: each of its rows is read once for all of them."""
    family = _family(window, names[0], where)
    assert family is not None  # noqa: S101 - as the caller found
    ranges = ranges_of(read, window, step=DAY, family=family)
    values: Values = {"project": window.project}
    aliases = [f"f{at}" for at in range(len(names))]

    def given(scope: Scope) -> list[exp.Expr]:
        labels = grouped_by(tuple(names), values, scope=scope)
        return [exp.alias_(label, alias, copy=False) for label, alias in zip(labels, aliases, strict=True)]

    parts: list[exp.Query] = []
    if ranges.spans:
        values |= bounds_of("piece", ranges.spans)
        parts.append(_rows_of(where, parsed(among("started", "piece", len(ranges.spans))), values))
        parts[-1] = parts[-1].select(*given("row"), "1 AS n", append=False, copy=False)
    if ranges.rolled is not None:
        values |= bounds_of("kept", [ranges.rolled])
        rolled = rolled_population("traces", None, where, family, values)
        rolled = rolled.where(parsed(among("hour", "kept", 1)), copy=False)
        parts.append(rolled.select(*given(family.scope), "spans AS n", append=False, copy=False))
    united = parts[0] if len(parts) == 1 else exp.union(*parts, distinct=False, copy=False)
    every = ", ".join(aliases)
    query = exp.select(f"grouping({every}) AS missing", *aliases, "CAST(sum(n) AS BIGINT) AS total", dialect="duckdb")
    query = query.from_(united.subquery("parts", copy=False), copy=False)
    sets = exp.GroupingSets(expressions=[exp.paren(column(alias)) for alias in aliases])
    query.set("group", exp.Group(expressions=[sets]))
    found: dict[str, list[Facet]] = {name: [] for name in names}
    # Each number has a bit for every column, the first the highest, set where rows are not told apart by it.
    told = {(1 << len(names)) - 1 - (1 << len(names) - 1 - at): at for at in range(len(names))}
    for missing, *row, count in read(prepare(query), values):
        at = told[missing]
        found[names[at]].append(Facet(value=row[at], count=count))
    return {
        name: sorted(of_column, key=lambda facet: (-facet.count, facet.value is None, facet.value or ""))[:MOST]
        for name, of_column in found.items()
    }


def _facets(read: Read, window: Window, name: str, where: Node | None) -> list[Facet]:
    family = _family(window, name, where)
    values: Values = {}
    within(window, values)
    if family is None:
        parts: exp.Query = _direct(name, where, window.from_ or 0, window.to or 0, values)
    else:
        ranges = ranges_of(read, window, step=DAY, family=family)
        found: list[exp.Select] = [_direct(name, where, low, high, values) for low, high in ranges.spans]
        if ranges.rolled is not None:
            found.append(_rolled(name, where, family, ranges.rolled, values))
        parts = found[0]
        for part in found[1:]:
            parts = exp.union(parts, part, distinct=False, copy=False)
    query = exp.select("value", "CAST(sum(n) AS BIGINT) AS total").from_(
        parts.subquery("parts", copy=False), copy=False
    )
    query = query.group_by("value").order_by("total DESC", "value NULLS LAST").limit(MOST)
    return [Facet(value=value, count=count) for value, count in read(prepare(query), values)]


def _family(window: Window, name: str, where: Node | None) -> Family | None:
    length = (window.to or 0) - (window.from_ or 0)
    return family_of(columns_of(where, fields=(name,)), histogram=False, length=length)


def _direct(name: str, where: Node | None, low: int, high: int, values: Values) -> exp.Select:
    query = _rows_of(where, exp.and_(*_between("started", low, high, values), copy=False), values)
    value = _value(name, values)
    if name in LISTS:
        inner = query.select(exp.alias_(value, "value"), append=False, copy=False)
        query = exp.select("1").from_(inner.subquery("given", copy=False), copy=False)
        value = column("value")
    text = exp.cast(value, "VARCHAR")
    return query.select(exp.alias_(text.copy(), "value"), "count(*) AS n", append=False, copy=False).group_by(text)


def _rows_of(where: Node | None, held: exp.Expr, values: Values) -> exp.Select:
    """Rows of the list that fit, of spans of which this holds."""
    of_project = exp.EQ(this=column("project"), expression=exp.Placeholder(this="project"))
    query = with_totals(exp.select("1").from_("spans"), needed=needs_totals(where), time=(held,))
    query = query.where(ROW, of_project, held, copy=False)
    return query if where is None else query.where(compiled(where, values, scope="row"), copy=False)


def _rolled(name: str, where: Node | None, family: Family, hours: tuple[int, int], values: Values) -> exp.Select:
    part = rolled_population("traces", None, where, family, values)
    part = part.where(*_between("hour", *hours, values), copy=False)
    value = place_of(name, values, scope=family.scope) if name == "model" else _value(name, values)
    if name == "tags":
        inner = part.select(exp.alias_(value, "value"), "spans", append=False, copy=False)
        part = exp.select("1").from_(inner.subquery("given", copy=False), copy=False)
        value = column("value")
    text = exp.cast(value, "VARCHAR")
    return part.select(exp.alias_(text.copy(), "value"), "sum(spans) AS n", append=False, copy=False).group_by(text)


def _between(time: str, low: int, high: int, values: Values) -> list[exp.Expr]:
    return [
        exp.GTE(this=column(time), expression=bind(values, low)),
        exp.LT(this=column(time), expression=bind(values, high)),
    ]


def _value(name: str, values: Values) -> exp.Expr:
    if name.startswith("tags."):
        return exp.Bracket(this=column("tags"), expressions=[bind(values, name.removeprefix("tags."))])
    return exp.paren(parsed(FACET_COLUMNS[name])) if name == "model" else parsed(FACET_COLUMNS[name])
