"""Counts from a sample of neighbouring spans, where to look into every text would take too long.

The window is cut into blocks, stretches of time with about as many spans each; one block in k is read, so that each
part of the window has its share, and the same spans give the same sample. A block is a cluster: a total is estimated
by the ratio to the number of spans, which is known, and its error by how the blocks differ (W. G. Cochran, Sampling
Techniques, 3rd ed., 1977, chapters 6 and 9A). Blocks from all parts of the window are taken as if drawn at random,
which makes the error of what rises or falls with time look larger than it is (chapter 8).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import NormalDist
from typing import NamedTuple

from sqlglot import exp

from penstock.store.spans.engine import Read
from penstock.store.spans.expressions import HOUR, Values, bind, column, sql
from penstock.store.spans.queries.search import Stretch
from penstock.store.spans.queries.window import Window, within

__all__ = ["SAMPLE_SPANS", "Estimate", "Sample", "draw"]

SAMPLE_SPANS = 10_240
"""Spans whose texts are looked into, about; fewer are counted one by one."""
LEAST_BLOCKS = 8
"""By fewer it cannot be told how far they differ."""
MOST_BLOCKS = 16
"""Where few spans of a block are the project's; to read a block takes the same however many are."""
PARTS = 2
"""Of a block of the index: more and smaller ones tell better for the same work."""
PIECE_SPANS = 1024
"""Of a piece of an hour whose spans are in no block."""
MOST_GAPS = 8
"""Stretches without blocks that are counted one by one; of more, all that lies between the first and the last."""
ZONES = 4
"""Parts of the window that are counted as wholes."""
CONFIDENCE = 0.95
TURN = (math.sqrt(5) - 1) / 2
"""Multiples of the golden section lie evenly between 0 and 1, and never in step with days or weeks."""
_TABLES = frozenset(("spans", "payloads", "totals"))
_BLOCKS = "SELECT low, high FROM text_blocks WHERE high > $low AND low < $high ORDER BY low"


class Estimate(NamedTuple):
    """A total, and how far it may lie from the truth to either side."""

    value: int
    margin: int


class Sample(NamedTuple):
    """Blocks that are read for all of them."""

    blocks: tuple[Stretch, ...]
    """Those that are read, the oldest first; none overlap."""
    spans: tuple[int, ...]
    """How many spans of the project lie in each."""
    of: int
    """How many lie in all blocks, read or not."""

    @property
    def share(self) -> float:
        """Of the spans, between 0 and 1."""
        return sum(self.spans) / self.of

    def narrow(self, query: exp.Query, values: Values) -> None:
        """Hold whatever the query reads by time to the blocks that are read."""
        of_blocks = exp.paren(exp.or_(*(_between(block, values) for block in self.blocks), copy=False))
        for select in list(query.find_all(exp.Select)):
            source = select.args.get("from_")
            if source is not None and isinstance(source.this, exp.Table) and source.this.name in _TABLES:
                select.where(of_blocks.copy(), copy=False)

    def number(self, values: Values) -> exp.Case:
        """Which of the blocks that are read a span lies in, from 0 on."""
        case = exp.Case()
        for number, (_, high) in enumerate(self.blocks):
            before = exp.LT(this=column("started"), expression=bind(values, high))
            case = case.when(before, exp.Literal.number(number), copy=False)
        return case

    def scaled(self, total: int) -> int:
        """What a sum over the blocks that are read means for all."""
        return round(total * self.of / sum(self.spans))

    def estimate(self, counts: Mapping[int, int], confidence: float = CONFIDENCE) -> Estimate:
        """The number of spans of a kind in all blocks, of which so many lie in those that are read.

        Args:
            counts: By the number of the block; a block without any may be left out.
            confidence: How likely the true number lies within the margin.
        """
        read, known = len(self.blocks), sum(self.spans)
        total = sum(counts.values())
        ratio = total / known
        squares = sum((counts.get(at, 0) - ratio * spans) ** 2 for at, spans in enumerate(self.spans))
        variance = self.of * self.of * (1 - self.share) * read * squares / ((read - 1) * known * known)
        margin = _quantile((1 + confidence) / 2, read - 1) * math.sqrt(max(0.0, variance))
        return Estimate(self.scaled(total), math.ceil(margin))


def draw(read: Read, window: Window, stretches: Sequence[Stretch] | None) -> Sample | None:
    """A sample of the spans that started in the window; None when they are few enough to look into each.

    Args:
        read: The snapshot in which the sample is asked.
        window: With both ends.
        stretches: Where spans can lie that fit, in any order; None: anywhere.
    """
    zones = _zones(window, stretches)
    total = sum(_count(read, window, zone) for zone in zones)
    if total <= SAMPLE_SPANS:
        return None
    blocks = [block for zone in zones for block in _blocks(read, window, zone)]
    wanted = min(MOST_BLOCKS, max(LEAST_BLOCKS, math.ceil(SAMPLE_SPANS * len(blocks) / total)))
    step = len(blocks) / wanted
    # The half of all takes hardly less than all.
    if step < 2:
        return None
    chosen = tuple(blocks[int((number + (number + 0.5) * TURN % 1) * step)] for number in range(wanted))
    sample = Sample(chosen, tuple(_sizes(read, window, chosen)), total)
    return sample if any(sample.spans) else None


