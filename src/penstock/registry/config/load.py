"""From the file, or the environment without one, to what the snapshot is made of."""

import hashlib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from penstock.core.errors import ConfigError, InvalidInput
from penstock.core.settings import Environment, process_environment, resolve_secret
from penstock.finops.price_list import current_models
from penstock.registry.config.bind import Binder, child_path
from penstock.registry.config.checks import STRUCT_CHECKS, check_references
from penstock.registry.config.document import MAX_BYTES, read_document
from penstock.registry.config.errors import InvalidConfig
from penstock.registry.config.limits import limit_entry
from penstock.registry.config.routes import route_entry
from penstock.registry.config.types import (
    AliasConfig,
    Config,
    ProviderConfig,
    StoresConfig,
    TelemetryConfig,
    TokenPrices,
)
from penstock.registry.config.vendors import AZURE_API_VERSION, DEFAULT_BASE_URLS, VENDORS, Vendor
from penstock.wire.limits import LimitEntry, RedisSettings
from penstock.wire.routing import Breaker, RouteEntry, variants_of
from penstock.wire.snapshot import (
    AliasEntry,
    ExportEntry,
    FeedbackSettings,
    GatewaySettings,
    JournalSettings,
    PriceEntry,
    ProviderEntry,
    ProviderKey,
    StoreSettings,
    TelemetrySettings,
    Timeouts,
)

__all__ = [
    "LoadedConfig",
    "compile_config",
    "load_config",
    "parse_config",
    "providers_configured",
    "providers_from_environment",
]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class LoadedConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What configuration says, in the terms of the snapshot."""

    file: str | None
    """The file it came from; None when there is none, and the environment was asked."""
    digest: str
    """Of the file's bytes; empty without a file."""
    providers: dict[str, ProviderEntry]
    aliases: dict[str, AliasEntry] = {}
    routes: dict[str, RouteEntry] = {}
    """By name. Their projects are as they were written, by id or name."""
    limits: tuple[LimitEntry, ...] = ()
    """Projects and keys are as they were written, by id or name."""
    redis: RedisSettings | None = None
    prices: tuple[PriceEntry, ...] = ()
    gateway: GatewaySettings = GatewaySettings()
    journal: JournalSettings = JournalSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    stores: StoreSettings = StoreSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    lines: dict[str, int] = {}
    """Where routes and limits stand in the file: `routes.NAME` and `limits.NAME`."""
    warnings: tuple[str, ...] = ()
    """What is valid and probably not wanted, for a person."""


def load_config(
    path: Path, *, environment: Environment | None = None, fallback: Mapping[str, ProviderEntry] | None = None
) -> LoadedConfig:
    """Read the file, or the environment when it does not exist or is empty.

    Args:
        path: `penstock.yaml`; it need not exist.
        environment: Where keys of vendors are looked for; None is the process's own.
        fallback: The providers to serve when neither the file nor the environment has any.

    Raises:
        InvalidConfig: with every error of the file.
        ConfigError: the file cannot be read, or is too large.
    """
    variables = process_environment() if environment is None else environment
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return compile_config(Config(), file=None, digest="", environment=variables, fallback=fallback)
    except OSError as error:
        raise ConfigError(f"The file cannot be read: {error.strerror}.", file=str(path)) from error
    others = _vendors_with_keys(variables) or list(fallback or ())
    config, lines = parse_config(data, file=str(path), other_providers=others)
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    loaded = compile_config(config, file=path, digest=digest, environment=variables, fallback=fallback)
    return msgspec.structs.replace(loaded, lines=_places(config, lines))


def _places(config: Config, lines: Mapping[str, int]) -> dict[str, int]:
    return {
        **{f"routes.{name}": lines[child_path("routes", name)] for name in config.routes},
        **{f"limits.{limit.name}": lines[f"limits[{index}]"] for index, limit in enumerate(config.limits)},
    }


def parse_config(data: bytes, *, file: str, other_providers: Iterable[str] = ()) -> tuple[Config, Mapping[str, int]]:
    """The typed content of a file's bytes, and the line of each of its fields.

    Args:
        data: The bytes.
        file: Its name, for errors.
        other_providers: Which providers there are when the file has no section of them.

    Raises:
        InvalidConfig: with every error.
    """
    text = _decode(data, file=file)
    root = read_document(text, file=file)
    if root is None:
        return Config(), {}
    binder = Binder(file, STRUCT_CHECKS)
    config = binder.bind(root, Config)
    providers_entry = (root.members or {}).get("providers")
    if providers_entry is not None and providers_entry.value.members is not None:
        names: Iterable[str] = providers_entry.value.members
    else:
        names = other_providers
    bound = {name: binder.bound.get(child_path("providers", name)) for name in names}
    providers = {name: entry if isinstance(entry, ProviderConfig) else None for name, entry in bound.items()}
    check_references(root, providers, binder)
    if binder.errors or config is None:
        raise InvalidConfig(binder.errors)
    return config, binder.lines


