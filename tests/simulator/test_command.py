"""`penstock sim` and `penstock sim load`."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
from typer.testing import CliRunner

from penstock.cli.commands.sim import app
from penstock.cli.main import app as penstock
from penstock.core.errors import InvalidInput
from penstock.testing.simulator import SimulatorServer


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with SimulatorServer(tmp_path_factory.mktemp("sim")) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(server):
    server.reset()


def load(server, *arguments):
    return CliRunner().invoke(app, ["sim", "load", "--url", server.url, *arguments])


def test_load_prints_a_table(server):
    result = load(server, "--requests", "30", "--closed", "3", "--stream")
    assert result.exit_code == 0, result.output
    for words in ("Requests", "30 in", "Rate", "p50 / p95 / p99", "First token", "Output tokens"):
        assert words in result.stdout
    assert server.stats()["total"]["finished"] == 30


def test_load_prints_json_alone_on_stdout(server):
    result = load(server, "--requests", "10", "--json", "--rate", "500", "--dialect", "anthropic")
    report = json.loads(result.stdout)
    assert report["sent"] == report["succeeded"] == 10
    assert report["latency"]["p99"] > 0


def test_load_without_a_plan_is_a_closed_loop(server):
    result = load(server, "--json", "--requests", "20")
    assert json.loads(result.stdout)["sent"] == 20
    result = load(server, "--json", "--duration", "0.2")
    assert json.loads(result.stdout)["sent"] >= 16


@pytest.mark.parametrize(
    ("fault", "arguments", "code", "words"),
    [
        ("status=500;rate=0.5", [], 0, ""),
        ("status=500;rate=0.5", ["--max-error-rate", "0.9"], 0, ""),
        ("status=500;rate=0.5", ["--max-error-rate", "0.1"], 1, "more than 10.00%"),
        ("status=500", [], 1, "No request succeeded"),
        ("status=500", ["--max-error-rate", "1"], 0, ""),
    ],
)
def test_the_exit_code_says_whether_too_much_failed(server, fault, arguments, code, words):
    server.set_faults(fault)
    result = load(server, "--requests", "60", "--closed", "4", *arguments)
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert "http_500" in result.stdout


@pytest.mark.parametrize("arguments", [["--dialect", "klingon"], ["--rate", "1", "--closed", "1", "--requests", "1"]])
def test_options_that_contradict_each_other_are_refused(server, arguments):
    result = load(server, *arguments)
    causes = [result.exception, *getattr(result.exception, "exceptions", ())]
    assert any(isinstance(cause, InvalidInput) for cause in causes)


def test_the_key_comes_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("PENSTOCK_KEY", "sk-from-the-environment")
    load(server, "--requests", "1")
    assert "authorization" in server.requests()[-1]["headers"]


def test_an_interrupt_still_prints_what_was_measured(server):
    server.set_faults({"silent": True})
    command = [sys.executable, "-c", "from penstock.cli.commands.sim import app; app()"]
    arguments = ["sim", "load", "--url", server.url, "--closed", "2", "--duration", "60", "--json"]
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE)
    server.wait(active=2, seconds=30)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert json.loads(out)["sent"] == 2


def test_sim_serves_with_its_options_and_says_where(tmp_path, monkeypatch):
    ready = tmp_path / "ready.json"
    told = []

    def watch():
        while not ready.exists():
            if done.wait(0.01):
                return
        told.append(json.loads(ready.read_bytes()))
        os.kill(os.getpid(), signal.SIGTERM)

    done = threading.Event()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = CliRunner().invoke(app, ["sim", "--port", "0", "--ready-file", str(ready), "--fault", "status=500"])
    finally:
        done.set()
        watcher.join()
    assert result.exit_code == 0, result.output
    assert told[0]["url"] in result.stderr


def test_sim_refuses_a_port_in_use_and_a_wrong_option():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = CliRunner().invoke(app, ["sim", "--port", str(taken.getsockname()[1])])
    assert "cannot listen" in str(result.exception)
    result = CliRunner().invoke(app, ["sim", "--port", "0", "--text", "poem"])
    assert "--text" in str(result.exception)


def test_sim_is_a_command_of_penstock():
    result = CliRunner().invoke(penstock, ["sim", "load", "--help"])
    assert result.exit_code == 0
    assert "Root of the gateway" in result.stdout
