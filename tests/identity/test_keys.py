"""Virtual keys: what they may do, and when they stop."""

import sqlite3
from collections import Counter
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied, Unauthenticated
from penstock.identity.service.credentials import looks_like_key, new_key
from penstock.identity.store import audit
from penstock.identity.types import PERMISSIONS, Grants
from penstock.wire.snapshot import hash_key

SECOND = 1_000_000


def mint(house, name: str = "app", actor=None, **options):
    project = options.pop("project", house.made.project)
    return house.service.keys.create(actor or house.admin, project=project, name=name, **options)


def test_a_key_has_the_form_that_secret_scanners_find(house):
    minted = mint(house)
    assert looks_like_key(minted.secret)
    assert minted.secret.startswith(minted.prefix)
    assert len(minted.prefix) == 10


@given(st.binary(min_size=32, max_size=32))
def test_any_randomness_makes_a_well_formed_key(randomness):
    assert looks_like_key(new_key(lambda size: randomness[:size]))


def test_a_new_key_calls_the_gateway_and_sends_what_it_did_and_nothing_else(house):
    principal = house.service.access.by_key(mint(house).secret)
    scopes = {"gateway:call", "gateway:models", "scores:write", "traces:write"}
    assert principal.grants == Grants(projects={house.made.project: frozenset(scopes)})


@pytest.mark.parametrize("secret", [None, "", "psk_", "null", "psk_" + "a" * 42, "psk_" + "a" * 44, "psk_" + "ä" * 43])
def test_an_empty_or_malformed_key_is_refused_before_any_look_up(house, secret):
    """FAILURES S38"""
    with pytest.raises(Unauthenticated) as caught:
        house.service.access.by_key(secret)
    assert caught.value.code == "key_invalid"


def test_neither_the_hash_nor_a_shared_prefix_opens_anything(house):
    """FAILURES S4, S5"""
    secret = mint(house).secret
    for wrong in (hash_key(secret), f"psk_{hash_key(secret)[:43]}", secret[:-1] + ("A" if secret[-1] != "A" else "B")):
        with pytest.raises(Unauthenticated):
            house.service.access.by_key(wrong)


def test_an_expired_key_is_refused_from_its_last_microsecond_on(house):
    secret = mint(house, expires=house.clock.now() + SECOND).secret
    assert house.service.access.by_key(secret).name == "app"
    house.clock.advance(1)
    with pytest.raises(Unauthenticated, match="expired"):
        house.service.access.by_key(secret)
    assert house.service.keys.of_project(house.made.project)[0].status == "expired"


def test_a_revoked_key_is_refused_at_once_and_stays_in_the_list(house):
    """FAILURES G22"""
    minted = mint(house)
    house.service.keys.revoke(house.admin, minted.id)
    with pytest.raises(Unauthenticated, match="revoked"):
        house.service.access.by_key(minted.secret)
    assert house.service.keys.of_project(house.made.project)[0].status == "revoked"


def test_revoking_twice_is_no_error_and_is_written_down_once(house):
    minted = mint(house)
    house.service.keys.revoke(house.admin, minted.id)
    house.service.keys.revoke(house.admin, minted.id)
    assert house.audited().count("key.revoke") == 1


def test_rotating_keeps_the_key_and_changes_its_secret(house):
    old = mint(house, models=["openai/*"])
    new = house.service.keys.rotate(house.admin, old.id)
    assert (new.id, new.name, new.models, new.scopes) == (old.id, old.name, old.models, old.scopes)
    assert house.service.access.by_key(new.secret).id == old.id
    with pytest.raises(Unauthenticated):
        house.service.access.by_key(old.secret)


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_key_that_has_ended_is_not_brought_back_by_rotating(house, end):
    minted = mint(house, expires=house.clock.now() + SECOND)
    if end == "revoked":
        house.service.keys.revoke(house.admin, minted.id)
    house.clock.advance(2)
    with pytest.raises(Conflict, match=end):
        house.service.keys.rotate(house.admin, minted.id)


def test_a_key_gets_no_scope_that_its_creator_has_not(house):
    """FAILURES S2: checked when minted."""
    weak = house.service.access.by_key(mint(house, "weak", scopes=["keys:write", "keys:read"]).secret)
    with pytest.raises(PermissionDenied, match="traces:read") as caught:
        mint(house, "more", actor=weak, scopes=["keys:read", "traces:read"])
    assert caught.value.code == "scope_exceeds_creator"
    assert mint(house, "less", actor=weak, scopes=["keys:read"]).scopes == ["keys:read"]
    with pytest.raises(PermissionDenied):
        mint(house, "usual", actor=weak)


