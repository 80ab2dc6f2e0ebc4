"""`secret:NAME` in the configuration, against secrets that are really stored."""

import msgspec
import pytest

from penstock.core.errors import ConfigError
from penstock.core.ids import RandomIds
from penstock.core.secrets import SealedSecrets, read_master_keys
from penstock.identity.service import IdentityService
from penstock.registry.config import LoadedConfig
from penstock.registry.secret_uses import secret_uses
from penstock.wire.limits import RedisSettings
from penstock.wire.snapshot import ProviderEntry, ProviderKey

FILE = """\
version: 1
providers:
  gpu: {{kind: openai, base_url: "{url}", api_key: secret:gpu}}
"""
GPU = "https://gpu.example/v1"


@pytest.fixture
def stored(home, clock, metadata_opener):
    metadata = metadata_opener.open(home.metadata)
    service = IdentityService(metadata, clock=clock, ids=RandomIds(clock), master_key=home.master_key, environment={})
    made = service.bootstrap(home.admin_key)
    yield service.secrets, service.access.by_key(made.secret)
    metadata.close()


def test_every_place_of_a_stored_secret_is_found_with_where_it_goes():
    provider = ProviderEntry(
        name="gpu",
        kind="openai",
        base_url="https://gpu.example:8443/v1",
        api_key="secret:a",
        keys=(ProviderKey(name="one", secret="env:X"), ProviderKey(name="two", secret="secret:b")),
        headers={"x-plain": "text", "x-auth-token": "secret:c"},
    )
    config = LoadedConfig(file=None, digest="", providers={"gpu": provider}, redis=RedisSettings(url="secret:cache"))
    assert [msgspec.structs.astuple(use) for use in secret_uses(config)] == [
        ("a", "gpu", "providers.gpu.api_key", "https://gpu.example:8443"),
        ("b", "gpu", "providers.gpu.keys[1].secret", "https://gpu.example:8443"),
        ("c", "gpu", "providers.gpu.headers.x-auth-token", "https://gpu.example:8443"),
        ("cache", "redis", "redis.url", "redis"),
    ]


def test_the_snapshot_carries_what_is_sealed_and_a_new_value_is_published(make_registry, write, stored, home):
    secrets, admin = stored
    write(FILE.format(url=GPU))
    registry = make_registry(secrets=secrets)
    assert registry.start().sealed_secrets == {}
    assert "penstock secrets set gpu" in registry.state().warnings[0]
    secrets.set(admin, "gpu", "sk-one")
    snapshot = registry.publish()
    assert snapshot.version == 2
    assert "sk-one" not in home.snapshot.read_text()
    found = SealedSecrets(snapshot.sealed_secrets, lambda: read_master_keys(home.master_key, {}))
    assert found.open("gpu", url=GPU) == "sk-one"
    assert registry.publish().version == 2, "nothing changed"
    secrets.rotate(admin)
    assert registry.publish().version == 3


def test_a_provider_that_moves_elsewhere_does_not_take_its_secret_along(make_registry, write, stored):
    """FAILURES G29, S24: the configuration is refused as a whole, and what was served goes on."""
    secrets, admin = stored
    write(FILE.format(url=GPU))
    secrets.set(admin, "gpu", "sk-one")
    registry = make_registry(secrets=secrets)
    registry.start()
    write(FILE.format(url="https://evil.example/v1"))
    outcome = registry.reload()
    assert outcome.outcome == "failed"
    (error,) = outcome.errors
    assert error.field == "providers.gpu.api_key"
    assert "saved for https://gpu.example, and this provider is at https://evil.example" in error.message
    assert registry.snapshot.providers["gpu"].base_url == GPU
    secrets.set(admin, "gpu", "sk-two", origins=[GPU, "https://evil.example"])
    assert registry.reload().outcome == "changed"


def test_a_first_start_with_a_misdirected_secret_is_refused(make_registry, write, stored):
    secrets, admin = stored
    secrets.set(admin, "gpu", "sk-one", origins=["https://other.example"])
    write(FILE.format(url=GPU))
    with pytest.raises(ConfigError, match=r"saved for https://other\.example"):
        make_registry(secrets=secrets).start()
