"""The answer to a borrow, from what the counters held."""

from collections.abc import Sequence

from penstock.store.counters.windows import WIDTHS, sliding, sliding_wait
from penstock.wire.limits import Claim, Grant

__all__ = ["Reading", "fits", "granted", "refused"]

Reading = tuple[int, int, int, int]
"""Of a sliding counter: current bucket, previous bucket, start, end. Of money: used with what is borrowed, booked,
start, end. Of slots: taken, 0, 0, end."""

SOON = 1.0
"""Seconds after which to ask again when only calls in flight stand in the way."""


def used(claim: Claim, reading: Reading, now: int) -> int:
    current, previous, start, end = reading
    if claim.measure in ("money", "parallel"):
        return current
    return sliding(current, previous, max(0, now - start), end - start)


def fits(claim: Claim, held: int) -> bool:
    """Whether a claim has room beside what the counter holds. A spent budget has none, even for an estimate of 0."""
    return claim.hard is None or held + (claim.amount or 1) <= claim.hard


def granted(claims: Sequence[Claim], readings: Sequence[Reading], now: int) -> Grant:
    """All claims fitted; `readings` are those after the borrow."""
    remaining: list[int | None] = []
    reset: list[float] = []
    soft: list[int] = []
    for index, (claim, reading) in enumerate(zip(claims, readings, strict=True)):
        held = used(claim, reading, now)
        hard = claim.hard
        remaining.append(None if hard is None else hard - held if hard > held else 0)
        reset.append(_reset(claim, reading, now))
        if claim.soft is not None and held >= claim.soft:
            soft.append(index)
    return Grant(claims=tuple(claims), remaining=tuple(remaining), reset=tuple(reset), soft=tuple(soft))


def refused(claims: Sequence[Claim], readings: Sequence[Reading], now: int, index: int) -> Grant:
    """The claim at `index` did not fit; `readings` are of all claims, and nothing was borrowed."""
    grant = granted(claims, readings, now)
    grant.refused = index
    grant.retry_after = _wait(claims[index], readings[index], now)
    return grant


def _reset(claim: Claim, reading: Reading, now: int) -> float:
    current, previous, _, end = reading
    if claim.measure == "parallel" or not (current or previous):
        return 0.0
    left = max(0, end - now)
    if claim.measure != "money" and current:
        left += WIDTHS[claim.window]
    return left / 1_000_000


def _wait(claim: Claim, reading: Reading, now: int) -> float:
    current, previous, start, end = reading
    hard = claim.hard or 0
    if claim.measure == "parallel":
        return SOON
    room = hard - (claim.amount or 1)
    if claim.measure == "money":
        return SOON if previous <= room else max(SOON, (end - now) / 1_000_000)
    return sliding_wait(current, previous, max(0, now - start), end - start, room) / 1_000_000