def test_a_key_mints_none_for_another_project(house):
    other = house.service.projects.create(house.admin, "other")
    local = house.service.access.by_key(mint(house, "local", scopes=["keys:write"]).secret)
    with pytest.raises(PermissionDenied):
        mint(house, actor=local, project=other.id, scopes=["keys:write"])


def test_a_person_who_loses_a_role_takes_it_from_the_keys_they_minted(house):
    """FAILURES S2: checked when used, along the whole chain of creators."""
    editor = house.person("editor", "Ada")
    first = mint(house, "first", actor=editor, scopes=["keys:write", "keys:read", "gateway:call"])
    second = mint(
        house, "second", actor=house.service.access.by_key(first.secret), scopes=["gateway:call", "keys:read"]
    )
    entries = {entry.id: entry.scopes for entry in house.service.snapshot_entries()[1].values()}
    assert entries[second.id] == ("gateway:call", "keys:read")

    house.service.new_signin_link(role="viewer", name="Ada")

    assert house.service.access.by_key(first.secret).grants.within(house.made.project) == {"keys:read"}
    assert house.service.access.by_key(second.secret).grants.within(house.made.project) == {"keys:read"}
    entries = {entry.id: entry.scopes for entry in house.service.snapshot_entries()[1].values()}
    assert entries[second.id] == ("keys:read",)


def test_revoking_a_creator_leaves_its_keys_working(house):
    parent = mint(house, "parent", scopes=["keys:write", "gateway:call"])
    child = mint(house, "child", actor=house.service.access.by_key(parent.secret), scopes=["gateway:call"])
    house.service.keys.revoke(house.admin, parent.id)
    assert house.service.access.by_key(child.secret).may("gateway:call", house.made.project)


def test_an_editor_does_not_learn_the_secret_of_a_stronger_key(house):
    """FAILURES S2: rotating is a way to get a key's powers."""
    editor = house.person("editor")
    with pytest.raises(PermissionDenied) as caught:
        house.service.keys.rotate(editor, house.made.key)
    assert caught.value.code == "scope_exceeds_creator"
    assert house.admin.name == "admin"


def test_an_editor_does_not_revoke_a_key_that_holds_everywhere(house):
    with pytest.raises(PermissionDenied):
        house.service.keys.revoke(house.person("editor"), house.made.key)
    assert house.admin.name == "admin"


def test_a_key_of_another_project_is_as_one_that_does_not_exist(house):
    """FAILURES S39, S35"""
    other = house.service.projects.create(house.admin, "other")
    theirs = mint(house, "theirs", project=other.id)
    stranger = house.person("editor")
    messages = set()
    for key in (theirs.id, "no-such-id"):
        for act in (house.service.keys.rotate, house.service.keys.revoke):
            with pytest.raises(NotFound) as caught:
                act(stranger, key)
            messages.add(str(caught.value))
    assert len(messages) == 1
    assert house.service.access.by_key(theirs.secret).id == theirs.id


def test_naming_the_wrong_project_finds_nothing(house):
    other = house.service.projects.create(house.admin, "other")
    minted = mint(house)
    with pytest.raises(NotFound):
        house.service.keys.revoke(house.admin, minted.id, project=other.id)


def test_the_snapshot_holds_every_key_that_is_not_revoked(house):
    kept = mint(house, "kept", models=["openai/*", "fast"], expires=house.clock.now() + 10 * SECOND)
    house.service.keys.revoke(house.admin, mint(house, "revoked").id)
    mint(house, "expired", expires=house.clock.now() + SECOND)
    house.clock.advance(1)
    projects, keys = house.service.snapshot_entries()
    assert {entry.name for entry in keys.values()} == {"admin", "kept", "expired"}
    entry = keys[hash_key(kept.secret)]
    assert (entry.project, entry.models, entry.expires) == (house.made.project, ("openai/*", "fast"), kept.expires)
    assert projects[house.made.project].name == "default"


def test_every_change_is_counted_and_told_after_it_is_committed(house):
    """FAILURES G21"""
    house.changes.clear()
    before = house.service.revision()
    minted = mint(house)
    house.service.keys.rotate(house.admin, minted.id)
    house.service.keys.revoke(house.admin, minted.id)
    house.service.projects.create(house.admin, "other")
    assert house.changes == [before + 1, before + 2, before + 3, before + 4]


def test_a_refused_change_is_neither_counted_nor_told(house):
    house.changes.clear()
    before = house.service.revision()
    with pytest.raises(NotFound):
        house.service.keys.rotate(house.admin, "no-such-id")
    assert (house.changes, house.service.revision()) == ([], before)


def test_last_use_moves_forward_only(house):
    minted = mint(house)
    for at in (200, 100):
        house.service.touch_keys({minted.id: at, "of-another-store": 5})
    assert house.service.keys.of_project(house.made.project)[0].last_used == 200
    house.service.touch_keys({})


