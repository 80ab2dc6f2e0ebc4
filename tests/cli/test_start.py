"""What `up`, `gateway` and `console` hand to the supervisor."""

from pathlib import Path

import pytest

from penstock.server import supervisor
from penstock.server.options import UpOptions


@pytest.fixture
def started(monkeypatch):
    """Options that each plane's runner was given; the runners answer with 0."""
    given: dict[str, UpOptions] = {}
    for name in ("run_up", "run_gateway", "run_console"):
        monkeypatch.setattr(supervisor, name, lambda options, name=name: given.update({name: options}) or 0)
    return given


def test_up_starts_both_planes_in_the_current_folder_by_default(penstock, started, tmp_path):
    assert penstock("up").code == 0
    assert started == {"run_up": UpOptions(home=tmp_path / ".penstock")}


def test_up_takes_every_option(penstock, started, tmp_path):
    ran = penstock(
        *("up", "--home", "h", "--host", "192.0.2.1", "--gateway-port", "0", "--console-port", "1", "--workers", "3"),
        *("--config", "c.yaml", "--public-url", "https://p", "--ready-file", "r.json", "--no-sim", "--quiet"),
        "--replace",
    )
    assert ran.code == 0
    assert started["run_up"] == UpOptions(
        home=Path("h"),
        host="192.0.2.1",
        gateway_port=0,
        console_port=1,
        workers=3,
        config=Path("c.yaml"),
        public_url="https://p",
        ready_file=Path("r.json"),
        simulator=False,
        replace=True,
        quiet=True,
    )


def test_the_home_can_be_given_by_the_environment(penstock, started, monkeypatch, tmp_path):
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path / "elsewhere"))
    penstock("up")
    assert started["run_up"].home == tmp_path / "elsewhere"


@pytest.mark.parametrize("option", ["--port", "--gateway-port"])
def test_the_gateway_alone_takes_its_port_under_both_names(penstock, started, option):
    assert penstock("gateway", option, "0", "--workers", "2").code == 0
    assert (started["run_gateway"].gateway_port, started["run_gateway"].workers) == (0, 2)


@pytest.mark.parametrize("option", ["--port", "--console-port"])
def test_the_console_alone_takes_its_port_under_both_names(penstock, started, option):
    assert penstock("console", option, "0", "--config", "c.yaml").code == 0
    assert (started["run_console"].console_port, started["run_console"].config) == (0, Path("c.yaml"))


def test_the_supervisors_exit_code_is_the_commands(penstock, monkeypatch):
    monkeypatch.setattr(supervisor, "run_up", lambda options: 2)
    assert penstock("up").code == 2
