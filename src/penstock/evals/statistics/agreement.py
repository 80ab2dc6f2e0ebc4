"""How far raters agree beyond chance.

Every coefficient is a function of sums over items, so a bootstrap over items is one product of matrices.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Literal, cast

import numpy as np

from penstock.core.errors import InvalidInput
from penstock.evals.statistics.bootstrap import interval_of, resample
from penstock.evals.statistics.types import Array, Estimate, check_level

__all__ = ["Measure", "Weights", "cohens_kappa", "fleiss_kappa", "krippendorff_alpha"]

Weights = Literal["none", "linear", "quadratic"]
Measure = Literal["nominal", "ordinal", "interval"]
_MOST_CATEGORIES = 200
_Coefficient = Callable[[Array], Array]
"""Sums over items, of shape (resamples, sums), to coefficients; NaN where chance alone leaves nothing to agree on."""


def cohens_kappa(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    *,
    weights: Weights = "none",
    order: Sequence[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Agreement of two raters (Cohen 1960; weighted: Cohen 1968), with a bootstrap interval over items.

    Args:
        first: The first rater's label of each item.
        second: The second's, in the same order.
        weights: By how far apart labels are, for labels that have an order.
        order: All labels from low to high, for weights; sorted unless given.
        level: Confidence.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """
    if len(first) != len(second) or not first:
        raise InvalidInput(f"Expected two labels of each item, got {len(first)} and {len(second)}.", field="second")
    labels = _labels([*first, *second], order)
    k = len(labels)
    cells = np.fromiter(
        (labels[a] * k + labels[b] for a, b in zip(first, second, strict=True)), dtype=np.int64, count=len(first)
    )
    parts = np.zeros((len(first), k * k))
    parts[np.arange(len(first)), cells] = 1.0
    apart = np.abs(np.subtract.outer(np.arange(k), np.arange(k))).astype(np.float64)
    loss = {"none": (apart > 0).astype(np.float64), "linear": apart, "quadratic": apart**2}[weights]

    def kappa(sums: Array) -> Array:
        table = sums.reshape(-1, k, k)
        total = table.sum(axis=(1, 2))
        expected = np.einsum("bi,bj,ij->b", table.sum(axis=2), table.sum(axis=1), loss) / total**2
        return _one_minus((table * loss).sum(axis=(1, 2)) / total, expected)

    return _estimate(parts, kappa, level=level, resamples=resamples, seed=seed)


