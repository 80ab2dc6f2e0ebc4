"""What the types alone cannot say: names, references between sections, and settings that exclude each other."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from penstock.core.errors import InvalidInput
from penstock.finops.price_list import sheet_names
from penstock.registry.config.bind import Binder, child_path
from penstock.registry.config.document import Item
from penstock.registry.config.errors import nearest
from penstock.registry.config.forms import ALIAS, NAME, REFERENCE, shown
from penstock.registry.config.limit_checks import LIMIT_CHECKS
from penstock.registry.config.route_checks import (
    ROUTE_CHECKS,
    Surroundings,
    check_route,
    judges_within,
    target_problem,
)
from penstock.registry.config.types import BreakerConfig, ExportConfig, FeedbackConfig, GatewayConfig, ProviderConfig
from penstock.registry.config.vendors import VENDORS

__all__ = ["STRUCT_CHECKS", "check_references"]

ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")
MAX_FEEDBACK_SECONDS = 366 * 24 * 3600
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
    _check_keys(provider, path, binder)
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


def _check_keys(provider: ProviderConfig, path: str, binder: Binder) -> None:
    if provider.keys is None:
        return
    where = child_path(path, "keys")
    if provider.api_key is not None:
        binder.fail("expected api_key or keys, got both.", path=where)
    if not provider.keys:
        binder.fail("expected at least one key.", path=where)
    elif sum(key.weight for key in provider.keys) <= 0:
        binder.fail("the weights sum to 0, so no key would ever be used.", path=where)
    seen: set[str] = set()
    for index, key in enumerate(provider.keys):
        at = f"{where}[{index}].name"
        if NAME.fullmatch(key.name) is None:
            binder.fail(f"expected letters, digits, '.', '_' and '-', got {shown(key.name)}.", path=at)
        elif key.name in seen:
            binder.fail(f"the name {shown(key.name)} stands here twice.", path=at)
        seen.add(key.name)


def _check_breaker(breaker: BreakerConfig, path: str, binder: Binder) -> None:
    for name in ("error_rate", "slow_rate"):
        if getattr(breaker, name) <= 0:
            binder.fail("expected more than 0, or it would open at once.", path=child_path(path, name))
    if breaker.open_for > breaker.open_for_at_most:
        binder.fail("'open_for' is longer than 'open_for_at_most'.", path=child_path(path, "open_for"))


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
                f"the header {header} carries a secret: expected env:NAME, file:PATH or secret:NAME, got another text.",
                path=where,
            )


def _check_gateway(gateway: GatewayConfig, path: str, binder: Binder) -> None:
    if not 1 <= gateway.upstream_connections <= 100_000:
        binder.fail(
            f"expected a number from 1 to 100000, got {gateway.upstream_connections}.",
            path=child_path(path, "upstream_connections"),
        )


def _check_feedback(feedback: FeedbackConfig, path: str, binder: Binder) -> None:
    for number, origin in enumerate(feedback.origins):
        if origin != "*" and ORIGIN.fullmatch(origin) is None:
            binder.fail(
                f"expected an origin like https://app.example.com, without a path, or *, got {shown(origin)}.",
                path=f"{path}.origins[{number}]",
            )
    if not 1 <= feedback.expires <= MAX_FEEDBACK_SECONDS:
        binder.fail("expected 1s to 366d.", path=child_path(path, "expires"))
    if not 1 <= feedback.per_minute <= 10_000:
        binder.fail(
            f"expected a number from 1 to 10000, got {feedback.per_minute}.", path=child_path(path, "per_minute")
        )


def _check_export(export: ExportConfig, path: str, binder: Binder) -> None:
    parts = urlsplit(export.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
        binder.fail(
            f"expected an address like https://otlp.example.com/v1/traces, got {shown(export.url)}.",
            path=child_path(path, "url"),
        )
    elif parts.path in {"", "/"}:
        binder.fail(
            "expected the address for traces in full, got one without a path.",
            path=child_path(path, "url"),
            hint=f"Most backends take traces at {export.url.rstrip('/')}/v1/traces.",
        )
    for header, value in export.headers.items():
        where = child_path(child_path(path, "headers"), header)
        if HEADER.fullmatch(header) is None or header.lower() in OWN_HEADERS or header.lower() == "content-encoding":
            binder.fail("this is not a header that can be set.", path=where)
        elif value.startswith("secret:") or (
            header.lower() in SECRET_HEADERS and not value.startswith(("env:", "file:"))
        ):
            binder.fail(f"the header {header} carries a secret: expected env:NAME or file:PATH.", path=where)
    if export.filter is not None:
        _check_search(export.filter, path, binder)


def _check_search(search: str, path: str, binder: Binder) -> None:
    # The first snapshot waits for this module, and few configurations have a search.
    from penstock.tracing.otlp.export.matching import matcher  # noqa: PLC0415
    from penstock.tracing.query.parser import parse  # noqa: PLC0415

    try:
        matcher(parse(search))
    except InvalidInput as error:
        binder.fail(f"the search cannot be read: {error}", path=child_path(path, "filter"))


STRUCT_CHECKS: dict[type[msgspec.Struct], Callable[[Any, str, Binder], None]] = {
    ProviderConfig: _check_provider,
    BreakerConfig: _check_breaker,
    ExportConfig: _check_export,
    FeedbackConfig: _check_feedback,
    GatewayConfig: _check_gateway,
    **ROUTE_CHECKS,
    **LIMIT_CHECKS,
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
    _check_routes(root, providers, binder, aliases=aliases)
    _check_limit_names(root, binder)
    for index, item in enumerate(_elements(root, "prices")):
        entry = (item.members or {}).get("provider")
        named = entry.value.scalar if entry else None
        if isinstance(named, str) and "*" not in named and named not in providers:
            binder.fail(
                f"no provider is called {shown(named)}.",
                path=f"prices[{index}].provider",
                hint=nearest(named, providers) or _known(providers),
            )


def _check_routes(
    root: Item, providers: Mapping[str, ProviderConfig | None], binder: Binder, *, aliases: Mapping[str, Item]
) -> None:
    routes = _members(root, "routes")
    paths = {name: child_path("routes", name) for name in routes}
    around = Surroundings(
        providers=providers,
        aliases=aliases,
        routes=routes,
        judges={name: judges_within(binder, path) for name, path in paths.items()},
    )
    for name, item in routes.items():
        path = paths[name]
        if ALIAS.fullmatch(name) is None:
            binder.fail(
                f"expected a route's name of letters, digits, '.', '_', ':', '@' and '-', got {shown(name)}.", path=path
            )
        if name in aliases:
            binder.fail(f"an alias is called {shown(name)} too; a name stands for one thing.", path=path)
        check_route(name, item, path, binder, around)


def _check_limit_names(root: Item, binder: Binder) -> None:
    seen: dict[str, int] = {}
    for index, item in enumerate(_elements(root, "limits")):
        entry = (item.members or {}).get("name")
        name = entry.value.scalar if entry is not None else None
        if isinstance(name, str) and name in seen:
            binder.fail(
                f"the limit {shown(name)} stands here a second time; the first is limits[{seen[name]}].",
                path=f"limits[{index}].name",
            )
        elif isinstance(name, str):
            seen[name] = index


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
        problem = target_problem(target, providers=providers, aliases=aliases)
        if problem is not None:
            message, hint = problem
            binder.fail(message, path=where, hint=hint)
        elif target in seen:
            binder.fail(f"the target {shown(target)} stands here twice.", path=where)
        seen.add(target)


def _known(providers: Mapping[str, object]) -> str:
    return f"Known: {', '.join(providers)}." if providers else "No provider is configured."


def _members(root: Item, section: str) -> dict[str, Item]:
    entry = (root.members or {}).get(section)
    return {name: member.value for name, member in ((entry.value.members if entry else None) or {}).items()}


def _elements(root: Item, section: str) -> list[Item]:
    entry = (root.members or {}).get(section)
    return (entry.value.elements if entry else None) or []
