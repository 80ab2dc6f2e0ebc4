"""Workers and whole Penstocks are replaced while calls go on: none fails."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import openai
import psutil
import pytest

from e2e_harness import Control, Plane, children, eventually, scrubbed_environment
from penstock.core.errors import Unavailable
from penstock.testing.process import ReadyProcess
from penstock.testing.server import PenstockServer
from penstock.testing.simulator import SimulatorServer

CONFIG = """\
version: 1
providers:
  sim: {{kind: openai, base_url: "{url}/v1", price_as: openai, models: [gpt-4o-mini]}}
aliases:
  fast: sim/gpt-4o-mini
gateway: {{drain: 5s}}
journal: {{segment_seconds: 200ms}}
"""
FAILS = "import os, sys\nif any(part.endswith({module!r}) for part in sys.orig_argv): os._exit(3)\n"


@pytest.fixture
def config(tmp_path: Path, penstock_simulator_process: SimulatorServer) -> Path:
    path = tmp_path / "penstock.yaml"
    path.write_text(CONFIG.format(url=penstock_simulator_process.url))
    return path


@pytest.fixture
def server(tmp_path: Path, config: Path) -> Iterator[PenstockServer]:
    server = PenstockServer(tmp_path, config=config, workers=2)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Load:
    """Clients of OpenAI's SDK on connections that are kept alive, without a retry; half of the calls are streams."""

    def __init__(self, url: str, key: str) -> None:
        self.outcomes: Counter[str] = Counter()
        self._client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=20)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(4)]

    def _run(self, number: int) -> None:
        stream = bool(number % 2)
        while not self._over.is_set():
            try:
                answer = self._client.chat.completions.create(
                    model="fast", messages=[{"role": "user", "content": "Hi"}], stream=stream
                )
                whole = [chunk.choices[0].finish_reason for chunk in answer if chunk.choices] if stream else [True]
                self.outcomes["ok" if whole[-1] else "cut"] += 1
            except openai.OpenAIError as error:
                self.outcomes[f"{error!r} of {error.__cause__!r}"] += 1

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.more()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)
        self._client.close()

    def more(self, calls: int = 40) -> None:
        """Wait until so many more have been answered."""
        enough = self.outcomes.total() + calls
        assert eventually(lambda: self.outcomes.total() >= enough, seconds=20)


def penstock(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "penstock.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=scrubbed_environment(),
    )


@contextmanager
def successor(
    server: PenstockServer, folder: Path, config: Path, *options: str, **environment: str
) -> Iterator[ReadyProcess]:
    """`penstock up --replace` on the home of a running one; stopped at the end."""
    folder.mkdir()
    arguments = ["penstock.cli", "up", "--home", str(server.home), "--replace", "--config", str(config), *options]
    new = ReadyProcess(arguments, folder=folder, environment=scrubbed_environment(**environment), patience=60)
    try:
        yield new
    finally:
        new.stop()


def pids(server: ReadyProcess) -> set[int]:
    return {worker.pid for worker in children(server.pid, "gateway_worker")}


def test_workers_are_replaced_one_after_another_and_no_call_fails(server: PenstockServer) -> None:
    """FAILURES G14: a worker that is told to stop lets its calls finish."""
    before = pids(server)
    with Load(server.gateway_url, server.admin_key) as load:
        ran = penstock("workers", "replace", "--home", str(server.home), "--json")
        assert (ran.returncode, ran.stdout.split()) == (0, ["{", '"replaced":', "2", "}"]), ran.stderr
        load.more()
        by_command = pids(server)
        os.kill(server.pid, signal.SIGHUP)
        assert eventually(lambda: len(pids(server)) == 2 and not pids(server) & by_command, seconds=30)
        load.more()
    assert set(load.outcomes) == {"ok"}
    assert len(by_command) == 2
    assert not by_command & before


def test_a_new_penstock_takes_over_the_ports_and_no_call_fails(
    server: PenstockServer, tmp_path: Path, config: Path
) -> None:
    old = psutil.Process(server.pid)
    crew = old.children(recursive=True)
    with Load(server.gateway_url, server.admin_key) as load, successor(server, tmp_path / "new", config) as new:
        new.start()
        assert new.ready == server.ready, "addresses and key stay"
        assert eventually(lambda: not old.is_running() or old.status() == psutil.STATUS_ZOMBIE, seconds=30)
        assert psutil.wait_procs(crew, timeout=10)[1] == []
        load.more()
        trace = httpx.post(
            f"{server.gateway_url}/v1/chat/completions",
            json={"model": "fast", "messages": [{"role": "user", "content": "Hi"}]},
            headers={"authorization": f"Bearer {server.admin_key}"},
            trust_env=False,
        ).headers["x-penstock-trace-id"]
        control = Control(server.console_url, server.admin_key)
        assert control.trace(trace)["spans"], "the new console stores what the new gateway records"
        assert server.stop() == 0, "the one before ended by itself, in order"
        assert (server.home / "run" / "gateway.url").exists()
        load.__exit__()
    assert set(load.outcomes) == {"ok"}
    assert not (server.home / "run" / "gateway.url").exists()


