"""A snapshot made ready for the hot path: names resolved once, secrets read once."""

import difflib
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from penstock.core.errors import InvalidInput, NotFound, PermissionDenied, UpstreamError
from penstock.core.secrets import MasterKeys, SealedSecrets
from penstock.core.settings import resolve_secret
from penstock.gateway.limits.claims import Limiter
from penstock.gateway.plan import Ordered, Plan, Spot, compile_route, leaf_of, leaves_of
from penstock.gateway.ports import Pricing, PricingFactory
from penstock.gateway.prompts import Prompts
from penstock.gateway.routing.keys import Key
from penstock.gateway.routing.registry import Health
from penstock.providers.types import Target
from penstock.wire.routing import RouteEntry
from penstock.wire.snapshot import KeyEntry, ProviderEntry, Snapshot

__all__ = ["MAX_SALT", "Catalog"]

MAX_CACHED_NAMES = 10_000
MAX_SALT = 64
REFERENCE_SCHEMES = ("env:", "file:", "secret:")


class Catalog:
    """One snapshot with its look-ups compiled. Immutable to its readers; in-flight calls keep theirs.

    Args:
        snapshot: What the control plane published.
        pricing: Makes the price list of the snapshot's overrides.
        health: What the worker knows of targets and keys.
        environment: Where `env:` references are looked up; None is the process's own.
        master_keys: Gives the keys that open stored secrets; None where there are none.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        pricing: PricingFactory,
        health: Health,
        *,
        environment: Mapping[str, str] | None = None,
        master_keys: Callable[[], MasterKeys] | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.pricing: Pricing = pricing(snapshot.prices, book=snapshot.price_book)
        self.health = health
        self._environment = environment
        self._sealed = SealedSecrets(snapshot.sealed_secrets, master_keys) if master_keys is not None else None
        salt = bytes.fromhex(snapshot.user_salt) if snapshot.user_salt else b""
        self.salt = salt[:MAX_SALT]
        """Key of the hash that hides end users' ids."""
        self.limiter = Limiter(snapshot.limits, salt=self.salt) if snapshot.limits else None
        """None when nothing is limited."""
        self._bare = _bare_names(snapshot.providers)
        self._prompts = Prompts(snapshot.prompts)
        self._plans: dict[tuple[str, str], Plan] = {}
        self._allowed: dict[tuple[str, str], bool] = {}

    @property
    def providers(self) -> Mapping[str, ProviderEntry]:
        return self.snapshot.providers

    def resolve(self, model: str, key: KeyEntry) -> Plan:
        """What stands behind a caller's `model`.

        Raises:
            NotFound: `model_not_found`, with the nearest names this key may use.
            PermissionDenied: `model_not_allowed`: outside the key's allow-list.
            UpstreamError: `provider_secret_missing`: the provider's own key is not set.
        """
        plan = self.plan(model, key)
        if key.models and not self._is_allowed(key, model, plan):
            raise PermissionDenied(
                f"The key {key.name!r} may not use the model {model!r}; it may use: {', '.join(key.models)}.",
                code="model_not_allowed",
            )
        return plan

    def plan(self, model: str, key: KeyEntry) -> Plan:
        """As `resolve`, whatever the key's allow-list says: for what a route itself asks."""
        at = (key.project, model)
        plan = self._plans.get(at)
        if plan is None:
            plan = self._compile(model, key)
            if len(self._plans) >= MAX_CACHED_NAMES:
                self._plans.clear()
            self._plans[at] = plan
        return plan

    def named(self, model: str, key: KeyEntry) -> tuple[Target, ...]:
        """The targets behind a name, for what is passed through to one of them. Raises as `resolve`."""
        return self.resolve(model, key).targets

    def at(self, provider: ProviderEntry, model: str) -> Target:
        """A provider with its secret and headers read; `model` may be empty.

        Raises:
            UpstreamError: `provider_secret_missing`.
        """
        return self.spot(provider, model).target

    def model_names(self, key: KeyEntry) -> list[str]:
        """What `GET /v1/models` lists for a key: routes, aliases, then `provider/model`."""
        names = [
            *self._route_names(key.project),
            *self.snapshot.aliases,
            *(f"{name}/{model}" for name, entry in self.snapshot.providers.items() for model in entry.models),
        ]
        if not key.models:
            return names
        return [name for name in names if _matches(key.models, name) or self._targets_allowed(key, name)]

    def _route_names(self, project: str) -> list[str]:
        return list(
            dict.fromkeys(
                entry.name
                for entry in self.snapshot.routes.values()
                if entry.project is None or entry.project == project
            )
        )

    def _route(self, name: str, project: str) -> RouteEntry | None:
        routes = self.snapshot.routes
        entry = routes.get(f"{project}/{name}") or routes.get(name)
        return entry if entry is not None and entry.project in (None, project) else None

    def _targets_allowed(self, key: KeyEntry, name: str) -> bool:
        route = self._route(name, key.project)
        alias = self.snapshot.aliases.get(name)
        if route is not None:
            models = [model for variant in route.variants.values() for model in variant.models]
        elif alias is not None:
            models = list(alias.targets)
        else:
            return False
        return all(_matches(key.models, model) for model in models)

    def _is_allowed(self, key: KeyEntry, model: str, plan: Plan) -> bool:
        at = (key.id, model)
        allowed = self._allowed.get(at)
        if allowed is None:
            allowed = _matches(key.models, model) or all(
                _matches(key.models, f"{target.provider.name}/{target.model}") for target in plan.reachable
            )
            if len(self._allowed) >= MAX_CACHED_NAMES:
                self._allowed.clear()
            self._allowed[at] = allowed
        return allowed

    def _compile(self, model: str, key: KeyEntry) -> Plan:
        route = self._route(model, key.project)
        if route is not None:
            return compile_route(route, lambda name: self._named(name, key), prompt=self._prompts.find)
        retries = self.snapshot.gateway.retries
        alias = self.snapshot.aliases.get(model)
        if alias is None:
            leaf = leaf_of(self._named(model, key))
            return Plan(name=model, root=leaf, leaves=(leaf,), retries=retries)
        leaves = tuple(leaf_of(self._named(name, key)) for name in alias.targets)
        root = leaves[0] if len(leaves) == 1 else Ordered(of=leaves)
        return Plan(name=model, root=root, leaves=leaves_of(root), retries=retries, alias=model)

    def _named(self, name: str, key: KeyEntry) -> Spot:
        provider_name, slash, model = name.partition("/")
        provider = self.snapshot.providers.get(provider_name) if slash and model else None
        if provider is not None and (provider.any_model or model in provider.models):
            return self.spot(provider, model)
        provider = self._bare.get(name)
        if provider is not None:
            return self.spot(provider, name)
        raise self._unknown(name, key)

    def spot(self, provider: ProviderEntry, model: str) -> Spot:
        """A model at a provider, with its secrets and headers read, and with its health.

        Raises:
            UpstreamError: `provider_secret_missing`.
        """
        sealed = self._sealed.at(provider.base_url) if self._sealed is not None else None
        try:
            headers = {
                name: resolve_secret(value, self._environment, sealed=sealed)
                if value.startswith(REFERENCE_SCHEMES)
                else value
                for name, value in provider.headers.items()
            }
            keys = [
                Key(key.name, resolve_secret(key.secret, self._environment, sealed=sealed), key.weight)
                for key in provider.keys
            ]
            if not keys:
                secret = provider.api_key
                keys = [Key("", resolve_secret(secret, self._environment, sealed=sealed) if secret else None)]
        except InvalidInput as error:
            raise UpstreamError(
                f"The provider {provider.name} cannot be used: {error.message}",
                code="provider_secret_missing",
                hint=error.hint,
            ) from error
        return Spot(
            targets=tuple(Target(provider=provider, model=model, secret=key.secret, headers=headers) for key in keys),
            health=self.health.target(provider, model),
            ring=self.health.ring(provider.name, keys) if len(keys) > 1 else None,
        )

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
