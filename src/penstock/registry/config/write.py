"""A loaded configuration in the form of the file, with its defaults filled in."""

import io
from typing import Any

import msgspec
from ruamel.yaml import YAML

from penstock.registry.config.bind import fields_of
from penstock.registry.config.forms import written
from penstock.registry.config.limit_types import RedisConfig
from penstock.registry.config.limits import limit_document
from penstock.registry.config.load import LoadedConfig
from penstock.registry.config.route_types import RetriesConfig
from penstock.registry.config.routes import route_document
from penstock.registry.config.types import (
    BreakerConfig,
    ExportConfig,
    FeedbackConfig,
    GatewayConfig,
    JournalConfig,
    PriceConfig,
    ProviderConfig,
    ProviderKeyConfig,
    StoresConfig,
    TimeoutsConfig,
)

__all__ = ["as_document", "as_yaml"]


def as_document(config: LoadedConfig) -> dict[str, Any]:
    """What a `penstock.yaml` would say to be loaded as this configuration."""
    return {
        "version": 1,
        "providers": {
            name: {
                **_section(entry, ProviderConfig),
                "timeouts": _section(entry.timeouts, TimeoutsConfig),
                "breaker": _section(entry.breaker, BreakerConfig),
                **({"keys": [_section(key, ProviderKeyConfig) for key in entry.keys]} if entry.keys else {}),
            }
            for name, entry in config.providers.items()
        },
        "aliases": {name: {"targets": list(alias.targets)} for name, alias in config.aliases.items()},
        "routes": {name: route_document(route) for name, route in config.routes.items()},
        "limits": [limit_document(limit) for limit in config.limits],
        **({"redis": _section(config.redis, RedisConfig)} if config.redis is not None else {}),
        "prices": [_section(price, PriceConfig) for price in config.prices],
        "gateway": {
            **_section(config.gateway, GatewayConfig),
            "retries": _section(config.gateway.retries, RetriesConfig),
        },
        "journal": _section(config.journal, JournalConfig),
        "feedback": _section(config.feedback, FeedbackConfig),
        "stores": _section(config.stores, StoresConfig),
        "telemetry": {"export": [_section(export, ExportConfig) for export in config.telemetry.export]},
    }


def as_yaml(config: LoadedConfig) -> str:
    """The same as text."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # pyright: ignore[reportAttributeAccessIssue] - the file's order
    out = io.StringIO()
    yaml.dump(as_document(config), out)  # pyright: ignore[reportUnknownMemberType] - ruamel.yaml has no types here
    return out.getvalue()


def _section(entry: msgspec.Struct, struct: type[msgspec.Struct]) -> dict[str, Any]:
    """The members that the snapshot's record shares with the file's section; what is None or empty is left out."""
    values = {name: (hint, getattr(entry, name, None)) for name, (hint, _) in fields_of(struct).items()}
    return {
        name: written(hint, msgspec.to_builtins(value))
        for name, (hint, value) in values.items()
        if value is not None and value != ()
    }
