"""Stored secrets on a real store: written, bound, rotated, retired, never shown."""

import sqlite3

import pytest

from penstock.core.errors import Conflict, CorruptData, InvalidInput, NotFound, PermissionDenied
from penstock.core.secrets import SealedSecrets, key_of, origins_of, read_master_keys
from penstock.identity.service import IdentityService
from penstock.identity.store import audit
from penstock.identity.types import PERMISSIONS, SYSTEM, SecretUse

VALUE = "sk-proj-0123456789abcdefghij"
OPENAI = "https://api.openai.com"


def use(name="openai", *, origin=OPENAI, provider="openai"):
    return SecretUse(name=name, provider=provider, field=f"providers.{provider}.api_key", origin=origin)


def opened(house, uses, url=OPENAI, name="openai"):
    sealed = house.service.secrets.sealed_for(uses)
    return SealedSecrets(sealed, lambda: read_master_keys(house.home / "master.key", {})).open(name, url=url)


def test_a_secret_is_stored_sealed_and_told_of_without_its_value(house, caplog):
    stored = house.service.secrets.set(house.admin, "openai", VALUE + "\n", origins=[f"{OPENAI}/v1"])
    assert (stored.name, stored.origins, stored.created_by, stored.used_by) == ("openai", [OPENAI], "admin", [])
    assert house.service.secrets.everything(house.admin) == [stored]
    assert opened(house, [use()]) == VALUE
    assert house.audited()[0] == "secret.set"
    with house.metadata.read() as connection:
        assert VALUE not in str(audit.newest(connection))
    assert VALUE.encode() not in b"".join(path.read_bytes() for path in house.home.iterdir() if path.is_file())
    assert VALUE not in caplog.text + repr(stored)


def test_a_change_of_a_secret_is_one_that_gateways_learn_of(house):
    before = len(house.changes)
    house.service.secrets.set(house.admin, "openai", VALUE)
    house.service.secrets.set(house.admin, "openai", VALUE)
    house.service.secrets.rotate(house.admin)
    house.service.secrets.delete(house.admin, "openai")
    assert len(house.changes) == before + 4


def test_a_new_value_keeps_the_addresses_unless_others_are_named(house):
    secrets = house.service.secrets
    secrets.set(house.admin, "openai", VALUE, origins=[OPENAI])
    house.clock.advance(5)
    again = secrets.set(house.admin, "openai", "sk-2")
    assert again.origins == [OPENAI]
    assert again.updated > again.created
    assert secrets.set(house.admin, "openai", "sk-3", origins=["https://eu.example"]).origins == ["https://eu.example"]


def test_a_secret_without_an_address_is_bound_to_its_first_provider(house):
    """FAILURES S24"""
    secrets = house.service.secrets
    secrets.set(house.admin, "openai", VALUE)
    uses = [use(), use(origin="https://evil.example", provider="other")]
    ((wrong, message, hint),) = secrets.check(uses)
    assert wrong.provider == "other"
    assert "saved for https://api.openai.com, and this provider is at https://evil.example" in message
    assert "--for https://evil.example" in hint
    assert opened(house, uses[:1]) == VALUE
    assert house.audited()[0] == "secret.bind"
    assert secrets.everything(house.admin)[0].origins == [OPENAI]
    assert [found[0].provider for found in secrets.check(uses)] == ["other"]
    with pytest.raises(InvalidInput, match="not sent to"):
        opened(house, uses, url="https://evil.example")


def test_only_secrets_that_are_used_are_published(house):
    for name in ("openai", "unused"):
        house.service.secrets.set(house.admin, name, VALUE, origins=[OPENAI])
    assert set(house.service.secrets.sealed_for([use()])) == {"openai"}
    assert house.service.secrets.missing([use(), use("typo")]) == [use("typo")]


