"""What the statistics return."""

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from penstock.core.errors import InvalidInput

__all__ = ["Array", "Estimate", "Interval", "Test", "check_level", "numbers"]

Array = NDArray[np.float64]


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """Where the true value lies, at `level` confidence."""

    low: float
    high: float
    level: float
    method: str
    """As the field calls it: `wilson`, `t`, `clustered t`, `BCa bootstrap`."""

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A value that was computed of a sample, and how sure it is."""

    value: float
    interval: Interval
    n: int
    """Items."""
    se: float | None = None
    """Standard error; None where the method has none."""
    df: float | None = None
    """Degrees of freedom behind a t interval."""
    groups: int | None = None
    """Clusters of items that belong together; None for independent items."""


class Test(msgspec.Struct, frozen=True, kw_only=True):
    """A test of `no difference`."""

    __test__ = False  # nothing for pytest to collect

    p: float
    """Two-sided."""
    statistic: float | None
    method: str


def check_level(level: float) -> None:
    """Raise `InvalidInput` unless `level` is a confidence between 0 and 1."""
    if not 0 < level < 1:
        raise InvalidInput(f"A confidence level lies between 0 and 1, as 0.95; got {level:g}.", field="level")


def numbers(values: ArrayLike, *, least: int = 1, field: str = "values") -> Array:
    """The values as a vector of finite numbers.

    Raises:
        InvalidInput: there are fewer than `least`, or one is not finite.
    """
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1:
        raise InvalidInput(f"Expected one list of numbers, got {found.ndim} dimensions.", field=field)
    if found.size < least:
        raise InvalidInput(f"Expected at least {least} values, got {found.size}.", field=field)
    if not np.isfinite(found).all():
        raise InvalidInput("Expected finite numbers; leave out what was not scored.", field=field)
    return found
