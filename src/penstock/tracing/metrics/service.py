"""Metrics of a project."""

import msgspec

from penstock.core.clock import Clock
from penstock.store.spans.metrics import Distribution, MetricResult, MetricSeries
from penstock.tracing.metrics.checks import distribution_query, metric_query
from penstock.tracing.metrics.types import DistributionRequest, MetricRequest
from penstock.tracing.ports import MetricStore
from penstock.tracing.query.names import KeyNames, QueryReader

__all__ = ["DEFAULT_WINDOW", "MetricsService"]

DEFAULT_WINDOW = 24 * 3600 * 1_000_000
"""Microseconds of a window that names no start."""


class MetricsService:
    """Asks the store. Methods block.

    Args:
        store: Measures.
        reader: Reads conditions.
        key_names: Names of keys, for groups by key.
        clock: Now, for windows without an end.
    """

    def __init__(self, store: MetricStore, *, reader: QueryReader, key_names: KeyNames, clock: Clock) -> None:
        self._store = store
        self._reader = reader
        self._key_names = key_names
        self._clock = clock

    def measure(self, project: str, asked: MetricRequest) -> MetricResult:
        """A metric, by group and step; unless `exact`, from a sample where very many texts would be looked into.

        Groups by key have the keys' names.

        Raises:
            InvalidInput: it cannot be asked so (`invalid_metric`, `invalid_query`); `field` says what.
            Unavailable: the store is down.
        """
        from_, to = self._window(asked.from_, asked.to)
        query = metric_query(
            asked,
            project=project,
            from_=from_,
            to=to,
            step=asked.step,
            exact=asked.exact,
            read=self._reader.of(project),
        )
        return self._named(project, query.group_by, self._store.measure(query))

    def distribution(self, project: str, asked: DistributionRequest) -> Distribution:
        """How a field's values lie. Raises as `measure`."""
        from_, to = self._window(asked.from_, asked.to)
        query = distribution_query(
            asked, project=project, from_=from_, to=to, step=asked.step, read=self._reader.of(project)
        )
        return self._store.distribution(query)

    def _window(self, from_: int | None, to: int | None) -> tuple[int, int]:
        end = self._clock.now() if to is None else to
        return (end - DEFAULT_WINDOW if from_ is None else from_), end

    def _named(self, project: str, group_by: tuple[str, ...], result: MetricResult) -> MetricResult:
        if "key" not in group_by or not result.series:
            return result
        names = self._key_names(project)
        place = group_by.index("key")

        def renamed(series: MetricSeries) -> MetricSeries:
            labels = list(series.labels)
            key = labels[place]
            labels[place] = key if key is None else names.get(key, key)
            return msgspec.structs.replace(series, labels=tuple(labels))

        return msgspec.structs.replace(result, series=[renamed(series) for series in result.series])