def _zones(window: Window, stretches: Sequence[Stretch] | None) -> list[Stretch]:
    """The window without its widest parts in which nothing fits, the oldest first."""
    first, last = window.from_ or 0, window.to or 0
    if stretches is None:
        return [(first, last)]
    zones: list[Stretch] = []
    for low, high in sorted((max(low, first), min(high, last)) for low, high in stretches):
        if low >= high:
            continue
        if zones and low <= zones[-1][1]:
            zones[-1] = (zones[-1][0], max(high, zones[-1][1]))
        else:
            zones.append((low, high))
    widths = sorted((after[0] - before[1] for before, after in pairwise(zones)), reverse=True)
    joined: list[Stretch] = []
    left = ZONES - 1
    for low, high in zones:
        if joined and (left == 0 or low - joined[-1][1] < widths[min(ZONES - 1, len(widths)) - 1]):
            joined[-1] = (joined[-1][0], high)
        else:
            left -= bool(joined)
            joined.append((low, high))
    return joined


def _blocks(read: Read, window: Window, zone: Stretch) -> list[Stretch]:
    """The zone cut where the index of words cuts it, and by the number of spans where it does not."""
    low, high = zone
    cut: list[Stretch] = []
    gaps: list[Stretch] = []
    for begin, end in read(sql(_BLOCKS), {"low": low, "high": high}):
        if begin > low:
            gaps.append((low, begin))
        if max(begin, low) < min(end, high):
            cut += _parts(max(begin, low), min(end, high), PARTS)
        low = max(low, end)
    if low < high:
        gaps.append((low, high))
    return sorted(cut + _pieces(read, window, gaps))


def _pieces(read: Read, window: Window, gaps: Sequence[Stretch]) -> list[Stretch]:
    """Stretches without blocks as pieces of hours; hours without spans are left out."""
    asked = gaps if len(gaps) <= MOST_GAPS else [(gaps[0][0], gaps[-1][1])]
    hours: dict[int, int] = {}
    for low, high in asked:
        values: Values = {"hour": HOUR}
        part = Window(project=window.project, from_=low, to=high)
        query = sql("SELECT started // $hour * $hour AS begun, count(*) AS spans FROM spans")
        query = query.where(*within(part, values)).group_by("started // $hour * $hour", dialect="duckdb")
        for hour, spans in read(query, values):
            hours[hour] = hours.get(hour, 0) + spans
    pieces: list[Stretch] = []
    for hour in sorted(hours):
        for low, high in gaps:
            begin, end = max(low, hour), min(high, hour + HOUR)
            if begin < end:
                pieces += _parts(begin, end, math.ceil(hours[hour] / PIECE_SPANS))
    return pieces


def _parts(low: int, high: int, number: int) -> Iterable[Stretch]:
    """A stretch cut into so many of the same length."""
    number = min(number, high - low)
    return pairwise([low + (high - low) * at // number for at in range(number + 1)])


def _count(read: Read, window: Window, stretch: Stretch) -> int:
    values: Values = {}
    part = Window(project=window.project, from_=stretch[0], to=stretch[1])
    ((spans,),) = read(sql("SELECT count(*) FROM spans").where(*within(part, values)), values)
    return spans


def _sizes(read: Read, window: Window, blocks: tuple[Stretch, ...]) -> list[int]:
    values: Values = {"project": window.project}
    sample = Sample(blocks, (), 0)
    number = exp.alias_(sample.number(values), "block", copy=False)
    query = sql("SELECT 1 FROM spans WHERE project = $project").select(number, "count(*)", append=False, copy=False)
    sample.narrow(query, values)
    sizes = dict[int, int](read(query.group_by("block", copy=False), values))
    return [sizes.get(at, 0) for at in range(len(blocks))]


def _between(stretch: Stretch, values: Values) -> exp.Expr:
    low, high = stretch
    return exp.paren(
        exp.and_(
            exp.GTE(this=column("started"), expression=bind(values, low)),
            exp.LT(this=column("started"), expression=bind(values, high)),
            copy=False,
        )
    )


def _quantile(probability: float, freedom: int) -> float:
    """Of Student's distribution, within 1 % from six degrees of freedom on (Abramowitz and Stegun, 26.7.5)."""
    z = NormalDist().inv_cdf(probability)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
