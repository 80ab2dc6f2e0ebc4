"""Stopping, killing, splitting and filling a running Penstock: calls go on where they can, and records are kept."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import httpx
import psutil
import pytest

from e2e_harness import Control, Plane, chat, children, eventually, scrubbed_environment
from penstock.testing.server import PenstockServer
from penstock.testing.simulator import SimulatorServer

CONFIG = """\
version: 1
providers:
  sim: {{kind: openai, base_url: "{url}/v1", price_as: openai, models: [gpt-4o-mini]}}
  pausing:
    {{kind: openai, base_url: "{url}/v1", price_as: openai, headers: {{x-sim-fault: "gap=1200ms;gap_after=3"}}}}
  late: {{kind: openai, base_url: "{url}/v1", price_as: openai, headers: {{x-sim-fault: "delay=1s"}}}}
  hanging: {{kind: openai, base_url: "{url}/v1", price_as: openai, headers: {{x-sim-fault: "hang=3"}}}}
gateway: {{drain: 3s}}
journal: {{segment_seconds: 200ms, on_full: {on_full}}}
"""
RESTART_SECONDS = 20.0
"""A process that was killed serves again; starting one takes seconds on a busy machine."""


def configured(folder: Path, simulator: SimulatorServer, *, on_full: str = "block") -> Path:
    path = folder / "penstock.yaml"
    path.write_text(CONFIG.format(url=simulator.url, on_full=on_full))
    return path


@pytest.fixture(scope="module")
def crew(
    tmp_path_factory: pytest.TempPathFactory, penstock_simulator_process: SimulatorServer
) -> Iterator[PenstockServer]:
    """A Penstock of two workers. A test that kills one of its processes waits until it is whole again."""
    folder = tmp_path_factory.mktemp("crew")
    with PenstockServer(folder, config=configured(folder, penstock_simulator_process), workers=2) as server:
        yield server


@pytest.fixture
def admin(crew: PenstockServer) -> Control:
    return Control(crew.console_url, crew.admin_key)


class Streaming:
    """A streamed call, read by a thread of its own from the first content on."""

    def __init__(self, url: str, key: str, model: str, *, path: str = "/v1/chat/completions") -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        body = {"model": model, "max_tokens": 200, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self.connection.request("POST", path, json.dumps(body), headers)
        self.port: int = self.connection.sock.getsockname()[1]
        answer = self.connection.getresponse()
        self.trace_id = answer.headers["x-penstock-trace-id"]
        self.content = answer.readline()
        self.whole = False
        self._answer = answer
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            self.content += self._answer.read()
            self.whole = True
        except (OSError, http.client.HTTPException):
            pass
        finally:
            self.connection.close()

    def join(self) -> bytes:
        self._thread.join(30)
        return self.content


def workers_by_port(server: PenstockServer) -> dict[int, int]:
    """For each connection to the gateway, by its caller's port: the worker that holds it."""
    found = {}
    for worker in children(server.pid, "gateway_worker"):
        for connection in worker.net_connections("tcp"):
            if connection.raddr:
                found[connection.raddr.port] = worker.pid
    return found


def spans_of(home: Path) -> dict[str, list[tuple[str, str | None]]]:
    """Status and error of each stored call, by trace; the console must have stopped."""
    with duckdb.connect(str(home / "spans.duckdb"), read_only=True) as store:
        rows = store.execute("SELECT trace_id, status, error_type FROM spans WHERE call").fetchall()
    found: dict[str, list[tuple[str, str | None]]] = {}
    for trace_id, status, error in rows:
        found.setdefault(trace_id.hex, []).append((status, error))
    return found


