"""A sample of spans for a chart: a block of neighbours from each step, as far as there are blocks for all.

Each block stands for a stratum: a part of a step, or where steps are more than blocks, as many spans as each other
block. To unpack a text is to unpack those before it in its vector, so that a block costs about as much however few of
its texts are looked into, and blocks are few.

With one block in a stratum, how far blocks differ is told by neighbours (W. G. Cochran, Sampling Techniques, 3rd ed.,
1977, 5A.12): what rises or falls from one to the next makes the error look larger than it is. That of a single step
is known from all differences together, for each hit. What is found seldom has the limits of a Poisson count, as in
`samples`.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from sqlglot import exp

from penstock.store.spans.engine import Read
from penstock.store.spans.expressions import HOUR, Values, bind, column, sql
from penstock.store.spans.queries.samples import CONFIDENCE, TURN, Sample, quantile_of, spans_by_hour
from penstock.store.spans.queries.search import Stretch
from penstock.store.spans.queries.window import Window, within

__all__ = ["CHART_SPANS", "LEAST_SPANS", "Area", "Spread", "StepSample", "draw_steps", "step_of"]

CHART_SPANS = 16_384
"""Spans whose texts are looked into for a chart, about."""
MOST_BLOCKS = 64
"""As many as the console's charts have steps at most."""
LEAST_BLOCKS = 32
"""For charts of few steps, and none: a part of a step is a stratum, too."""
LEAST_SPANS = 32
"""Of a step, or fewer where these are all; by fewer nothing is told of it."""
PIECES = 4
"""Of a block, about."""
FEWEST_PIECES = 60
MOST_PIECES = 720
"""Of an hour, or of a step that is no whole hours."""
LEAST_AREAS = 6
"""By fewer it cannot be told how far they differ."""
_PIECES = """
    SELECT (started // $cell) * $cell + ((started % $cell) // $length) * $length AS t, count(*) AS number
    FROM spans WHERE started // $cell IN (SELECT unnest($cells))
"""


class Area(NamedTuple):
    """Neighbouring blocks with spans enough to tell something of their strata."""

    blocks: tuple[int, ...]
    read: int
    """Spans in its blocks."""
    of: float
    """Spans that it stands for."""

    @property
    def scale(self) -> float:
        return self.of / self.read

    @property
    def left(self) -> float:
        """The share of its spans that was not read."""
        return max(0.0, 1 - self.read / self.of)


class StepSample(NamedTuple):
    """Blocks that are read for all steps."""

    sample: Sample
    areas: tuple[Area, ...]
    steps: dict[int, int]
    """Spans of the project in each step that has any in which something can be found, by its start."""
    read: dict[int, int]
    """How many of them are read."""

    def tells(self, t: int) -> bool:
        """Whether enough of a step was read to tell anything of it; always where nothing can be found in it."""
        spans = self.steps.get(t, 0)
        return self.read.get(t, 0) >= min(LEAST_SPANS, spans)


class Spread:
    """How far blocks differ in an amount: the errors of its total, and of a part of that.

    Args:
        areas: Of the sample.
        amounts: What was found, in each area.
        hits: Of how many, in each area.
    """

    def __init__(self, areas: Sequence[Area], amounts: Sequence[float], hits: Sequence[float]) -> None:
        drawn = [at for at, area in enumerate(areas) if area.left > 0]
        self.exact = not drawn
        """Whether all was read."""
        self.known = self.exact or len(drawn) >= LEAST_AREAS
        """Whether anything can be said of errors."""
        self.quantile = 0.0
        self.variance = 0.0
        """Of the total."""
        self.each = 0.0
        """Variance of the amount in what was read, for each hit."""
        if self.exact or not self.known:
            return
        self.quantile = quantile_of((1 + CONFIDENCE) / 2, max(LEAST_AREAS, round(2 * len(drawn) / 3)))
        # For each span of a pair of neighbours, by how they differ.
        rates = [_variance(areas[one], areas[two], amounts[one], amounts[two]) for one, two in pairwise(drawn)]
        found = sum(hits[one] + hits[two] for one, two in pairwise(drawn))
        spans = [areas[one].read + areas[two].read for one, two in pairwise(drawn)]
        self.each = sum(rate * read for rate, read in zip(rates, spans, strict=True)) / found if found else 0.0
        around = [rates[:1], *([before, after] for before, after in pairwise(rates)), rates[-1:]]
        for at, beside in zip(drawn, around, strict=True):
            area = areas[at]
            self.variance += area.scale**2 * area.left * area.read * sum(beside) / len(beside)


