"""What limits and budgets have used, what comes of it, and what the cache saves."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TypeVar

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, NotFound
from penstock.finops.forecast import HISTORY, Course, forecast
from penstock.finops.ports import KeyNames, Published, Reports, SpendStore, UserHash
from penstock.finops.spend import Names, area_of, concerns, counter_of, grouped, is_shared, who_of
from penstock.finops.types import (
    BudgetPage,
    BudgetUse,
    BudgetWindow,
    CacheLive,
    CachePoint,
    CacheTotals,
    CacheUse,
    LimitUse,
    RateUse,
    RouteCache,
    Spender,
    Spenders,
    SpendLine,
    SpendPoint,
)
from penstock.store.counters.windows import WIDTHS, bounds
from penstock.store.spans.queries.overview import step_of
from penstock.store.spans.queries.spend import Area, SavedRow, Spending, Top, TopOf
from penstock.wire.limits import Budget, LimitEntry, Measure, Window
from penstock.wire.snapshot import Snapshot

__all__ = ["SpendService"]

Totals = TypeVar("Totals", bound=CacheTotals)

HOUR = WIDTHS["hour"]
DAY = WIDTHS["day"]
STEPS: dict[BudgetWindow, int] = {"hour": 5 * WIDTHS["minute"], "day": HOUR, "month": DAY}
"""Of a burn-down, microseconds."""
FEW, MANY = 5, 50
"""Counters of each budget, in the list and of one limit."""
MAX_POINTS = 1000
RECENT = HOUR
"""How far back peaks are looked for; those of a day take a day."""


class SpendService:
    """Answers from the records. Methods block; call from a thread.

    Args:
        spans: The store of the records.
        snapshot: What is published: its limits are the ones that hold.
        reports: What the gateway's workers say.
        key_names: Names of keys.
        user_hash: To recognise an end user whom a limit names.
        clock: Tells the current windows.
    """

    def __init__(
        self,
        spans: SpendStore,
        *,
        snapshot: Published,
        reports: Reports,
        key_names: KeyNames,
        user_hash: UserHash,
        clock: Clock,
    ) -> None:
        self._spans = spans
        self._snapshot = snapshot
        self._reports = reports
        self._key_names = key_names
        self._user_hash = user_hash
        self._clock = clock

    def budgets(self, project: str, *, oversees: bool) -> BudgetPage:
        """Every limit that holds in a project, with what is used of it.

        Args:
            project: Its id.
            oversees: Whether to show what several projects spend together.

        Raises:
            Unavailable: the store is down.
        """
        asked = _Asked(self._snapshot(), project, self._key_names, self._clock.now(), most=FEW)
        groups = asked.limits(oversees=oversees)
        return BudgetPage(at=asked.now, items=[self._use(asked, group) for group in groups], next_cursor=None)

    def budget(
        self,
        project: str,
        name: str,
        *,
        oversees: bool,
        window: BudgetWindow | None = None,
        who: str | None = None,
    ) -> LimitUse:
        """One limit in detail.

        Args:
            project: Its id.
            name: Of the limit.
            oversees: As `budgets`.
            window: Only the budget of this window.
            who: `id` of the counter whose spenders are wanted; None: the largest of each budget.

        Raises:
            NotFound: there is no such limit in this project, or not for whom asks.
            Unavailable: the store is down.
        """
        asked = _Asked(self._snapshot(), project, self._key_names, self._clock.now(), most=MANY)
        found = [group for group in asked.limits(oversees=oversees) if group[0].name == name]
        if not found:
            raise NotFound(
                f"There is no limit {name} here, or not for you.",
                hint="GET /api/v1/budgets lists those you may see.",
                code="limit_not_found",
            )
        # The project's own goes before one of all projects.
        group = found[-1]
        use = self._use(asked, group, only=window)
        budgets = [
            msgspec.structs.replace(
                budget, lines=[self._with_spenders(asked, group, budget, line) for line in _chosen(budget, who)]
            )
            for budget in use.budgets
        ]
        return msgspec.structs.replace(use, budgets=budgets)

    def cache(self, project: str, *, from_: int | None = None, to: int | None = None, points: int = 60) -> CacheUse:
        """What the cache answered and saved; by default in the last day.

        Raises:
            InvalidInput: the window or `points` is wrong.
            Unavailable: the store is down.
        """
        end = self._clock.now() if to is None else to
        start = end - DAY if from_ is None else from_
        if start >= end:
            raise InvalidInput(f"expected `from` to be before `to`, got {start} and {end}.", field="from")
        if not 1 <= points <= MAX_POINTS:
            raise InvalidInput(f"points lies between 1 and {MAX_POINTS}, got {points}.", field="points")
        step = step_of(end - start, points)
        rows = self._spans.saved(project, start, end, step=step).rows
        routes = {row.route for row in rows}
        by_route = [_gathered(RouteCache, [row for row in rows if row.route == route], route=route) for route in routes]
        by_time: dict[int, list[SavedRow]] = {t: [] for t in range(start // step * step, end, step)}
        for row in rows:
            by_time.setdefault(row.t, []).append(row)
        return CacheUse(
            from_=start,
            to=end,
            step=step,
            totals=_gathered(CacheTotals, rows),
            series=[_gathered(CachePoint, by_time[t], t=t) for t in sorted(by_time)],
            routes=sorted(by_route, key=lambda one: (-one.saved, -one.asked, one.route)),
            live=self._live(),
        )

    def _live(self) -> CacheLive:
        reports = self._reports()
        shared = self._snapshot().redis is not None
        gather = max if shared else sum
        return CacheLive(
            workers=len(reports),
            entries=gather([report.cache.entries for report in reports] or [0]),
            bytes=gather([report.cache.bytes for report in reports] or [0]),
            shared=shared,
        )

    # Limits

    def _use(self, asked: "_Asked", entries: Sequence[LimitEntry], *, only: BudgetWindow | None = None) -> LimitUse:
        first = entries[0]
        return LimitUse(
            name=first.name,
            level=first.level,
            match=[entry.match for entry in entries if entry.match is not None],
            project=first.project,
            source=first.source,
            shared=is_shared(first),
            budgets=[self._budget(asked, entries, budget) for budget in first.budgets if only in {None, budget.window}],
            rates=[self._rate(asked, entries, measure, window, hard) for measure, window, hard in _bounds(first)],
        )

    def _area(self, asked: "_Asked", entries: Sequence[LimitEntry], from_: int) -> Area:
        # A viewer of one project sees its own of what each project or key has by itself.
        project = asked.project if entries[0].level in ("project", "key") else None
        return area_of(entries, from_=from_, to=asked.now + 1, user_hash=self._user_hash, project=project)

    def _budget(self, asked: "_Asked", entries: Sequence[LimitEntry], budget: Budget) -> BudgetUse:
        start, end = bounds(budget.window, asked.now)
        area = self._area(asked, entries, start)
        step = STEPS[budget.window]
        history = start if budget.window == "hour" else start - HISTORY
        spending = self._spans.spending(area, step=step, most=asked.most, history=history)
        lines = [
            _line(asked, entries[0], budget, area, spending=spending, index=index)
            for index in range(len(spending.rows))
        ]
        return BudgetUse(
            window=budget.window,
            start=start,
            end=end,
            hard=budget.hard,
            soft=budget.soft,
            spent=spending.spent,
            counters=spending.counters,
            lines=lines,
        )

    def _rate(
        self, asked: "_Asked", entries: Sequence[LimitEntry], measure: Measure, window: Window, hard: int
    ) -> RateUse:
        whole = window == "day"
        area = self._area(asked, entries, asked.now - (DAY if whole else RECENT))
        step = WIDTHS.get(window, 1)
        if whole:
            # The last 24 hours are one step.
            step = asked.now + 1
        what = "tokens" if measure == "tokens" else "parallel" if measure == "parallel" else "requests"
        peak = self._spans.peak(area, what, step=step)
        return RateUse(
            measure=measure,
            window=window,
            hard=hard,
            peak=peak.amount if peak else 0,
            share=(peak.amount if peak else 0) / hard if hard else 1.0,
            at=peak.at if peak and not whole else None,
            who=who_of(area, peak.who, asked.names) if peak else None,
        )

    def _with_spenders(
        self, asked: "_Asked", entries: Sequence[LimitEntry], budget: BudgetUse, line: "_Chosen"
    ) -> SpendLine:
        if not line.chosen:
            return line.line
        area = self._area(asked, entries, budget.start)
        if area.level != "organisation":
            who = line.line.who.id
            area = msgspec.structs.replace(area, match=(who.partition("=")[2] if area.level == "tag" else who,))
        shared = is_shared(entries[0])
        kinds: list[TopOf] = ["project"] if shared else []
        found = self._spans.spenders(area, [*kinds, "key", "model", "route", "user"])
        projects = asked.names.projects
        keys: dict[str, str] = {}
        for top in [top.id for top in found.get("project", [])] or [asked.project]:
            keys |= self._key_names(top)
        return msgspec.structs.replace(
            line.line,
            spenders=Spenders(
                projects=_spenders(found.get("project", []), projects),
                keys=_spenders(found["key"], keys),
                models=_spenders(found["model"], {}),
                routes=_spenders(found["route"], {}),
                users=_spenders(found["user"], {}),
            ),
        )


class _Asked:
    """One request: the snapshot, the project and the moment that all its parts are about."""

    def __init__(self, snapshot: Snapshot, project: str, key_names: KeyNames, now: int, *, most: int) -> None:
        self._snapshot = snapshot
        self._key_names = key_names
        self.project = project
        self.now = now
        self.most = most

    @cached_property
    def keys(self) -> Mapping[str, str]:
        return self._key_names(self.project)

    @cached_property
    def names(self) -> Names:
        return Names({one.id: one.name for one in self._snapshot.projects.values()}, lambda: self.keys)

    def limits(self, *, oversees: bool) -> list[list[LimitEntry]]:
        """Those that hold in the project, by name."""
        entries = [entry for entry in self._snapshot.limits if concerns(entry, self.project, keys=self.keys)]
        return grouped([entry for entry in entries if oversees or not is_shared(entry)])


class _Chosen(msgspec.Struct, frozen=True):
    line: SpendLine
    chosen: bool


def _chosen(budget: BudgetUse, who: str | None) -> list[_Chosen]:
    """The lines of a budget, and the one whose spenders are wanted."""
    wanted = who if who is not None else budget.lines[0].who.id if budget.lines else None
    return [_Chosen(line, line.who.id == wanted) for line in budget.lines]


def _line(asked: _Asked, entry: LimitEntry, budget: Budget, area: Area, *, spending: Spending, index: int) -> SpendLine:
    row = spending.rows[index]
    start, end = bounds(budget.window, asked.now)
    step = STEPS[budget.window]
    course = Course(
        start=start,
        end=end,
        now=asked.now,
        step=step,
        series=spending.series[row.who],
        history=spending.history[row.who],
    )
    limit = budget.hard if budget.hard is not None else budget.soft
    over_hard = budget.hard is not None and row.spent >= budget.hard
    over_soft = budget.soft is not None and row.spent >= budget.soft
    return SpendLine(
        counter=counter_of(entry, area, row.who, measure="money", window=budget.window),
        who=who_of(area, row.who, asked.names),
        spent=row.spent,
        unknown=row.unknown,
        share=row.spent / limit if limit else None,
        state="hard" if over_hard else "soft" if over_soft else "within",
        series=_points(course),
        forecast=forecast(course, soft=budget.soft, hard=budget.hard),
        spenders=None,
    )


def _points(course: Course) -> list[SpendPoint]:
    points: list[SpendPoint] = []
    total = 0
    for t in range(course.start, min(course.now + 1, course.end), course.step):
        spent = course.series.get(t, 0)
        total += spent
        points.append(SpendPoint(t=min(t + course.step, course.now), spent=spent, total=total))
    return points


def _bounds(entry: LimitEntry) -> list[tuple[Measure, Window, int]]:
    """The bounds of a limit that are not money."""
    given: list[tuple[Measure, Window, int | None]] = [
        ("requests", "second", entry.requests_per_second),
        ("requests", "minute", entry.requests_per_minute),
        ("requests", "day", entry.requests_per_day),
        ("tokens", "minute", entry.tokens_per_minute),
        ("tokens", "day", entry.tokens_per_day),
        ("parallel", "now", entry.parallel),
    ]
    return [(measure, window, hard) for measure, window, hard in given if hard is not None]


def _spenders(tops: Sequence[Top], names: Mapping[str, str]) -> list[Spender]:
    return [Spender(id=top.id, name=names.get(top.id, top.id), cost=top.cost, calls=top.calls) for top in tops]


def _gathered(kind: type[Totals], rows: Sequence[SavedRow], **also: object) -> Totals:
    hits, joined = sum(row.hits for row in rows), sum(row.joined for row in rows)
    asked = hits + joined + sum(row.misses for row in rows)
    return kind(
        asked=asked,
        hits=hits,
        joined=joined,
        misses=asked - hits - joined,
        hit_rate=(hits + joined) / asked if asked else None,
        saved=sum(row.saved for row in rows),
        saved_unknown=sum(row.unknown for row in rows),
        **also,
    )
