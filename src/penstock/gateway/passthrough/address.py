"""The upstream request of a pass-through call: where it goes, and with which headers.

Only headers that are known to concern the endpoint are passed on, so that nothing of the caller's identity,
network or browser reaches a provider, and no header that a proxy there would take for an order.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Final, assert_never
from urllib.parse import quote

import msgspec

from penstock.gateway.passthrough.types import Endpoint, Method
from penstock.providers.anthropic.outbound import headers_for as anthropic_headers
from penstock.providers.gemini.request import headers_for as gemini_headers
from penstock.providers.openai.endpoints import DEFAULT_AZURE_VERSION, request_headers
from penstock.providers.types import Target

__all__ = ["StreamedRequest", "answer_headers", "request_of", "url_of"]

FORWARDED: Final = frozenset(
    {
        "accept",
        "accept-language",
        "anthropic-beta",
        "anthropic-version",
        "content-disposition",
        "content-language",
        "content-type",
        "idempotency-key",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-unmodified-since",
        "openai-beta",
        "prefer",
        "range",
        "x-goog-fieldmask",
    }
)
"""The caller's headers that a provider is given."""
FORWARDED_PREFIXES: Final = ("x-goog-upload-",)
HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""RFC 9110 §7.6.1, and what servers send though it is obsolete."""
NOT_PASSED_BACK: Final = HOP_BY_HOP | frozenset(
    {
        "alt-svc",
        "content-length",
        "date",
        "openai-organization",
        "openai-project",
        "anthropic-organization-id",
        "request-id",
        "server",
        "set-cookie",
        "set-cookie2",
        "strict-transport-security",
        "x-request-id",
    }
)
"""Headers that speak of the connection to the provider, of its host or of the account there."""
_INFLATED: Final = frozenset({"gzip", "deflate"})
_DEPLOYED: Final = ("chat/", "completions", "embeddings", "images/", "audio/")
"""Endpoints that stand below a deployment on Azure's older surface."""


class StreamedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose body is sent while it comes."""

    method: Method
    url: str
    headers: Mapping[str, str]
    """Lower-case names; none of them says how the body is framed."""
    body: AsyncIterator[bytes]
    """Closed by the sender, or never begun."""
    length: int | None
    """Bytes of the body; None: chunked."""


def request_of(
    endpoint: Endpoint,
    target: Target,
    *,
    headers: Mapping[bytes, bytes],
    body: AsyncIterator[bytes],
    length: int | None,
) -> StreamedRequest:
    """The upstream request. `headers` are the caller's; the provider's own come last and win."""
    return StreamedRequest(
        method=endpoint.method,
        url=url_of(endpoint, target),
        headers={**_forwarded(headers), **_credentials(target, headers)},
        body=body,
        length=length,
    )


def url_of(endpoint: Endpoint, target: Target) -> str:
    """The endpoint below the provider's `base_url`; the host is never another."""
    base = target.provider.base_url.rstrip("/")
    query = endpoint.query
    path = endpoint.path
    if target.provider.kind == "azure" and not base.endswith("/openai/v1"):
        base = base if base.endswith("/openai") else f"{base}/openai"
        if target.model and path.startswith(_DEPLOYED):
            path = f"deployments/{quote(target.model, safe='')}/{path}"
        if "api-version=" not in query:
            version = quote(target.provider.api_version or DEFAULT_AZURE_VERSION, safe="")
            query = f"{query}&api-version={version}" if query else f"api-version={version}"
    return f"{base}/{path}?{query}" if query else f"{base}/{path}"


def answer_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """The provider's headers for the caller, without framing, which is the gateway's business."""
    inflated = headers.get("content-encoding") in _INFLATED
    named = {name.strip().lower() for name in headers.get("connection", "").split(",")}
    return [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in headers.items()
        if name not in NOT_PASSED_BACK
        and name not in named
        and not name.startswith("x-penstock-")
        and not (inflated and name == "content-encoding")
    ]


def _forwarded(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for raw, value in headers.items():
        name = raw.decode("latin-1")
        if name in FORWARDED or name.startswith(FORWARDED_PREFIXES):
            kept[name] = value.decode("latin-1")
    return kept


def _credentials(target: Target, headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """What proves to the provider who sends this, and the configured headers."""
    match target.provider.kind:
        case "openai" | "azure":
            own = request_headers(target, stream=False)
        case "anthropic":
            version = headers.get(b"anthropic-version")
            own = anthropic_headers(target, version=version.decode("latin-1") if version else None)
        case "gemini":
            own = gemini_headers(target)
        case _:
            assert_never(target.provider.kind)
    configured = {name.lower() for name in target.headers}
    # The vendors' functions take every body for JSON; here the caller says what it is.
    return {name: value for name, value in own.items() if name in configured or name not in ("content-type", "accept")}
