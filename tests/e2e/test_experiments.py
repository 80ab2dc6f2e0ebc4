"""Experiments through a whole Penstock in front of the simulator: killed again and again, and run by the console."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e_harness import Control, eventually, scrubbed_environment
from penstock.testing.server import PenstockServer
from penstock.testing.simulator import SimulatorServer

RUNNER = """
import asyncio, sys
from pathlib import Path
from random import Random
from penstock.core.clock import SystemClock
from penstock.core.ids import RandomIds
from penstock.evals.experiments.places import ConsolePlace
from penstock.evals.experiments.session import Gateway, Session
from penstock.sdk.control import ControlClient

console, gateway, key, id_ = sys.argv[1:]
clock = SystemClock()
place = ConsolePlace(ControlClient(console, key), None)
session = Session(
    place, Gateway(url=gateway, key=key), folder=Path.cwd(), clock=clock, ids=RandomIds(clock), random=Random(1)
)
print(asyncio.run(session.run(place.get(id_), patience=15.0)).state)
"""
"""What `penstock eval resume` does, without the time that a command line takes to start."""

CHAT = "/v1/chat/completions"


@dataclass
class Whole:
    simulator: SimulatorServer
    server: PenstockServer
    control: Control

    def experiment(self, rows: int, **spec: object) -> str:
        """Id of a new one; its rows have never been asked before."""
        body = {
            "name": "whole",
            "dataset": "rows.jsonl",
            "variants": [{"name": "a", "model": "openai/gpt-4o-mini"}],
            "evaluators": [{"type": "length"}],
            **spec,
        }
        made = self.control.ask("POST", "/experiments", {"spec": body, "cache": False})
        sent = [{"input": f"question {number}", "reference": "x"} for number in range(rows)]
        self.control.ask("POST", f"/experiments/{made['id']}/rows", {"rows": sent})
        return made["id"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    folder = tmp_path_factory.mktemp("experiments")
    with SimulatorServer(tmp_path_factory.mktemp("sim"), options=["--latency", "constant:0.15"]) as simulator:
        config = folder / "penstock.yaml"
        provider = {
            "kind": "openai",
            "base_url": f"{simulator.url}/v1",
            "api_key": "env:KEY",
            "models": ["gpt-4o-mini"],
            "price_as": "openai",
        }
        config.write_text(json.dumps({"providers": {"openai": provider}, "journal": {"segment_seconds": 0.2}}))
        with PenstockServer(folder, config=config, environment={"KEY": "x"}) as server:
            yield Whole(simulator, server, Control(server.console_url, server.admin_key))


@pytest.mark.slow
def test_a_run_that_is_killed_ten_times_asks_each_row_once(
    whole: Whole, tmp_path: Path, pytestconfig: pytest.Config, record_testsuite_property: Callable[[str, object], None]
):
    """FAILURES E2. `--kill-rows 1000` asks so many rows."""
    rows, kills = pytestconfig.getoption("--kill-rows", 200), 10
    id_ = whole.experiment(rows, concurrency=24)
    server = whole.server
    command = [sys.executable, "-c", RUNNER, server.console_url, server.gateway_url, server.admin_key, id_]
    whole.simulator.reset()
    killed = 0
    for turn in range(1, kills + 1):
        process = subprocess.Popen(command, env=scrubbed_environment(), cwd=tmp_path)
        whole.simulator.wait(path=CHAT, seconds=40, finished=turn * rows * 6 // 100)
        process.kill()
        killed += process.wait() == -9
    assert killed == kills
    ended = subprocess.run(
        command, env=scrubbed_environment(), cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "done"
    shown = whole.control.ask("GET", f"/experiments/{id_}")
    assert (shown["state"], shown["counts"]["done"], shown["counts"]["errors"]) == ("done", rows, 0)
    counts = whole.simulator.stats()["paths"][CHAT]
    record_testsuite_property("asked", counts)
    assert (counts["started"], counts["cancelled"]) == (rows, 0)
    # What answers cost is known of those of this run as of those that were found in the records.
    assert shown["counts"]["unpriced"] == 0
    assert shown["counts"]["cost"] > 0


def test_the_console_runs_an_experiment_with_a_key_of_its_own(whole: Whole):
    id_ = whole.experiment(20)
    whole.control.ask("POST", f"/experiments/{id_}/start")

    def done() -> bool:
        return whole.control.ask("GET", f"/experiments/{id_}")["state"] not in {"waiting", "running"}

    assert eventually(done, seconds=30)
    shown = whole.control.ask("GET", f"/experiments/{id_}")
    assert (shown["state"], shown["counts"]["done"]) == ("done", 20), shown["reason"]
    assert shown["counts"]["unpriced"] == 0
    summary = whole.control.ask("GET", f"/experiments/{id_}/summary")
    (metric, *_) = summary["variants"][0]["metrics"]
    assert (metric["metric"], metric["n"]) == ("length", 20)
    (cell,) = whole.control.ask("GET", f"/experiments/{id_}/rows/7")["cells"]
    assert cell["output"]["text"]
    trace = whole.control.trace(cell["output"]["trace_id"])
    assert trace["spans"][0]["key"] == "console"
    page = whole.control.ask("GET", f"/experiments/{id_}/cells", limit=15)
    assert len(page["items"]) == 15
    rest = whole.control.ask("GET", f"/experiments/{id_}/cells", limit=15, cursor=page["next_cursor"])
    assert (len(rest["items"]), rest["next_cursor"]) == (5, None)
