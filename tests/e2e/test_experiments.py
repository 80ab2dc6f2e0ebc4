"""Experiments through a whole Penstock in front of the simulator: killed again and again, run by the console, and by
the ready files for CI.
"""

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree as ET

import pytest
from ruamel.yaml import YAML

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


STUB = """\
#!{python}
import json, pathlib, sys
with pathlib.Path({noted!r}).open("a") as noted:
    noted.write(json.dumps(sys.argv) + "\\n")
"""
"""Stands for a program of the CI's machine, and notes how it is called."""


@dataclass
class Repository:
    """A stranger's project with an experiment of its own, and the machine that CI runs it on."""

    folder: Path
    whole: Whole
    secrets: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "evals").mkdir()
        with (self.folder / "evals" / "rows.jsonl").open("w") as rows:
            rows.writelines(
                json.dumps({"input": f"{self.folder.name} {n}", "reference": "x"}) + "\n" for n in range(30)
            )
        programs = self.folder / "bin"
        programs.mkdir()
        for name in ("pip", "gh"):
            stub = programs / name
            stub.write_text(STUB.format(python=sys.executable, noted=str(self.folder / f"{name}.calls")))
            stub.chmod(0o755)
        key = self.whole.control.new_key(
            "ci", scopes=["gateway:call", "experiments:read", "experiments:write", "traces:read"]
        )
        self.secrets = {"PENSTOCK_KEY": key["secret"], "PENSTOCK_CONSOLE_URL": self.whole.server.console_url}

    def experiment(self, *rules: str) -> None:
        spec = {
            "name": "for every change",
            "dataset": "rows.jsonl",
            "variants": [{"name": "a", "model": "openai/gpt-4o-mini"}],
            "evaluators": [{"type": "length"}],
            "gate": rules,
        }
        (self.folder / "evals" / "experiment.yaml").write_text(json.dumps(spec))

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
        return subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.folder,
            env=scrubbed_environment(PATH=path, **environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def ready_file(self, system: str) -> Any:
        """As `penstock eval init-ci` writes it, decoded."""
        assert self.run(f"penstock eval init-ci {system}").returncode == 0
        (path,) = (path for path in self.folder.rglob("eval.yml") if system in str(path))
        return YAML(typ="safe").load(path.read_text())

    def calls(self, program: str) -> list[list[str]]:
        path = self.folder / f"{program}.calls"
        return [json.loads(line)[1:] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def repository(tmp_path: Path, whole: Whole) -> Repository:
    return Repository(tmp_path, whole)


GATES = pytest.mark.parametrize(
    ("rule", "code", "answer"), [("length >= 1", 0, "PASS"), ("length >= 100000", 1, "FAIL")]
)


@GATES
def test_the_file_for_github_comments_the_report_and_ends_as_the_gate_says(
    repository: Repository, rule: str, code: int, answer: str
):
    repository.experiment(rule)
    (job,) = repository.ready_file("github")["jobs"].values()
    install, evaluate, comment = (step for step in job["steps"] if "run" in step)
    given = {"secrets": repository.secrets, "github": {"token": "t0ken", "event": {"pull_request": {"number": 7}}}}

    def value(text: str) -> str:
        found: Any = given
        for name in re.fullmatch(r"\$\{\{ (.+) \}\}", text)[1].split("."):
            found = found[name]
        return str(found)

    def step(one: dict[str, Any], *, ends: int = 0, **environment: str) -> None:
        known = {name: value(text) for name, text in one.get("env", {}).items()}
        ran = repository.run(one["run"], **known, **environment)
        assert ran.returncode == ends, ran.stdout + ran.stderr

    step(install)
    assert repository.calls("pip") == [["install", "penstock[server]"]]
    step(evaluate, ends=code)
    assert comment["if"].startswith("always()"), "also after a step that failed"
    summary = repository.folder / "summary.md"
    step(comment, GITHUB_STEP_SUMMARY=str(summary))
    assert answer in summary.read_text()
    assert repository.calls("gh") == [
        ["pr", "comment", "7", "--body-file", "eval.md", "--edit-last", "--create-if-none"]
    ]
    assert ET.parse(repository.folder / "eval.xml").getroot().tag == "testsuites"  # noqa: S314 - of our own


class Notes(http.server.BaseHTTPRequestHandler):
    """GitLab's notes of merge requests."""

    posted: ClassVar[list[tuple[str, str | None, str]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.posted.append((self.path, self.headers["private-token"], body["body"]))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass

    @classmethod
    @contextmanager
    def serve(cls) -> Iterator[tuple[str, list[tuple[str, str | None, str]]]]:
        cls.posted = []
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), cls) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/api/v4", cls.posted
            finally:
                server.shutdown()
                thread.join()


@GATES
def test_the_file_for_gitlab_comments_the_report_and_ends_as_the_gate_says(
    repository: Repository, rule: str, code: int, answer: str
):
    repository.experiment(rule)
    job = repository.ready_file("gitlab")["eval"]

    ran = repository.run("\n".join(job["script"]), **repository.secrets)
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert repository.calls("pip") == [["install", "penstock[server]"]]
    with Notes.serve() as (url, posted):
        place = {"CI_API_V4_URL": url, "CI_PROJECT_ID": "12", "CI_MERGE_REQUEST_IID": "7"}
        after = "\n".join(job["after_script"])
        assert repository.run(after, **place).returncode == 0
        assert posted == [], "without a token nothing is commented"
        assert repository.run(after, **place, GITLAB_TOKEN="t0ken").returncode == 0
    ((path, token, body),) = posted
    assert (path, token) == ("/api/v4/projects/12/merge_requests/7/notes", "t0ken")
    assert answer in body
    assert all((repository.folder / name).exists() for name in job["artifacts"]["paths"])
