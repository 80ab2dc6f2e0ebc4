"""What stands between the parts of a pass-through call."""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from penstock.providers.types import Target
from penstock.wire.snapshot import KeyEntry, ProviderEntry, ProviderKind

__all__ = ["CallerDialect", "Endpoint", "Incoming", "Method", "Resolved", "Targets"]

CallerDialect = Literal["openai", "anthropic", "gemini"]
"""Whose error object the caller expects."""
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a path asks for, before anything of the body is known."""

    method: Method
    path: str
    """Below the provider's `base_url`, without its leading slash and version (`images/generations`), checked."""
    query: str = ""
    """Without the question mark and without credentials."""
    provider: ProviderEntry | None = None
    """Set when the path names it."""
    kind: ProviderKind = "openai"
    """Of `provider`, else the kind that the path or the headers speak of."""
    dialect: CallerDialect = "openai"
    model: str | None = None
    """The model or deployment that stands in the path."""


class Incoming(Protocol):
    """The caller's request; `penstock.gateway.inbound.Request` is one."""

    @property
    def method(self) -> str: ...

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """Names in lower case."""
        ...

    async def read(self) -> bytes:
        """The next part of the body, empty at its end. Raises `InvalidInput` when the caller leaves before."""
        ...


class Targets(Protocol):
    """What the snapshot knows about providers and names."""

    @property
    def providers(self) -> Mapping[str, ProviderEntry]: ...

    def named(self, model: str, key: KeyEntry) -> tuple[Target, ...]:
        """The targets that a route, an alias, `provider/model` or a listed model stands for, in order.

        Raises:
            NotFound: `model_not_found`.
            PermissionDenied: `model_not_allowed`: outside the key's allow-list.
            UpstreamError: `provider_secret_missing`.
        """
        ...

    def at(self, provider: ProviderEntry, model: str) -> Target:
        """The provider with its secret and headers read. `model` is in its spelling; empty for none.

        Raises:
            UpstreamError: `provider_secret_missing`.
        """
        ...


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """Where a pass-through call goes. `target.model` is empty when the call names no model."""

    target: Target
    requested_model: str | None = None
    """As the caller wrote it."""
    alias: str | None = None
    """The alias or route that the caller named, when it named one."""
