"""`penstock secrets` against canned answers."""

import io
import json
import sys

import pytest

SECRET = {
    "name": "openai",
    "origins": ["https://api.openai.com"],
    "created": 1_700_000_000_000_000,
    "created_by": "admin",
    "updated": 1_700_000_000_000_000,
    "updated_by": "admin",
    "master_key": "0a1b2c3d",
    "used_by": ["openai"],
}
SECRETS = "/api/v1/secrets"


@pytest.fixture
def piped(monkeypatch):
    """Gives a command its standard input."""

    def give(data: bytes):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return give


def test_secrets_are_listed_without_values(ask, canned):
    canned.respond({"items": [SECRET, {**SECRET, "name": "free", "origins": [], "used_by": []}]}, to=f"GET {SECRETS}")
    ran = ask("secrets", "list")
    assert ran.code == 0
    assert "https://api.openai.com" in ran.out
    assert "its first provider" in ran.out
    assert ask("secrets", "list", "--json").data["items"][0] == SECRET


def test_a_value_comes_from_standard_input_or_a_file_never_from_the_line(ask, canned, piped, tmp_path):
    canned.respond(SECRET, to=f"POST {SECRETS}")
    piped(b"sk-value\n")
    ran = ask("secrets", "set", "openai", "--for", "https://api.openai.com", "--for", "https://eu.example")
    assert (ran.code, ran.out) == (0, "")
    assert "secret:openai" in ran.err
    assert "sk-value" not in ran.err
    assert json.loads(canned.asked[0].body) == {
        "name": "openai",
        "value": "sk-value",
        "origins": ["https://api.openai.com", "https://eu.example"],
    }
    (tmp_path / "key").write_text("sk-file\n")
    assert ask("secrets", "set", "openai", "--file", str(tmp_path / "key"), "--json").data == SECRET
    assert json.loads(canned.asked[1].body) == {"name": "openai", "value": "sk-file"}
    assert ask("secrets", "set", "openai", "sk-value").code == 2


def test_at_a_terminal_the_value_is_asked_for_without_being_shown(ask, canned, monkeypatch):
    canned.respond({**SECRET, "origins": []}, to=f"POST {SECRETS}")
    monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("getpass.getpass", lambda prompt: "sk-typed")
    assert "first provider" in ask("secrets", "set", "openai").err
    assert json.loads(canned.asked[0].body)["value"] == "sk-typed"


def test_a_value_that_cannot_be_read_is_named_and_not_shown(ask, canned, piped, tmp_path):
    piped(b"sk-\xff-value")
    ran = ask("secrets", "set", "openai")
    assert ran.code == 2
    assert "not UTF-8" in ran.err
    assert "value-" not in ran.err
    assert "cannot be read" in ask("secrets", "set", "openai", "--file", str(tmp_path / "none")).err
    assert canned.asked == []


def test_a_secret_is_deleted_and_the_master_key_rotated(ask, canned):
    canned.respond(status=204, to=f"DELETE {SECRETS}/openai")
    canned.respond({"master_key": "new", "resealed": 2, "kept": ["old"]}, to=f"POST {SECRETS}/rotate")
    assert "deleted" in ask("secrets", "delete", "openai").err
    assert ask("secrets", "delete", "openai", "--json").data == {"name": "openai", "status": "deleted"}
    ran = ask("secrets", "rotate")
    assert "sealed under the master key new: 2" in ran.err
    assert "Kept for reading" in ran.err
    assert ask("secrets", "rotate", "--json").data["kept"] == ["old"]
