"""What the types alone cannot say: names, references between sections, and settings that exclude each other."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from penstock.finops.price_list import sheet_names
from penstock.registry.config.bind import Binder, child_path
from penstock.registry.config.document import Item
from penstock.registry.config.errors import nearest
from penstock.registry.config.forms import REFERENCE, shown
from penstock.registry.config.types import GatewayConfig, ProviderConfig
from penstock.registry.config.vendors import VENDORS

__all__ = ["STRUCT_CHECKS", "check_references"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
SECRET_HEADERS = frozenset(
    {"authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie", "proxy-authorization", "x-auth-token"}
)
OWN_HEADERS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding", "te", "upgrade"}
)
"""Headers that belong to the transport; a configured one would break the framing of every call."""


def _check_provider(provider: ProviderConfig, path: str, binder: Binder) -> None:
    name = path.removeprefix("providers").strip('.[]"')
    vendor = VENDORS.get(name)
    kind = provider.kind or (vendor.kind if vendor else None)
    if kind is None:
        hint = nearest(name, VENDORS)
        binder.fail(
            "'kind' is missing here: expected one of openai, azure, anthropic, gemini.",
            path=path,
            hint=hint or "Any OpenAI-compatible server is of kind openai.",
        )
    if kind == "azure" and provider.base_url is None:
        binder.fail(
            "'base_url' is missing here: a provider of kind azure needs the address of its resource.",
            path=path,
            hint="It looks like https://NAME.openai.azure.com.",
        )
    if provider.api_version is not None and kind in {"openai", "gemini"}:
        binder.fail(f"a provider of kind {kind} has no api_version.", path=child_path(path, "api_version"))
    if not provider.any_model and not provider.models:
        binder.fail(
            "any_model is false, and no model is listed, so this provider would serve nothing.",
            path=child_path(path, "any_model"),
            hint="List its models.",
        )
    _check_models(provider, child_path(path, "models"), binder)
    _check_headers(provider, child_path(path, "headers"), binder)
    if provider.price_as is not None:
        known = sheet_names()
        if provider.price_as not in known:
            binder.fail(
                f"expected a provider of the price list, got {shown(provider.price_as)}.",
                path=child_path(path, "price_as"),
                hint=nearest(provider.price_as, known) or f"Known: {', '.join(known)}.",
            )


def _check_models(provider: ProviderConfig, path: str, binder: Binder) -> None:
    seen: set[str] = set()
    for index, model in enumerate(provider.models or ()):
        where = child_path(path, model) if isinstance(provider.models, dict) else f"{path}[{index}]"
        if not model or not model.isprintable() or model != model.strip() or "*" in model:
            binder.fail(f"expected the name of a model, got {shown(model)}.", path=where)
        elif model in seen:
            binder.fail(f"the model {shown(model)} is listed twice.", path=where)
        seen.add(model)


def _check_headers(provider: ProviderConfig, path: str, binder: Binder) -> None:
    for header, value in provider.headers.items():
        where = child_path(path, header)
        if HEADER.fullmatch(header) is None:
            binder.fail("this is not a name that a header can have.", path=where)
        elif header.lower() in OWN_HEADERS:
            binder.fail(f"the header {header} belongs to the connection and cannot be set.", path=where)
        elif header.lower() in SECRET_HEADERS and REFERENCE.fullmatch(value) is None:
            binder.fail(
                f"the header {header} carries a secret: expected env:NAME or file:PATH, got something else.", path=where
            )


def _check_gateway(gateway: GatewayConfig, path: str, binder: Binder) -> None:
    if not 1 <= gateway.upstream_connections <= 100_000:
        binder.fail(
            f"expected a number from 1 to 100000, got {gateway.upstream_connections}.",
            path=child_path(path, "upstream_connections"),
        )


STRUCT_CHECKS: dict[type[msgspec.Struct], Callable[[Any, str, Binder], None]] = {
    ProviderConfig: _check_provider,
    GatewayConfig: _check_gateway,
}
"""Checks of one struct each, run as soon as it is bound, so that one wrong section hides no other."""


def check_references(root: Item, providers: Mapping[str, ProviderConfig | None], binder: Binder) -> None:
    """What one section says of another, read from the tree, so that it is checked whatever else is wrong.

    Args:
        root: The document.
        providers: The providers aliases may name; None for one that is wrong itself.
        binder: Takes the errors.
    """
    for name in _members(root, "providers"):
        if NAME.fullmatch(name) is None:
            binder.fail(
                f"expected a provider's name of letters, digits, '.', '_' and '-', got {shown(name)}.",
                path=child_path("providers", name),
            )
    aliases = _members(root, "aliases")
    for name, item in aliases.items():
        path = child_path("aliases", name)
        if ALIAS.fullmatch(name) is None:
            binder.fail(
                f"expected an alias of letters, digits, '.', '_', ':', '@' and '-', got {shown(name)}.", path=path
            )
        _check_targets(item, path, binder, providers=providers, aliases=aliases)
    for index, item in enumerate(_elements(root, "prices")):
        entry = (item.members or {}).get("provider")
        named = entry.value.scalar if entry else None
        if isinstance(named, str) and "*" not in named and named not in providers:
            binder.fail(
                f"no provider is called {shown(named)}.",
                path=f"prices[{index}].provider",
                hint=nearest(named, providers) or _known(providers),
            )


def _check_targets(
    item: Item,
    path: str,
    binder: Binder,
    *,
    providers: Mapping[str, ProviderConfig | None],
    aliases: Mapping[str, Item],
) -> None:
    if item.is_scalar:
        places = [(path, item.scalar)]
    else:
        entry = (item.members or {}).get("targets")
        elements = (entry.value.elements or []) if entry else []
        places = [(f"{path}.targets[{index}]", element.scalar) for index, element in enumerate(elements)]
        if entry and entry.value.elements == []:
            binder.fail("expected at least one target.", path=f"{path}.targets")
    seen: set[str] = set()
    for where, target in places:
        if not isinstance(target, str) or not target:
            continue  # the types have said so already
        problem = _target_problem(target, providers=providers, aliases=aliases)
        if problem is not None:
            message, hint = problem
            binder.fail(message, path=where, hint=hint)
        elif target in seen:
            binder.fail(f"the target {shown(target)} stands here twice.", path=where)
        seen.add(target)


def _target_problem(
    target: str, *, providers: Mapping[str, ProviderConfig | None], aliases: Mapping[str, Item]
) -> tuple[str, str | None] | None:
    """What is wrong with an alias's target, and a hint; None when nothing is."""
    name, slash, model = target.partition("/")
    if not slash or not name or not model:
        hint = "An alias names models, not other aliases." if target in aliases else nearest(target, providers)
        return f"expected provider/model, got {shown(target)}.", hint
    if name not in providers:
        return f"no provider is called {shown(name)}.", nearest(name, providers) or _known(providers)
    provider = providers[name]
    if provider is not None and not provider.any_model and model not in (provider.models or ()):
        return f"the provider {name} does not list the model {shown(model)}.", nearest(model, provider.models or ())
    return None


def _known(providers: Mapping[str, object]) -> str:
    return f"Known: {', '.join(providers)}." if providers else "No provider is configured."


def _members(root: Item, section: str) -> dict[str, Item]:
    entry = (root.members or {}).get(section)
    return {name: member.value for name, member in ((entry.value.members if entry else None) or {}).items()}


def _elements(root: Item, section: str) -> list[Item]:
    entry = (root.members or {}).get(section)
    return (entry.value.elements if entry else None) or []