def _decode(data: bytes, *, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise InvalidConfig([ConfigError(f"The file is larger than {MAX_BYTES // 1024} KiB.", file=file)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidConfig([ConfigError("The file is not UTF-8 text.", file=file, line=line)]) from None


def providers_configured(path: Path, *, environment: Environment | None = None) -> bool:
    """Whether the file or the environment names any provider; True too for a file that has errors.

    Loads no price list, so that a supervisor may ask before it starts anything.
    """
    variables = process_environment() if environment is None else environment
    try:
        with path.open("rb") as file:
            root = read_document(_decode(file.read(MAX_BYTES + 1), file=str(path)), file=str(path))
    except FileNotFoundError:
        root = None
    except (OSError, ConfigError):
        return True
    section = (root.members or {}).get("providers") if root is not None else None
    if section is None or (section.value.is_scalar and section.value.scalar is None):
        return bool(_vendors_with_keys(variables))
    return section.value.members != {}


def _vendors_with_keys(environment: Environment) -> list[str]:
    names = [name for name, vendor in VENDORS.items() if any(environment.get(name) for name in vendor.variables)]
    if environment.get("AZURE_OPENAI_ENDPOINT") and environment.get("AZURE_OPENAI_API_KEY"):
        names.append("azure")
    return names


def providers_from_environment(environment: Environment) -> dict[str, ProviderEntry]:
    """A provider for each vendor whose key is set, and Azure's when its key and endpoint are."""
    found: dict[str, ProviderEntry] = {}
    for vendor in VENDORS.values():
        variable = next((name for name in vendor.variables if environment.get(name)), None)
        if variable is not None:
            found[vendor.name] = _vendor_entry(vendor, f"env:{variable}")
    endpoint = environment.get("AZURE_OPENAI_ENDPOINT")
    if endpoint and environment.get("AZURE_OPENAI_API_KEY"):
        found["azure"] = ProviderEntry(
            name="azure",
            kind="azure",
            base_url=endpoint.rstrip("/"),
            api_key="env:AZURE_OPENAI_API_KEY",
            api_version=environment.get("OPENAI_API_VERSION") or AZURE_API_VERSION,
            price_as="azure",
        )
    return found


def _vendor_entry(vendor: Vendor, api_key: str) -> ProviderEntry:
    return ProviderEntry(
        name=vendor.name,
        kind=vendor.kind,
        base_url=vendor.base_url,
        api_key=api_key,
        models=_vendor_models(vendor),
        responses=vendor.responses,
        price_as=vendor.price_as,
    )


def _vendor_models(vendor: Vendor) -> tuple[str, ...]:
    return tuple(
        model
        for model in current_models(vendor.price_as)
        if any(fnmatchcase(model, pattern) for pattern in vendor.serves)
    )


# --- the snapshot's terms ---------------------------------------------------------------------


def compile_config(
    config: Config,
    *,
    file: Path | None,
    digest: str,
    environment: Environment,
    fallback: Mapping[str, ProviderEntry] | None = None,
) -> LoadedConfig:
    """A valid configuration in the terms of the snapshot, defaults filled in.

    A relative `file:` reference is taken from the folder of the configuration file.
    """
    folder = file.absolute().parent if file is not None else Path.cwd()
    if config.providers is None:
        providers = providers_from_environment(environment)
    else:
        providers = {name: _provider_entry(name, entry, folder) for name, entry in config.providers.items()}
    providers = providers or dict(fallback or {})
    routes = {name: route_entry(name, route) for name, route in config.routes.items()}
    return LoadedConfig(
        file=str(file) if file is not None else None,
        digest=digest,
        providers=providers,
        aliases={name: _alias_entry(name, alias) for name, alias in config.aliases.items()},
        routes=routes,
        limits=tuple(limit_entry(limit) for limit in config.limits),
        redis=_redis(config, folder),
        prices=tuple(_prices(config)),
        gateway=msgspec.convert(config.gateway, GatewaySettings, from_attributes=True),
        journal=msgspec.convert(config.journal, JournalSettings, from_attributes=True),
        feedback=msgspec.convert(config.feedback, FeedbackSettings, from_attributes=True),
        stores=_stores(config.stores, folder),
        telemetry=_telemetry(config.telemetry, folder),
        warnings=(*_warnings(providers.values(), environment), *_route_warnings(routes.values(), providers)),
    )


def _redis(config: Config, folder: Path) -> RedisSettings | None:
    if config.redis is None:
        return None
    settings = msgspec.convert(config.redis, RedisSettings, from_attributes=True)
    return msgspec.structs.replace(settings, url=_absolute(settings.url, folder))


def _stores(config: StoresConfig, folder: Path) -> StoreSettings:
    password, ca = config.spans_password, config.spans_ca
    return StoreSettings(
        spans=config.spans,
        spans_password=_absolute(password, folder) if password is not None else None,
        spans_ca=str(folder / Path(ca).expanduser()) if ca is not None else None,
    )


def _telemetry(config: TelemetryConfig, folder: Path) -> TelemetrySettings:
    return TelemetrySettings(
        export=tuple(
            ExportEntry(
                url=export.url,
                headers={header: _absolute(value, folder) for header, value in export.headers.items()},
                filter=export.filter,
                content=export.content,
            )
            for export in config.export
        )
    )


def _provider_entry(name: str, config: ProviderConfig, folder: Path) -> ProviderEntry:
    vendor = VENDORS.get(name)
    # The file may give a vendor's name to another dialect; then the name says nothing.
    if vendor is not None and config.kind not in {None, vendor.kind}:
        vendor = None
    kind = config.kind or (vendor.kind if vendor else "openai")
    base_url = config.base_url or (vendor.base_url if vendor else DEFAULT_BASE_URLS.get(kind, ""))
    at_vendor = vendor is not None and base_url == vendor.base_url
    listed = tuple(config.models) if config.models is not None else ()
    if config.models is None and vendor is not None and at_vendor:
        listed = _vendor_models(vendor)
    known_responses = vendor.responses if vendor is not None and at_vendor else "native"
    return ProviderEntry(
        name=name,
        kind=kind,
        base_url=base_url,
        api_key=_absolute(config.api_key, folder) if config.api_key else None,
        keys=tuple(
            ProviderKey(name=key.name, secret=_absolute(key.secret, folder), weight=key.weight)
            for key in config.keys or ()
        ),
        api_version=config.api_version or (AZURE_API_VERSION if kind == "azure" else None),
        headers={header: _absolute(value, folder) for header, value in config.headers.items()},
        models=listed,
        any_model=config.any_model,
        responses=config.responses or known_responses,
        passthrough=config.passthrough,
        price_as=config.price_as or (vendor.price_as if vendor is not None and at_vendor else None),
        timeouts=msgspec.convert(config.timeouts, Timeouts, from_attributes=True),
        breaker=msgspec.convert(config.breaker, Breaker, from_attributes=True),
    )


def _absolute(reference: str, folder: Path) -> str:
    if not reference.startswith("file:"):
        return reference
    return f"file:{folder / Path(reference.removeprefix('file:')).expanduser()}"


def _alias_entry(name: str, alias: AliasConfig | str) -> AliasEntry:
    return AliasEntry(name=name, targets=(alias,) if isinstance(alias, str) else tuple(alias.targets))


def _prices(config: Config) -> Iterable[PriceEntry]:
    """Prices given with a model come first: they name it exactly."""
    for name, provider in (config.providers or {}).items():
        if isinstance(provider.models, dict):
            for model, said in provider.models.items():
                if said is not None and said.price is not None:
                    yield _price_entry(said.price, provider=name, model=model)
    for price in config.prices:
        yield _price_entry(price, provider=price.provider, model=price.model)


def _price_entry(price: TokenPrices, *, provider: str, model: str) -> PriceEntry:
    return PriceEntry(
        provider=provider,
        model=model,
        input=price.input,
        output=price.output,
        cache_read=price.cache_read,
        cache_write=price.cache_write,
        reasoning=price.reasoning,
        input_audio=price.input_audio,
        output_audio=price.output_audio,
    )


def _warnings(providers: Iterable[ProviderEntry], environment: Environment) -> Iterable[str]:
    for provider in providers:
        secrets: Mapping[str, str] = {
            **({"api_key": provider.api_key} if provider.api_key else {}),
            **{f"keys[{index}].secret": key.secret for index, key in enumerate(provider.keys)},
            **{
                child_path("headers", header): value
                for header, value in provider.headers.items()
                if value.startswith(("env:", "file:", "secret:"))
            },
        }
        for field, reference in secrets.items():
            if reference.startswith("secret:"):
                continue  # it lies in the metadata store, which is not asked here
            try:
                resolve_secret(reference, environment)
            except InvalidInput as error:
                yield f"{child_path('providers', provider.name)}.{field}: {error}"
        parts = urlsplit(provider.base_url)
        if secrets and parts.scheme == "http" and parts.hostname not in LOOPBACK:
            place = child_path("providers", provider.name)
            yield f"{place}.base_url: {provider.base_url} is not https, so its key travels unencrypted."


def _route_warnings(routes: Iterable[RouteEntry], providers: Mapping[str, ProviderEntry]) -> Iterable[str]:
    for route in routes:
        place = child_path("routes", route.name)
        hidden = next((provider.name for provider in providers.values() if route.name in provider.models), None)
        if hidden is not None:
            yield f"{place}: the provider {hidden} has a model of this name; it is called {hidden}/{route.name} now."
        spare = (route.on_budget.soft.use, route.on_budget.hard.use)
        used = {name for part in (route.strategy, *spare) if part is not None for name in variants_of(part)}
        for variant in route.variants:
            if variant not in used:
                yield f"{child_path(child_path(place, 'variants'), variant)}: nothing uses this variant."