def test_a_stop_drains_what_ends_in_time_and_tells_the_rest(
    tmp_path: Path, penstock_simulator_process: SimulatorServer
) -> None:
    """FAILURES G8, G14."""
    server = PenstockServer(tmp_path, config=configured(tmp_path, penstock_simulator_process))
    server.start()
    url, key = server.gateway_url, server.admin_key
    pausing = Streaming(url, key, "pausing/gpt-4o-mini")
    hanging = Streaming(url, key, "hanging/gpt-4o-mini")
    messages = Streaming(url, key, "hanging/gpt-4o-mini", path="/v1/messages")
    with ThreadPoolExecutor() as threads:
        late: Future[httpx.Response] = threads.submit(chat, url, key, "late/gpt-4o-mini")
        before = penstock_simulator_process.stats()["total"]["started"]
        stats = penstock_simulator_process.wait(started=before)
        assert eventually(lambda: penstock_simulator_process.stats()["total"]["active"] >= 4 or late.done()), stats
        stopping = threads.submit(server.stop)
        assert eventually(lambda: refuses(url)), "no new call is taken"
        assert stopping.result(40) == 0
        assert late.result().status_code == 200
    assert pausing.join().endswith(b"data: [DONE]\n\n")
    for cut in (hanging, messages):
        cut.join()
        assert cut.whole, "the stream is closed in order, after an event that says why"
    last = hanging.content.strip().split(b"\n\n")[-1]
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "gateway_stopping"
    assert b"[DONE]" not in hanging.content
    assert b"event: error" in messages.content
    assert b"message_stop" not in messages.content

    assert list((server.home / "journal").glob("*.open")) == []
    assert list((server.home / "journal").glob("reserve-*")) == []
    stored = spans_of(server.home)
    assert stored[pausing.trace_id] == [("ok", None)]
    assert stored[late.result().headers["x-penstock-trace-id"]] == [("ok", None)]
    assert stored[hanging.trace_id] == [("interrupted", "gateway_stopping")]
    assert stored[messages.trace_id] == [("interrupted", "gateway_stopping")]


def refuses(url: str) -> bool:
    try:
        httpx.get(f"{url}/healthz", trust_env=False)
    except httpx.HTTPError:
        return True
    return False


def test_a_killed_supervisor_takes_its_children_along_and_nothing_is_lost(
    tmp_path: Path, penstock_simulator_process: SimulatorServer
) -> None:
    """FAILURES G8."""
    server = PenstockServer(tmp_path, config=configured(tmp_path, penstock_simulator_process), workers=2)
    try:
        server.start()
        processes = psutil.Process(server.pid).children(recursive=True)
        assert len(processes) == 3
        answered = [chat(server.gateway_url, server.admin_key, "sim/gpt-4o-mini") for _ in range(10)]
        hanging = Streaming(server.gateway_url, server.admin_key, "hanging/gpt-4o-mini")
        server.kill()
        _gone, alive = psutil.wait_procs(processes, timeout=20)
        assert alive == []
        hanging.join()
        assert hanging.whole, "a worker that loses its supervisor stops as if told to"
        assert b"gateway_stopping" in hanging.content
        server.start()
        control = Control(server.console_url, server.admin_key)
        for answer in answered:
            (span,) = control.trace(answer.headers["x-penstock-trace-id"])["spans"]
            assert span["status"] == "ok"
        (span,) = control.trace(hanging.trace_id)["spans"]
        assert span["status"] == "interrupted"
        assert server.stop() == 0
    finally:
        server.kill()


@contextlib.contextmanager
def only(worker: psutil.Process, crew: PenstockServer) -> Iterator[None]:
    """Have new connections go to this worker: the others hold still."""
    others = [other for other in children(crew.pid, "gateway_worker") if other.pid != worker.pid]
    for other in others:
        other.suspend()
    try:
        yield
    finally:
        for other in others:
            other.resume()


def test_both_workers_serve_on_one_port(crew: PenstockServer) -> None:
    workers = children(crew.pid, "gateway_worker")
    assert len(workers) == 2
    for worker in workers:
        with only(worker, crew):
            stream = Streaming(crew.gateway_url, crew.admin_key, "pausing/gpt-4o-mini")
        assert workers_by_port(crew)[stream.port] == worker.pid
        assert stream.join().endswith(b"data: [DONE]\n\n")


def test_a_revoked_key_stops_within_2_seconds_on_every_worker(crew: PenstockServer, admin: Control) -> None:
    """FAILURES G22."""
    made = admin.new_key("everywhere")
    parts = urlsplit(crew.gateway_url)
    workers = children(crew.pid, "gateway_worker")
    connections = [http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20) for _ in workers]
    for worker, connection in zip(workers, connections, strict=True):
        with only(worker, crew):
            connection.request("GET", "/healthz")
            connection.getresponse().read()

    def statuses() -> set[int]:
        found = set()
        for connection in connections:
            connection.request("GET", "/v1/models", headers={"authorization": f"Bearer {made['secret']}"})
            answer = connection.getresponse()
            answer.read()
            found.add(answer.status)
        return found

    try:
        assert eventually(lambda: statuses() == {200})
        holders = workers_by_port(crew)
        assert len({holders[connection.sock.getsockname()[1]] for connection in connections}) == 2
        admin.ask("DELETE", f"/keys/{made['id']}")
        assert eventually(lambda: statuses() == {401})
    finally:
        for connection in connections:
            connection.close()


