"""penstock.yaml: its types, its parser, its errors."""

from penstock.registry.config.errors import InvalidConfig
from penstock.registry.config.load import LoadedConfig, load_config, providers_configured

__all__ = ["InvalidConfig", "LoadedConfig", "load_config", "providers_configured"]
