import logging
import os
import resource
import stat

import pytest

from penstock.core.errors import ConfigError, CorruptData, Unavailable
from penstock.core.home import Home
from penstock.finops import price_list
from penstock.finops.pricing import Pricer
from penstock.registry.simulated import SIMULATOR_NAMES, simulator_providers
from penstock.wire.snapshot import Snapshot, decode_snapshot, encode_snapshot
from penstock.wire.usage import Usage

GOOD = "providers: {gpu: {kind: openai, base_url: 'http://127.0.0.1:1/v1', models: [m]}}\n"
OTHER = "providers: {gpu: {kind: openai, base_url: 'http://127.0.0.1:2/v1', models: [m]}}\n"
BAD = "providers: {gpu: {kind: opena, base_url: 'ftp://x'}}\n"


def on_disk(home):
    return decode_snapshot(home.snapshot.read_bytes())


# --- publishing -------------------------------------------------------------------------------


def test_the_first_start_publishes_configuration_projects_and_keys(make_registry, write, home, identity, clock):
    write(GOOD)
    identity.add("k1", scopes=("gateway:call",))
    snapshot = make_registry().start()
    assert snapshot == on_disk(home)
    assert snapshot.version == 1
    assert snapshot.created == clock.now()
    assert snapshot.projects == identity.projects
    assert snapshot.keys == identity.keys
    assert snapshot.providers["gpu"].base_url == "http://127.0.0.1:1/v1"
    assert stat.S_IMODE(home.snapshot.stat().st_mode) == 0o600


def test_a_publication_that_changes_nothing_writes_nothing(make_registry, write, home, clock):
    write(GOOD)
    registry = make_registry()
    registry.start()
    before = home.snapshot.stat()
    clock.advance(60)
    assert registry.publish().version == 1
    assert home.snapshot.stat() == before


def test_versions_grow_by_one_and_go_on_growing_over_restarts(make_registry, write, home, identity):
    """FAILURES G21."""
    write(GOOD)
    registry = make_registry()
    registry.start()
    identity.add("k1")
    assert registry.publish().version == 2
    assert make_registry().start().version == 2
    identity.keys.clear()
    assert make_registry().start().version == 3
    assert on_disk(home).keys == {}


def test_a_key_that_is_gone_is_gone_from_the_next_publication(make_registry, identity, home):
    """FAILURES G22."""
    identity.add("k1")
    registry = make_registry()
    registry.start()
    del identity.keys["k1"]
    registry.publish()
    assert on_disk(home).keys == {}


def test_expired_keys_stay_so_that_the_gateway_can_say_so(make_registry, identity, clock):
    identity.add("past", expires=clock.now())
    identity.add("future", expires=clock.now() + 1)
    assert list(make_registry().start().keys) == ["past", "future"]


def test_a_corrupt_snapshot_is_replaced_and_its_version_is_outgrown(make_registry, home, caplog):
    """FAILURES G21: a gateway that serves version 41 must take the next one for newer."""
    data = encode_snapshot(Snapshot(version=41, created=1))
    home.snapshot.write_bytes(data.replace(b'"created":1', b'"created":2'))
    assert make_registry().start().version == 42
    assert "checksum" in caplog.text
    home.snapshot.write_bytes(b"{")
    assert make_registry().start().version == 1


def test_a_snapshot_that_cannot_be_read_stops_the_start(make_registry, home):
    home.snapshot.mkdir()
    with pytest.raises(Unavailable, match="cannot be read"):
        make_registry().start()


def test_nothing_is_served_before_the_start(make_registry):
    registry = make_registry()
    for method in (registry.publish, registry.reload, lambda: registry.snapshot):
        with pytest.raises(Unavailable):
            method()


def test_a_disk_that_refuses_keeps_the_old_snapshot_and_the_next_try_succeeds(make_registry, home, identity):
    registry = make_registry()
    registry.start()
    old = home.snapshot.read_bytes()
    identity.add("k1")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
    try:
        with pytest.raises(Unavailable, match="cannot be written: File too large"):
            registry.publish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert home.snapshot.read_bytes() == old
    assert registry._pending
    registry.publish()
    assert not registry._pending
    assert list(on_disk(home).keys) == ["k1"]


