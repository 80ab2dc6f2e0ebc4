"""Lists of calls and of spans: by pages, filtered, sorted, searched."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypedDict

import msgspec

from penstock.store.spans.conditions import Texts, divided, is_narrow, narrow_first, needs_totals
from penstock.store.spans.engine import Engine, Question, Read, Rows
from penstock.store.spans.expressions import Values, sql
from penstock.store.spans.filters import JUDGED, Judged, Scope
from penstock.store.spans.queries.cells import bounds_of
from penstock.store.spans.queries.choices import (
    SORTS,
    Form,
    Order,
    Sort,
    Sums,
    best_sums,
    own_places,
    rows_of,
    sum_places,
)
from penstock.store.spans.queries.doubtful import first_of
from penstock.store.spans.queries.newest import ChooseWithin, newest
from penstock.store.spans.queries.rows import fetch
from penstock.store.spans.queries.scores import judged_of
from penstock.store.spans.queries.search import Candidates, Choose, Stretch, search, searches
from penstock.store.spans.queries.window import Window, closed, within
from penstock.store.spans.tree import Node
from penstock.store.spans.types import TraceRow

__all__ = ["NEWEST", "SORTS", "Order", "Page", "Place", "Sort", "list_calls", "list_spans", "newest_row", "rows_after"]


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A position in the list: what follows comes later in its order. A search that ran out of time stops between spans.

    `value` is what the list is sorted by, when that is not time.
    """

    started: int
    span: int = 0
    value: int | None = None


class Page(msgspec.Struct, frozen=True):
    rows: list[TraceRow]
    next: Place | None
    """Where to go on; None when nothing is left."""


NEWEST = Order()
SAMPLED = 86_400_000_000
"""Microseconds of a window that is worth looking at in parts first."""
_SHARES = (64, 8)
LIKELY = 4
"""How many times the rows of a page are taken from what is likely to hold a text, to have those that do."""
NARROWED = 1024
"""Rows that narrow columns leave of a slice at most, for the rest of the conditions to be asked of these alone."""
ALIKE = 4
"""How many times a page of sums is asked for at once: those that are worth as much as the last one are among them."""
PLACES = 4096
"""Rows that are looked up by their places at most; of more the conditions are asked straight away."""


def list_calls(
    engine: Engine,
    window: Window,
    *,
    where: Node | None,
    after: Place | None,
    limit: int,
    monotonic: Callable[[], float],
    order: Order = NEWEST,
    candidates: Candidates | None = None,
) -> Page:
    """One page of calls and roots.

    A search for text reads the newest time slice first and stops early rather than late: its page may hold fewer
    rows than `limit`, or none, and still have a successor. It is always in order of time, the newest first.
    """
    wanted = _Wanted(where, after, limit, NEWEST if searches(where) else order, "row")
    return _list(engine, window, wanted, monotonic=monotonic, candidates=candidates)


def list_spans(
    engine: Engine,
    window: Window,
    *,
    where: Node | None,
    after: Place | None,
    limit: int,
    monotonic: Callable[[], float],
    order: Order = NEWEST,
    candidates: Candidates | None = None,
) -> Page:
    """One page of spans of any kind, as `list_calls`; cost and tokens are the span's own."""
    wanted = _Wanted(where, after, limit, NEWEST if searches(where) else order, "span")
    return _list(engine, window, wanted, monotonic=monotonic, candidates=candidates)


class _Wanted(NamedTuple):
    """One page."""

    where: Node | None
    after: Place | None
    limit: int
    order: Order
    scope: Scope


