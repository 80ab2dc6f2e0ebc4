"""Objectives as people write and see them."""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from penstock.alerts.context import Context, check_text
from penstock.alerts.rules.check import check_labels, check_runbook, check_steps
from penstock.alerts.rules.measure import SECOND
from penstock.alerts.rules.service import NEVER, worst
from penstock.alerts.rules.written import Written
from penstock.alerts.slo.arithmetic import BURN_RULES, DAY, HOUR, bounds, burn_rate, judge_burn, remaining, series
from penstock.alerts.slo.indicator import Counter
from penstock.alerts.slo.types import BurnRate, Slo, SloSpec, SloStatus
from penstock.alerts.store import rules as store
from penstock.alerts.types import SeriesState
from penstock.core.errors import InvalidInput
from penstock.identity.types import Principal

__all__ = ["SLO_DELAY", "SLO_INTERVAL", "Slos", "burn_rates"]

SLO_INTERVAL: Final = 60
"""Seconds between two evaluations of the burn rates."""
SLO_DELAY: Final = 30
"""Seconds that a window is left to fill after it has ended."""
MAX_SLOS: Final = 200
MAX_POINTS: Final = 1000


class Slos:
    """All objectives. Methods block.

    Args:
        context: Shared dependencies.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._counter = Counter(context.metrics, context.parse)
        self._written = Written(context, "slo", most=MAX_SLOS)

    def everything(self, project: str) -> list[Slo]:
        """By name."""
        return [_shown(row, states) for row, states in self._written.everything(project)]

    def get(self, project: str, id_: str) -> Slo:
        """Raises `NotFound` when there is none in this project."""
        return _shown(*self._written.get(project, id_))

    def create(self, actor: Principal, project: str, spec: SloSpec) -> Slo:
        """Store a new objective; its burn rates are watched from now on.

        Raises:
            InvalidInput: a field does not fit.
            Conflict: `slo_exists`.
        """
        now = self._check(project, spec)
        with self._context.metadata.write() as connection:
            row = self._written.create(connection, actor, project, spec, due=_due(spec, now))
        return _shown(row, [])

    def replace(self, actor: Principal, project: str, id_: str, spec: SloSpec) -> Slo:
        """Write one anew; its burn rates begin anew too. Raises `NotFound`, `InvalidInput` and `Conflict` as above."""
        now = self._check(project, spec)
        with self._context.metadata.write() as connection:
            before = self._written.found(connection, project, id_)
            row = self._written.replace(connection, actor, before, spec, due=_due(spec, now))
            store.remove_series(connection, id_)
        return _shown(row, [])

    def delete(self, actor: Principal, project: str, id_: str) -> None:
        """Raises `NotFound`."""
        self._written.delete(actor, project, id_)

    def status(self, project: str, id_: str, *, points: int = 200) -> SloStatus:
        """Budget, burn rates and burn-down as of now.

        Raises:
            NotFound: there is none in this project.
            Unavailable: the store is down.
        """
        if not 1 <= points <= MAX_POINTS:
            raise InvalidInput(f"Expected `points` from 1 to {MAX_POINTS}, got {points}.", field="points")
        return self.status_of(project, self.get(project, id_).spec, points=points)

    def test(self, project: str, spec: SloSpec, *, points: int = 200) -> SloStatus:
        """What the status of an objective would be, without storing it."""
        self._check(project, spec)
        return self.status_of(project, spec, points=points)

    def status_of(self, project: str, spec: SloSpec, *, points: int) -> SloStatus:
        """See `status`."""
        now = self._context.clock.now()
        from_, ends = bounds(spec.period, now)
        step = _step((now - from_) // SECOND, points)
        steps = self._counter.steps(project, spec, from_, now, step=step)
        good, total = sum(one[1] for one in steps), sum(one[2] for one in steps)
        passed = max(1, now - from_) / max(1, ends - from_)
        left = remaining(good, total, objective=spec.objective)
        rates = burn_rates(self._counter, project, spec, now)
        return SloStatus(
            from_=from_,
            to=now,
            ends=ends,
            good=good,
            total=total,
            share=None if total == 0 else good / total,
            objective=spec.objective,
            budget=total * (1 - spec.objective),
            bad=total - good,
            remaining=left,
            exhausted_at=self._exhausted(project, spec, now, left=left, period=(ends - from_) // SECOND),
            burn_rates=rates,
            # The period goes on at the traffic it has had so far.
            points=series(steps, objective=spec.objective, expected=total / passed),
        )

    def _exhausted(self, project: str, spec: SloSpec, now: int, *, left: float | None, period: int) -> int | None:
        good, total = self._counter.within(project, spec, now - DAY * SECOND, now)
        rate = burn_rate(good, total, objective=spec.objective)
        if left is None or left <= 0 or not rate:
            return None
        seconds = left * period / rate
        return now + int(seconds * SECOND) if seconds <= period else None

    def _check(self, project: str, spec: SloSpec) -> int:
        check_text(spec.name, field="name", least=1, most=100)
        check_text(spec.description, field="description", most=2000)
        if not (math.isfinite(spec.objective) and 0 < spec.objective < 1):
            raise InvalidInput(
                f"Expected `objective` between 0 and 1, like 0.99, got {spec.objective}.", field="objective"
            )
        if not 0 <= spec.min_bad <= 1_000_000:
            raise InvalidInput(f"Expected `min_bad` from 0 to 1000000, got {spec.min_bad}.", field="min_bad")
        indicator = spec.indicator
        if (indicator.limit is None) != (indicator.kind == "availability"):
            raise InvalidInput(
                "`limit` is for every indicator but availability, which has none.", field="indicator.limit"
            )
        if indicator.limit is not None and not math.isfinite(indicator.limit):
            raise InvalidInput(f"Expected a finite `limit`, got {indicator.limit}.", field="indicator.limit")
        if (indicator.score is None) == (indicator.kind == "score"):
            raise InvalidInput(
                "`score` names the score of an indicator of kind score, and of no other.", field="indicator.score"
            )
        check_labels(spec.labels)
        check_runbook(spec.runbook)
        check_steps(spec.steps)
        now = self._context.clock.now()
        self._counter.within(project, spec, now - SECOND, now)
        return now


def burn_rates(counter: Counter, project: str, spec: SloSpec, to: int) -> list[BurnRate]:
    """Every pair of windows that end at `to` (microseconds). Raises as `Counter.within`."""
    windows = sorted({seconds for rule in BURN_RULES for seconds in (rule.long, rule.short)})
    counts = {seconds: counter.within(project, spec, to - seconds * SECOND, to) for seconds in windows}
    return [
        judge_burn(
            rule, long=counts[rule.long], short=counts[rule.short], objective=spec.objective, min_bad=spec.min_bad
        )
        for rule in BURN_RULES
    ]


def _due(spec: SloSpec, now: int) -> int:
    step = SLO_INTERVAL * SECOND
    return (now // step + 1) * step if spec.alerts else NEVER


def _step(seconds: int, points: int) -> int:
    """Seconds of a step: a round one, so that steps lie where rollups do."""
    least = max(1, seconds // points)
    return next((step for step in (60, 300, 900, 1800, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR) if step >= least), DAY)


def _shown(row: store.DefinitionRow, states: Sequence[SeriesState]) -> Slo:
    return Slo(
        id=row.id,
        project=row.project,
        version=row.version,
        spec=msgspec.convert(row.body, SloSpec),
        state=worst(states),
        created=row.created,
        created_by=row.created_by,
        updated=row.updated,
        updated_by=row.updated_by,
    )