# --- the salt of users' pseudonyms ------------------------------------------------------------


def test_the_salt_is_made_once_and_kept_to_the_owner(make_registry, home):
    first = make_registry().start().user_salt
    assert len(bytes.fromhex(first)) == 32
    assert stat.S_IMODE((home.path / "user.salt").stat().st_mode) == 0o600
    home.snapshot.unlink()
    assert make_registry().start().user_salt == first


def test_a_lost_salt_is_taken_from_the_last_snapshot(make_registry, home):
    first = make_registry().start().user_salt
    (home.path / "user.salt").unlink()
    assert make_registry().start().user_salt == first
    assert (home.path / "user.salt").read_text() == first


def test_a_damaged_salt_stops_the_start_since_a_new_one_would_rename_every_user(make_registry, home):
    (home.path / "user.salt").write_text("abc")
    with pytest.raises(CorruptData, match="64 hex digits"):
        make_registry().start()


def test_a_salt_that_cannot_be_read_or_written_stops_the_start(make_registry, home):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        with pytest.raises(Unavailable, match="cannot be written: File too large"):
            make_registry().start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (home.path / "user.salt").mkdir()
    with pytest.raises(Unavailable, match="cannot be read: Is a directory"):
        make_registry().start()


def test_two_homes_have_different_salts(make_registry, tmp_path):
    other = Home(tmp_path / "other")
    other.create()
    assert make_registry().start().user_salt != make_registry(home=other).start().user_salt


# --- reloading --------------------------------------------------------------------------------


def test_a_changed_file_is_compared_and_swapped_in(make_registry, write, home, clock):
    write(GOOD)
    registry = make_registry()
    registry.start()
    clock.advance(5)
    write(OTHER)
    reload = registry.reload()
    assert reload.outcome == "changed"
    assert [difference.path for difference in reload.differences] == ["providers.gpu.base_url"]
    assert reload.snapshot_version == on_disk(home).version == 2
    state = registry.state()
    assert (state.loaded, state.error, state.snapshot_version) == (clock.now(), None, 2)


def test_a_file_with_other_comments_only_changes_nothing(make_registry, write):
    write(GOOD)
    registry = make_registry()
    registry.start()
    write(f"# the same\n{GOOD}")
    reload = registry.reload()
    assert (reload.outcome, reload.snapshot_version) == ("unchanged", 1)


def test_a_bad_file_changes_nothing_and_says_where_it_is_wrong(make_registry, write, home, identity, caplog):
    path = write(GOOD)
    registry = make_registry()
    registry.start()
    before = home.snapshot.read_bytes()
    write(BAD)
    reload = registry.reload()
    assert reload.outcome == "failed"
    assert home.snapshot.read_bytes() == before
    state = registry.state()
    assert state.error == state.errors[0]
    assert [(error.file, error.line, error.field) for error in state.errors] == [
        (str(path), 1, "providers.gpu.kind"),
        (str(path), 1, "providers.gpu.base_url"),
    ]
    assert "Did you mean 'openai'?" in state.error.message
    assert "Nothing was changed." in caplog.text
    # Keys still change while the file is wrong.
    identity.add("k1")
    assert registry.publish().providers["gpu"].base_url == "http://127.0.0.1:1/v1"
    assert list(on_disk(home).keys) == ["k1"]


def test_a_corrected_file_clears_the_error(make_registry, write):
    write(GOOD)
    registry = make_registry()
    registry.start()
    write(BAD)
    registry.reload()
    write(OTHER)
    assert registry.reload().outcome == "changed"
    assert registry.state().errors == []


def test_a_bad_file_at_the_first_start_stops_it(make_registry, write, home):
    write(BAD)
    with pytest.raises(ConfigError, match=r"providers\.gpu\.kind"):
        make_registry().start()
    assert not home.snapshot.exists()


