"""Counts what is recorded, for Prometheus: calls, attempts, tokens, money, times.

Everything is read off the spans that go to the journal, so the metrics and the records tell the same story.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

from penstock.core.errors import PenstockError
from penstock.core.money import NANO_PER_DOLLAR
from penstock.gateway.ports import Journal
from penstock.wire.metrics import Histogram, MetricsReport
from penstock.wire.span import Span

__all__ = ["BOUNDS", "COUNTERS", "HISTOGRAMS", "MAX_SERIES", "OTHER", "Meter", "MeteredJournal"]

BOUNDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper bounds of the buckets, seconds; one more holds what is over the last."""
MAX_SERIES: Final = 2_000
"""Label sets of one metric at most: what a caller may choose, such as a model's name, must not fill the memory."""
OTHER: Final = "(other)"
"""Stands for the labels of everything beyond that."""

COUNTERS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "calls": ("Calls to the gateway.", ("project", "route", "operation", "status", "code")),
    "attempts": ("Requests to providers.", ("provider", "model", "status", "error")),
    "tokens": ("Tokens of requests to providers, in disjoint buckets.", ("project", "provider", "model", "type")),
    "cost_dollars": ("Cost of requests to providers, as far as it is known.", ("project", "provider", "model")),
    "cost_unknown": ("Requests to providers whose cost is unknown.", ("project", "provider", "model")),
    "cache": ("Calls that asked the cache.", ("project", "route", "outcome")),
    "cache_saved_dollars": ("What answers out of the cache would have cost.", ("project", "route")),
}
"""Help and label names by name; each is exposed as `penstock_<name>_total`."""
HISTOGRAMS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "call_duration_seconds": ("From the arrival of a call to the end of its answer.", ("route", "operation")),
    "time_to_first_token_seconds": ("From the arrival of a streamed call to its first content.", ("route",)),
    "attempt_duration_seconds": ("Requests to providers, from start to end.", ("provider", "model")),
}
_BUCKETS: Final = (
    ("usage_input", "input"),
    ("usage_cache_read", "cache_read"),
    ("usage_cache_write", "cache_write"),
    ("usage_output", "output"),
    ("usage_reasoning", "reasoning"),
    ("usage_input_audio", "input_audio"),
    ("usage_output_audio", "output_audio"),
    ("usage_input_image", "input_image"),
    ("usage_output_image", "output_image"),
)
_MODEL_KINDS: Final = frozenset({"llm", "embedding", "reranker"})
_Counter = dict[tuple[str, ...], float]


class Meter:
    """Sums since the start of the process. Belongs to the event loop's thread.

    Args:
        project_name: Name of a project by its id.
    """

    def __init__(self, project_name: Callable[[str], str]) -> None:
        self._project_name = project_name
        self._counters: dict[str, _Counter] = {name: {} for name in COUNTERS}
        self._histograms: dict[str, dict[tuple[str, ...], list[float]]] = {name: {} for name in HISTOGRAMS}

    def observe(self, spans: Sequence[Span]) -> None:
        """Count the spans of one call, or of a copy."""
        for span in spans:
            project = self._project_name(span.project)
            if span.call:
                self._call(span, project)
            if span.kind in _MODEL_KINDS and span.provider is not None and span.cache not in ("hit", "joined"):
                self._attempt(span, project)

    def report(self, worker: str, at: int) -> MetricsReport:
        """Everything so far."""
        return MetricsReport(
            worker=worker,
            at=at,
            counters={name: list(values.items()) for name, values in self._counters.items() if values},
            histograms={
                name: [
                    (labels, Histogram(tuple(int(count) for count in values[:-1]), values[-1]))
                    for labels, values in series.items()
                ]
                for name, series in self._histograms.items()
                if series
            },
        )

    def _call(self, span: Span, project: str) -> None:
        route = span.route or ""
        self._add("calls", (project, route, span.operation, span.status, str(span.http_status or "")))
        self._time("call_duration_seconds", (route, span.operation), span.duration)
        if span.ttft is not None:
            self._time("time_to_first_token_seconds", (route,), span.ttft)
        if span.cache is not None:
            self._add("cache", (project, route, span.cache))
            if span.saved:
                self._add("cache_saved_dollars", (project, route), span.saved / NANO_PER_DOLLAR)

    def _attempt(self, span: Span, project: str) -> None:
        provider = span.provider or ""
        model = span.target_model or span.served_model or span.requested_model or ""
        self._add("attempts", (provider, model, span.status, span.error_type or ""))
        self._time("attempt_duration_seconds", (provider, model), span.duration)
        for field, kind in _BUCKETS:
            tokens = getattr(span, field)
            if tokens:
                self._add("tokens", (project, provider, model, kind), tokens)
        if span.cost is None:
            self._add("cost_unknown", (project, provider, model))
        elif span.cost:
            self._add("cost_dollars", (project, provider, model), span.cost / NANO_PER_DOLLAR)

    def _add(self, name: str, labels: tuple[str, ...], amount: float = 1.0) -> None:
        values = self._counters[name]
        if labels not in values and len(values) >= MAX_SERIES:
            labels = (OTHER,) * len(labels)
        values[labels] = values.get(labels, 0.0) + amount

    def _time(self, name: str, labels: tuple[str, ...], microseconds: int) -> None:
        series = self._histograms[name]
        values = series.get(labels)
        if values is None:
            if len(series) >= MAX_SERIES:
                labels = (OTHER,) * len(labels)
            values = series.setdefault(labels, [0.0] * (len(BOUNDS) + 2))
        seconds = microseconds / 1_000_000
        values[bisect_left(BOUNDS, seconds)] += 1.0
        values[-1] += seconds


class MeteredJournal:
    """A journal that counts what it is given.

    Args:
        journal: Where the spans go.
        meter: What counts them.
    """

    def __init__(self, journal: Journal, meter: Meter) -> None:
        self._journal = journal
        self._meter = meter
        self.configure = journal.configure
        self.admit = journal.admit
        self.begin = journal.begin
        self.tick = journal.tick
        self.close = journal.close

    def record(self, spans: Sequence[Span]) -> None:
        self._journal.record(spans)
        self._meter.observe(spans)

    def record_soon(self, spans: Sequence[Span], then: Callable[[PenstockError | None], None]) -> None:
        self._journal.record_soon(spans, then)
        self._meter.observe(spans)
