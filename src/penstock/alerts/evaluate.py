"""One evaluation of one rule: ask, judge, advance the states of its groups, and say what changed.

Live evaluation, back-tests and benchmarks all go through `Evaluator.evaluate`.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from penstock.alerts.rules.judge import Judge
from penstock.alerts.rules.measure import SECOND, Labels, Readings, Watched
from penstock.alerts.rules.state import Judgement, active, advance
from penstock.alerts.types import AlertTransition, SeriesState, Source, Unit
from penstock.core.errors import PenstockError
from penstock.core.ids import Ids

__all__ = ["FORGET_SECONDS", "Evaluator", "Outcome", "labels_of", "series_id", "transition"]

FORGET_SECONDS: Final = 7 * 24 * 3600
"""After which a group that is not seen any more is dropped."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an evaluation."""

    states: list[SeriesState]
    """All groups as they stand now."""
    gone: list[str]
    """Series of groups to be dropped."""
    transitions: list[AlertTransition]
    error: str | None
    """Why nothing could be measured."""


class Evaluator:
    """Evaluates rules. Blocks; any thread may call.

    Args:
        judge: Measures and judges.
        ids: Names transitions.
    """

    def __init__(self, judge: Judge, *, ids: Ids) -> None:
        self._judge = judge
        self._ids = ids

    def evaluate(
        self, rule: Watched, readings: Readings | PenstockError, *, at: int, states: Sequence[SeriesState]
    ) -> Outcome:
        """The rule at this time, which may lie in the past; `at` only moves forward from call to call.

        Args:
            rule: The rule.
            readings: What its window holds, or why that is not known.
            at: When.
            states: Its groups after the evaluation before.
        """
        known = {_key(rule, state): state for state in states}
        judged: dict[Labels, Judgement] = {}
        error: str | None = None
        unit: Unit = "number"
        try:
            if isinstance(readings, PenstockError):
                raise readings
            unit = readings.unit
            judged = self._judge.judge(rule, readings, at=at, known=frozenset(known))
        except PenstockError as problem:
            error = str(problem)
            failed = Judgement(verdict="error", reason=error)
            judged = dict.fromkeys(known or ((),) if not rule.spec.group_by else known, failed)
        return self._advance(rule, known, judged, at=at, unit=unit, error=error)

    def _advance(
        self,
        rule: Watched,
        known: dict[Labels, SeriesState],
        judged: dict[Labels, Judgement],
        *,
        at: int,
        unit: Unit,
        error: str | None,
    ) -> Outcome:
        after: list[SeriesState] = []
        gone: list[str] = []
        changes: list[AlertTransition] = []
        for labels in [*known, *(new for new in judged if new not in known)]:
            before = known.get(labels) or _new(rule, labels, at=at)
            one = judged.get(labels)
            state = before if one is None else advance(before, one, at=at, spec=rule.spec)
            if one is not None and one.verdict != "error":
                state = msgspec.structs.replace(state, unit=unit, seen=at if one.count else state.seen)
            if rule.spec.group_by and at - state.seen > FORGET_SECONDS * SECOND:
                gone.append(state.series)
                state = msgspec.structs.replace(state, reason="it has not been seen for a week")
                state = msgspec.structs.replace(state, state="resolved" if active(state) else "ok", firing_since=None)
            else:
                after.append(state)
            if _notable(before, state):
                window = rule.window(at)
                changes.append(
                    transition(self._ids.uuid7(), before, state, at=at, window=window, query=_query(rule, labels))
                )
        return Outcome(states=after, gone=gone, transitions=changes, error=error)


def transition(
    id_: str, before: SeriesState, after: SeriesState, *, at: int, window: tuple[int, int], query: str
) -> AlertTransition:
    """The record of a change of state."""
    place = urlencode({"from": window[0], "to": window[1], **({"q": query} if query else {})})
    return AlertTransition(
        id=id_,
        project=after.project,
        rule=after.rule,
        source=after.source,
        name=after.name,
        series=after.series,
        labels=after.labels,
        severity=after.severity,
        at=at,
        before=before.state,
        after=after.state,
        value=after.value,
        threshold=after.threshold,
        unit=after.unit,
        reason=after.reason,
        from_=window[0],
        to=window[1],
        query=query,
        link=f"/traces?{place}",
    )


def series_id(labels: Iterable[str | None]) -> str:
    """A short name of a group that is the same in every process."""
    return hashlib.blake2b(msgspec.json.encode(list(labels)), digest_size=8).hexdigest()


def labels_of(rule: Watched, group: Labels) -> dict[str, str]:
    """All labels of a group's alert; those of the group win."""
    spec = rule.spec
    own = {column: value or "" for column, value in zip(spec.group_by, group, strict=True)}
    return {**spec.labels, "alert": spec.name, "severity": spec.severity, **own}


def _key(rule: Watched, state: SeriesState) -> Labels:
    # A missing value and an empty one are the same group to people; the store has no empty ones.
    return tuple(state.labels.get(column) or None for column in rule.spec.group_by)


def _new(rule: Watched, group: Labels, *, at: int, source: Source = "rule") -> SeriesState:
    return SeriesState(
        rule=rule.id,
        source=source,
        series=series_id(group),
        project=rule.project,
        name=rule.name,
        severity=rule.spec.severity,
        labels=labels_of(rule, group),
        since=at,
        seen=at,
    )


def _notable(before: SeriesState, after: SeriesState) -> bool:
    """An hour after it was resolved an alert is ok again; that is nothing new."""
    return before.state != after.state and (before.state, after.state) != ("resolved", "ok")


def _query(rule: Watched, group: Labels) -> str:
    """What the group's window holds, in the filter language."""
    spec = rule.spec
    terms = [f"({spec.metric.q})"] if spec.metric.q and spec.group_by else [spec.metric.q] if spec.metric.q else []
    for column, value in zip(spec.group_by, group, strict=True):
        name = column.replace("tags.", "tag.", 1)
        terms.append(f"missing:{name}" if value is None else f"{name}:{_quoted(value)}")
    return " ".join(terms)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