def _list(
    engine: Engine,
    window: Window,
    wanted: _Wanted,
    *,
    monotonic: Callable[[], float],
    candidates: Candidates | None,
) -> Page:
    where, after, limit, order, scope = wanted
    with engine.snapshot() as read:
        more: Place | None = None
        judged = judged_of(read, window.project, where)
        if searches(where):
            choose = _chooser(read, window, where, scope, judged)
            at = None if after is None else (after.started, after.span)
            stretches = None if candidates is None else candidates(read, window, where)
            chosen, high = search(read, window, stretches, choose=choose, after=at, limit=limit, monotonic=monotonic)
            more = None if high is None else Place(high)
        elif where is not None and order == NEWEST:
            choose = _plain_chooser(read, where, scope, judged)
            at = None if after is None else (after.started, after.span)
            chosen = newest(read, window, where, scope=scope, choose=choose, after=at, limit=limit + 1)
        else:
            only = _Only(judged=judged)
            chosen = _choose(
                read, window, where=where, after=after, limit=limit + 1, order=order, scope=scope, only=only
            )
        if len(chosen) > limit:
            chosen = chosen[:limit]
            more = Place(chosen[-1][0], chosen[-1][1], None if order.by == "started" else chosen[-1][3])
        return Page(_fetched(read, window.project, chosen, scope=scope), more)


def _fetched(read: Read, project: str, chosen: Rows, *, scope: Scope) -> list[TraceRow]:
    """The rows that were chosen: `(started, span_id, rowid, …)` of each."""
    return fetch(read, project, [row[2] for row in chosen], [row[0] for row in chosen], scope=scope)


def _chooser(read: Read, whole: Window, where: Node | None, scope: Scope, judged: Judged) -> Choose:
    """Finds what holds the texts of the tree: first what is likely to, and of these what does."""
    values: Values = {}
    apart = bool(read(sql("SELECT 1 FROM payloads LIMIT 1").where(*within(whole, values)), values))
    exactly, likely = Texts(apart=apart), Texts(exactly=False, apart=apart) if is_narrow(where) else None

    def choose(window: Window, after: tuple[int, int] | None, limit: int) -> Rows:
        place = None if after is None else Place(*after)
        given: _Given = {"where": where, "order": NEWEST, "scope": scope}
        if likely is None:
            return _choose(read, window, **given, after=place, limit=limit, only=_Only(texts=exactly, judged=judged))
        found: Rows = []
        most = LIKELY * limit
        while len(found) < limit:
            rows = _choose(read, window, **given, after=place, limit=most, only=_Only(texts=likely, judged=judged))
            if rows:
                near = [row[2] for row in rows]
                only = _Only(texts=exactly, near=near, judged=judged)
                found += _choose(read, window, **given, limit=limit - len(found), only=only)
                place = Place(rows[-1][0], rows[-1][1])
            if len(rows) < most:
                break
            most *= LIKELY
        return found

    return choose


def _plain_chooser(read: Read, where: Node, scope: Scope, judged: Judged) -> ChooseWithin:
    """Finds rows without texts. Beyond the first slice little fits: there, what narrow columns leave is told first.

    Where that is too much, it is in the slices after that, too. An engine that finds by time does so by itself.
    """
    parts = None if read.finds_by_time else narrow_first(where)

    def choose(window: Window, after: tuple[int, int] | None, limit: int, stretches: Sequence[Stretch]) -> Rows:
        nonlocal parts
        place = None if after is None else Place(*after)
        asked = partial(_choose, read, window, order=NEWEST, scope=scope, after=place)
        only = _Only(stretches=stretches if len(stretches) > 1 else (), judged=judged)
        if parts is not None and stretches:
            narrow, rest = parts
            near = [row[2] for row in asked(where=narrow, limit=NARROWED + 1, only=only._replace(ordered=False))]
            if len(near) <= NARROWED:
                return asked(where=rest, limit=limit, only=_Only(near=near, judged=judged)) if near else []
            parts = None
        return asked(where=where, limit=limit, only=only)

    return choose


class _Only(NamedTuple):
    """Which rows alone are looked at, and how closely."""

    beyond: int | None = None
    """Those stored after this one."""
    near: Sequence[int] | None = None
    """Those at these places."""
    texts: Texts = Texts()
    stretches: Sequence[Stretch] = ()
    """Those that started in one of these, unless there are none."""
    ordered: bool = True
    """Otherwise any of them are told, at most as many as the limit."""
    judged: Judged = JUDGED
    """What there are scores of."""


