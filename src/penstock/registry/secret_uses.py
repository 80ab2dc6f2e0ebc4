"""Where the providers of a configuration refer to stored secrets."""

from collections.abc import Iterator

import msgspec

from penstock.core.errors import ConfigError
from penstock.core.secrets import REDIS, origin_of
from penstock.identity.types import SecretUse
from penstock.registry.config import InvalidConfig, LoadedConfig
from penstock.registry.config.bind import child_path
from penstock.registry.ports import StoredSecrets
from penstock.wire.snapshot import ProviderEntry

__all__ = ["secret_uses", "with_secrets_checked"]

SCHEME = "secret:"


def secret_uses(config: LoadedConfig) -> list[SecretUse]:
    """Every `secret:NAME` of a configuration, in its order, with the origin that it would be sent to."""
    uses = [
        SecretUse(
            name=reference.removeprefix(SCHEME),
            provider=name,
            field=f"{child_path('providers', name)}{field}",
            origin=origin_of(provider.base_url),
        )
        for name, provider in config.providers.items()
        for field, reference in _references(provider)
        if reference.startswith(SCHEME)
    ]
    if config.redis is not None and config.redis.url.startswith(SCHEME):
        name = config.redis.url.removeprefix(SCHEME)
        uses.append(SecretUse(name=name, provider="redis", field="redis.url", origin=REDIS))
    return uses


def with_secrets_checked(config: LoadedConfig, stored: StoredSecrets) -> LoadedConfig:
    """The configuration, with a warning for each secret that is not set.

    Raises:
        InvalidConfig: a provider would send a secret to an address that it was not saved for.
    """
    uses = secret_uses(config)
    wrong = stored.check(uses)
    if wrong:
        file = config.file or "the environment"
        raise InvalidConfig(ConfigError(message, file=file, field=use.field, hint=hint) for use, message, hint in wrong)
    warnings = tuple(
        f"{use.field}: The secret {use.name} is not set. Set it: penstock secrets set {use.name}"
        for use in stored.missing(uses)
    )
    return msgspec.structs.replace(config, warnings=config.warnings + warnings)


def _references(provider: ProviderEntry) -> Iterator[tuple[str, str]]:
    if provider.api_key is not None:
        yield ".api_key", provider.api_key
    for index, key in enumerate(provider.keys):
        yield f".keys[{index}].secret", key.secret
    for header, value in provider.headers.items():
        yield f".{child_path('headers', header)}", value
