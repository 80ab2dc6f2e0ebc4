"""`penstock keys`, `penstock projects`, `penstock signin-link` against canned answers."""

import json

import pytest

from penstock.cli.commands.keys import parse_expiry
from penstock.core.clock import ManualClock
from penstock.core.errors import InvalidInput

ID = "01900000-0000-7000-8000-000000000001"
OTHER = "01900000-0000-7000-8000-000000000002"
KEY = {
    "id": ID,
    "name": "app",
    "project": "p1",
    "prefix": "psk_ab12",
    "scopes": ["gateway:call"],
    "models": [],
    "created": 1_700_000_000_000_000,
    "created_by": "admin",
    "expires": None,
    "revoked": None,
    "last_used": None,
    "status": "active",
}
KEYS = "GET /api/v1/keys"


def page(*rows):
    return {"items": list(rows), "next_cursor": None}


def test_keys_are_listed_without_secrets(ask, canned):
    canned.respond(page(KEY, {**KEY, "id": OTHER, "name": "old", "status": "revoked", "models": ["openai/*"]}))
    ran = ask("keys", "list", "--project", "default")
    assert ran.code == 0
    assert canned.asked[0].path == "/api/v1/keys?project=default"
    first, second = ran.out.splitlines()[1:]
    assert first.split()[:4] == [ID, "app", "psk_ab12", "active"]
    assert "revoked" in second
    assert "openai/*" in second


def test_json_is_what_the_console_sent(ask, canned):
    canned.respond(page({**KEY, "a_field_of_tomorrow": 1}))
    ran = ask("keys", "list", "--json")
    assert ran.data == page({**KEY, "a_field_of_tomorrow": 1})
    assert ran.err == ""


def test_creating_a_key_prints_the_secret_alone_on_stdout(ask, canned):
    canned.respond({**KEY, "secret": "psk_secret"}, status=201)
    ran = ask("keys", "create", "app", "--scope", "gateway:call", "--model", "openai/*", "--expires", "2999-01-01")
    assert ran.out == "psk_secret\n"
    assert "shown this once" in ran.err
    assert json.loads(canned.asked[0].body) == {
        "name": "app",
        "scopes": ["gateway:call"],
        "models": ["openai/*"],
        "expires": 32_472_144_000_000_000,
    }


def test_defaults_of_a_new_key_are_left_to_the_console(ask, canned):
    canned.respond({**KEY, "secret": "psk_secret"}, status=201)
    ran = ask("keys", "create", "app", "--json")
    assert json.loads(canned.asked[0].body) == {"name": "app"}
    assert ran.data["secret"] == "psk_secret"


@pytest.mark.parametrize("name", [ID, "app", "psk_ab12"])
def test_a_key_is_revoked_by_id_name_or_prefix(ask, canned, name):
    canned.respond(page(KEY, {**KEY, "id": OTHER, "status": "revoked", "prefix": "psk_zz"}), to=KEYS)
    canned.respond(status=204, to=f"DELETE /api/v1/keys/{ID}")
    ran = ask("keys", "revoke", name)
    assert (ran.code, ran.out) == (0, "")
    assert ID in ran.err
    assert canned.asked[-1].method == "DELETE"


def test_revoking_says_so_as_json(ask, canned):
    canned.respond(status=204, to=f"DELETE /api/v1/keys/{ID}")
    assert ask("keys", "revoke", ID, "--json").data == {"id": ID, "status": "revoked"}


def test_rotating_prints_the_new_secret(ask, canned):
    canned.respond(page(KEY), to=KEYS)
    canned.respond({**KEY, "secret": "psk_new"}, to=f"POST /api/v1/keys/{ID}/rotate")
    ran = ask("keys", "rotate", "app")
    assert (ran.code, ran.out) == (0, "psk_new\n")


def test_a_key_that_is_not_there_is_a_no(ask, canned):
    canned.respond(page(KEY), to=KEYS)
    ran = ask("keys", "revoke", "nope")
    assert ran.code == 1
    assert "No key has the id, name or prefix 'nope'" in ran.err
    assert [asked.method for asked in canned.asked] == ["GET"]


def test_a_name_that_two_active_keys_share_revokes_neither(ask, canned):
    canned.respond(page(KEY, {**KEY, "id": OTHER}), to=KEYS)
    ran = ask("keys", "revoke", "app")
    assert ran.code == 1
    assert ID in ran.err
    assert OTHER in ran.err
    assert [asked.method for asked in canned.asked] == ["GET"]


def test_expiry_is_a_duration_or_a_date_in_utc():
    clock = ManualClock()
    assert parse_expiry("30d", clock) == clock.now() + 30 * 86_400_000_000
    assert parse_expiry("2030-01-01", clock) == 1_893_456_000_000_000
    assert parse_expiry("2030-01-01T01:00:00+01:00", clock) == 1_893_456_000_000_000


@pytest.mark.parametrize("text", ["2001-01-01", "tomorrow", "30"])
def test_an_expiry_that_is_past_or_no_time_is_refused(text):
    with pytest.raises(InvalidInput, match="--expires expects"):
        parse_expiry(text, ManualClock())


def test_projects_are_listed_and_created(ask, canned):
    row = {"id": ID, "name": "search", "created": 1_700_000_000_000_000}
    canned.respond(page(row), to="GET /api/v1/projects")
    canned.respond(row, to="POST /api/v1/projects", status=201)
    assert ask("projects", "list").out.splitlines()[1].split()[:2] == [ID, "search"]
    assert ask("projects", "list", "--json").data == page(row)
    created = ask("projects", "create", "search")
    assert created.out == f"{ID}\n"
    assert "penstock keys create NAME --project search" in created.err
    assert ask("projects", "create", "search", "--json").data == row


def test_a_project_that_exists_is_a_no(ask, canned):
    canned.respond({"detail": "A project named 'search' exists."}, status=409)
    ran = ask("projects", "create", "search")
    assert (ran.code, ran.err) == (1, "penstock: A project named 'search' exists.\n")


def test_a_sign_in_link_is_printed_alone_on_stdout(ask, canned):
    canned.respond({"url": "http://h/signin#token=t", "expires": 1_700_000_000_000_000}, status=201)
    ran = ask("signin-link", "--role", "viewer", "--name", "Ada")
    assert ran.out == "http://h/signin#token=t\n"
    assert "until 2023-11-14 22:13:20Z" in ran.err
    assert json.loads(canned.asked[0].body) == {"role": "viewer", "name": "Ada"}
    assert ask("signin-link", "--json").data["url"] == "http://h/signin#token=t"


def test_a_role_that_is_none_is_a_usage_error(ask, canned):
    ran = ask("signin-link", "--role", "owner")
    assert ran.code == 2
    assert canned.asked == []
