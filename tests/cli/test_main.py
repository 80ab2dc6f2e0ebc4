"""The root of the command line: help, version, exit codes."""

import subprocess
import sys

import pytest
import typer

from penstock import __version__
from penstock.cli import reference
from penstock.cli.__main__ import run as launch
from penstock.cli.main import app, run


def test_the_version_is_printed(penstock):
    ran = penstock("--version")
    assert (ran.code, ran.out.strip()) == (0, f"penstock {__version__}")


def test_help_names_every_command(penstock):
    ran = penstock("--help")
    assert ran.code == 0
    for name in ("up", "gateway", "console", "keys", "projects", "traces", "signin-link", "doctor", "sim", "config"):
        assert f" {name} " in ran.out


@pytest.mark.parametrize(
    "arguments",
    [("keys",), ("nonsense",), ("traces", "show"), ("up", "--gateway-port", "70000"), ("keys", "list", "--nonsense")],
)
def test_a_command_that_is_not_understood_exits_with_2_and_says_so_on_stderr(penstock, arguments):
    ran = penstock(*arguments)
    assert ran.code == 2
    assert "Traceback" not in ran.err


def test_an_error_is_one_line_without_a_traceback(penstock):
    ran = penstock("keys", "list")
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("penstock: No console is running in ")
    assert ran.err.count("\n") == 1


def test_python_m_is_the_same_command():
    ran = subprocess.run(
        [sys.executable, "-m", "penstock.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == f"penstock {__version__}"


def test_the_command_line_loads_nothing_of_the_server_until_a_command_needs_it():
    code = (
        "import sys, penstock.cli.main; "
        "heavy = {'duckdb', 'sqlalchemy', 'alembic', 'litestar', 'aiohttp', 'uvicorn', 'sqlglot', 'genai_prices'}; "
        "print(*sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


def test_every_command_says_what_it_does():
    group = typer.main.get_command(app)
    for name, command in group.commands.items():
        assert command.help, name
        for inner, sub in getattr(command, "commands", {}).items():
            assert sub.help, f"{name} {inner}"


def test_where_only_the_light_package_is_installed_the_missing_extra_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "typer", None)
    monkeypatch.delitem(sys.modules, "penstock.cli.main", raising=False)
    with pytest.raises(SystemExit) as ended:
        launch()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "penstock: This needs the package 'typer', which is not installed. "
        "Install it with: pip install 'penstock[server]'\n"
    )


def test_a_module_of_ours_that_is_missing_is_a_defect_and_not_a_missing_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "penstock.cli.main", None)
    with pytest.raises(ModuleNotFoundError):
        launch()


def test_ctrl_c_ends_any_command_without_a_traceback(monkeypatch):
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("penstock.cli.main.app", interrupted)
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 2


def test_the_reference_is_written_into_a_page(tmp_path):
    page = tmp_path / "cli.md"
    page.write_text(f"# Top\n{reference.START}\nold\n{reference.END}\nend\n")
    subprocess.run([sys.executable, "-m", "penstock.cli.reference", str(page)], check=True)
    assert page.read_text() == f"# Top\n{reference.START}\n\n{reference.reference()}\n{reference.END}\nend\n"
