"""Quantiles of a stream in bounded memory."""

import math
from typing import Final

__all__ = ["Sketch"]

ACCURACY: Final = 0.01
SMALLEST: Final = 1e-6
LARGEST: Final = 1e6


class Sketch:
    """DDSketch (Masson, Rim, Lee, VLDB 2019): every quantile is right to one percent of its value.

    Values are counted in buckets whose bounds grow by a constant factor, fewer than 1,400 for a
    microsecond to twelve days, however many values come.
    """

    def __init__(self) -> None:
        self._factor = math.log((1 + ACCURACY) / (1 - ACCURACY))
        self._buckets: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.smallest = math.inf
        self.largest = 0.0

    def add(self, value: float) -> None:
        """Count a value; below a microsecond it counts as one."""
        kept = min(max(value, SMALLEST), LARGEST)
        bucket = math.ceil(math.log(kept) / self._factor)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1
        self.total += value
        self.smallest = min(self.smallest, value)
        self.largest = max(self.largest, value)

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """The value below which that share of the values lies; None when there are none."""
        if not self.count:
            return None
        rank = share * (self.count - 1)
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen > rank:
                middle = 2 * math.exp(bucket * self._factor) / (math.exp(self._factor) + 1)
                return min(max(middle, self.smallest), self.largest)
        return self.largest
