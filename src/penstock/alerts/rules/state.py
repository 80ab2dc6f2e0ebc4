"""How a group's state follows from one judgement after the other. Pure: time comes in as an argument.

    ok ──wrong──▶ pending ──for `pending_for`──▶ firing ──right for `keep_firing_for`──▶ resolved ──an hour──▶ ok

Missing data and errors are states of their own. They end nothing: an alert that fired goes on when data comes back
wrong, and is resolved when it comes back right. An error is not the data's fault, so `pending` counts on through it.
"""

from typing import Literal, assert_never

import msgspec

from penstock.alerts.rules.measure import SECOND
from penstock.alerts.types import AlertState, RuleSpec, SeriesState

__all__ = ["RESOLVED_SECONDS", "Judgement", "Verdict", "active", "advance"]

RESOLVED_SECONDS = 3600
Verdict = Literal["wrong", "between", "right", "no_data", "error"]
"""`between`: not wrong, and not yet on the far side of where an alert ends."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What one evaluation says of one group."""

    verdict: Verdict
    value: float | None = None
    threshold: float | None = None
    count: int = 0
    reason: str = ""


def active(state: SeriesState) -> bool:
    """Whether somebody is to know of it: it fires, or did when data ended or could not be read."""
    return state.firing_since is not None


def advance(before: SeriesState, judged: Judgement, *, at: int, spec: RuleSpec) -> SeriesState:
    """The state after a judgement at this time."""
    verdict = judged.verdict
    if verdict == "no_data" and spec.on_no_data != "no_data":
        verdict = "right" if spec.on_no_data == "ok" else "wrong"
    known = msgspec.structs.replace(
        before,
        value=judged.value,
        threshold=judged.threshold,
        count=judged.count,
        evaluated=at,
        reason=judged.reason,
    )
    match verdict:
        case "wrong":
            after = _wrong(known, at=at, spec=spec)
        case "between" | "right":
            after = _right(known, at=at, spec=spec, far=verdict == "right")
        case "no_data":
            after = _to(known, "no_data", at=at, pending_since=None, right_since=None)
        case "error":
            after = _to(known, "error", at=at)
        case _:
            assert_never(verdict)
    return after


def _wrong(known: SeriesState, *, at: int, spec: RuleSpec) -> SeriesState:
    if active(known):
        return _to(known, "firing", at=at, right_since=None)
    since = at if known.pending_since is None else known.pending_since
    if at - since >= spec.pending_for * SECOND:
        return _to(known, "firing", at=at, pending_since=since, firing_since=at, right_since=None)
    return _to(known, "pending", at=at, pending_since=since)


def _right(known: SeriesState, *, at: int, spec: RuleSpec, far: bool) -> SeriesState:
    if not active(known):
        over = known.state == "resolved" and at - known.since < RESOLVED_SECONDS * SECOND
        return _to(known, "resolved" if over else "ok", at=at, pending_since=None)
    if not far:
        return _to(known, "firing", at=at, right_since=None)
    since = at if known.right_since is None else known.right_since
    if at - since >= spec.keep_firing_for * SECOND:
        return _to(known, "resolved", at=at, pending_since=None, firing_since=None, right_since=None)
    return _to(known, "firing", at=at, right_since=since)


def _to(known: SeriesState, state: AlertState, *, at: int, **changes: int | None) -> SeriesState:
    since = known.since if known.state == state else at
    return msgspec.structs.replace(known, state=state, since=since, **changes)
