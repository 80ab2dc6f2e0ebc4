"""Sealing: what was sealed opens under its own name, key and address, and under nothing else."""

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from penstock.core.errors import CorruptData, InvalidInput, NotFound, Unavailable
from penstock.core.secrets import (
    MasterKeys,
    SealedSecrets,
    key_of,
    new_master_key,
    origin_of,
    origins_of,
    read_master_keys,
    seal,
    unseal,
    write_master_keys,
)
from penstock.core.settings import resolve_secret

OPENAI = "https://api.openai.com"


def keys_of(*keys: bytes) -> MasterKeys:
    text = ",".join(key.hex() for key in keys)
    return read_master_keys(None, {"PENSTOCK_MASTER_KEY": text})


ONE, TWO = keys_of(b"1" * 32), keys_of(b"2" * 32)


@given(name=st.text(min_size=1), value=st.text(), origins=st.lists(st.text()))
def test_what_was_sealed_opens_again_and_says_where_it_may_go(name, value, origins):
    sealed = seal(name, value, origins=origins, keys=ONE)
    assert unseal(name, sealed, keys=ONE) == value
    assert origins_of(name, sealed) == sorted(set(origins))
    assert key_of(name, sealed) == ONE.sealing


@given(position=st.integers(min_value=0), replacement=st.characters(min_codepoint=33, max_codepoint=126))
def test_no_character_of_a_sealed_secret_can_be_changed(position, replacement):
    sealed = seal("openai", "sk-value", origins=[OPENAI], keys=ONE)
    position %= len(sealed)
    changed = sealed[:position] + replacement + sealed[position + 1 :]
    assume(changed != sealed)
    with pytest.raises(CorruptData) as caught:
        unseal("openai", changed, keys=ONE)
    assert "sk-value" not in str(caught.value)


def test_a_secret_does_not_open_under_another_name_or_with_other_origins():
    """FAILURES G29, S24"""
    sealed = seal("openai", "v", origins=[OPENAI], keys=ONE)
    with pytest.raises(CorruptData, match="sealed under another name"):
        unseal("other", sealed, keys=ONE)
    version, key, _, text = sealed.split(".")
    forged = base64.urlsafe_b64encode(b'["https://evil.example"]').rstrip(b"=").decode()
    assert origins_of("openai", f"{version}.{key}.{forged}.{text}") == ["https://evil.example"]
    with pytest.raises(CorruptData):
        unseal("openai", f"{version}.{key}.{forged}.{text}", keys=ONE)


def test_a_secret_of_another_master_key_says_which_one_it_needs():
    sealed = seal("openai", "v", origins=[], keys=ONE)
    with pytest.raises(CorruptData, match=f"under the master key {ONE.sealing}, .* holds: {TWO.sealing}") as caught:
        unseal("openai", sealed, keys=TWO)
    assert caught.value.code == "secret_unreadable"
    assert unseal("openai", sealed, keys=keys_of(b"2" * 32, b"1" * 32)) == "v"


def test_the_same_value_is_sealed_differently_each_time():
    assert seal("n", "v", origins=[], keys=ONE) != seal("n", "v", origins=[], keys=ONE)


@pytest.mark.parametrize("text", ["", "1.x", "2.a.b.c", "sk-plain", "1.a.!.c", "1.a.bm8.c"])
def test_what_was_never_sealed_is_refused_and_not_shown(text):
    for look in (lambda: unseal("n", text, keys=ONE), lambda: origins_of("n", text)):
        with pytest.raises(CorruptData) as caught:
            look()
        assert "sk-plain" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://API.OpenAI.com/v1", OPENAI),
        ("https://api.openai.com.:443/", OPENAI),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000"),
        ("http://[::1]:80/x?y#z", "http://[::1]"),
        ("https://h:80", "https://h:80"),
        ("rediss://u:p@h:1/0", "redis"),
        ("unix:///run/redis.sock", "redis"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url, origin):
    assert origin_of(url) == origin


@pytest.mark.parametrize("url", ["", "api.openai.com", "ftp://h", "https://", "https://u:p@h", "https://h:x", "redis"])
def test_an_address_that_is_none_has_no_origin(url):
    with pytest.raises(InvalidInput, match="looks like"):
        origin_of(url)


