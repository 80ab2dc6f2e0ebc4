"""The OpenAPI document of the control API: what the framework finds out, made exact."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from litestar import Litestar, Request, Router
from litestar.enums import OpenAPIMediaType
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute

from penstock import __version__
from penstock.server.problems import MEDIA_TYPE, Problem

__all__ = ["document", "openapi_config"]

PATH = "/api/openapi.json"


def openapi_config() -> OpenAPIConfig:
    """Where the document is served, and what it says about the API as a whole."""
    return OpenAPIConfig(
        title="Penstock control API",
        version=__version__,
        description="Times are microseconds since the epoch, UTC. Money is nano-dollars; null is unknown.",
        components=Components(
            security_schemes={
                "key": SecurityScheme(type="http", scheme="bearer", description="A key: psk_…"),
                "session": SecurityScheme(type="apiKey", security_scheme_in="cookie", name="penstock_session"),
            }
        ),
        security=[{"key": []}, {"session": []}],
        openapi_router=Router(
            PATH,
            route_handlers=[],
            include_in_schema=False,
            opt={"public": "the shape of the API is published with the source"},
        ),
        render_plugins=[_Served()],
    )


class _Served(OpenAPIRenderPlugin):
    """Serves the document at exactly one address, and no documentation site with it."""

    def __init__(self) -> None:
        super().__init__(path="/", media_type=OpenAPIMediaType.OPENAPI_JSON)
        self._body = b""

    def has_path(self, path: str) -> bool:
        # The framework adds a second address when this one is not taken.
        return path == "/openapi.json" or super().has_path(path)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        del openapi_schema  # taken from the app, with what is added below
        self._body = self._body or document(request.app)
        return self._body


def document(app: Litestar) -> bytes:
    """The document as JSON; the same bytes for the same routes."""
    schema = msgspec.json.decode(msgspec.json.encode(app.openapi_schema.to_schema()), type=dict[str, Any])
    permissions = dict(_permissions(app))
    (problem,), definitions = msgspec.json.schema_components((Problem,), ref_template="#/components/schemas/{name}")
    schema["components"].setdefault("schemas", {}).update(definitions)
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            if method in {"get", "post", "put", "patch", "delete"}:
                _finish(operation, problem, permissions.get((path, method)))
    _widen_integers(schema)
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=2) + b"\n"


def _permissions(app: Litestar) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                yield (route.path_format or "/", method.lower()), handler.opt


def _finish(operation: dict[str, Any], problem: Mapping[str, Any], opt: Mapping[str, Any] | None) -> None:
    responses: dict[str, Any] = operation.setdefault("responses", {})
    for status in [status for status in responses if status.startswith(("4", "5"))]:
        del responses[status]
    responses["default"] = {"description": "What went wrong", "content": {MEDIA_TYPE: {"schema": problem}}}
    if opt is None:
        return
    if "permission" in opt:
        operation["x-permission"] = opt["permission"]
    else:
        operation["security"] = []


def _widen_integers(node: object) -> None:
    """Say of every integer that it may need 64 bits: nano-dollars and microseconds do."""
    for part in _parts(node):
        if part.get("type") == "integer":
            part.setdefault("format", "int64")


def _parts(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node  # pyright: ignore[reportUnknownVariableType] - JSON
        for value in node.values():  # pyright: ignore[reportUnknownVariableType] - JSON
            yield from _parts(value)  # pyright: ignore[reportUnknownArgumentType] - JSON
    elif isinstance(node, list):
        for value in node:  # pyright: ignore[reportUnknownVariableType] - JSON
            yield from _parts(value)  # pyright: ignore[reportUnknownArgumentType] - JSON