def test_a_secret_in_use_is_neither_deleted_nor_saved_for_another_address(house):
    secrets = house.service.secrets
    secrets.set(house.admin, "openai", VALUE)
    secrets.sealed_for([use()])
    assert secrets.everything(house.admin)[0].used_by == ["openai"]
    with pytest.raises(Conflict, match="used by openai"):
        secrets.delete(house.admin, "openai")
    with pytest.raises(Conflict, match=r"providers.openai.api_key sends the secret openai to https://api.openai.com"):
        secrets.set(house.admin, "openai", "sk-2", origins=["https://elsewhere.example"])
    secrets.set(house.admin, "openai", "sk-2", origins=["https://elsewhere.example", OPENAI])
    assert opened(house, [use()]) == "sk-2"
    secrets.sealed_for([])
    secrets.delete(house.admin, "openai")
    assert secrets.everything(house.admin) == []
    with pytest.raises(NotFound):
        secrets.delete(house.admin, "openai")


@pytest.mark.parametrize("value", ["", " ", "a\nb", "a ", "\ta", "ä", "x" * 20_000, "a\0b"])
def test_a_value_that_no_header_carries_is_refused_and_not_shown(house, value):
    with pytest.raises(InvalidInput, match="printable ASCII") as caught:
        house.service.secrets.set(house.admin, "openai", value)
    assert caught.value.field == "value"
    assert len(value.strip()) < 2 or value not in str(caught.value)


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "a" * 65, "ä", "a\n"])
def test_a_name_that_configuration_cannot_say_is_refused(house, name):
    with pytest.raises(InvalidInput) as caught:
        house.service.secrets.set(house.admin, name, VALUE)
    assert caught.value.field == "name"


@pytest.mark.parametrize("origins", [[], ["nowhere"], [f"https://h{n}.example" for n in range(21)]])
def test_addresses_that_are_none_or_too_many_are_refused(house, origins):
    with pytest.raises(InvalidInput) as caught:
        house.service.secrets.set(house.admin, "openai", VALUE, origins=origins)
    assert caught.value.field == "origins"


def test_only_who_may_everywhere_reads_or_sets_secrets(house):
    """FAILURES S1: an admin's permission within one project does not reach the organisation's secrets."""
    minted = house.service.keys.create(house.admin, project=house.made.project, name="k", scopes=PERMISSIONS)
    within = house.service.access.by_key(minted.secret)
    house.service.secrets.set(house.admin, "openai", VALUE)
    for act in (
        house.service.secrets.everything,
        lambda who: house.service.secrets.set(who, "openai", "sk-mine"),
        house.service.secrets.rotate,
    ):
        for who in (within, house.person("editor"), house.person("viewer")):
            with pytest.raises(PermissionDenied):
                act(who)
    with pytest.raises(NotFound):
        house.service.secrets.delete(within, "openai")
    assert house.service.secrets.everything(house.person("admin", name="Ada"))[0].name == "openai"
    assert opened(house, [use()]) == VALUE


def test_rotation_seals_all_under_a_new_key_and_keeps_the_old_one_until_it_is_retired(house):
    secrets = house.service.secrets
    for name in ("a", "b"):
        secrets.set(house.admin, name, f"sk-{name}", origins=[OPENAI])
    uses = [use("a"), use("b")]
    published = secrets.sealed_for(uses)
    file = house.home / "master.key"
    first = read_master_keys(file, {}).sealing
    rotation = secrets.rotate(house.admin)
    assert (rotation.resealed, rotation.kept) == (2, [first])
    assert {row.master_key for row in secrets.everything(house.admin)} == {rotation.master_key}
    # A worker that still has the snapshot of before opens what is in it.
    assert SealedSecrets(published, lambda: read_master_keys(file, {})).open("a", url=OPENAI) == "sk-a"
    assert secrets.retire(published) == [], "what is published still needs it"
    anew = secrets.sealed_for(uses)
    assert secrets.retire(anew) == [first]
    assert list(read_master_keys(file, {}).keys) == [rotation.master_key]
    assert SealedSecrets(anew, lambda: read_master_keys(file, {})).open("b", url=OPENAI) == "sk-b"
    assert secrets.retire(anew) == []
    assert house.audited()[0] == "secret.rotate"


