"""Health of every `provider/model`, merged over the gateway's workers."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from penstock.registry.types import WorkerView
from penstock.wire.status import TargetReport, Transition

__all__ = ["TargetHealth", "TargetOnWorker", "WorkerTransition", "merge_targets"]

State = Literal["closed", "open", "half_open"]
MOST_HISTORY = 100
_BADNESS: dict[State, int] = {"closed": 0, "half_open": 1, "open": 2}


class TargetOnWorker(TargetReport, frozen=True, kw_only=True):
    """The target as one worker sees it."""

    worker: str


class WorkerTransition(Transition, frozen=True, kw_only=True):
    worker: str


class TargetHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A target as the gateway's workers see it together. Times are microseconds since the epoch."""

    target: str
    """`provider/model`."""
    provider: str
    model: str
    state: State
    """The worst that any worker says: `open` takes no calls there, `half_open` takes probes, `closed` is healthy."""
    out: int
    """Workers on which it is not `closed`."""
    reason: str
    """Of the worst; empty when it is `closed` everywhere."""
    since: int | None
    """Since when the worst worker says so; null: since its start."""
    attempts: int
    """In the breakers' windows, of all workers."""
    errors: int
    error_rate: float | None
    in_flight: int
    latency: float | None
    """Seconds to first content, averaged over the workers by their attempts."""
    p95: float | None
    """The slowest worker's, seconds."""
    keys_aside: list[str]
    """Provider keys that are set aside on any worker, with the reason."""
    workers: list[TargetOnWorker]
    history: list[WorkerTransition]
    """The latest changes of state on any worker, oldest first, at most 100."""


def merge_targets(workers: Iterable[WorkerView]) -> list[TargetHealth]:
    """Every target that a living worker reports, those that are out first, then by name."""
    found: dict[str, list[TargetOnWorker]] = {}
    for worker in workers:
        if worker.stale:
            continue
        for report in worker.targets:
            seen = TargetOnWorker(**msgspec.structs.asdict(report), worker=worker.worker)
            found.setdefault(report.target, []).append(seen)
    merged = [_merged(target, reports) for target, reports in found.items()]
    return sorted(merged, key=lambda one: (-_BADNESS[one.state], one.target))


def _merged(target: str, reports: Sequence[TargetOnWorker]) -> TargetHealth:
    provider, _, model = target.partition("/")
    # Of equally bad ones the first to say so.
    worst = min(reports, key=lambda one: (-_BADNESS[one.state], one.since or 0))
    attempts = sum(one.attempts for one in reports)
    errors = sum(one.errors for one in reports)
    history = [
        WorkerTransition(at=change.at, state=change.state, reason=change.reason, worker=one.worker)
        for one in reports
        for change in one.history
    ]
    return TargetHealth(
        target=target,
        provider=provider,
        model=model,
        state=worst.state,
        out=sum(one.state != "closed" for one in reports),
        reason=worst.reason,
        since=worst.since,
        attempts=attempts,
        errors=errors,
        error_rate=errors / attempts if attempts else None,
        in_flight=sum(one.in_flight for one in reports),
        latency=_average(reports),
        p95=max((one.p95 for one in reports if one.p95 is not None), default=None),
        keys_aside=sorted({key for one in reports for key in one.keys_aside}),
        workers=sorted(reports, key=lambda one: one.worker),
        history=sorted(history, key=lambda change: change.at)[-MOST_HISTORY:],
    )


def _average(reports: Sequence[TargetOnWorker]) -> float | None:
    known = [(one.latency, max(one.attempts, 1)) for one in reports if one.latency is not None]
    weight = sum(share for _, share in known)
    return sum(latency * share for latency, share in known) / weight if known else None