def test_names_are_told_of_revoked_keys_too(house):
    minted = mint(house)
    house.service.keys.revoke(house.admin, minted.id)
    other = house.service.projects.create(house.admin, "other")
    always = {house.made.key: "admin", "console": "console"}
    assert house.service.keys.names(house.made.project) == {minted.id: "app", **always}
    assert house.service.keys.names(other.id) == always


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " \t "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x1b[31m"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["gateway:cal"]}, "scopes"),
        ({"models": [""]}, "models[0]"),
        ({"models": ["ok", "has blank"]}, "models[1]"),
        ({"models": ["gpt-?"]}, "models[0]"),
        ({"models": ["x" * 201]}, "models[0]"),
        ({"models": [f"m{n}" for n in range(201)]}, "models"),
        ({"expires": 1}, "expires"),
        ({"expires": 1_700_000_000}, "expires"),
        ({"expires": 1 << 63}, "expires"),
    ],
)
def test_bad_input_names_its_field(house, options, field):
    with pytest.raises(InvalidInput) as caught:
        mint(house, **{"name": "app", **options})
    assert caught.value.field == field
    assert len(str(caught.value)) < 600


def test_a_misspelt_scope_is_answered_with_the_nearest_one(house):
    with pytest.raises(InvalidInput, match=r"Did you mean 'traces:read'\?"):
        mint(house, scopes=["trace:read"])
    with pytest.raises(InvalidInput, match="Scopes are: alerts:read"):
        mint(house, scopes=["zzz"])


def test_an_expiry_in_seconds_is_answered_with_the_unit(house):
    with pytest.raises(InvalidInput, match="Multiply seconds by 1,000,000"):
        mint(house, expires=1_700_009_000)


def test_every_write_is_in_the_audit_log_without_secrets(house):
    minted = mint(house)
    house.service.keys.rotate(house.admin, minted.id)
    house.service.keys.revoke(house.admin, minted.id)
    house.service.projects.create(house.admin, "other")
    assert Counter(house.audited()) == Counter(
        ["organization.create", "key.create", "key.create", "key.rotate", "key.revoke", "project.create"]
    )
    with house.metadata.read() as connection:
        newest = audit.newest(connection)
    assert all(row.actor_name in {"admin", "penstock"} and row.at == house.clock.now() for row in newest)
    assert minted.secret not in str(newest)
    assert hash_key(minted.secret) not in str(newest)


PERMISSION_SETS = st.frozensets(st.sampled_from(sorted(PERMISSIONS)), max_size=3)
GRANTS = st.builds(
    lambda everywhere, projects: Grants(everywhere=everywhere, projects=projects),
    PERMISSION_SETS,
    st.dictionaries(st.sampled_from(["a", "b"]), PERMISSION_SETS, max_size=2),
)


@given(GRANTS, GRANTS)
def test_what_two_grants_share_is_within_each(left, right):
    both = left & right
    for project in ("a", "b", "made later"):
        assert both.within(project) == left.within(project) & right.within(project)
    assert left.covers(both)
    assert right.covers(both)


@given(GRANTS, GRANTS)
def test_one_grant_covers_another_exactly_when_it_does_so_in_every_project(left, right):
    everywhere = all(right.within(p) <= left.within(p) for p in ("a", "b", "made later"))
    assert left.covers(right) == everywhere


@pytest.mark.parametrize(
    "tamper", ["UPDATE keys SET creator_key = id WHERE name = 'child'", "DELETE FROM keys WHERE name = 'parent'"]
)
def test_a_key_whose_chain_of_creators_leads_nowhere_may_do_nothing(house, tamper):
    """FAILURES S2: what somebody wrote into the store by hand grants nothing."""
    parent = mint(house, "parent", scopes=["keys:write", "gateway:call"])
    child = mint(house, "child", actor=house.service.access.by_key(parent.secret), scopes=["gateway:call"])
    with closing(sqlite3.connect(house.home / "metadata.db")) as connection, connection:
        connection.execute(tamper)
    assert not house.service.access.by_key(child.secret).grants.within(house.made.project)


def test_scopes_written_into_the_store_do_not_exceed_the_creators(house):
    """FAILURES S2"""
    parent = mint(house, "parent", scopes=["keys:write", "gateway:call"])
    child = mint(house, "child", actor=house.service.access.by_key(parent.secret), scopes=["gateway:call"])
    with closing(sqlite3.connect(house.home / "metadata.db")) as connection, connection:
        connection.execute("""UPDATE keys SET scopes = '["gateway:call", "users:write"]' WHERE name = 'child'""")
    assert house.service.access.by_key(child.secret).grants.within(house.made.project) == {"gateway:call"}
