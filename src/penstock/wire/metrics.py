"""What a gateway worker has counted since it started, in a file of the home folder, for whoever is scraped."""

import msgspec

__all__ = ["Histogram", "MetricsReport"]

Labels = tuple[str, ...]


class Histogram(msgspec.Struct, frozen=True, array_like=True):
    counts: tuple[int, ...]
    """By bucket, each by itself; the last is of what lies over all bounds."""
    total: float
    """Sum of what was observed."""


class MetricsReport(msgspec.Struct, frozen=True, kw_only=True):
    """Label values stand in the order of the metric's label names."""

    worker: str
    at: int
    """Microseconds since the epoch."""
    counters: dict[str, list[tuple[Labels, float]]] = {}
    histograms: dict[str, list[tuple[Labels, Histogram]]] = {}
