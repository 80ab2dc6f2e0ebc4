"""Counts from a sample of neighbouring spans, where to look into every text, or at every span, would take too long.

The window is cut into blocks, stretches of time with about as many spans each; one block in k is read, so that each
part of the window has its share, and the same spans give the same sample. Where no text is looked into, blocks are
fewer and larger: engines skip rows by the ten thousand. A block is a cluster: a total is estimated
by the ratio to the number of spans, which is known, and its error by how the blocks differ (W. G. Cochran, Sampling
Techniques, 3rd ed., 1977, chapters 6 and 9A). Blocks from all parts of the window are taken as if drawn at random,
which makes the error of what rises or falls with time look larger than it is (chapter 8). What a sample holds few of
has the limits of a Poisson count, of as many hits as those in blocks are worth (E. L. Korn and B. I. Graubard, Survey
Methodology 24, 1998, 193-201).

The largest of many groups are chosen by chance, too: those that the sample holds too many of. So where not all are
listed, one half of the blocks chooses, and the other tells how large the chosen are.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from statistics import NormalDist
from typing import NamedTuple, Self

from sqlglot import exp

from penstock.store.spans.engine import Read, Rows
from penstock.store.spans.expressions import HOUR, Values, bind, column, scatter, sql
from penstock.store.spans.queries.cells import ranges_of
from penstock.store.spans.queries.cube import FAMILIES
from penstock.store.spans.queries.search import TEXT_BLOCKS, Stretch
from penstock.store.spans.queries.window import Window, within

__all__ = [
    "CONFIDENCE",
    "EXACT_SPANS",
    "FEW",
    "SAMPLE_SPANS",
    "TURN",
    "Estimate",
    "Sample",
    "draw",
    "draw_clusters",
    "limit_of_few",
    "quantile_of",
    "spans_by_hour",
    "tells",
]

SAMPLE_SPANS = 5_120
"""Spans whose texts are looked into, about; fewer are counted one by one."""
LEAST_BLOCKS = 8
"""By fewer it cannot be told how far they differ."""
MOST_BLOCKS = 16
"""Where few spans of a block are the project's; to read a block takes the same however many are."""
PARTS = 3
"""Of a block of the index: more and smaller ones tell better for the same work."""
PIECE_SPANS = 1024
"""Of a piece of an hour whose spans are in no block."""
MOST_GAPS = 8
"""Stretches without blocks that are counted one by one; of more, all that lies between the first and the last."""
ZONES = 4
"""Parts of the window that are counted as wholes."""
WIDE = 64
"""A part of the window in so many is left out where nothing fits: to ask about narrower ones takes longer."""
EXACT_SPANS = 500_000
"""Spans that are read for a question without texts; of more, a sample."""
CLUSTERS = 16
CLUSTER_SPANS = 12_500
"""Neighbours that are read without looking into their texts, about."""
FEW = 30
"""Hits, from which on a count errs as much to either side."""
CONFIDENCE = 0.95
TURN = (math.sqrt(5) - 1) / 2
"""Multiples of the golden section lie evenly between 0 and 1, and never in step with days or weeks."""
_TABLES = frozenset(("spans", "payloads", "totals"))
_SUMMED_UP = """
    SELECT hour, CAST(sum(spans) AS BIGINT) AS number FROM {table}
    WHERE project = $project AND NOT listed AND hour >= $first AND hour < $last
    GROUP BY hour
"""


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
    by_time: bool = False
    """As `Read.finds_by_time`."""

    @property
    def share(self) -> float:
        """Of the spans, between 0 and 1."""
        return sum(self.spans) / self.of

    def narrow(self, query: exp.Query, values: Values) -> None:
        """Hold whatever the query reads by time to the blocks that are read."""
        # By the order they lie in, blocks are found from a plain list; who asks each row passes over the half at once.
        among = _either(self.blocks, values) if self.by_time else _halved(self.blocks, values)
        of_blocks = exp.paren(among, copy=False)
        for select in list(query.find_all(exp.Select)):
            source = select.args.get("from_")
            if source is not None and isinstance(source.this, exp.Table) and source.this.name in _TABLES:
                select.where(of_blocks.copy(), copy=False)
                scatter(select)

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
        # Of hits in what was read, as if it were some of infinitely many blocks.
        variance = read * squares / (read - 1)
        quantile = quantile_of((1 + confidence) / 2, read - 1)
        together = variance / total if total else 1.0
        few = limit_of_few(total, together, quantile, confidence)
        margin = max(quantile * math.sqrt(variance), few)
        return Estimate(self.scaled(total), math.ceil(margin * math.sqrt(max(0.0, 1 - self.share)) * self.of / known))

    def halves(self) -> tuple[Self, Self]:
        """Every other block, and those between: two samples of the same spans."""
        return self._every_other(0), self._every_other(1)

    def _every_other(self, first: int) -> Self:
        return self._replace(blocks=self.blocks[first::2], spans=self.spans[first::2])