@pytest.mark.parametrize("module", ["gateway_worker", "console_process"])
def test_when_the_new_one_does_not_start_the_old_one_goes_on(
    server: PenstockServer, tmp_path: Path, config: Path, module: str
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(FAILS.format(module=module))
    path = os.pathsep.join(filter(None, [str(broken), os.environ.get("PYTHONPATH")]))
    with Load(server.gateway_url, server.admin_key) as load:
        with successor(server, tmp_path / "new", config, PYTHONPATH=path) as new:
            with pytest.raises(Unavailable, match=rf"The {module.partition('_')[0]}.* did not start \(exit code 3\)"):
                new.start()
            load.more()

        def answers() -> bool:
            try:
                return httpx.get(f"{server.console_url}/readyz", trust_env=False, timeout=1).status_code == 200
            except httpx.HTTPError:
                return False

        assert eventually(answers, seconds=30)
        load.more()
    assert set(load.outcomes) == {"ok"}
    assert server.ready_file.exists()
    assert len(children(server.pid, "console_process")) == 1
    # And it can still be replaced.
    with successor(server, tmp_path / "again", config) as good:
        good.start()
        assert good.ready == server.ready


def test_a_gateway_alone_is_replaced_by_a_gateway_alone(server: PenstockServer, tmp_path: Path) -> None:
    """On the home of a running Penstock that has both planes, whose own gateway stays what it is."""
    first = Plane("gateway", tmp_path / "first", home=server.home)
    second = Plane("gateway", tmp_path / "second", home=server.home, options=("--replace",))
    try:
        first.start()
        with Load(first.url, server.admin_key) as load:
            second.start()
            load.more()
        assert set(load.outcomes) == {"ok"}
        assert second.url == first.url != server.gateway_url
        assert first.stop() == 0
    finally:
        first.kill()
        second.stop()


def test_a_console_alone_is_replaced_by_a_console_alone(tmp_path: Path) -> None:
    """A page that is asked for in between waits, and is answered by the new one."""
    first = Plane("console", tmp_path / "first", home=tmp_path / "home")
    second = Plane("console", tmp_path / "second", home=tmp_path / "home", options=("--replace",))
    statuses: Counter[int] = Counter()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            statuses[httpx.get(f"{first.url}/readyz", trust_env=False, timeout=30).status_code] += 1

    try:
        first.start()
        looking = threading.Thread(target=look)
        looking.start()
        second.start()
        over.set()
        looking.join(30)
        assert second.url == first.url
        assert set(statuses) == {200}
        assert first.stop() == 0
    finally:
        over.set()
        first.kill()
        second.stop()


def test_a_replacement_of_other_planes_or_ports_is_refused_and_changes_nothing(server: PenstockServer) -> None:
    home = str(server.home)
    other = penstock("console", "--home", home, "--replace")
    assert other.returncode == 2
    assert f"process {server.pid} runs gateway and console" in other.stderr
    elsewhere = penstock("up", "--home", home, "--replace", "--gateway-port", "1")
    assert elsewhere.returncode == 2
    assert "and port 1 was asked for" in elsewhere.stderr
    twice = penstock("up", "--home", home, "--gateway-port", "0", "--console-port", "0")
    assert twice.returncode == 2
    assert "--replace" in twice.stderr
    assert httpx.get(f"{server.console_url}/readyz", trust_env=False).status_code == 200


def test_replace_starts_a_penstock_where_none_runs_and_workers_of_none_are_not_replaced(
    tmp_path: Path, config: Path
) -> None:
    none = penstock("workers", "replace", "--home", str(tmp_path / "home"))
    assert none.returncode == 1
    assert "No gateway runs on the home" in none.stderr
    arguments = ["penstock.cli", "up", "--home", str(tmp_path / "home"), "--config", str(config), "--replace"]
    ports = ["--gateway-port", "0", "--console-port", "0"]
    with ReadyProcess([*arguments, *ports], folder=tmp_path, environment=scrubbed_environment()) as alone:
        assert httpx.get(f"{alone.ready['gateway_url']}/readyz", trust_env=False).status_code == 200
