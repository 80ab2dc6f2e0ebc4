"""Control API of metrics.

The app provides the dependencies: `project` (id, from its guard) and `observability`.
"""

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from penstock.store.spans.metrics import Distribution, MetricResult
from penstock.tracing.metrics.checks import catalog
from penstock.tracing.metrics.service import MetricsService
from penstock.tracing.metrics.types import Catalog, DistributionRequest, MetricRequest

__all__ = ["MetricsController"]

Metrics = NamedDependency[MetricsService]
ProjectId = NamedDependency[str]


class MetricsController(Controller):
    path = "/metrics"
    tags = ("metrics",)

    @get("/catalog", operation_id="getMetricCatalog", opt={"permission": "traces:read"}, sync_to_thread=False)
    def get_catalog(self) -> Catalog:
        """What a metric can be made of: populations, aggregations, fields, groupings."""
        return catalog()

    @post(
        "/query",
        operation_id="queryMetric",
        opt={"permission": "traces:read"},
        status_code=200,
        sync_to_thread=True,
    )
    def query(self, metrics: Metrics, project: ProjectId, data: JSONBody[MetricRequest]) -> MetricResult:
        """Any metric of any spans, by up to two fields, over time. Changes nothing."""
        return metrics.measure(project, data)

    @post(
        "/distribution",
        operation_id="queryDistribution",
        opt={"permission": "traces:read"},
        status_code=200,
        sync_to_thread=True,
    )
    def distribution(self, metrics: Metrics, project: ProjectId, data: JSONBody[DistributionRequest]) -> Distribution:
        """How the values of a field lie: a histogram, or with `step` a heat map. Changes nothing."""
        return metrics.distribution(project, data)
