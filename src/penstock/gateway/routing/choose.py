"""Choices by weight: each call by itself, or always the same one for the same caller."""

import hashlib
import math
from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate
from random import Random

from penstock.core.errors import InvalidInput
from penstock.wire.conditions import Facts

__all__ = ["Rendezvous", "Weights", "caller_by"]


class Weights:
    """Indexes at random, in proportion to their weights. 0 is never chosen."""

    __slots__ = ("_bounds", "_total")

    def __init__(self, weights: Sequence[float]) -> None:
        _check(weights)
        self._bounds = tuple(accumulate(weights))
        self._total = self._bounds[-1]

    def pick(self, random: Random) -> int:
        # Rounding may give the total itself, which would be past the end.
        return bisect(self._bounds, min(random.random() * self._total, math.nextafter(self._total, 0.0)))


class Rendezvous:
    """Weighted rendezvous hashing: who calls decides, for ever, in proportion to the weights.

    Each position gets a number from a hash of salt, position and caller; the highest of
    `-weight / ln(number)` wins (Schindelhauer and Schomaker, "Weighted distributed hash tables",
    SPAA 2005). Raising one weight moves callers to that position only, and from all others alike;
    two of the same salt and weights cut the same callers. Positions carry the identity, so a choice
    that is dropped keeps its place with weight 0, and new ones are added at the end.

    A choice nested in another needs a salt of its own, or all its callers would be those that the
    outer one put first.
    """

    __slots__ = ("_hashes", "_weights")

    def __init__(self, weights: Sequence[float], *, salt: str) -> None:
        _check(weights)
        self._weights = tuple(weights)
        seed = salt.encode("utf-8", "surrogatepass")
        # The length keeps ("ab", "c") apart from ("a", "bc").
        self._hashes = tuple(
            hashlib.blake2b(b"%d:%b:%d:" % (len(seed), seed, position), digest_size=8)
            for position in range(len(weights))
        )

    def pick(self, caller: str) -> int:
        """The caller's own choice."""
        data = caller.encode("utf-8", "surrogatepass")
        best, found = -1.0, 0
        for position, weight in enumerate(self._weights):
            if weight > 0.0:
                score = self._score(position, weight, data)
                if score > best:
                    best, found = score, position
        return found

    def order(self, caller: str) -> list[int]:
        """The caller's own choice, then the one it moves on to, and so on. Without those of weight 0."""
        data = caller.encode("utf-8", "surrogatepass")
        scores = [
            (-self._score(position, weight, data), position)
            for position, weight in enumerate(self._weights)
            if weight > 0.0
        ]
        scores.sort()
        return [position for _, position in scores]

    def _score(self, position: int, weight: float, data: bytes) -> float:
        hashed = self._hashes[position].copy()
        hashed.update(data)
        # 52 bits and a half: never 0 and never 1, both of which the logarithm could not take.
        number = ((int.from_bytes(hashed.digest(), "big") >> 12) + 0.5) * 2.0**-52
        return -weight / math.log(number)


def caller_by(by: str) -> Callable[[Facts], str]:
    """Who calls, as `Cohort.by` says; empty when the call does not tell.

    Raises:
        InvalidInput: `by` is none of `session`, `user`, `key`, `header:NAME`, `tag:NAME`.
    """
    kind, _, name = by.partition(":")
    if kind == "header" and name:
        lower = name.lower()
        return lambda facts: facts.headers().get(lower, "")
    if kind == "tag" and name:
        return lambda facts: facts.tags.get(name, "")
    if by == "session":
        return lambda facts: facts.session
    if by == "user":
        return lambda facts: facts.user
    if by == "key":
        return lambda facts: facts.key[0]
    raise InvalidInput(f"Expected session, user, key, header:NAME or tag:NAME to choose by, got {by!r}.")


def _check(weights: Sequence[float]) -> None:
    if not all(0.0 <= weight < math.inf for weight in weights) or not any(weights):
        raise InvalidInput(f"Expected weights of 0 and more, one of them above 0, got {list(weights)}.")
