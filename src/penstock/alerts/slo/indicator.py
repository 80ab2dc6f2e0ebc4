"""Good and bad calls, as questions to the store."""

from penstock.alerts.ports import Compile, Metrics
from penstock.alerts.rules.measure import SECOND
from penstock.alerts.slo.types import Indicator, SloSpec
from penstock.core.errors import InvalidInput
from penstock.store.spans.filters import Filter
from penstock.store.spans.metrics import MetricQuery, Population
from penstock.store.spans.tree import Node, Not, all_of
from penstock.tracing.query import to_text

__all__ = ["Counter"]

COLUMN = {"latency": "duration", "ttft": "ttft", "cost": "cost"}


class Counter:
    """Counts good and all calls. Blocks; any thread may call.

    Args:
        metrics: The store.
        parse: The filter language.
    """

    def __init__(self, metrics: Metrics, parse: Compile) -> None:
        self._metrics = metrics
        self._parse = parse

    def within(self, project: str, spec: SloSpec, from_: int, to: int) -> tuple[int, int]:
        """Good and all calls of a window.

        Raises:
            InvalidInput: the filter or the score does not fit.
            Unavailable: the store is down.
        """
        result = self._metrics.measure(self._query(project, spec.indicator, from_, to, step=None))
        if not result.series:
            return 0, 0
        point = result.series[0].total
        return round((point.value or 0.0) * point.count), point.count

    def steps(self, project: str, spec: SloSpec, from_: int, to: int, *, step: int) -> list[tuple[int, int, int]]:
        """End (microseconds), good and all calls of each step of so many seconds. Raises as `within`."""
        width = step * SECOND
        result = self._metrics.measure(self._query(project, spec.indicator, from_, to, step=step))
        found = {point.t: point for series in result.series for point in series.points}
        steps: list[tuple[int, int, int]] = []
        for start in range(from_ // width * width, to, width):
            point = found.get(start)
            good = 0 if point is None else round((point.value or 0.0) * point.count)
            steps.append((min(start + width, to), good, 0 if point is None else point.count))
        return steps

    def bad_query(self, project: str, spec: SloSpec) -> str:
        """The bad calls, in the filter language. Raises `InvalidInput` as `within`."""
        _, known, good = _parts(spec.indicator)
        return to_text(all_of(self._parse(project, spec.indicator.q), *known, Not(good)))

    def _query(self, project: str, indicator: Indicator, from_: int, to: int, *, step: int | None) -> MetricQuery:
        population, known, good = _parts(indicator)
        return MetricQuery(
            project=project,
            from_=from_,
            to=to,
            population=population,
            aggregation="share",
            of=good,
            where=all_of(self._parse(project, indicator.q, field="indicator.q"), *known),
            step=None if step is None else step * SECOND,
        )


def _parts(indicator: Indicator) -> tuple[Population, list[Node], Node]:
    """What is counted, of which it can be told whether it is good, and when it is."""
    if indicator.kind == "availability":
        # Calls that a guard or the caller's own mistake ended are no failures of the service.
        return "calls", [], Filter(column="status", operator="in", value=["ok", "blocked"])
    if indicator.limit is None:
        raise InvalidInput(f"An objective of {indicator.kind} needs a `limit`.", field="indicator.limit")
    if indicator.kind == "score":
        column = f"score.{indicator.score}"
        good = Filter(column=column, operator="gte", value=indicator.limit)
        return "calls", [Filter(column=column, operator="has")], good
    column = COLUMN[indicator.kind]
    known: list[Node] = [Filter(column=column, operator="has")]
    if indicator.kind in {"latency", "ttft"}:
        known.append(Filter(column="status", operator="eq", value="ok"))
    return "calls", known, Filter(column=column, operator="lte", value=int(indicator.limit))