def test_a_rotation_that_meets_a_damaged_secret_changes_nothing(house):
    secrets = house.service.secrets
    for name in ("a", "b"):
        secrets.set(house.admin, name, VALUE, origins=[OPENAI])
    before = (house.home / "master.key").read_text()
    with sqlite3.connect(house.home / "metadata.db") as connection:
        connection.execute("UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'a') WHERE name = 'b'")
    with pytest.raises(CorruptData, match="The stored secret b"):
        secrets.rotate(house.admin)
    assert (house.home / "master.key").read_text() == before
    assert opened(house, [use("a")], name="a") == VALUE


def test_damage_to_one_secret_does_not_stop_publication(house, caplog):
    """A key that is revoked must be gone even so."""
    secrets = house.service.secrets
    for name in ("a", "b"):
        secrets.set(house.admin, name, VALUE)
    with sqlite3.connect(house.home / "metadata.db") as connection:
        connection.execute("UPDATE secrets SET sealed = 'rubbish' WHERE name = 'b'")
    assert secrets.check([use("a"), use("b")]) == []
    sealed = secrets.sealed_for([use("a"), use("b")])
    assert origins_of("a", sealed["a"]) == [OPENAI]
    assert sealed["b"] == "rubbish"
    assert "The stored secret b is damaged" in caplog.text


def test_a_lost_master_key_is_not_replaced_by_one_that_opens_nothing(house, caplog):
    secrets = house.service.secrets
    secrets.set(house.admin, "openai", VALUE)
    (house.home / "master.key").unlink()
    with pytest.raises(NotFound, match="Restore that file") as caught:
        secrets.set(house.admin, "other", VALUE)
    assert caught.value.code == "master_key_missing"
    assert origins_of("openai", secrets.sealed_for([use()])["openai"]) == [], "publication goes on"
    assert "could not be bound" in caplog.text
    assert secrets.retire({}) == []
    secrets.sealed_for([])
    secrets.delete(house.admin, "openai")
    secrets.set(house.admin, "openai", "sk-new")
    assert opened(house, [use()]) == "sk-new"


def given(house, **environment):
    return IdentityService(
        house.metadata,
        clock=house.clock,
        ids=house.service._context.ids,
        master_key=house.home / "master.key",
        environment=environment,
    )


def test_under_the_operators_key_a_rotation_seals_all_under_the_first_of_those_given(house):
    old, new = "11" * 32, "22" * 32
    given(house, PENSTOCK_MASTER_KEY=old).secrets.set(house.admin, "openai", VALUE, origins=[OPENAI])
    assert not (house.home / "master.key").exists()
    both = given(house, PENSTOCK_MASTER_KEY=f"{new},{old}").secrets
    rotation = both.rotate(house.admin)
    assert (rotation.resealed, len(rotation.kept)) == (1, 1)
    assert both.retire({}) == [], "a key of the operator's is not Penstock's to drop"
    sealed = given(house, PENSTOCK_MASTER_KEY=new).secrets.sealed_for([use()])
    keys = read_master_keys(house.home / "master.key", {"PENSTOCK_MASTER_KEY": new})
    assert key_of("openai", sealed["openai"]) == keys.sealing
    assert SealedSecrets(sealed, lambda: keys).open("openai", url=OPENAI) == VALUE


def test_a_key_file_that_the_operator_named_is_not_made(house):
    missing = str(house.home / "given.key")
    with pytest.raises(NotFound, match=r"given.key") as caught:
        given(house, PENSTOCK_MASTER_KEY_FILE=missing).secrets.set(house.admin, "openai", VALUE)
    assert caught.value.code == "master_key_file_missing"
    assert not (house.home / "master.key").exists()


def test_penstocks_own_secrets_are_neither_seen_nor_changed_by_people(house):
    house.service.secrets.set(SYSTEM, "channel.1", "https://hooks.example.com/x", origins=["https://channel.invalid"])
    assert house.service.secrets.everything(house.admin) == []
    with pytest.raises(NotFound):
        house.service.secrets.delete(house.admin, "channel.1")
    with pytest.raises(InvalidInput, match="Penstock's own"):
        house.service.secrets.set(house.admin, "channel.1", "other", origins=["https://a.example"])
    house.service.secrets.delete(SYSTEM, "channel.1")
