"""Many comparisons at once."""

from collections.abc import Sequence

import numpy as np

from penstock.core.errors import InvalidInput

__all__ = ["benjamini_hochberg", "holm"]


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that hold the chance of any false positive (Holm 1979); valid under any dependence."""
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    steps = p[order] * np.arange(p.size, 0, -1)
    return _back(np.minimum(1.0, np.maximum.accumulate(steps)), order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that hold the share of false positives among the positives (Benjamini and Hochberg 1995)."""
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    steps = p[order] * p.size / np.arange(1, p.size + 1)
    return _back(np.minimum(1.0, np.minimum.accumulate(steps[::-1])[::-1]), order)


def _checked(p_values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    p = np.asarray(p_values, dtype=np.float64)
    if p.size and not bool(np.all((p >= 0) & (p <= 1))):
        raise InvalidInput("Expected p-values from 0 to 1.", field="p_values")
    return p


def _back(
    steps: np.ndarray[tuple[int], np.dtype[np.float64]], order: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> list[float]:
    found = np.empty_like(steps)
    found[order] = steps
    return [float(value) for value in found]
