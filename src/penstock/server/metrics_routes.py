"""The console's `/metrics`."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import SkipValidation

from penstock.core.clock import Clock
from penstock.core.home import Home
from penstock.server.prometheus import CONTENT_TYPE, console_metrics
from penstock.tracing.service import TracingService

__all__ = ["metrics_route"]


def metrics_route(home: Home) -> HTTPRouteHandler:
    """`GET /metrics`: Prometheus' text format, of all workers of this home, ingestion and storage."""

    @get("/metrics", opt={"permission": "metrics:read"}, sync_to_thread=True, include_in_schema=False)
    def metrics(
        tracing: NamedDependency[TracingService], clock: NamedDependency[SkipValidation[Clock]]
    ) -> Response[bytes]:
        return Response(console_metrics(home, tracing.system(), now=clock.now()), media_type=CONTENT_TYPE)

    return metrics
