"""A snapshot made ready for the hot path: names resolved once, secrets read once."""

import difflib
from collections.abc import Mapping
from fnmatch import fnmatchcase

import msgspec

from penstock.core.errors import InvalidInput, NotFound, PermissionDenied, UpstreamError
from penstock.core.settings import resolve_secret
from penstock.gateway.ports import Pricing, PricingFactory
from penstock.providers.types import Target
from penstock.wire.snapshot import KeyEntry, ProviderEntry, Snapshot

__all__ = ["Catalog", "Resolution"]

MAX_CACHED_NAMES = 10_000
REFERENCE_SCHEMES = ("env:", "file:")


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """What a model name stands for."""

    alias: str | None
    targets: tuple[Target, ...]
    """In the order they are tried; at least one."""


class Catalog:
    """One snapshot with its look-ups compiled. Immutable to its readers; in-flight calls keep theirs.

    Args:
        snapshot: What the control plane published.
        pricing: Makes the price list of the snapshot's overrides.
        environment: Where `env:` references are looked up; None is the process's own.
    """

    def __init__(
        self, snapshot: Snapshot, pricing: PricingFactory, *, environment: Mapping[str, str] | None = None
    ) -> None:
        self.snapshot = snapshot
        self.pricing: Pricing = pricing(snapshot.prices, book=snapshot.price_book)
        self._environment = environment
        self._salt = bytes.fromhex(snapshot.user_salt) if snapshot.user_salt else b""
        self._bare = _bare_names(snapshot.providers)
        self._resolved: dict[str, Resolution] = {}
        self._allowed: dict[tuple[str, str], bool] = {}

    @property
    def salt(self) -> bytes:
        """Key of the hash that hides end users' ids; at most 64 bytes."""
        return self._salt[:64]

    def resolve(self, model: str, key: KeyEntry) -> Resolution:
        """The targets behind a caller's `model`.

        Raises:
            NotFound: `model_not_found`, with the nearest names this key may use.
            PermissionDenied: `model_not_allowed`: outside the key's allow-list.
            UpstreamError: `provider_secret_missing`: the provider's own key is not set.
        """
        resolution = self._resolved.get(model)
        if resolution is None:
            resolution = self._resolve(model, key)
            if len(self._resolved) >= MAX_CACHED_NAMES:
                self._resolved.clear()
            self._resolved[model] = resolution
        if key.models and not self._is_allowed(key, model, resolution):
            raise PermissionDenied(
                f"The key {key.name!r} may not use the model {model!r}; it may use: {', '.join(key.models)}.",
                code="model_not_allowed",
            )
        return resolution

    def model_names(self, key: KeyEntry) -> list[str]:
        """What `GET /v1/models` lists for a key: aliases, then `provider/model`."""
        names = [
            *self.snapshot.aliases,
            *(f"{name}/{model}" for name, entry in self.snapshot.providers.items() for model in entry.models),
        ]
        if not key.models:
            return names
        return [name for name in names if _matches(key.models, name) or self._targets_allowed(key, name)]

    def _targets_allowed(self, key: KeyEntry, name: str) -> bool:
        alias = self.snapshot.aliases.get(name)
        return alias is not None and all(_matches(key.models, target) for target in alias.targets)

    def _is_allowed(self, key: KeyEntry, model: str, resolution: Resolution) -> bool:
        at = (key.id, model)
        allowed = self._allowed.get(at)
        if allowed is None:
            allowed = _matches(key.models, model) or all(
                _matches(key.models, f"{target.provider.name}/{target.model}") for target in resolution.targets
            )
            if len(self._allowed) >= MAX_CACHED_NAMES:
                self._allowed.clear()
            self._allowed[at] = allowed
        return allowed

    def _resolve(self, model: str, key: KeyEntry) -> Resolution:
        alias = self.snapshot.aliases.get(model)
        if alias is not None:
            return Resolution(alias=model, targets=tuple(self._target(name, key) for name in alias.targets))
        return Resolution(alias=None, targets=(self._target(model, key),))

    def _target(self, name: str, key: KeyEntry) -> Target:
        provider_name, slash, model = name.partition("/")
        provider = self.snapshot.providers.get(provider_name) if slash and model else None
        if provider is not None and (provider.any_model or model in provider.models):
            return self._with_secrets(provider, model)
        provider = self._bare.get(name)
        if provider is not None:
            return self._with_secrets(provider, name)
        raise self._unknown(name, key)

    def _with_secrets(self, provider: ProviderEntry, model: str) -> Target:
        try:
            secret = resolve_secret(provider.api_key, self._environment) if provider.api_key else None
            headers = {
                name: resolve_secret(value, self._environment) if value.startswith(REFERENCE_SCHEMES) else value
                for name, value in provider.headers.items()
            }
        except InvalidInput as error:
            raise UpstreamError(
                f"The provider {provider.name} cannot be used: {error.message}",
                code="provider_secret_missing",
                hint=error.hint,
            ) from error
        return Target(provider=provider, model=model, secret=secret, headers=headers)

    def _unknown(self, name: str, key: KeyEntry) -> NotFound:
        known = self.model_names(key)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        if not known:
            hint = (
                "No model is configured: add a provider to penstock.yaml, or set a provider's key in the environment."
            )
        elif near:
            hint = f"Did you mean {' or '.join(repr(other) for other in near)}? GET /v1/models lists all."
        else:
            hint = "GET /v1/models lists the models this key may use."
        return NotFound(f"The model {name!r} does not exist.", code="model_not_found", hint=hint)


def _bare_names(providers: Mapping[str, ProviderEntry]) -> dict[str, ProviderEntry]:
    """Model names without their provider; where several list one, the first in the file serves it."""
    names: dict[str, ProviderEntry] = {}
    for provider in providers.values():
        for model in provider.models:
            names.setdefault(model, provider)
    return names


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