class _Given(TypedDict):
    where: Node | None
    order: Order
    scope: Scope


def _choose(
    read: Read,
    window: Window,
    *,
    where: Node | None,
    limit: int,
    order: Order,
    scope: Scope,
    after: Place | None = None,
    only: _Only = _Only(),  # noqa: B008 - immutable
) -> Rows:
    """`(started, span_id, place in storage, what is sorted by)` of the rows that fit, in order."""
    form = Form(
        order.by,
        order.descending,
        scope,
        window.from_ is not None,
        window.to is not None,
        None if after is None else after.value is None,
        only.beyond is not None,
        texts=only.texts,
        near=only.near is not None,
        stretches=len(only.stretches),
        ordered=only.ordered,
        judged=only.judged,
        beside=read.beside_sums,
    )
    # Rows that stand for others are few; the rest need not be looked for among the sums.
    kinds: tuple[Sums | None, ...] = (None,)
    if scope == "row" and order.by in {"cost", "tokens"}:
        kinds = ("whole", "apart", "alone")
    elif scope == "row" and needs_totals(where):
        kinds = ("apart", "either")
    given: Values = {"project": window.project, "from": window.from_, "to": window.to, "limit": limit}
    given |= {"beyond": only.beyond, "near": only.near} | bounds_of("stretch", only.stretches)
    if after is not None:
        given |= {"at_started": after.started, "at_span": after.span, "at_value": after.value}
    asked = _Asked(read, where, form, given)
    if order.by != "started" and (after is None or after.value is not None):
        bound = asked.bound(window, kinds[:2])
        if bound is not None:
            return asked.best(kinds, bound)
    if kinds[-1] == "either" and order.by == "started" and not searches(where) and (parts := divided(where)):
        return asked.doubtful(parts[1], limit)
    return asked.first(kinds, None, limit)