def test_master_keys_come_from_the_variable_the_named_file_or_the_home_in_that_order(tmp_path):
    own, named = tmp_path / "master.key", tmp_path / "given"
    write_master_keys(own, [b"1" * 32])
    named.write_text("2" * 10)
    named.write_bytes(base64.b64encode(b"2" * 32) + b"\n" + (b"1" * 32).hex().encode() + b"\n")
    environment = {"PENSTOCK_MASTER_KEY_FILE": str(named)}
    assert list(read_master_keys(own, {}).keys.values()) == [b"1" * 32]
    assert read_master_keys(own, {}).own
    given_file = read_master_keys(own, environment)
    assert list(given_file.keys.values()) == [b"2" * 32, b"1" * 32]
    assert not given_file.own
    both = {**environment, "PENSTOCK_MASTER_KEY": base64.urlsafe_b64encode(b"3" * 32).decode()}
    assert list(read_master_keys(own, both).keys.values()) == [b"3" * 32]


def test_the_file_of_master_keys_is_its_owners_only(tmp_path):
    key = new_master_key()
    written = write_master_keys(tmp_path / "master.key", [key])
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600
    assert read_master_keys(tmp_path / "master.key", {}) == written
    assert key.hex() not in repr(written)
    assert repr(key)[2:-1] not in repr(written)


def test_a_missing_master_key_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(NotFound, match=str(tmp_path)) as caught:
        read_master_keys(tmp_path / "master.key", {})
    assert caught.value.code == "master_key_missing"
    with pytest.raises(NotFound, match="elsewhere") as caught:
        read_master_keys(tmp_path / "master.key", {"PENSTOCK_MASTER_KEY_FILE": str(tmp_path / "elsewhere")})
    assert caught.value.code == "master_key_file_missing"


def test_a_master_key_that_is_a_folder_cannot_be_read_or_written(tmp_path):
    with pytest.raises(Unavailable, match="cannot be read"):
        read_master_keys(tmp_path, {})
    with pytest.raises(Unavailable, match="cannot be written"):
        write_master_keys(tmp_path / "nowhere" / "master.key", [b"1" * 32])


@pytest.mark.parametrize("text", [" ", "short", "psk_" + "x" * 60, "ä" * 43, "=" * 44, "A" * 42])
def test_what_is_no_master_key_is_refused_and_not_shown(text):
    with pytest.raises(CorruptData, match="master key") as caught:
        read_master_keys(None, {"PENSTOCK_MASTER_KEY": text})
    assert caught.value.code == "master_key_invalid"
    assert not text.strip() or text not in str(caught.value)


def test_a_stored_secret_is_opened_for_its_own_address_only():
    """FAILURES G29, S24: a stored provider secret is never sent to a base URL it was not saved with."""
    asked = []
    sealed = SealedSecrets(
        {"openai": seal("openai", "sk-v", origins=[OPENAI], keys=ONE)}, lambda: asked.append(1) or ONE
    )
    with pytest.raises(
        InvalidInput, match=r"saved for https://api.openai.com, and is not sent to https://evil"
    ) as caught:
        resolve_secret("secret:openai", {}, sealed=sealed.at("https://evil.example/v1"))
    assert caught.value.code == "secret_for_another_origin"
    assert asked == [], "the master key is not even read"
    for _ in range(2):
        assert resolve_secret("secret:openai", {}, sealed=sealed.at("https://api.openai.com/v1")) == "sk-v"
    assert asked == [1]


def test_a_secret_that_is_bound_to_no_address_yet_is_sent_nowhere():
    sealed = SealedSecrets({"n": seal("n", "v", origins=[], keys=ONE)}, lambda: ONE)
    with pytest.raises(InvalidInput, match="no address yet"):
        sealed.open("n", url=OPENAI)


def test_a_secret_that_is_not_there_or_cannot_be_opened_is_a_missing_one_to_the_gateway(tmp_path):
    stored = {"n": seal("n", "v", origins=[OPENAI], keys=ONE)}
    with pytest.raises(InvalidInput, match="penstock secrets set other") as caught:
        SealedSecrets(stored, lambda: ONE).open("other", url=OPENAI)
    assert caught.value.code == "secret_missing"
    for keys in (lambda: TWO, lambda: read_master_keys(tmp_path / "master.key", {})):
        with pytest.raises(InvalidInput) as caught:
            SealedSecrets(stored, keys).open("n", url=OPENAI)
        assert caught.value.code == "secret_unreadable"


def test_a_stored_secret_cannot_be_resolved_where_nothing_can_open_it():
    with pytest.raises(InvalidInput, match="only by its gateway"):
        resolve_secret("secret:openai", {})
    for text in ("secret:", "openai", "sk-123"):
        with pytest.raises(InvalidInput, match="secret:NAME, never as a value"):
            resolve_secret(text, {}, sealed=lambda name: name)
