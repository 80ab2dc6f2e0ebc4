"""Where a request goes and what proves who sends it: OpenAI-compatible servers and Azure OpenAI."""

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import quote, urlsplit

from penstock.providers.types import Target
from penstock.wire.snapshot import ProviderEntry

__all__ = ["is_openai", "reports_usage_unasked", "request_headers", "upstream_url"]

Path = Literal["chat/completions", "responses", "embeddings"]

DEFAULT_AZURE_VERSION: Final = "2024-10-21"
"""Azure's `api-version` when the provider names none: the newest that is generally available."""

_OPENAI_HOSTS: Final = ("api.openai.com", ".openai.azure.com")
# Mistral sends usage at the end of every stream, and answers 422 to a member it does not know.
_USAGE_UNASKED: Final = frozenset({"api.mistral.ai"})


def is_openai(provider: ProviderEntry) -> bool:
    """True for OpenAI itself and Azure OpenAI, which refuse members that only compatible servers know."""
    return provider.kind == "azure" or _host(provider).endswith(_OPENAI_HOSTS)


def reports_usage_unasked(provider: ProviderEntry) -> bool:
    """True for servers that must not be sent `stream_options`, and need not."""
    return _host(provider) in _USAGE_UNASKED


def upstream_url(target: Target, path: Path) -> str:
    """The endpoint's URL.

    Azure has two surfaces: `…/openai/v1`, which is OpenAI's own layout, and the older one, where the
    deployment stands in the path and `api-version` in the query.
    """
    base = target.provider.base_url.rstrip("/")
    version = target.provider.api_version
    if target.provider.kind != "azure":
        return f"{base}/{path}"
    if base.endswith("/openai/v1"):
        return f"{base}/{path}?api-version={quote(version, safe='')}" if version else f"{base}/{path}"
    root = base if base.endswith("/openai") else f"{base}/openai"
    query = f"api-version={quote(version or DEFAULT_AZURE_VERSION, safe='')}"
    if path == "responses":
        return f"{root}/responses?{query}"
    return f"{root}/deployments/{quote(target.model, safe='')}/{path}?{query}"


def request_headers(target: Target, *, stream: bool, forwarded: Mapping[str, str] | None = None) -> dict[str, str]:
    """Headers of the upstream request, names in lower case.

    Of the caller's own headers only `openai-beta` is passed on: organisation and project belong to the
    caller's account, and the key is not the caller's.
    """
    headers = {"content-type": "application/json", "accept": "text/event-stream" if stream else "application/json"}
    if target.secret:
        if target.provider.kind == "azure":
            headers["api-key"] = target.secret
        else:
            headers["authorization"] = f"Bearer {target.secret}"
    if forwarded:
        beta = forwarded.get("openai-beta")
        if beta is not None:
            headers["openai-beta"] = beta
    if target.headers:
        headers.update({name.lower(): value for name, value in target.headers.items()})
    return headers


def _host(provider: ProviderEntry) -> str:
    return urlsplit(provider.base_url).hostname or ""
