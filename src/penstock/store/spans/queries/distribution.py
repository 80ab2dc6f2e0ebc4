"""How the values of a field lie: a histogram, or over time a heat map."""

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

import msgspec
from sqlglot import exp

from penstock.core.errors import InvalidInput
from penstock.store.spans.conditions import Texts
from penstock.store.spans.engine import Engine, Prepared, Question, Read, Rows, prepare
from penstock.store.spans.expressions import BUCKETS_PER_E, HOUR, Values, bind, bucket, column, parsed
from penstock.store.spans.filters import form_of
from penstock.store.spans.metrics import Distribution, DistributionCell, DistributionQuery
from penstock.store.spans.queries.activity import DAY
from penstock.store.spans.queries.cells import Ranges, ranges_of
from penstock.store.spans.queries.cube import Family, family_of
from penstock.store.spans.queries.metrics import rolled_population
from penstock.store.spans.queries.populations import check, columns_of, field_of, source_of, unit_of
from penstock.store.spans.queries.search import Candidates, Stretch, searches
from penstock.store.spans.queries.step_samples import draw_steps
from penstock.store.spans.queries.texts import lie_apart, look_up
from penstock.store.spans.queries.window import Window

__all__ = ["bounds_of", "distribution"]

MOST_BUCKETS = 200
_ROUND = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_STEPS = (1.0, 2.0, 2.5, 5.0)
FINE = 1_000_000
"""Numbers that are not whole are counted in millionths."""


def distribution(engine: Engine, query: DistributionQuery, *, candidates: Candidates | None = None) -> Distribution:
    """The cells that hold any; unless it must be exact, from a sample where very many texts would be looked into.

    Values within 2 % of a bound may lie in the cell next to theirs.

    Raises:
        InvalidInput: the question cannot be asked (`invalid_metric`).
    """
    check(population=query.population, aggregation=None, field=query.field)
    if not 1 <= query.buckets <= MOST_BUCKETS:
        raise InvalidInput(
            f"A distribution has 1 to {MOST_BUCKETS} buckets, got {query.buckets}.",
            field="buckets",
            code="invalid_metric",
        )
    counts: dict[int, dict[float, int]] = {}
    with engine.snapshot() as read:
        window = Window(project=query.project, from_=query.from_, to=query.to)
        if query.population != "scores":
            where, stretches = look_up(read, window, query.where, candidates)
            if not query.exact and where is query.where and (found := _estimated(read, query, stretches)) is not None:
                return found
            query = msgspec.structs.replace(query, where=where, exact=True)
        family = _family(query)
        whole = Ranges(((query.from_, query.to),) if query.from_ < query.to else ())
        ranges = whole if family is None else ranges_of(read, window, step=query.step or DAY, family=family)
        same = msgspec.structs.replace(query, project="", from_=0, to=0)
        pieces = len(ranges.spans)
        rows: Rows = []
        if pieces or ranges.rolled is not None:
            prepared, values = _prepared(Question(same), pieces, None if ranges.rolled is None else family)
            bounds = {"from": query.from_, "to": query.to, "since": query.from_, "until": query.to}
            values = values | bounds | {"project": query.project, "start": query.from_}
            every = ranges.spans if ranges.rolled is None else (*ranges.spans, ranges.rolled)
            for number, (low, high) in enumerate(every):
                values |= {f"low{number}": low, f"high{number}": high}
            rows = read(prepared, values)
    for t, value, count in rows:
        counts.setdefault(t, {})[_worth(query.field, value)] = count
    return Distribution(step=query.step, unit=unit_of(None, query.field), cells=_cells(query, counts))


def _estimated(read: Read, query: DistributionQuery, stretches: Sequence[Stretch] | None) -> Distribution | None:
    """By a sample of spans, scaled up; None where all are to be asked, or the sample holds nothing."""
    window = Window(project=query.project, from_=query.from_, to=query.to)
    drawn = draw_steps(read, window, query.step, stretches) if searches(query.where) else None
    if drawn is None:
        return None
    low, high = query.from_, query.to
    values: Values = {"project": query.project, "from": low, "to": high, "low0": low, "high0": high, "start": low}
    part = _part(query, 0, values, family=None, texts=Texts(apart=lie_apart(read, window)))
    number = exp.alias_(drawn.sample.number(values), "block", copy=False)
    drawn.sample.narrow(part, values)
    found: defaultdict[int, defaultdict[float, float]] = defaultdict(lambda: defaultdict(float))
    areas = {block: area.scale for area in drawn.areas for block in area.blocks}
    for t, value, count, block in read(part.select(number, copy=False).group_by("block", copy=False), values):
        if value is None or not (query.step is None or drawn.tells(t)):
            continue
        scale = areas[block] if query.step is None else drawn.steps[t] / drawn.read[t]
        found[t][_worth(query.field, value)] += count * scale
    counts = {t: {value: round(count) for value, count in cells.items()} for t, cells in found.items()}
    if not counts:
        return None
    unit, cells = unit_of(None, query.field), _cells(query, counts)
    return Distribution(step=query.step, unit=unit, cells=cells, sample=drawn.sample.share)


def _family(query: DistributionQuery) -> Family | None:
    if query.population == "scores" or query.field not in {"duration", "ttft"} or (query.step or 0) % HOUR:
        return None
    return family_of(columns_of(query.where), histogram=True, step=query.step, length=query.to - query.from_)


def _is_linear(field: str) -> bool:
    return form_of(field) == "score"


