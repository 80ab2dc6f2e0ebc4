"""The gateway's application: the table of its routes, and who may use them."""

import asyncio
from collections.abc import Callable
from typing import get_args

import msgspec

from penstock.core.clock import Clock, to_datetime
from penstock.core.errors import InvalidInput, NotFound, PenstockError
from penstock.core.ids import Ids
from penstock.gateway.http import Responder
from penstock.gateway.inbound.request import Request
from penstock.gateway.passage import GOOGLES_KEY, PassthroughPipeline
from penstock.gateway.passthrough.types import Method
from penstock.gateway.pipeline import CALL_SCOPE, Pipeline, retry_after, trace_headers
from penstock.gateway.publication import Publication
from penstock.gateway.stages.authenticate import authenticate
from penstock.providers.dialects import render_error
from penstock.providers.types import Dialect, Operation

__all__ = ["METRICS_SCOPE", "MODELS_SCOPE", "ROUTES", "GatewayApp", "Route"]

MODELS_SCOPE = "gateway:models"
METRICS_SCOPE = "metrics:read"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One route and its permission; None is open to anyone, with the reason."""

    method: Method
    path: str
    permission: str | None
    public_because: str = ""


OPERATIONS: dict[str, Operation] = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "responses",
    "/v1/embeddings": "embeddings",
    "/v1/messages": "messages",
    "/v1/messages/count_tokens": "count_tokens",
}
MODELS = "/v1/models"
PROBES = ("/healthz", "/readyz")
METRICS = "/metrics"

ROUTES: tuple[Route, ...] = (
    *(Route(method="POST", path=path, permission=CALL_SCOPE) for path in OPERATIONS),
    Route(method="GET", path=MODELS, permission=MODELS_SCOPE),
    Route(method="GET", path=f"{MODELS}/{{model}}", permission=MODELS_SCOPE),
    *(Route(method=method, path="/{path}", permission=CALL_SCOPE) for method in get_args(Method)),
    Route(method="GET", path=METRICS, permission=METRICS_SCOPE),
    Route(method="GET", path="/healthz", permission=None, public_because="says only that the process runs"),
    Route(method="GET", path="/readyz", permission=None, public_because="says only whether calls are served"),
)
"""Every route of the data plane; `/{path}` is what no other one takes. A test holds it against the application."""


class GatewayApp:
    """Takes every request of a `Listener`."""

    def __init__(
        self,
        pipeline: Pipeline,
        passthrough: PassthroughPipeline,
        publication: Publication,
        metrics: Callable[[], tuple[bytes, bytes]],
        *,
        tasks: asyncio.TaskGroup,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._metrics = metrics
        self._pipeline = pipeline
        self._passthrough = passthrough
        self._publication = publication
        self._tasks = tasks
        self._clock = clock
        self._ids = ids

    async def __call__(self, request: Request) -> None:
        operation = OPERATIONS.get(request.path)
        if operation is not None and request.method == "POST" and self._publication.ready:
            await self._pipeline.handle(request, operation)
        elif operation is None and not _is_own(request) and self._publication.ready:
            await self._passthrough.handle(request)
        else:
            self._other(request, operation)

    def _other(self, request: Request, operation: Operation | None) -> None:
        trace_id = self._ids.trace_id()
        dialect: Dialect = "anthropic" if _speaks_anthropic(request, operation) else "openai"
        responder = Responder(request, trace_headers(trace_id, dialect), tasks=self._tasks)
        try:
            if request.path == METRICS and request.method in ("GET", "HEAD"):
                kind, body = self._exposition(request)
                responder.whole(200, body, content_type=kind)
                return
            status, body = self._answer(request, operation, dialect)
            headers: list[tuple[bytes, bytes]] = []
        except PenstockError as error:
            status, body = render_error(dialect, operation or "chat", error, request_id=trace_id)
            headers = retry_after(error)
            if isinstance(error, InvalidInput) and error.code == "method_not_allowed":
                status = 405
                headers = [(b"allow", b"POST" if operation else b"GET, HEAD")]
        responder.whole(status, body, headers=headers)

    def _exposition(self, request: Request) -> tuple[bytes, bytes]:
        catalog = self._publication.catalog
        if not catalog.snapshot.gateway.public_metrics:
            authenticate(catalog, request, METRICS_SCOPE, now=self._clock.now())
        return self._metrics()

    def _answer(self, request: Request, operation: Operation | None, dialect: Dialect) -> tuple[int, bytes]:
        path = request.path
        own = operation is not None or _is_own(request)
        if own and request.method not in (("POST",) if operation else ("GET", "HEAD")):
            raise InvalidInput(f"{path} does not take {request.method}.", code="method_not_allowed")
        if path == "/healthz":
            return 200, b'{"status":"ok"}'
        # Whatever else is asked for, nothing is served before something is published.
        catalog = self._publication.catalog
        if path == "/readyz":
            return 200, msgspec.json.encode({"status": "ready", "snapshot": catalog.snapshot.version})
        key = authenticate(catalog, request, MODELS_SCOPE, now=self._clock.now())
        return 200, _models(catalog.model_names(key), path, dialect, created=catalog.snapshot.created)


def _is_own(request: Request) -> bool:
    path = request.path
    if path in PROBES or path == METRICS:
        return True
    # Google's SDK calls its models below the same path: `POST /v1/models/NAME:generateContent`.
    return (path == MODELS or path.startswith(f"{MODELS}/")) and GOOGLES_KEY not in request.headers


def _speaks_anthropic(request: Request, operation: Operation | None) -> bool:
    return operation in ("messages", "count_tokens") or b"anthropic-version" in request.headers


def _models(names: list[str], path: str, dialect: Dialect, *, created: int) -> bytes:
    """`GET /v1/models` or `/v1/models/{model}`, in the form the caller's SDK expects."""
    entries = [_model(name, dialect, created=created) for name in names]
    if path != MODELS:
        wanted = path[len(MODELS) + 1 :]
        for name, entry in zip(names, entries, strict=True):
            if name == wanted:
                return msgspec.json.encode(entry)
        raise NotFound(
            f"The model {wanted!r} does not exist.", code="model_not_found", hint="GET /v1/models lists all."
        )
    if dialect == "anthropic":
        first, last = (names[0], names[-1]) if names else (None, None)
        return msgspec.json.encode({"data": entries, "has_more": False, "first_id": first, "last_id": last})
    return msgspec.json.encode({"object": "list", "data": entries})


def _model(name: str, dialect: Dialect, *, created: int) -> dict[str, object]:
    if dialect == "anthropic":
        at = to_datetime(created).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"type": "model", "id": name, "display_name": name, "created_at": at}
    provider, slash, _ = name.partition("/")
    return {
        "id": name,
        "object": "model",
        "created": created // 1_000_000,
        "owned_by": provider if slash else "penstock",
    }