def fleiss_kappa(
    ratings: Sequence[Sequence[Hashable]], *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Estimate:
    """Agreement of a fixed number of raters per item, who need not be the same ones (Fleiss 1971).

    Args:
        ratings: The labels of each item, as many for each.
        level: Confidence.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """
    sizes = {len(item) for item in ratings}
    if len(sizes) != 1 or min(sizes) < 2:
        raise InvalidInput(
            "Expected the same number of labels, at least two, for each item.",
            field="ratings",
            hint="Krippendorff's alpha takes items with missing labels.",
        )
    (m,) = sizes
    labels = _labels([label for item in ratings for label in item], None)
    counts = np.zeros((len(ratings), len(labels)))
    for place, item in enumerate(ratings):
        for label in item:
            counts[place, labels[label]] += 1
    agreeing = (counts * (counts - 1)).sum(axis=1, keepdims=True) / (m * (m - 1))
    parts = np.hstack([np.ones((len(ratings), 1)), agreeing, counts])

    def kappa(sums: Array) -> Array:
        n = sums[:, 0]
        shares = sums[:, 2:] / (n * m)[:, None]
        return _one_minus(1 - sums[:, 1] / n, 1 - (shares**2).sum(axis=1))

    return _estimate(parts, kappa, level=level, resamples=resamples, seed=seed)


def krippendorff_alpha(
    ratings: Sequence[Sequence[Hashable | None]],
    *,
    measure: Measure = "nominal",
    order: Sequence[Hashable] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Agreement of any number of raters, of whom any may be missing (Krippendorff 2004, chapter 11; 2011).

    Args:
        ratings: The labels of each item; None for a rater who gave none. Items with fewer than two labels tell nothing
            and are left out.
        measure: `nominal`; `ordinal` by ranks; `interval` by squared distance, of numbers.
        order: All labels from low to high, for `ordinal`; sorted unless given.
        level: Confidence.
        resamples: Of the bootstrap, which draws items.
        seed: Of the bootstrap.
    """
    items = [found for item in ratings if len(found := [label for label in item if label is not None]) > 1]
    if not items:
        raise InvalidInput("Expected at least one item with two labels.", field="ratings")
    if measure == "interval":
        return _estimate(_moments(items), _interval_alpha, level=level, resamples=resamples, seed=seed)
    labels = _labels([label for item in items for label in item], order)
    k = len(labels)
    parts = np.zeros((len(items), k * k))
    for place, item in enumerate(items):
        counts = np.bincount([labels[label] for label in item], minlength=k).astype(np.float64)
        parts[place] = ((np.outer(counts, counts) - np.diag(counts)) / (len(item) - 1)).ravel()

    def alpha(sums: Array) -> Array:
        coincidences = sums.reshape(-1, k, k)
        margin = coincidences.sum(axis=2)
        n = margin.sum(axis=1)
        loss = _ordinal_loss(margin) if measure == "ordinal" else np.broadcast_to(1 - np.eye(k), coincidences.shape)
        observed = (coincidences * loss).sum(axis=(1, 2)) / n
        pairs = margin[:, :, None] * margin[:, None, :] - margin[:, :, None] * np.eye(k)
        return _one_minus(observed, (pairs * loss).sum(axis=(1, 2)) / (n * (n - 1)))

    return _estimate(parts, alpha, level=level, resamples=resamples, seed=seed)


def _moments(items: Sequence[Sequence[Hashable]]) -> Array:
    """Per item: how many values, their sum, their sum of squares, and their squared distances by pairs."""
    rows: list[tuple[float, float, float, float]] = []
    numbers = [value for item in items for value in item]
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in numbers):
        raise InvalidInput("On an interval scale, labels are finite numbers.", field="ratings")
    centre = float(np.mean([float(value) for value in numbers]))  # type: ignore[arg-type] - checked above
    for item in items:
        values = np.asarray(item, dtype=np.float64) - centre
        m, total, squares = values.size, float(values.sum()), float(values @ values)
        rows.append((m, total, squares, 2 * (m * squares - total**2) / (m - 1)))
    return np.array(rows)


def _interval_alpha(sums: Array) -> Array:
    n, total, squares, apart = sums.T
    return _one_minus(apart / n, 2 * (n * squares - total**2) / (n * (n - 1)))


def _ordinal_loss(margin: Array) -> Array:
    """Squared distance of ranks: how many labels lie between two categories, with half of each of the two."""
    middles = np.cumsum(margin, axis=1) - margin / 2
    return (middles[:, :, None] - middles[:, None, :]) ** 2


def _one_minus(observed: Array, expected: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 1e-12, 1 - observed / expected, np.nan)


def _labels(given: Sequence[Hashable], order: Sequence[Hashable] | None) -> dict[Hashable, int]:
    if order is None:
        known = _sorted(given)
    else:
        known = list(order)
        strange = [label for label in given if label not in set(known)]
        if strange:
            raise InvalidInput(f"Expected labels of the given order, got {strange[0]!r}.", field="order")
    if len(known) > _MOST_CATEGORIES:
        raise InvalidInput(
            f"Expected at most {_MOST_CATEGORIES} different labels, got {len(known)}.",
            hint="Numbers are compared on an interval scale.",
        )
    return {label: place for place, label in enumerate(known)}


def _sorted(given: Sequence[Hashable]) -> list[Hashable]:
    """Labels that differ, in their own order where they have one."""
    different = set(given)
    try:
        return sorted(cast("set[str]", different))  # pyright: ignore[reportReturnType] - any type that has an order
    except TypeError:
        return sorted(different, key=repr)


def _estimate(parts: Array, coefficient: _Coefficient, *, level: float, resamples: int, seed: int) -> Estimate:
    """The coefficient of all items, NaN where everybody always gives the same label, with its interval."""
    check_level(level)
    drawn = resample(
        lambda weights: coefficient(weights @ parts), len(parts), codes=None, resamples=resamples, seed=seed
    )
    return Estimate(
        value=float(coefficient(parts.sum(axis=0, keepdims=True))[0]),
        interval=interval_of(drawn, level=level),
        n=len(parts),
        se=float(np.nanstd(drawn, ddof=1)) if np.isfinite(drawn).sum() > 1 else None,
    )