def draw(read: Read, window: Window, stretches: Sequence[Stretch] | None) -> Sample | None:
    """A sample of the spans that started in the window; None when they are few enough to look into each.

    Args:
        read: The snapshot in which the sample is asked.
        window: With both ends.
        stretches: Where spans can lie that fit, in any order; None: anywhere.
    """
    zones = _zones(window, stretches)
    parts = (Window(project=window.project, from_=low, to=high) for low, high in zones)
    total = sum(sum(spans_by_hour(read, part).values()) for part in parts)
    if total <= SAMPLE_SPANS:
        return None
    known = sorted((low, high) for _, low, high in read(TEXT_BLOCKS, {"low": window.from_, "high": window.to}))
    cuts = [cut for zone in zones for cut in _cuts(read, window, zone, known)]
    upto = list(accumulate(cut.parts for cut in cuts))
    blocks = upto[-1] if upto else 0
    wanted = min(MOST_BLOCKS, max(LEAST_BLOCKS, math.ceil(SAMPLE_SPANS * blocks / total)))
    step = blocks / wanted
    # The half of all takes hardly less than all.
    if step < 2:
        return None
    chosen = tuple(_block(cuts, upto, int((number + (number + 0.5) * TURN % 1) * step)) for number in range(wanted))
    sample = Sample(chosen, tuple(_sizes(read, window, chosen)), total, read.finds_by_time)
    return sample if any(sample.spans) else None


def draw_clusters(read: Read, window: Window) -> Sample | None:
    """A sample of few large blocks for questions without texts; None when the window's spans can all be read.

    Args:
        read: The snapshot in which the sample is asked.
        window: With both ends.
    """
    hours = sorted(spans_by_hour(read, window).items())
    total = sum(spans for _, spans in hours)
    if total <= EXACT_SPANS:
        return None
    step, size = total / CLUSTERS, CLUSTER_SPANS
    begins = [step * number + (step - size) * ((number + 0.5) * TURN % 1) for number in range(CLUSTERS)]
    times = _times(window, hours, [place for begin in begins for place in (begin, begin + size)])
    chosen = tuple(each for each in zip(times[::2], times[1::2], strict=True) if each[0] < each[1])
    sample = Sample(chosen, tuple(_sizes(read, window, chosen)), total, read.finds_by_time)
    return sample if all(sum(half.spans) and len(half.spans) > 1 for half in sample.halves()) else None


def tells(estimates: Sequence[Estimate]) -> bool:
    """Whether most of what is estimated is known within its own size.

    Of what lies together in time, such as a session of an hour, one block holds much and the others nothing, so that
    nothing is known of any; and many more were never seen.
    """
    return 2 * sum(each.value for each in estimates if each.margin < each.value) > sum(each.value for each in estimates)


def spans_by_hour(read: Read, window: Window) -> dict[int, int]:
    """How many spans started in each hour of the window, by what is summed up as far as it is."""
    family = FAMILIES[0]
    ranges = ranges_of(read, window, step=HOUR, family=family)
    hours: dict[int, int] = {}
    if ranges.rolled is not None:
        values: Values = {"project": window.project, "first": ranges.rolled[0], "last": ranges.rolled[1]}
        hours = dict[int, int](read(sql(_SUMMED_UP.format(table=family.table)), values))
    for low, high in ranges.spans:
        for hour, spans in _by_hour(read, window, (low, high)):
            hours[hour] = hours.get(hour, 0) + spans
    return hours