def test_a_bad_file_at_a_later_start_leaves_the_last_good_one_serving(make_registry, write, caplog):
    write(GOOD)
    make_registry().start()
    write(BAD)
    registry = make_registry()
    snapshot = registry.start()
    assert snapshot.version == 1
    assert snapshot.providers["gpu"].base_url == "http://127.0.0.1:1/v1"
    assert registry.state().error is not None
    assert "The last good configuration is served (snapshot 1)." in caplog.text


def test_the_state_names_no_file_when_there_is_none_and_carries_warnings(make_registry, write, clock):
    registry = make_registry(environment={"MISTRAL_API_KEY": "x"})
    registry.start()
    state = registry.state()
    assert (state.file, state.loaded, state.warnings) == (None, clock.now(), [])
    path = write("providers: {openai: {api_key: env:NOWHERE, models: []}}")
    registry.reload()
    state = registry.state()
    assert state.file == str(path)
    assert "NOWHERE" in state.warnings[0]


def test_a_configuration_may_lie_elsewhere(make_registry, tmp_path):
    path = tmp_path / "conf" / "gateway.yaml"
    path.parent.mkdir()
    path.write_text(GOOD)
    assert list(make_registry(config=path).start().providers) == ["gpu"]


def test_the_process_environment_is_asked_when_none_is_given(make_registry, monkeypatch):
    for name in [name for name in os.environ if name.endswith("_API_KEY")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GROQ_API_KEY", "x")
    assert list(make_registry(environment=None).start().providers) == ["groq"]


def test_no_secret_is_in_the_snapshot_or_the_log(make_registry, write, home, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    write("providers: {openai: {api_key: env:OPENAI_API_KEY, headers: {Authorization: env:TOKEN}}}")
    make_registry(environment={"OPENAI_API_KEY": "sk-hunter2", "TOKEN": "hunter3"}).start()
    assert b"hunter" not in home.snapshot.read_bytes()
    assert "hunter" not in caplog.text


# --- prices -----------------------------------------------------------------------------------


def test_the_snapshot_carries_the_prices_of_its_providers(make_registry, write):
    write("providers: {openai: {api_key: env:K}}\nprices: [{provider: openai, model: gpt-4o, input: 1, output: 2}]")
    snapshot = make_registry().start()
    assert set(snapshot.price_book.sheets) == {"openai"}
    pricer = Pricer(snapshot.prices, book=snapshot.price_book)
    openai = snapshot.providers["openai"]
    assert pricer.price(openai, "gpt-4o", Usage(input=1000), 1).cost == 1_000_000
    assert pricer.price(openai, "gpt-4o-mini", Usage(input=1000), 1).cost == 150_000


def test_a_restart_with_the_same_providers_loads_no_price_list(make_registry, write, monkeypatch):
    write("providers: {gpu: {kind: openai, base_url: 'http://127.0.0.1:1/v1', price_as: openai, models: [m]}}")
    first = make_registry().start()
    # The check of price_as would load it too; what is asked here is the book.
    monkeypatch.setattr(price_list, "_compile_sheet", lambda name: pytest.fail("compiled"))
    assert make_registry().start() == first


# --- the simulator's providers ----------------------------------------------------------------


def test_the_simulator_serves_when_nothing_is_configured_with_prices_known(make_registry):
    snapshot = make_registry(fallback=simulator_providers("http://127.0.0.1:9/")).start()
    assert set(snapshot.providers) == SIMULATOR_NAMES
    assert [entry.base_url for entry in snapshot.providers.values()] == [
        "http://127.0.0.1:9/v1",
        "http://127.0.0.1:9/anthropic/v1",
        "http://127.0.0.1:9/v1beta",
    ]
    pricer = Pricer(book=snapshot.price_book)
    for provider in snapshot.providers.values():
        assert provider.models
        assert provider.api_key is None
        for model in provider.models:
            assert pricer.price(provider, model, Usage(input=10), 1_800_000_000_000_000).cost is not None


def test_configured_providers_push_the_simulator_aside(make_registry, write):
    write(GOOD)
    assert list(make_registry(fallback=simulator_providers("http://127.0.0.1:9")).start().providers) == ["gpu"]
