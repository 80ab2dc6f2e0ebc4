"""Between replicas: power of two choices over load and latency (Mitzenmacher, "The power of two choices", 2001)."""

from collections.abc import Sequence
from random import Random

from penstock.gateway.routing.health import TargetHealth

__all__ = ["least_bad", "pick"]


def pick(
    targets: Sequence[TargetHealth], now: float, random: Random, *, tried: int = 0, panic: float = 1.0
) -> int | None:
    """Index of the replica for the next attempt.

    Two are drawn at random and the one of lower `TargetHealth.cost` is taken: load spreads by how fast
    each is, without all workers running to the same best one. A target that is due for a probe is
    given this call; one that ramps up takes part with the probability of its share.

    Args:
        targets: The replicas, at least one.
        now: Seconds.
        random: Where chance comes from.
        tried: Bit mask of indexes that this call has tried already; they are left out.
        panic: When none is in service, the share of calls that are sent to the least bad one anyway.

    Returns:
        None when all were tried, or none is in service and `panic` does not let the call through.
    """
    count = len(targets)
    if not tried:
        if count == 1:
            if targets[0].clear:
                return 0
        else:
            one = int(random.random() * count)
            other = int(random.random() * (count - 1))
            if other >= one:
                other += 1
            first, second = targets[one], targets[other]
            if first.clear and second.clear:
                return one if _is_better(first, second, now) else other
    return _pick_carefully(targets, now, random, tried=tried, panic=panic)


def least_bad(targets: Sequence[TargetHealth], now: float, *, tried: int = 0) -> int | None:
    """The one that comes back first, then the one with the least in flight; None when all were tried."""
    left = [index for index in range(len(targets)) if not tried >> index & 1]
    if not left:
        return None
    return min(left, key=lambda index: (targets[index].back_at(now), targets[index].in_flight, index))


def _pick_carefully(
    targets: Sequence[TargetHealth], now: float, random: Random, *, tried: int, panic: float
) -> int | None:
    """As `pick`, for when some are tried, out, or on their way back."""
    ready: list[int] = []
    ramping: list[int] = []
    for index, target in enumerate(targets):
        if tried >> index & 1 or not target.available(now):
            continue
        if target.wants_probe(now):
            return index
        share = target.share(now)
        (ready if share >= 1.0 or random.random() < share else ramping).append(index)
    among = ready or ramping
    if not among:
        return least_bad(targets, now, tried=tried) if random.random() < panic else None
    if len(among) == 1:
        return among[0]
    one, other = random.sample(among, 2)
    return one if _is_better(targets[one], targets[other], now) else other


def _is_better(first: TargetHealth, second: TargetHealth, now: float) -> bool:
    one, other = first.cost(now), second.cost(now)
    if one > 0.0 and other > 0.0:
        return one <= other
    # One has not answered yet: what it has to do already is all that is known.
    return first.in_flight <= second.in_flight
