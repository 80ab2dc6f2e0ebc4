"""Large requests are mapped in a process of its own, which may come late, leave and die."""

import asyncio
import gzip
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from otlp_harness import Log, as_json, price, request, span, stream
from penstock.core.clock import ManualClock
from penstock.core.errors import InvalidInput, TooLarge, Unavailable
from penstock.tracing.otlp.body import JSON, PROTOBUF, UnsupportedMedia
from penstock.tracing.otlp.intake import IntakeLimits, OtlpIntake
from penstock.tracing.otlp.worker import client as module
from penstock.tracing.otlp.worker.client import MappingWorker

PROCESS = """
import os, signal, socket, sys
from penstock.tracing.otlp.worker.serve import serve_requests

def price(provider, model, usage, at):
    if provider == "crash":
        os._exit(3)
    return (usage.total * 10, "list 1") if provider in {"openai", "anthropic"} else (None, None)

serve_requests(
    [socket.socket(fileno=int(number)) for number in sys.argv[-1].split(",")],
    pricing=price,
    hide=lambda user: f"hash of {user}",
    before=lambda: None,
    idle=float(sys.argv[1]),
)
"""
CALL = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.usage.input_tokens": 3}
CALL |= {"gen_ai.request.model": "m"}
LARGE_TEXT = {"text": "x" * 70_000}
LARGE = request(span(CALL | {"user.id": "robin"}), span(LARGE_TEXT), span(start=0)).SerializeToString()
SMALL = request(span()).SerializeToString()
CRASH = request(span(CALL | {"gen_ai.provider.name": "crash"}), span(LARGE_TEXT)).SerializeToString()


@pytest.fixture
def worker(clock: ManualClock) -> Iterator[MappingWorker]:
    made = MappingWorker(["-c", PROCESS, "600"], clock=clock)
    yield made
    made.close()


def intake_with(worker: MappingWorker | None, log: Log, folder: Path, clock: ManualClock) -> OtlpIntake:
    return OtlpIntake(
        log,
        folder,
        clock=clock,
        pricing=price,
        hide=lambda user: f"hash of {user}",
        limits=IntakeLimits(unpacked=1_000_000),
        worker=worker,
    )


@pytest.fixture
def intake(worker: MappingWorker, log: Log, tmp_path: Path, clock: ManualClock) -> Iterator[OtlpIntake]:
    made = intake_with(worker, log, tmp_path, clock)
    yield made
    made.close()


async def send(intake: OtlpIntake, body: bytes, media: str = PROTOBUF, packing: str | None = None):
    half = len(body) // 2
    chunks = stream(body[:half], body[half:])
    outcome, _ = await intake.receive(chunks, project="p1", content_type=media, content_encoding=packing)
    return outcome


def make_ready(worker: MappingWorker) -> int:
    """Wait for the process's first word; returns its id."""
    if not worker.wanted():
        assert worker._running is not None
        assert select.select([worker._running._first], [], [], 60)[0]
        assert worker.wanted()
    assert worker.pid is not None
    return worker.pid