def test_a_killed_worker_is_replaced_and_its_calls_in_flight_are_recorded(crew: PenstockServer, admin: Control) -> None:
    """FAILURES G6, G8."""
    hanging = Streaming(crew.gateway_url, crew.admin_key, "hanging/gpt-4o-mini")
    victim = psutil.Process(workers_by_port(crew)[hanging.port])
    victim.kill()
    hanging.join()
    assert not hanging.whole
    for _ in range(10):
        assert chat(crew.gateway_url, crew.admin_key, "sim/gpt-4o-mini").status_code == 200

    def whole() -> bool:
        pids = {worker.pid for worker in children(crew.pid, "gateway_worker")}
        return len(pids) == 2 and victim.pid not in pids

    assert eventually(whole, seconds=RESTART_SECONDS)
    (span,) = admin.trace(hanging.trace_id, seconds=10)["spans"]
    assert (span["status"], span["error_type"], span["cost"]) == ("interrupted", "gateway_crashed", None)
    leftovers = {path.name.removeprefix("reserve-") for path in (crew.home / "journal").glob("reserve-*")}
    assert eventually(lambda: len(list((crew.home / "journal").glob("reserve-*"))) <= 2, seconds=10), leftovers


def test_the_gateway_serves_and_records_while_the_console_is_killed(crew: PenstockServer, admin: Control) -> None:
    """FAILURES G7."""
    (console,) = children(crew.pid, "console_process")
    console.kill()
    console.wait(10)
    answers = [chat(crew.gateway_url, crew.admin_key, "sim/gpt-4o-mini") for _ in range(20)]
    assert Counter(answer.status_code for answer in answers) == {200: 20}

    def back() -> Any:
        try:
            return admin.ask("GET", "/system")
        except OSError:
            return None

    assert eventually(back, seconds=RESTART_SECONDS)
    for answer in answers:
        assert len(admin.trace(answer.headers["x-penstock-trace-id"])["spans"]) == 1