def _times(window: Window, hours: Sequence[tuple[int, int]], places: Sequence[float]) -> list[int]:
    """When the spans of these places started, about; the places rise."""
    first, last = window.from_ or 0, window.to or 0
    times: list[int] = []
    before, at = 0, 0
    for place in places:
        while at < len(hours) - 1 and before + hours[at][1] <= place:
            before += hours[at][1]
            at += 1
        hour, spans = hours[at]
        low, high = max(hour, first), min(hour + HOUR, last)
        times.append(low + int((high - low) * min(1.0, (place - before) / spans)))
    return times


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
    least = max((last - first) // WIDE, *widths[: ZONES - 1][-1:], 1)
    for low, high in zones:
        if joined and (left == 0 or low - joined[-1][1] < least):
            joined[-1] = (joined[-1][0], high)
        else:
            left -= bool(joined)
            joined.append((low, high))
    return joined


class _Cut(NamedTuple):
    """A stretch of time that is as many blocks as it has parts."""

    low: int
    high: int
    parts: int

    def part(self, number: int) -> Stretch:
        width = self.high - self.low
        return self.low + width * number // self.parts, self.low + width * (number + 1) // self.parts


def _cuts(read: Read, window: Window, zone: Stretch, blocks: Sequence[Stretch]) -> list[_Cut]:
    """The zone cut where the index of words cuts it, and by the number of spans where it does not."""
    low, high = zone
    cuts: list[_Cut] = []
    gaps: list[Stretch] = []
    for begin, end in blocks:
        if end <= low or begin >= high:
            continue
        if begin > low:
            gaps.append((low, begin))
        cuts.append(_cut(max(begin, low), min(end, high), PARTS))
        low = end
    if low < high:
        gaps.append((low, high))
    return sorted(cuts + _pieces(read, window, gaps))


def _block(cuts: Sequence[_Cut], upto: Sequence[int], number: int) -> Stretch:
    """The block of this number, of cuts of which it is known how many end with each."""
    at = bisect_right(upto, number)
    return cuts[at].part(number - upto[at] + cuts[at].parts)


def _cut(low: int, high: int, parts: int) -> _Cut:
    return _Cut(low, high, min(parts, high - low))


def _pieces(read: Read, window: Window, gaps: Sequence[Stretch]) -> list[_Cut]:
    """Stretches without blocks as pieces of hours; hours without spans are left out."""
    asked = gaps if len(gaps) <= MOST_GAPS else [(gaps[0][0], gaps[-1][1])]
    hours: dict[int, int] = {}
    for low, high in asked:
        for hour, spans in _by_hour(read, window, (low, high)):
            hours[hour] = hours.get(hour, 0) + spans
    pieces: list[_Cut] = []
    for hour in sorted(hours):
        for low, high in gaps:
            begin, end = max(low, hour), min(high, hour + HOUR)
            if begin < end:
                pieces.append(_cut(begin, end, math.ceil(hours[hour] / PIECE_SPANS)))
    return pieces


def _by_hour(read: Read, window: Window, stretch: Stretch) -> Rows:
    """Hours in which spans of the stretch started, each with their number."""
    values: Values = {"hour": HOUR}
    part = Window(project=window.project, from_=stretch[0], to=stretch[1])
    query = sql("SELECT started // $hour * $hour AS begun, count(*) AS spans FROM spans")
    return read(query.where(*within(part, values)).group_by("started // $hour * $hour", dialect="duckdb"), values)


def _sizes(read: Read, window: Window, blocks: tuple[Stretch, ...]) -> list[int]:
    values: Values = {"project": window.project}
    sample = Sample(blocks, (), 0, read.finds_by_time)
    number = exp.alias_(sample.number(values), "block", copy=False)
    query = sql("SELECT 1 FROM spans WHERE project = $project").select(number, "count(*)", append=False, copy=False)
    sample.narrow(query, values)
    sizes = dict[int, int](read(query.group_by("block", copy=False), values))
    return [sizes.get(at, 0) for at in range(len(blocks))]


def _either(blocks: Sequence[Stretch], values: Values) -> exp.Expr:
    """That a span started in one of these."""
    return exp.or_(*(_between(each, values) for each in blocks), copy=False)


def _halved(blocks: Sequence[Stretch], values: Values) -> exp.Expr:
    """That a span started in one of these, the oldest first; the half of them is passed over at each comparison."""
    if len(blocks) == 1:
        return _between(blocks[0], values)
    half = len(blocks) // 2
    begin = bind(values, blocks[half][0])
    before = exp.LT(this=column("started"), expression=begin)
    after = exp.GTE(this=column("started"), expression=begin.copy())
    older, newer = (exp.paren(_halved(part, values), copy=False) for part in (blocks[:half], blocks[half:]))
    return exp.Or(
        this=exp.paren(exp.And(this=before, expression=older), copy=False),
        expression=exp.paren(exp.And(this=after, expression=newer), copy=False),
    )


def _between(block: Stretch, values: Values) -> exp.Expr:
    low, high = block
    since = exp.GTE(this=column("started"), expression=bind(values, low))
    return exp.And(this=since, expression=exp.LT(this=column("started"), expression=bind(values, high)))


def limit_of_few(hits: float, together: float, quantile: float, confidence: float = CONFIDENCE) -> float:
    """How many more than these hits there may be; 0 when they are many.

    Hits that come together are worth fewer that come alone: so many fewer as their variance is larger than their
    number. The limit of the count is Byar's (N. E. Breslow and N. E. Day, Statistical Methods in Cancer Research II,
    1987, p. 69).

    Args:
        hits: In what was read.
        together: Their variance, for each of them.
        quantile: Of Student's distribution, for what is known of the variance.
        confidence: How likely there are no more.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    together = max(1.0, together) * (quantile / z) ** 2
    worth = hits / together
    if worth >= FEW:
        return 0.0
    upper = (worth + 1) * (1 - 1 / (9 * (worth + 1)) + z / (3 * math.sqrt(worth + 1))) ** 3
    return upper * together - hits


def quantile_of(probability: float, freedom: int) -> float:
    """Of Student's distribution, within 1 % from six degrees of freedom on (Abramowitz and Stegun, 26.7.5)."""
    z = NormalDist().inv_cdf(probability)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