def _worth(field: str, value: float) -> float:
    """What a number of the query stands for."""
    if _is_linear(field):
        return float(value)
    middle = 0.0 if value < 0 else math.exp(value / BUCKETS_PER_E)
    return middle if form_of(field) == "integer" else middle / FINE


@lru_cache(maxsize=256)
def _prepared(question: Question, pieces: int, family: Family | None) -> tuple[Prepared, Values]:
    """`(t, number of the fine bucket or the score, count)`."""
    query: DistributionQuery = question.asked
    low, high = ("since", "until") if query.population == "scores" else ("from", "to")
    values: Values = {"project": None, low: None, high: None}
    parts = [_part(query, number, values, family=None) for number in range(pieces)]
    if family is not None:
        parts.append(_part(query, pieces, values, family=family))
    united: exp.Query = parts[0]
    for part in parts[1:]:
        united = exp.union(united, part, distinct=False, copy=False)
    whole = exp.select("t", "value", "CAST(sum(n) AS BIGINT)").from_(united.subquery("parts", copy=False), copy=False)
    return prepare(whole.where("value IS NOT NULL").group_by("t", "value").order_by("t", "value")), values


def _part(
    query: DistributionQuery,
    number: int,
    values: Values,
    *,
    family: Family | None,
    texts: Texts = Texts(),  # noqa: B008 - immutable
) -> exp.Select:
    at: exp.Expr = exp.Placeholder(this="start")
    time = "started" if family is None else "hour"
    within = (
        exp.GTE(this=column(time), expression=exp.Placeholder(this=f"low{number}")),
        exp.LT(this=column(time), expression=exp.Placeholder(this=f"high{number}")),
    )
    if query.step is not None:
        step = bind(values, query.step)
        at = exp.Mul(this=exp.IntDiv(this=column(time), expression=step), expression=step.copy())
    if family is not None:
        part = rolled_population(query.population, query.field, query.where, family, values)
        part = part.where(*within, copy=False)
        value, count = column("bucket"), parsed("sum(spans) AS n")
    else:
        part, scope = source_of(
            query.population, query.where, values, columns=columns_of(query.where, fields=(query.field,)),
            field=query.field, time=within, texts=texts,
        )  # fmt: skip
        value = field_of(query.field, query.population, values, scope=scope)
        if not _is_linear(query.field):
            if form_of(query.field) != "integer":
                value = exp.paren(exp.Mul(this=exp.paren(value), expression=exp.Literal.number(FINE)))
            value = parsed(bucket(value.sql("duckdb")))
        count = parsed("count(*) AS n")
    selected = (exp.alias_(at, "t", copy=False), exp.alias_(value, "value", copy=False), count)
    groups = ["value", *(["t"] if query.step is not None else [])]
    return part.select(*selected, append=False, copy=False).group_by(*groups, copy=False)


def _cells(query: DistributionQuery, counts: dict[int, dict[float, int]]) -> list[DistributionCell]:
    values = sorted({value for cells in counts.values() for value in cells})
    if not values:
        return []
    bounds = bounds_of(values[0], values[-1], query.buckets, linear=_is_linear(query.field))
    found: defaultdict[tuple[int, int], int] = defaultdict(int)
    for t, cells in counts.items():
        for value, count in cells.items():
            found[t, _at(bounds, value)] += count
    return [DistributionCell(t, bounds[at], bounds[at + 1], count) for (t, at), count in sorted(found.items())]


def _at(bounds: Sequence[float], value: float) -> int:
    """In which of the cells between bounds a value lies."""
    low, high = 0, len(bounds) - 2
    while low < high:
        middle = (low + high + 1) // 2
        if bounds[middle] <= value:
            low = middle
        else:
            high = middle - 1
    return low


def bounds_of(least: float, most: float, buckets: int, *, linear: bool) -> list[float]:
    """Round bounds of at most so many cells that hold all values from `least` to `most`.

    On the logarithmic scale zero has a cell of its own.
    """
    if linear:
        return _linear(least, most, buckets)
    zero = [0.0] if least <= 0 and buckets > 1 else []
    low = max(least, 1e-6)
    cells = buckets - len(zero)
    for fine in (*(len(_ROUND) - cut for cut in range(len(_ROUND))), 0):
        marks = _ROUND[:: max(1, len(_ROUND) // fine)] if fine else _ROUND[:1]
        bounds = [
            mark * 10.0**power
            for power in range(math.floor(math.log10(low)), math.ceil(math.log10(max(most, low))) + 2)
            for mark in marks
        ]
        first = max((at for at, bound in enumerate(bounds) if bound <= low), default=0)
        last = next(at for at, bound in enumerate(bounds) if bound > most)
        if last - first <= cells:
            return zero + bounds[first : last + 1]
    decades = math.log10(max(most, low)) - math.log10(low)
    stride = math.ceil((decades + 2) / cells)
    start = math.floor(math.log10(low))
    return zero + [10.0 ** (start + stride * at) for at in range(cells + 1)]


def _linear(least: float, most: float, buckets: int) -> list[float]:
    width = max((most - least) / buckets, 1e-9)
    power = 10.0 ** math.floor(math.log10(width))
    while True:
        for step in _STEPS:
            size = step * power
            first = math.floor(least / size)
            last = math.floor(most / size) + 1
            if size >= width and last - first <= buckets:
                return [round(size * at, 12) for at in range(first, last + 1)]
        power *= 10
        if power > max(abs(most), abs(least), 1.0) * 100:
            # One cell cannot be round and hold values on both sides of zero.
            return [math.floor(least), math.floor(most) + 1.0]