def test_a_corrupt_snapshot_is_not_served_and_the_next_console_publishes_anew(
    crew: PenstockServer, admin: Control
) -> None:
    version = admin.ask("GET", "/config")["snapshot_version"]
    snapshot = crew.home / "snapshot.json"
    content = snapshot.read_bytes()
    said = crew.log.read_text().count("was refused")
    snapshot.write_bytes(content[: len(content) // 2])
    assert eventually(lambda: crew.log.read_text().count("was refused") == said + 2), "each worker sees it"
    for _ in range(10):
        assert chat(crew.gateway_url, crew.admin_key, "sim/gpt-4o-mini").status_code == 200
    (console,) = children(crew.pid, "console_process")
    console.kill()
    served = rf"serving snapshot version {version + 1}"
    assert eventually(lambda: crew.log.read_text().count(served) == 2, seconds=RESTART_SECONDS)
    assert json.loads(snapshot.read_bytes())["snapshot"]["version"] == version + 1
    assert chat(crew.gateway_url, crew.admin_key, "sim/gpt-4o-mini").status_code == 200


def test_the_planes_run_apart_on_one_home_in_any_order(
    tmp_path: Path, penstock_simulator_process: SimulatorServer
) -> None:
    """FAILURES G7."""
    home = tmp_path / "home"
    config = configured(tmp_path, penstock_simulator_process)
    gateway = Plane("gateway", tmp_path / "gateway", home=home)
    console = Plane("console", tmp_path / "console", home=home, options=("--config", str(config)))
    try:
        gateway.start()
        assert gateway.ready["console_url"] is None
        too_early = chat(gateway.url, "psk_none_yet", "sim/gpt-4o-mini")
        assert (too_early.status_code, too_early.json()["error"]["code"]) == (503, "not_ready")
        assert httpx.get(f"{gateway.url}/readyz", trust_env=False).status_code == 503
        assert httpx.get(f"{gateway.url}/healthz", trust_env=False).status_code == 200

        console.start()
        key = str(console.ready["admin_key"])
        both = eventually(lambda: (answer := chat(gateway.url, key, "sim/gpt-4o-mini")).is_success and answer)
        assert both
        assert console.stop() == 0
        alone = chat(gateway.url, key, "sim/gpt-4o-mini")
        assert gateway.stop() == 0

        gateway.start()
        restarted = chat(gateway.url, key, "sim/gpt-4o-mini")
        assert (alone.status_code, restarted.status_code) == (200, 200)
        waiting = eventually(lambda: len(list((home / "journal").glob("*.ndjson"))) >= 2)
        assert waiting, "sealed segments wait for a console"

        console.start()
        control = Control(console.url, key)
        for answer in (both, alone, restarted):
            assert len(control.trace(answer.headers["x-penstock-trace-id"])["spans"]) == 1
        assert control.ask("GET", "/system")["journal"]["waiting_segments"] == 0
        assert console.stop() == 0
        assert gateway.stop() == 0
    finally:
        gateway.kill()
        console.kill()


@pytest.fixture
def small_journal(tmp_path: Path) -> Iterator[Path]:
    """A home whose journal lies on a small file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "home" / "journal"
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> Path:
    """Leave no room on the file system of `folder`."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (65536, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue
    return filler


def test_a_full_or_read_only_disk_does_what_the_policy_says_and_recovers(
    tmp_path: Path, small_journal: Path, penstock_simulator_process: SimulatorServer
) -> None:
    """FAILURES G8."""
    config = configured(tmp_path, penstock_simulator_process)
    with PenstockServer(tmp_path, config=config) as server:
        control = Control(server.console_url, server.admin_key)
        recorded: list[str] = []

        def call() -> httpx.Response:
            answer = chat(server.gateway_url, server.admin_key, "sim/gpt-4o-mini")
            if answer.is_success:
                recorded.append(answer.headers["x-penstock-trace-id"])
            return answer

        def refused() -> httpx.Response | None:
            answer = call()
            return answer if answer.status_code == 503 else None

        assert call().status_code == 200
        filler = fill(small_journal)
        # The console may give back a little room meanwhile, which serves another call or two.
        answer = eventually(refused, seconds=5)
        assert answer is not None, "block: what cannot be recorded is not served"
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "journal_full")
        assert int(answer.headers["retry-after"]) > 0
        assert httpx.get(f"{server.gateway_url}/healthz", trust_env=False).status_code == 200
        filler.unlink()
        assert eventually(lambda: call().is_success, seconds=5), "room again, calls again"

        assert eventually(lambda: not list(small_journal.glob("*.open")))
        subprocess.run(["mount", "-o", "remount,ro", small_journal], check=True)
        assert eventually(refused, seconds=5)
        subprocess.run(["mount", "-o", "remount,rw", small_journal], check=True)
        assert eventually(lambda: call().is_success, seconds=5)

        for trace_id in recorded:
            assert len(control.trace(trace_id)["spans"]) == 1

        config.write_text(CONFIG.format(url=penstock_simulator_process.url, on_full="shed"))
        version = control.ask("GET", "/config")["snapshot_version"]
        assert eventually(lambda: f"serving snapshot version {version + 1}" in server.log.read_text(), seconds=5)

        def shed() -> bool:
            # The first takes the room that is held in reserve, which is filled too, then.
            fill(small_journal)
            answer = chat(server.gateway_url, server.admin_key, "sim/gpt-4o-mini")
            assert answer.status_code == 200, "shed: served, unrecorded, and counted"
            return "1 spans dropped" in server.log.read_text()

        assert eventually(shed, seconds=5)
        filler.unlink()

        def kept() -> bool:
            trace_id = call().headers["x-penstock-trace-id"]
            return bool(eventually(lambda: control.status("GET", f"/traces/{trace_id}")[0] == 200))

        assert eventually(kept, seconds=10)


def test_a_signal_in_the_middle_of_the_start_ends_it_in_order(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [sys.executable, "-m", "penstock.cli", "up", "--home", str(home), "--gateway-port", "0"]
    with (tmp_path / "output.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--console-port", "0"], stdout=log, stderr=log, env=scrubbed_environment()
        )
    try:
        started = eventually(lambda: children(process.pid, "console_process"), seconds=20)
        assert started
        process.send_signal(signal.SIGINT)
        assert process.wait(40) == 0
        assert psutil.wait_procs(started, timeout=10)[1] == []
        assert not (home / "run" / "gateway.url").exists()
    finally:
        process.kill()
        process.wait()