def wait_for_end(pid: int) -> None:
    """Of a process that need not be a child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], 60)[0]
    finally:
        os.close(descriptor)


async def test_small_requests_start_no_process(intake, worker):
    await send(intake, SMALL)
    assert worker.starts == 0


async def test_a_large_request_does_not_wait_for_the_process_that_it_starts(intake, worker, log):
    assert (await send(intake, LARGE)).accepted == 2
    assert worker.starts == 1
    assert len(log.spans) == 2


async def test_both_places_write_the_same_lines_and_reject_the_same_spans(
    intake, worker, log, tmp_path, clock, monkeypatch
):
    """FAILURES O4"""
    here = Log()
    alone = intake_with(None, here, tmp_path, clock)
    make_ready(worker)
    monkeypatch.setattr(intake, "_map_here", None)
    for body, media, packing in ((LARGE, PROTOBUF, None), (gzip.compress(LARGE, 0), PROTOBUF, "gzip")):
        outcome = await send(intake, body, media, packing)
        assert outcome == await send(alone, body, media, packing)
    made = request(span(CALL | {"user.id": "robin"}), span(LARGE_TEXT), span(start=0))
    assert await send(intake, as_json(made), JSON) == await send(alone, as_json(made), JSON)
    assert outcome.rejected["there is no start time"] >= 1
    assert log.lines == here.lines
    assert (log.spans[0].user, log.spans[0].cost) == ("hash of robin", 30)
    assert intake.state.in_flight == 0
    alone.close()


async def test_a_request_that_is_refused_leaves_the_process_to_the_next(intake, worker):
    pid = make_ready(worker)
    with pytest.raises(InvalidInput) as caught:
        await send(intake, b"\xff" * 70_000)
    assert (caught.value.code, caught.value.status) == ("malformed_otlp", 400)
    with pytest.raises(TooLarge):
        await send(intake, gzip.compress(os.urandom(20_000) + b"x" * 2_000_000), packing="gzip")
    with pytest.raises(UnsupportedMedia):
        await send(intake, LARGE, packing="br")
    for _ in range(3):
        assert (await send(intake, LARGE)).accepted == 2
    assert (worker.pid, worker.starts, intake.state.in_flight) == (pid, 1, 0)


async def test_requests_at_a_time_are_kept_apart(intake, worker, log):
    make_ready(worker)
    bodies = [request(*[span({"text": "x" * 1000})] * (70 + n)).SerializeToString() for n in range(8)]
    async with asyncio.TaskGroup() as tasks:
        sending = [tasks.create_task(send(intake, body)) for body in bodies]
    assert [each.result().accepted for each in sending] == [70 + n for n in range(8)]
    assert len(log.spans) == sum(range(70, 78))


async def test_a_request_that_kills_the_process_is_sent_away_and_not_tried_here(intake, worker, log, clock, caplog):
    """FAILURES O4: nothing of it is accepted. A request that kills its mapper must not kill the console."""
    make_ready(worker)
    with pytest.raises(Unavailable) as caught:
        await send(intake, CRASH)
    assert (caught.value.code, caught.value.retry_after, log.lines) == ("mapping_interrupted", 1, [])
    assert "exit code 3" in caplog.text
    assert intake.state.in_flight == 0
    # Another is not started at once, and requests do not wait for it.
    assert (await send(intake, LARGE)).accepted == 2
    assert (worker.pid, worker.starts) == (None, 1)
    clock.advance(module.START_SECONDS)
    assert (await send(intake, LARGE)).accepted == 2
    make_ready(worker)
    assert (await send(intake, LARGE)).accepted == 2
    assert worker.starts == 2


async def test_a_killed_process_is_replaced(intake, worker, clock):
    pid = make_ready(worker)
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)
    with pytest.raises(Unavailable):
        await send(intake, LARGE)
    clock.advance(module.START_SECONDS)
    assert make_ready(worker) != pid
    assert (await send(intake, LARGE)).accepted == 2


async def test_a_process_that_hangs_is_killed(intake, worker, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", module.struct.pack("ll", 0, 50_000))
    monkeypatch.setattr(module, "STOP_SECONDS", 0.05)
    pid = make_ready(worker)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(Unavailable):
        await send(intake, LARGE)
    wait_for_end(pid)


async def test_a_process_that_left_for_want_of_work_costs_no_request(log, tmp_path, clock):
    worker = MappingWorker(["-c", PROCESS, "0.01"], clock=clock)
    intake = intake_with(worker, log, tmp_path, clock)
    wait_for_end(make_ready(worker))
    assert (await send(intake, LARGE)).accepted == 2
    assert worker.pid is None
    intake.close()


@pytest.mark.parametrize("command", [["-c", "raise SystemExit(1)"], ["-c", "import penstock.nothing"]])
async def test_without_a_process_large_requests_are_mapped_here(log, tmp_path, clock, command, caplog):
    worker = MappingWorker(command, clock=clock)
    intake = intake_with(worker, log, tmp_path, clock)
    assert (await send(intake, LARGE)).accepted == 2
    wait_for_end(worker._running.pid)
    for _ in range(2):
        assert (await send(intake, LARGE)).accepted == 2
    assert worker.starts == 1
    assert "died before it was ready" in caplog.text
    clock.advance(module.START_SECONDS)
    assert (await send(intake, LARGE)).accepted == 2
    assert worker.starts == 2
    intake.close()


async def test_an_interpreter_that_cannot_be_run_is_told_of(intake, worker, monkeypatch, caplog):
    monkeypatch.setattr(worker, "_command", ["/nowhere/python"])
    assert (await send(intake, LARGE)).accepted == 2
    assert (worker.starts, worker.pid) == (0, None)
    assert "cannot be started" in caplog.text


async def test_the_process_ends_with_the_intake(intake, worker):
    pid = make_ready(worker)
    assert (await send(intake, LARGE)).accepted == 2
    intake.close()
    wait_for_end(pid)
    assert worker.pid is None


def test_the_process_ends_with_a_console_that_is_killed(tmp_path):
    program = tmp_path / "console.py"
    program.write_text(f"""
import os, select, signal
from penstock.core.clock import ManualClock
from penstock.tracing.otlp.worker.client import MappingWorker
worker = MappingWorker(["-c", {PROCESS!r}, "600"], clock=ManualClock())
worker.wanted()
select.select([worker._running._first], [], [], 60)
print(worker._running.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
""")
    done = subprocess.run([sys.executable, str(program)], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    wait_for_end(int(done.stdout))
