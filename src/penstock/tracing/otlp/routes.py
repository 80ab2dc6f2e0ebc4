"""OTLP/HTTP: `POST /otlp/v1/traces`, for any OpenTelemetry exporter with the endpoint `<console>/otlp`.

The app provides the dependencies `project` (id, from its guard) and `otlp`.
"""

import math
from collections.abc import Callable
from typing import Any, cast

from litestar import Request, Response, Router, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException

from penstock.core.errors import NotFound, PenstockError, RateLimited, Unavailable
from penstock.tracing.otlp.answer import encode_outcome, encode_status
from penstock.tracing.otlp.body import PROTOBUF
from penstock.tracing.otlp.intake import MAX_BODY, OtlpIntake

__all__ = ["otlp_router"]

Otlp = NamedDependency[OtlpIntake]
ProjectId = NamedDependency[str]
_Handler = Callable[[Request[Any, Any, Any], Exception], Response[Any]]


@post(
    "/v1/traces",
    operation_id="exportTraces",
    opt={"permission": "traces:write"},
    status_code=200,
    request_max_body_size=MAX_BODY,
    tags=("otlp",),
)
async def _export_traces(request: Request[Any, Any, Any], otlp: Otlp, project: ProjectId) -> Response[bytes]:
    """Take spans in: an ExportTraceServiceRequest as protobuf or JSON. Answered when they are on the disk."""
    outcome, encoding = await otlp.receive(
        request.stream(),
        project=project,
        content_type=request.headers.get("content-type"),
        content_encoding=request.headers.get("content-encoding"),
    )
    return Response(encode_outcome(outcome, encoding), media_type=encoding)


@post(
    ["/v1/metrics", "/v1/logs", "/v1development/profiles"],
    operation_id="exportOtherSignal",
    opt={"permission": "traces:write"},
    status_code=404,
    request_max_body_size=MAX_BODY,
    include_in_schema=False,
)
async def _export_other(request: Request[Any, Any, Any]) -> None:
    """Metrics, logs and profiles have no place here; exporters do not try again on this answer."""
    signal = request.url.path.rpartition("/")[2]
    raise NotFound(
        f"Penstock takes traces, no {signal}.",
        hint=f"Set OTEL_{signal.upper()}_EXPORTER=none for this application.",
        code="signal_not_taken",
    )


def _failed(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """As the rest of the API answers; in protobuf to who spoke protobuf, with the time to come again."""
    handlers = cast("dict[Any, _Handler]", request.app.exception_handlers)  # pyright: ignore[reportUnknownMemberType] - the framework's generics
    common = handlers[PenstockError] if isinstance(error, PenstockError) else handlers[HTTPException]
    answer = common(request, error)
    if isinstance(error, RateLimited | Unavailable):
        answer.set_header("retry-after", str(math.ceil(error.retry_after)))
    if request.headers.get("content-type", "").startswith(PROTOBUF):
        answer.content = encode_status(answer.status_code or 500, str(error) if answer.status_code != 500 else "")
        answer.media_type = PROTOBUF
    return answer


def otlp_router() -> Router:
    """Routes at the root of the console."""
    return Router(
        path="/otlp",
        route_handlers=[_export_traces, _export_other],
        exception_handlers={PenstockError: _failed, HTTPException: _failed},
    )