def _variance(one: Area, two: Area, first: float, second: float) -> float:
    """Of an amount for each span, by two areas."""
    read = one.read + two.read
    part = one.read / read
    return (first - (first + second) * part) ** 2 / (read * part * (1 - part))


def draw_steps(read: Read, window: Window, step: int | None, stretches: Sequence[Stretch] | None) -> StepSample | None:
    """A sample of the spans that started in the window; None when about half of them or more would be read.

    Args:
        read: The snapshot in which the sample is asked.
        window: With both ends.
        step: Microseconds; None: the window is one.
        stretches: Where spans can lie that fit, in any order; None: anywhere.
    """
    cells = _cells(read, window, step)
    by_step = _by_step(cells, window, step, stretches)
    if sum(spans for of_step in by_step.values() for *_, spans in of_step) <= 2 * CHART_SPANS:
        return None
    if len(by_step) <= MOST_BLOCKS:
        cells = [cell for of_step in by_step.values() for cell in of_step]
        places = list(_of_each([sum(spans for *_, spans in of_step) for of_step in by_step.values()]))
    else:
        by_step = _by_step(cells, window, step, None)
        spans = sum(spans for *_, spans in cells)
        places = list(_parts(spans, MOST_BLOCKS, CHART_SPANS // MOST_BLOCKS, 0))
    steps = {t: sum(spans for *_, spans in of_step) for t, of_step in by_step.items()}
    drawn = _blocks(read, window, cells, places, step)
    read_of: Counter[int] = Counter()
    for block in drawn:
        read_of.update(block.steps)
    spans = [sum(block.steps.values()) for block in drawn]
    blocks = tuple((block.low, block.high) for block in drawn)
    sample = Sample(blocks, tuple(spans), max(sum(steps.values()), sum(spans)), read.finds_by_time)
    areas = _areas([block.of for block in drawn], spans)
    # More than was counted before: what is read whole may hold spans of hours in which nothing fits.
    return StepSample(sample, areas, {t: max(number, read_of[t]) for t, number in steps.items()}, dict(read_of))


def step_of(step: int | None, values: Values, start: int) -> exp.Expr:
    """The start of the step in which a span started; of a window without steps, its own."""
    if step is None:
        return bind(values, start)
    name = bind(values, step)
    return exp.Mul(this=exp.IntDiv(this=column("started"), expression=name), expression=name.copy())


_Cell = tuple[int, int, int]
"""A stretch within one step, and how many spans of the project started in it."""


def _cells(read: Read, window: Window, step: int | None) -> list[_Cell]:
    low, high = window.from_ or 0, window.to or 0
    if step is None or step % HOUR == 0:
        length, found = HOUR, spans_by_hour(read, window)
    else:
        values: Values = {}
        query = exp.select(exp.alias_(step_of(step, values, low), "t"), "count(*)").from_("spans")
        query = query.where(*within(window, values)).group_by("t")
        length, found = step, dict[int, int](read(query, values))
    return [(max(t, low), min(t + length, high), spans) for t, spans in sorted(found.items()) if spans]


def _by_step(
    cells: Sequence[_Cell], window: Window, step: int | None, stretches: Sequence[Stretch] | None
) -> dict[int, list[_Cell]]:
    """Cells by the start of their step, in order of time, without steps in which nothing fits."""
    steps: dict[int, list[_Cell]] = {}
    for cell in cells:
        steps.setdefault((window.from_ or 0) if step is None else cell[0] // step * step, []).append(cell)
    if stretches is None or step is None:
        return steps
    possible = {t for low, high in stretches for t in range(low // step * step, high, step)}
    return {t: of_step for t, of_step in steps.items() if t in possible}


class _Place(NamedTuple):
    """Which spans a block holds, in order of time, of all that can be read; and how many it stands for."""

    begin: float
    end: float
    of: float


def _of_each(steps: Sequence[int]) -> Iterator[_Place]:
    """Blocks of each step, by how many spans it has; small steps are read as they are."""
    each = max(1, LEAST_BLOCKS // len(steps))
    size = CHART_SPANS // (each * len(steps))
    before = number = 0
    for spans in steps:
        if spans <= 2 * size:
            yield _Place(before, before + spans, spans)
        else:
            parts = min(each, spans // size)
            yield from _parts(spans, parts, size, number, before)
            number += parts
        before += spans


def _parts(spans: int, parts: int, size: int, number: int, before: int = 0) -> Iterator[_Place]:
    """A block of so many spans in each of so many parts.

    `number` is that of the first block among all, so that none lie in step with days or weeks.
    """
    width = spans / parts
    for part in range(parts):
        begin = before + width * part + max(0.0, width - size) * ((number + part + 0.5) * TURN % 1)
        yield _Place(begin, begin + min(size, width), width)


class _Block(NamedTuple):
    low: int
    high: int
    of: float
    """How many spans it stands for."""
    steps: dict[int, int]
    """How many spans lie in it, by the steps they started in."""


def _blocks(
    read: Read, window: Window, cells: Sequence[_Cell], places: Sequence[_Place], step: int | None
) -> list[_Block]:
    """Whole pieces of time with the spans of these places, about."""
    upto = list(accumulate(spans for *_, spans in cells))
    touched = sorted({at for place in places for at in range(_at(upto, place.begin), _at(upto, place.end) + 1)})
    finer = _finer(read, window, [cells[at] for at in touched], step, CHART_SPANS // len(places))
    pieces = [piece for cell in cells for piece in finer.get(cell, (cell,))]
    upto = list(accumulate(spans for *_, spans in pieces))
    blocks: list[_Block] = []
    free = 0
    for place in places:
        first, last = max(free, _at(upto, place.begin)), min(bisect_left(upto, place.end), len(pieces) - 1)
        # What lies in by less than its half is left out.
        if first < last and 2 * (upto[first] - place.begin) < pieces[first][2]:
            first += 1
        if first < last and 2 * (upto[last] - place.end) > pieces[last][2]:
            last -= 1
        if first > last:
            # The block before holds these spans, too: very many started together.
            blocks[-1] = blocks[-1]._replace(of=blocks[-1].of + place.of)
            continue
        steps: Counter[int] = Counter()
        for low, _, spans in pieces[first : last + 1]:
            steps[(window.from_ or 0) if step is None else low // step * step] += spans
        blocks.append(_Block(pieces[first][0], pieces[last][1], place.of, steps))
        free = last + 1
    return blocks


def _finer(read: Read, window: Window, cells: Sequence[_Cell], step: int | None, size: int) -> dict[_Cell, list[_Cell]]:
    """Cells cut into pieces, of which some make a block, so that it is known where in them their spans lie."""
    whole = HOUR if step is None or step % HOUR == 0 else step
    pieces = max(FEWEST_PIECES, PIECES * max(spans for *_, spans in cells) // max(1, size))
    values: Values = {
        "cell": whole,
        "cells": [low // whole for low, *_ in cells],
        "length": max(1, whole // min(MOST_PIECES, pieces)),
    }
    query = sql(_PIECES).where(*within(window, values), copy=False)
    finer: dict[_Cell, list[_Cell]] = {}
    lows = [low for low, *_ in cells]
    for t, spans in sorted(read(query.group_by("t", copy=False), values)):
        low, high, _ = cell = cells[max(0, bisect_right(lows, t) - 1)]
        finer.setdefault(cell, []).append((max(t, low), min(t + values["length"], high), spans))
    return finer


def _at(upto: Sequence[int], place: float) -> int:
    return min(bisect_right(upto, place), len(upto) - 1)


def _areas(strata: Sequence[float], spans: Sequence[int]) -> tuple[Area, ...]:
    """Blocks with the next ones, as long as they hold too little."""
    areas: list[Area] = []
    held = Area((), 0, 0)
    for at, (of, read) in enumerate(zip(strata, spans, strict=True)):
        held = Area((*held.blocks, at), held.read + read, held.of + max(of, read))
        if held.read >= min(LEAST_SPANS, held.of):
            areas.append(held)
            held = Area((), 0, 0)
    if held.blocks and areas:
        last = areas.pop()
        held = Area((*last.blocks, *held.blocks), last.read + held.read, last.of + held.of)
    return (*areas, held) if held.read else tuple(areas)