class _Asked:
    """A question about rows, asked in one form after the other."""

    def __init__(self, read: Read, where: Node | None, form: Form, given: Values) -> None:
        self._read = read
        self._where = Question(where)
        self._form = form
        self._given = given
        self._key = _key(Order(by=form.by, descending=form.descending))
        self._starts: list[int] | None = None
        """When the rows started whose sum is as good as the bound, as far as it is known."""

    def rows(self, form: Form, **values: object) -> Rows:
        query, own = rows_of(self._where, form)
        return self._read(query, own | self._given | values)

    def onward(self, form: Form, after: Sequence[Any] | None, limit: int) -> Rows:
        """As `rows`, beyond a row."""
        if after is None:
            return self.rows(form, limit=limit)
        return self.rows(form._replace(after=True), at_started=after[0], at_span=after[1], limit=limit)

    def first(self, kinds: Sequence[Sums | None], after: Sequence[Any] | None, limit: int) -> Rows:
        """The first rows of these kinds."""
        rows = [row for sums in kinds for row in self.onward(self._form._replace(sums=sums), after, limit)]
        return sorted(rows, key=self._key)[:limit] if len(kinds) > 1 else rows

    def doubtful(self, sums: Node, limit: int) -> Rows:
        """The first rows, where what is asked of them themselves and of their sums are different conditions.

        Those in doubt fit all others of the conditions.
        """
        kinds: tuple[Sums, ...] = ("own", "begun")
        closely = _Asked(self._read, sums, self._form, self._given)
        return first_of(
            lambda after, most: [self.onward(self._form._replace(sums=kind), after, most) for kind in kinds],
            closely.fitting,
            lambda after, most: self.first(("apart", "either"), after, most),
            limit=limit,
            key=self._key,
        )

    def fitting(self, rows: Rows) -> set[Any]:
        """Places of those of these rows that fit, by their sums where they have any."""
        starts = [row[0] for row in rows]
        form = self._form._replace(sums="either", near=True, begins=True, ends=True, after=None, stretches=0)
        given = {"near": [row[2] for row in rows], "from": min(starts), "to": max(starts) + 1, "limit": len(rows)}
        return {row[2] for row in self.rows(form, **given)}

    def bound(self, window: Window, kinds: Sequence[Sums | None]) -> int | None:
        """The value that a row has at least (in the order) to be among the first.

        What is best in the newest parts of the window tells: an engine can pass over nearly all rows then by what they
        are sorted by alone. None when there is too little in them.
        """
        whole = closed(self._read, window)
        if whole is None or whole.from_ is None or whole.to is None or whole.to - whole.from_ < SAMPLED:
            return None
        bound: int | None = None
        if self._where.asked is None and "whole" in kinds:
            most = ALIKE * self._given["limit"]
            best = self._read(best_sums(self._form), self._given | {"limit": most})
            bound = self._worst(best[: self._given["limit"]], None)
            if bound is not None:
                good = [row[0] for row in best if row[3] is not None and self._as_good(row[3], bound)]
                self._starts = good if len(good) < most else None
        for share in _SHARES if bound is None else ():
            begin = whole.to - (whole.to - whole.from_) // share
            for sums in kinds:
                form = self._form._replace(begins=True, sums=sums, bound=bound is not None)
                bound = self._worst(self.rows(form, bound=bound, **{"from": begin}), bound)
        return bound

    def best(self, kinds: Sequence[Sums | None], bound: int) -> Rows:
        """The first rows of these kinds; none is worse than the bound.

        Places are told by narrow columns first, so that the rest is read of few rows.
        """
        form = self._form._replace(bound=True)
        places: Rows | None = None
        found: Rows = []
        for sums in kinds:
            given = self._given | {"bound": bound, "most": PLACES + 1}
            if sums == "whole":
                known = self._starts
                near = looked = [start for (start,) in self._read(sum_places(form), given)] if known is None else known
            else:
                looked = places = self._read(own_places(form), given) if places is None else places
                near = [place for place, summed in places if sums is None or summed == (sums != "apart")]
            few = len(looked) <= PLACES
            if near or not few:
                found += self.rows(form._replace(sums=sums, near=few), bound=bound, near=near)
                found = sorted(found, key=self._key)[: self._given["limit"]]
                bound = self._worst(found, bound) or bound
        return found

    def _as_good(self, value: int, bound: int) -> bool:
        return value >= bound if self._form.descending else value <= bound

    def _worst(self, rows: Rows, bound: int | None) -> int | None:
        """The value of the last of enough rows; what was known when they are too few."""
        return bound if len(rows) < self._given["limit"] or rows[-1][3] is None else int(rows[-1][3])


def _key(order: Order) -> Callable[[Sequence[Any]], tuple[bool, int, int, int]]:
    """What rows of `_choose` are sorted by."""
    sign = -1 if order.descending else 1

    def key(row: Sequence[Any]) -> tuple[bool, int, int, int]:
        started, span, _, value = row
        worth = 0 if order.by == "started" or value is None else int(value)
        return order.by != "started" and value is None, sign * worth, sign * started, sign * span

    return key


def newest_row(engine: Engine) -> int:
    """A mark in the order of storage; `rows_after` gives what came since."""
    ((mark,),) = engine.read(sql("SELECT max(rowid) FROM spans"))
    return -1 if mark is None else mark


def rows_after(
    engine: Engine, project: str, *, mark: int, where: Node | None, limit: int
) -> tuple[list[TraceRow], int]:
    """Calls stored since the mark, newest first and at most `limit`, and the new mark.

    Late calls are among them, whenever they started.
    """
    with engine.snapshot() as read:
        ((newest,),) = read(sql("SELECT max(rowid) FROM spans"), {})
        window = Window(project=project)
        chosen = _choose(read, window, where=where, limit=limit, order=NEWEST, scope="row", only=_Only(beyond=mark))
        return _fetched(read, project, chosen, scope="row"), -1 if newest is None else newest
