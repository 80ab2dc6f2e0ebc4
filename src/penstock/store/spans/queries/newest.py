"""The newest rows under a condition, in slices of time from the newest backwards.

Where much fits, the first slice fills the page. Where little does, what is summed up by the hour and the day tells in
which stretches anything can lie, and the rest of the time is passed over.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec
from sqlglot import exp

from penstock.store.spans.engine import Read, Rows, prepare
from penstock.store.spans.expressions import Values, bind, column, sql
from penstock.store.spans.filters import Filter, Scope
from penstock.store.spans.metrics import Population
from penstock.store.spans.queries.activity import ACTIVITIES, DAY
from penstock.store.spans.queries.cells import ranges_of
from penstock.store.spans.queries.cube import FAMILIES, Family
from penstock.store.spans.queries.metrics import rolled_population
from penstock.store.spans.queries.populations import columns_of
from penstock.store.spans.queries.search import Stretch
from penstock.store.spans.queries.window import Window, closed
from penstock.store.spans.tree import And, Node, all_of

__all__ = ["ChooseWithin", "Told", "newest", "stretches_of"]

FIRST_SHARE = 32
"""The first slice is this part of the window."""
WIDER = 4
"""How many times wider each slice is than the one before it at most: as long as nothing is found."""
WIDEST = FIRST_SHARE
"""As `WIDER`, where the newest are found without reading those before them: then a slice costs mostly to be asked."""
MARGIN = 1.5
"""How many times what is missing of a page is looked for in the next slice."""
FEW = 8
"""If the first slice fills less than this part of a page, it is worth asking in which stretches anything lies."""
SHORT = 2 * DAY
"""A window up to this is read at once."""
MOST_STRETCHES = 24
"""A stretch is a condition of its own: of more than these, the nearest are joined."""
MOSTLY = 0.75
"""The share of the time from which on stretches are not worth being told apart."""

ChooseWithin = Callable[[Window, tuple[int, int] | None, int, Sequence[Stretch]], Rows]
"""As `search.Choose`, in these stretches of the window alone; in all of it when there are none."""


def newest(
    read: Read,
    window: Window,
    where: Node,
    *,
    scope: Scope,
    choose: ChooseWithin,
    after: tuple[int, int] | None,
    limit: int,
) -> Rows:
    """The newest rows that fit, at most `limit`, from a place on.

    Args:
        read: One snapshot for all questions.
        window: May have open ends.
        where: What must hold; no search for text.
        scope: Rows of the trace list, or spans.
        choose: Finds them in one slice, or in the stretches of it that are told.
        after: Where to go on from.
        limit: How many.
    """
    whole = closed(read, window)
    if whole is None or whole.from_ is None or whole.to is None:
        return []
    oldest = whole.from_
    high = whole.to if after is None else min(whole.to, after[0] + 1)
    if high - oldest <= SHORT or (read.finds_by_time and _at_once(where)):
        return choose(whole, after, limit, ())
    width = (whole.to - oldest) // FIRST_SHARE
    low = max(oldest, high - width)
    found = choose(msgspec.structs.replace(whole, from_=low), after, limit, ())
    if len(found) == limit or low == oldest:
        return found
    rest = msgspec.structs.replace(whole, from_=oldest, to=low)
    sparse = len(found) * FEW < limit
    told = stretches_of(read, rest, where, scope=scope) if sparse else Told([(oldest, low)])
    looked, gained, left = high - low, len(found), deque(told.stretches)
    wider = WIDEST if read.finds_by_time else WIDER
    enough = told.width(limit - len(found))
    while left and len(found) < limit:
        # What is missing may lie as close as what was found; not much more is read.
        missing = int(looked * (limit - len(found)) / len(found) * MARGIN) if gained else width * wider
        width = min(width * wider, max(width, missing)) if enough is None else enough
        enough = None
        parts = _taken(left, width)
        part = msgspec.structs.replace(whole, from_=parts[-1][0], to=parts[0][1])
        more = choose(part, after, limit - len(found), parts)
        found += more
        looked, gained = looked + sum(end - begin for begin, end in parts), len(more)
    return found


def _at_once(where: Node) -> bool:
    """Whether it takes longer to ask for a slice than to read it: scores are looked through anew for each."""
    terms = where.terms if isinstance(where, And) else (where,)
    columns = columns_of(where)
    return any(name.startswith("score.") for name in columns) and not any(map(_someone, terms))


def _taken(left: deque[Stretch], width: int) -> list[Stretch]:
    """The newest of what is left, as much of it as is wide enough together: all is asked for in one question."""
    parts: list[Stretch] = []
    while left and width > 0:
        begin, end = left.popleft()
        start = max(begin, end - width)
        parts.append((start, end))
        width -= end - start
        if start > begin:
            left.appendleft((begin, start))
    return parts


class Told(NamedTuple):
    """Where rows that fit can lie."""

    stretches: list[Stretch]
    """Disjoint, the newest first."""
    counts: list[tuple[int, int]] | None = None
    """Starts of periods, the newest first, and how many rows fit in each at least; None when that is not known."""

    def width(self, rows: int) -> int | None:
        """How long the newest of the stretches are together that hold so many rows, or all that there are.

        None when that is not known: what tells of it may be older than what tells of the stretches.
        """
        if self.counts is None or not self.stretches:
            return None
        seen, first = 0, self.stretches[-1][0]
        for start, count in self.counts:
            seen += count
            if seen >= rows:
                first = start
                break
        return sum(end - max(begin, first) for begin, end in self.stretches if end > first) or None


def stretches_of(read: Read, window: Window, where: Node, *, scope: Scope) -> Told:
    """Where rows that fit can lie in a closed window."""
    terms = where.terms if isinstance(where, And) else (where,)
    low, high = window.from_ or 0, window.to or 0
    found: list[Stretch] = [(low, high)]
    by_family, counts = _of_family(read, window, terms, scope=scope)
    for known in (_of_people(read, window, terms), by_family):
        if known is not None:
            found = list(_both(found, known))
    joined = _joined(sorted(found, reverse=True))
    covered = sum(end - begin for begin, end in joined)
    stretches = [(low, high)] if covered > MOSTLY * (high - low) else joined
    return Told(stretches, counts)


def _both(some: list[Stretch], others: list[Stretch]) -> Iterator[Stretch]:
    """What lies in both, of stretches in order of time."""
    at = 0
    for begin, end in some:
        while at < len(others) and others[at][1] <= begin:
            at += 1
        for low, high in others[at:]:
            if low >= end:
                break
            yield max(begin, low), min(end, high)


def _joined(stretches: list[Stretch]) -> list[Stretch]:
    """At most `MOST_STRETCHES`, the newest first: over the shortest times between them nothing is passed over."""
    gaps = [gap for newer, older in pairwise(stretches) if (gap := newer[0] - older[1]) > 0]
    bound = sorted(gaps, reverse=True)[MOST_STRETCHES - 2] if len(gaps) >= MOST_STRETCHES else 0
    joined: list[Stretch] = []
    for begin, end in stretches:
        if joined and joined[-1][0] - end <= bound:
            joined[-1] = (begin, joined[-1][1])
        else:
            joined.append((begin, end))
    return joined


def _of_people(read: Read, window: Window, terms: tuple[Node, ...]) -> list[Stretch] | None:
    """When a session or user that must be equal did anything, day by day; None when there is no such term."""
    for term in terms:
        if (someone := _someone(term)) is not None:
            return _of_days(read, window, *someone)
    return None


def _someone(term: Node) -> tuple[str, str] | None:
    """Where it is told when a session or user did anything, and who that is, of a term that asks for one."""
    if not isinstance(term, Filter) or term.operator != "eq" or not isinstance(term.value, str):
        return None
    return next(((table, term.value) for who, table in ACTIVITIES.items() if term.column == who), None)


def _of_days(read: Read, window: Window, table: str, who: str) -> list[Stretch]:
    low, high = window.from_ or 0, window.to or 0
    values: Values = {"project": window.project, "who": who, "after": low - DAY, "before": high}
    query = sql(f"SELECT day, first, last FROM {table} WHERE project = $project AND who = $who")  # noqa: S608 - constants; values are bound
    query = query.where("day > $after AND day < $before", dialect="duckdb")
    days = [(first, min(last + 1, day + DAY)) for day, first, last in read(query, values)]
    pending = read(sql("SELECT day FROM pending_days WHERE day > $after AND day < $before"), values)
    days += [(day, day + DAY) for (day,) in pending]
    return [(max(begin, low), min(end, high)) for begin, end in sorted(days) if begin < high and end > low]


def _of_family(
    read: Read, window: Window, terms: tuple[Node, ...], *, scope: Scope
) -> tuple[list[Stretch] | None, list[tuple[int, int]] | None]:
    """The hours in which anything fits those of the terms that the hours are summed up by; None when these are none.

    And how much fits in each, the newest first, when these are all the terms.
    """
    chosen = _chosen(terms)
    if chosen is None:
        return None, None
    family, told = chosen
    ranges = ranges_of(read, window, step=DAY, family=family)
    if ranges.rolled is None:
        return None, None
    counts = _counts(read, window, family, ranges.rolled, all_of(*told), scope=scope)
    periods = [(hour, min(hour + family.grain, ranges.rolled[1])) for hour, _ in counts]
    return sorted([*ranges.spans, *periods]), counts if len(told) == len(terms) else None


def _chosen(terms: tuple[Node, ...]) -> tuple[Family, list[Node]] | None:
    """The family that tells the most terms, the smaller of several; and these."""
    best: tuple[Family, list[Node]] | None = None
    for family in FAMILIES:
        known = {*family.columns, "model"} if "served_model" in family.columns else {*family.columns}
        told = [term for term in terms if _names(term) <= known]
        # When a user did anything is known by itself.
        more = not family.brief or any(_names(term) != {"user"} for term in told)
        if not family.histogram and told and more and (best is None or len(told) > len(best[1])):
            best = (family, told)
    return best


def _names(term: Node) -> set[str]:
    return {"tags" if name.startswith("tags.") else name for name in columns_of(term)}


def _counts(
    read: Read, window: Window, family: Family, rolled: Stretch, where: Node | None, *, scope: Scope
) -> list[tuple[int, int]]:
    """Periods that anything fits in, the newest first, and how much."""
    values: Values = {"project": window.project}
    population: Population = "traces" if scope == "row" else "spans"
    query = rolled_population(population, None, where, family, values)
    low, high = (bind(values, bound) for bound in rolled)
    query = query.where(
        exp.GTE(this=column("hour"), expression=low), exp.LT(this=column("hour"), expression=high), copy=False
    )
    query = query.select("hour", "CAST(sum(spans) AS BIGINT)", append=False, copy=False).group_by("hour", copy=False)
    return sorted(((hour, count) for hour, count in read(prepare(query), values)), reverse=True)
