"""Which provider a pass-through call goes to, and under which name its model is known there."""

from fnmatch import fnmatchcase
from typing import Final

from penstock.core.errors import InvalidInput, NotFound, PermissionDenied
from penstock.gateway.passthrough.body import Body
from penstock.gateway.passthrough.types import Endpoint, Resolved, Targets
from penstock.wire.snapshot import KeyEntry, ProviderEntry

__all__ = ["PROVIDER_HEADER", "default_provider", "resolve"]

PROVIDER_HEADER: Final = "x-penstock-provider"
"""Names the provider of a path that does not, such as `/v1/files/{id}`."""

_MODELLED: Final = (
    "chat/",
    "completions",
    "fim/",
    "responses",
    "messages",
    "embeddings",
    "images/",
    "audio/",
    "videos",
    "moderations",
    "rerank",
    "ocr",
    "score",
    "classify",
    "pooling",
    "tokenize",
)
"""Endpoints that run the model which their body names, and no other."""
_OTHERS: Final = ("messages/batches",)


def resolve(endpoint: Endpoint, body: Body, *, named: str | None, targets: Targets, key: KeyEntry) -> Resolved:
    """The target of a call, with its body made to name the model as the provider does.

    The path decides; then a model that the configuration knows; then the header `x-penstock-provider`; then the
    first provider that speaks the path's dialect.

    Args:
        endpoint: What the path says.
        body: Read as far as its model.
        named: The value of `x-penstock-provider`.
        targets: What the snapshot knows.
        key: The caller's. An allow-list of models holds here as for any call (FAILURES G4).

    Raises:
        NotFound: `model_not_found`, `provider_not_found`, or `no_provider` when nothing speaks the dialect.
        InvalidInput: header and model name different providers, or a form's model came too late.
        PermissionDenied: `model_not_allowed`.
        UpstreamError: `provider_secret_missing`.
    """
    asked = endpoint.model or body.model
    provider = endpoint.provider or _by_header(named, targets)
    if endpoint.provider is None and asked is not None:
        found = _by_model(asked, provider, targets, key)
        if found is not None:
            body.name_model(found.target.model)
            _allow_endpoint(key, found, endpoint)
            return found
    if provider is None:
        provider = default_provider(endpoint, targets)
    model = _own_spelling(asked, provider)
    if model and not provider.any_model and model not in provider.models:
        raise NotFound(
            f"The provider {provider.name!r} does not serve the model {model!r}.",
            code="model_not_found",
            hint=f"It serves: {', '.join(provider.models)}.",
        )
    resolved = Resolved(target=targets.at(provider, model), requested_model=asked)
    _allow_model(key, resolved)
    _allow_endpoint(key, resolved, endpoint)
    if endpoint.model is None and asked is not None:
        body.name_model(model)
    return resolved


def default_provider(endpoint: Endpoint, targets: Targets) -> ProviderEntry:
    """The first provider that speaks the dialect of a path which names none.

    Raises:
        NotFound: `no_provider`.
    """
    kinds = ("openai", "azure") if endpoint.kind == "openai" else (endpoint.kind,)
    for kind in kinds:
        for provider in targets.providers.values():
            if provider.kind == kind:
                return provider
    raise NotFound(
        f"No provider of kind {endpoint.kind!r} is configured, and the call names none.",
        hint=f"Name a provider: /PROVIDER/v1/{endpoint.path}, or the header {PROVIDER_HEADER}, or a model as "
        "PROVIDER/MODEL.",
        code="no_provider",
    )


def _by_header(named: str | None, targets: Targets) -> ProviderEntry | None:
    if not named:
        return None
    provider = targets.providers.get(named)
    if provider is None:
        raise NotFound(
            f"The header {PROVIDER_HEADER} names {named[:100]!r}, which is no provider.",
            hint=f"Configured are: {', '.join(targets.providers) or 'none'}.",
            code="provider_not_found",
        )
    return provider


def _by_model(asked: str, provider: ProviderEntry | None, targets: Targets, key: KeyEntry) -> Resolved | None:
    """The target of a name that the configuration knows; None for one that only a provider can know."""
    try:
        found = targets.named(asked, key)
    except NotFound:
        if "/" in asked and provider is None:
            raise
        return None
    for target in found:
        if provider is None or target.provider.name == provider.name:
            direct = (f"{target.provider.name}/{target.model}", target.model)
            return Resolved(target=target, requested_model=asked, alias=None if asked in direct else asked)
    raise InvalidInput(
        f"The model {asked!r} is served by {found[0].provider.name!r}, and the header {PROVIDER_HEADER} names "
        f"{provider.name if provider else None!r}.",
        field="model",
        hint="Leave one of the two out.",
    )


def _own_spelling(asked: str | None, provider: ProviderEntry) -> str:
    return (asked or "").removeprefix(f"{provider.name}/")


def _allow_model(key: KeyEntry, resolved: Resolved) -> None:
    """Refuse a model outside the key's allow-list; names that the configuration knows were checked there."""
    target = resolved.target
    name = f"{target.provider.name}/{target.model}"
    if key.models and target.model and not _matches(key.models, name):
        raise PermissionDenied(
            f"The key {key.name!r} may not use the model {name!r}; it may use: {', '.join(key.models)}.",
            code="model_not_allowed",
        )


def _allow_endpoint(key: KeyEntry, resolved: Resolved, endpoint: Endpoint) -> None:
    """A key that is held to certain models may not use what could run another: batches, files, assistants.

    It may where its allow-list covers the whole provider (`openai/*`).
    """
    provider = resolved.target.provider.name
    if not key.models or _matches(key.models, f"{provider}/*"):
        return
    if resolved.target.model and (endpoint.model is not None or _runs_its_model(endpoint.path)):
        return
    raise PermissionDenied(
        f"The key {key.name!r} is held to certain models, and what {endpoint.method} /{endpoint.path} runs or shows "
        f"is not bound to one of them.",
        hint=f"Use a key whose models are empty or cover '{provider}/*'.",
        code="model_not_allowed",
    )


def _runs_its_model(path: str) -> bool:
    if path.startswith(_OTHERS):
        return False
    first, _, rest = path.partition("/")
    return (f"{first}/" if rest else first) in _MODELLED or first in _MODELLED


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
