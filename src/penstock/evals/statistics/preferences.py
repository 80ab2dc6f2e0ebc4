"""What pairwise judges prefer for the wrong reasons: a place, or length."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from penstock.evals.statistics.paired import sign_test
from penstock.evals.statistics.proportions import wilson
from penstock.evals.statistics.types import Estimate, Test

__all__ = ["Comparison", "LengthBias", "OrderBias", "Preference", "length_bias", "order_bias"]

Preference = Literal["a", "b", "tie"]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One pair of answers, A and B, as it was judged."""

    shown_first_a: Preference | None
    """What the judge prefers when A is shown first; None when it could not say."""
    shown_first_b: Preference | None = None
    """The same pair with B shown first."""
    length_a: int = 0
    """Characters."""
    length_b: int = 0
    people: Preference | None = None

    @property
    def verdict(self) -> Preference | None:
        """What holds in both orders; a tie where they disagree. One order's where only one was asked."""
        if self.shown_first_a is None or self.shown_first_b is None:
            return self.shown_first_a or self.shown_first_b
        return self.shown_first_a if self.shown_first_a == self.shown_first_b else "tie"


class OrderBias(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the place decides."""

    n: int
    """Pairs judged in both orders."""
    consistent: Estimate | None
    """Share with the same verdict in both orders; None where there are no such pairs."""
    first: int
    """Pairs in which whichever was shown first won both times."""
    second: int
    test: Test
    """Are the two equally frequent."""


class LengthBias(msgspec.Struct, frozen=True, kw_only=True):
    """Whether length decides."""

    n: int
    """Pairs of different length that the judge decided."""
    judge_prefers_longer: Estimate | None
    people_prefer_longer: Estimate | None
    """Of pairs that people decided."""
    judge_right: Estimate | None
    """Share of the pairs that people decided on which the judge agrees; a tie of the judge is wrong."""
    longest_right: Estimate | None
    """What always picking the longer answer would achieve on the same pairs. A judge must beat this."""


def order_bias(comparisons: Sequence[Comparison], *, level: float = 0.95) -> OrderBias:
    """How often the verdict depends on which answer is shown first."""
    both = [one for one in comparisons if one.shown_first_a is not None and one.shown_first_b is not None]
    same = sum(one.shown_first_a == one.shown_first_b for one in both)
    first = sum(one.shown_first_a == "a" and one.shown_first_b == "b" for one in both)
    second = sum(one.shown_first_a == "b" and one.shown_first_b == "a" for one in both)
    return OrderBias(
        n=len(both),
        consistent=_share(same, len(both), level),
        first=first,
        second=second,
        test=sign_test(first, second),
    )


def length_bias(comparisons: Sequence[Comparison], *, level: float = 0.95) -> LengthBias:
    """How often the longer answer wins, beside people and the rule `the longest wins`."""
    uneven = [one for one in comparisons if one.length_a != one.length_b]
    judged = [one for one in uneven if one.verdict in {"a", "b"}]
    labelled = [one for one in uneven if one.people in {"a", "b"}]
    known = [one for one in labelled if one.verdict is not None]
    return LengthBias(
        n=len(judged),
        judge_prefers_longer=_share(sum(one.verdict == _longer(one) for one in judged), len(judged), level),
        people_prefer_longer=_share(sum(one.people == _longer(one) for one in labelled), len(labelled), level),
        judge_right=_share(sum(one.verdict == one.people for one in known), len(known), level),
        longest_right=_share(sum(_longer(one) == one.people for one in known), len(known), level),
    )


def _longer(one: Comparison) -> Preference:
    return "a" if one.length_a > one.length_b else "b"


def _share(count: int, n: int, level: float) -> Estimate | None:
    return wilson(count, n, level=level) if n else None
