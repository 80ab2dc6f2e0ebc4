import json

import pytest
from typer.testing import CliRunner

from penstock.cli.commands.config import app
from penstock.core.clock import ManualClock
from penstock.core.errors import ConfigError, Unavailable
from penstock.core.home import Home
from penstock.registry.service import RegistryService
from penstock.registry.simulated import simulator_providers

GOOD = "providers: {gpu: {kind: openai, base_url: 'http://127.0.0.1:1/v1', models: [m]}}\n"
BAD = "providers: {gpu: {kind: opena}}\naliases: {a: b}\n"


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "PENSTOCK_HOME"):
        monkeypatch.delenv(name, raising=False)
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def run(home):
    def run(*arguments):
        return CliRunner().invoke(app, [*arguments, *([] if arguments[0] == "schema" else ["--home", str(home.path)])])

    return run


def publish(home, **options):
    RegistryService(home, clock=ManualClock(), entries=lambda: ({}, {}), environment={}, **options).start()


def test_check_accepts_a_valid_file(run, home):
    home.config.write_text(GOOD)
    result = run("check")
    assert result.exit_code == 0
    assert result.stdout == f"{home.config} is valid: 1 provider, 0 aliases.\n"


def test_check_tells_warnings_on_the_side(run, home, tmp_path):
    path = tmp_path / "other.yaml"
    path.write_text("providers: {openai: {api_key: env:NOWHERE_TO_BE_FOUND, models: []}}")
    result = run("check", str(path))
    assert result.exit_code == 0
    assert "warning: providers.openai.api_key" in result.stderr
    assert json.loads(run("check", str(path), "--json").stdout)["warnings"] != []


def test_check_refuses_a_wrong_file_with_every_error(run, home):
    home.config.write_text(BAD)
    result = run("check")
    assert result.exit_code == 1
    assert "penstock.yaml:1: providers.gpu.kind: expected one of" in result.stderr
    assert "penstock.yaml:2: aliases.a: expected provider/model" in result.stderr
    assert "2 errors." in result.stderr
    assert result.stdout == ""


def test_check_tells_errors_as_json(run, home):
    home.config.write_text(BAD)
    result = run("check", "--json")
    assert result.exit_code == 1
    body = json.loads(result.stdout)
    assert body["valid"] is False
    assert [(error["line"], error["field"]) for error in body["errors"]] == [
        (1, "providers.gpu.kind"),
        (2, "aliases.a"),
    ]


def test_check_without_a_file_says_where_providers_come_from(run, home):
    result = run("check")
    assert result.exit_code == 0
    assert f"No file at {home.config}: providers come from the environment" in result.stdout
    assert json.loads(run("check", "--json").stdout)["file"] is None


def test_a_named_file_must_exist(run, tmp_path):
    assert isinstance(run("check", str(tmp_path / "none.yaml")).exception, ConfigError)


def test_show_fills_in_the_defaults(run, home):
    home.config.write_text(GOOD)
    text = run("show").stdout
    assert "first_byte: 2m" in text
    document = json.loads(run("show", "--json").stdout)
    assert document["gateway"]["keepalive"] == "15s"
    home.config.write_text(text)
    assert json.loads(run("show", "--json").stdout) == document


def test_schema_prints_the_published_schema(run):
    assert json.loads(run("schema").stdout)["title"] == "penstock.yaml"


def test_diff_says_what_a_file_would_change(run, home):
    home.config.write_text(GOOD)
    publish(home)
    result = run("diff")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Nothing differs from what is served (snapshot 1)." in result.stderr
    home.config.write_text(GOOD.replace(":1/", ":2/"))
    result = run("diff")
    assert result.exit_code == 1
    assert result.stdout == '~ providers.gpu.base_url: "http://127.0.0.1:1/v1" → "http://127.0.0.1:2/v1"\n'
    body = json.loads(run("diff", "--json").stdout)
    assert body["snapshot_version"] == 1
    assert body["differences"][0]["path"] == "providers.gpu.base_url"


def test_diff_knows_the_simulator_that_stands_in(run, home):
    publish(home, fallback=simulator_providers("http://127.0.0.1:9"))
    assert run("diff").exit_code == 0


def test_diff_cannot_tell_without_a_snapshot(run, home):
    assert isinstance(run("diff").exception, Unavailable)
