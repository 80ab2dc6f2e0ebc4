"""What a rule asks of the spans: values of its groups in one window, and how they were before."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import msgspec
import numpy as np
from numpy.typing import NDArray

from penstock.alerts.ports import Compile, Metrics
from penstock.alerts.types import RuleSpec, Unit
from penstock.core.errors import PenstockError, Unavailable
from penstock.store.spans.metrics import MetricPoint, MetricQuery, MetricResult

__all__ = ["MOST_GROUPS", "SECOND", "Labels", "Measure", "Points", "Reading", "Readings", "SharedMetrics", "Watched"]

SECOND = 1_000_000
MOST_GROUPS = 100
Labels = tuple[str | None, ...]


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as the evaluator sees it."""

    id: str
    project: str
    version: int
    spec: RuleSpec

    @property
    def name(self) -> str:
        return self.spec.name

    def window(self, at: int) -> tuple[int, int]:
        """The window that an evaluation at this time looks at."""
        to = at - self.spec.delay * SECOND
        return to - self.spec.window * SECOND, to


class Reading(msgspec.Struct, frozen=True):
    value: float | None
    count: int


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    unit: Unit
    groups: dict[Labels, Reading]
    complete: bool
    """False: there are more groups than were asked for, so that one that is missing may be there."""


class Points(msgspec.Struct, frozen=True, kw_only=True):
    """A group's series: start of each step that had any of the population, its value (NaN: none) and its count."""

    t: NDArray[np.int64]
    value: NDArray[np.float64]
    count: NDArray[np.float64]

    def between(self, from_: int, to: int) -> "Points":
        low, high = np.searchsorted(self.t, [from_, to])
        return Points(t=self.t[low:high], value=self.value[low:high], count=self.count[low:high])


class Measure:
    """Asks the store. Blocks; any thread may call.

    Args:
        metrics: The store.
        parse: The filter language.
    """

    def __init__(self, metrics: Metrics, parse: Compile) -> None:
        self._metrics = metrics
        self._parse = parse

    def window(self, rule: Watched, from_: int, to: int) -> Readings:
        """Values of the rule's groups.

        Raises:
            InvalidInput: the filter or the metric does not fit.
            Unavailable: the store is down.
        """
        result = self._metrics.measure(self.query(rule, from_, to))
        groups = {one.labels: Reading(one.total.value, one.total.count) for one in result.series}
        return Readings(unit=result.unit, groups=groups, complete=result.groups <= len(result.series))

    def history(self, rule: Watched, from_: int, to: int, *, step: int, counts: bool = False) -> dict[Labels, Points]:
        """The series of the rule's groups. Raises as `window`.

        Args:
            rule: Whose.
            from_: Microseconds.
            to: Microseconds.
            step: Seconds.
            counts: Ask for nothing but counts, which is cheaper.
        """
        query = self.query(rule, from_, to, step=step)
        if counts:
            query = msgspec.structs.replace(query, aggregation="count", field=None, of=None)
        return {one.labels: _points(one.points) for one in self._metrics.measure(query).series}

    def query(self, rule: Watched, from_: int, to: int, *, step: int | None = None) -> MetricQuery:
        """The question in the store's own form. Raises `InvalidInput` when the filter cannot be read."""
        metric = rule.spec.metric
        return MetricQuery(
            project=rule.project,
            from_=from_,
            to=to,
            population=metric.population,
            aggregation=metric.aggregation,
            field=metric.field,
            of=None if metric.of is None else self._parse(rule.project, metric.of, field="metric.of"),
            where=self._parse(rule.project, metric.q, field="metric.q"),
            group_by=tuple(rule.spec.group_by),
            step=None if step is None else step * SECOND,
            top=min(MOST_GROUPS, rule.spec.max_series),
        )


class SharedMetrics:
    """A store of metrics that answers the same question once, for as long as `fresh` is not called.

    Rules that are due at the same time often ask the same: a warning and a critical threshold of one metric. Who asks
    what is being answered waits for that answer.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lock = threading.Lock()
        self._answers: dict[bytes, Future[MetricResult]] = {}

    def fresh(self) -> None:
        """Forget all answers."""
        with self._lock:
            self._answers = {}

    def measure(self, query: MetricQuery) -> MetricResult:
        """As `Metrics.measure`."""
        key = msgspec.msgpack.encode(query)
        with self._lock:
            answer = self._answers.get(key)
            mine = answer is None
            if answer is None:
                answer = self._answers[key] = Future()
        if mine:
            _settle(answer, lambda: self._metrics.measure(query))
        return answer.result()


def _settle(answer: "Future[MetricResult]", ask: Callable[[], MetricResult]) -> None:
    try:
        answer.set_result(ask())
    except PenstockError as error:
        answer.set_exception(error)
    finally:
        if not answer.done():  # a defect: whoever waits must not wait for ever
            answer.set_exception(Unavailable("The question could not be answered."))


def _points(found: Sequence[MetricPoint]) -> Points:
    t = np.array([point.t for point in found], dtype=np.int64)
    nan = float("nan")
    value = np.array([nan if point.value is None else point.value for point in found], dtype=np.float64)
    count = np.array([point.count for point in found], dtype=np.float64)
    return Points(t=t, value=value, count=count)
