"""How the supervisor keeps and stops what it started; whole starts and stops are in tests/e2e/test_operations.py."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.core.errors import Conflict, Unavailable
from penstock.core.home import Home
from penstock.server.child import STOP_SECONDS, Child
from penstock.server.options import UpOptions
from penstock.server.places import ConsoleLock
from penstock.server.supervisor import Supervisor, _patience
from penstock.wire.snapshot import GatewaySettings, Snapshot, encode_snapshot

SERVES = "import os, sys, signal; os.write(int(sys.argv[2]), b'{}\\n'); signal.pause()"
IGNORES = (
    "import os, sys, signal; signal.signal(15, signal.SIG_IGN); os.write(int(sys.argv[2]), b'{}\\n'); signal.pause()"
)
DIES = "raise SystemExit(3)"


@pytest.fixture
def lifeline() -> Iterator[int]:
    read, write = os.pipe()
    yield read
    os.close(read)
    os.close(write)


def child(code: str, lifeline: int) -> Child:
    return Child("thing", ["-c", code], listener=None, lifeline=lifeline)


@pytest.mark.parametrize("drain", [1.0, 300.0])
def test_a_child_may_take_longer_to_stop_than_its_drain(tmp_path: Path, drain: float) -> None:
    home = Home(tmp_path)
    home.snapshot.write_bytes(encode_snapshot(Snapshot(version=1, created=1, gateway=GatewaySettings(drain=drain))))
    assert _patience(home) == drain + STOP_SECONDS


@pytest.mark.parametrize("content", [None, b"{"])
def test_without_a_readable_snapshot_a_child_still_gets_its_time(tmp_path: Path, content: bytes | None) -> None:
    home = Home(tmp_path)
    if content is not None:
        home.snapshot.write_bytes(content)
    assert _patience(home) == STOP_SECONDS


async def test_a_child_that_ends_before_it_serves_is_an_error_with_its_exit_code(lifeline: int) -> None:
    with pytest.raises(Unavailable, match="exit code 3"):
        await child(DIES, lifeline).start()


async def test_a_child_that_will_not_stop_is_killed(lifeline: int) -> None:
    stubborn = child(IGNORES, lifeline)
    await stubborn.start()
    await asyncio.wait_for(stubborn.stop(0.2), 10)
    assert stubborn._process is not None
    assert stubborn._process.returncode == -9


async def test_a_dead_child_is_started_again_until_it_is_stopped(lifeline: int) -> None:
    kept = child(SERVES, lifeline)
    await kept.start()
    first = kept.pid
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(kept.keep())
        assert first is not None
        os.kill(first, 9)
        while kept.pid == first:
            await asyncio.sleep(0.01)
        await kept.stop()
        await keeping
    assert kept.restarts == 1


async def test_a_stop_does_not_wait_out_the_pause_before_a_restart(
    lifeline: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("penstock.server.child.FIRST_BACKOFF", 100.0)
    monkeypatch.setattr("penstock.server.child.LAST_BACKOFF", 100.0)
    kept = child(SERVES, lifeline)
    await kept.start()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(kept.keep())
        assert kept.pid is not None
        os.kill(kept.pid, 9)
        while "restarting it" not in caplog.text:
            await asyncio.sleep(0.01)
        await kept.stop()
        await keeping
    assert kept.restarts == 0


async def test_a_stop_while_a_child_is_being_restarted_stops_the_new_one(lifeline: int) -> None:
    kept = child(SERVES, lifeline)
    await kept.start()
    real, restarted = kept.start, asyncio.Event()

    async def slow() -> None:
        # The stop comes when the old process is dead and the new one is not there yet.
        await kept.stop()
        await real()
        restarted.set()

    kept.start = slow  # type: ignore[method-assign]
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(kept.keep())
        assert kept.pid is not None
        os.kill(kept.pid, 9)
        await keeping
    assert restarted.is_set()
    assert kept._process is not None
    assert kept._process.returncode is not None


@pytest.mark.parametrize(("replace", "hint"), [(False, "--replace"), (True, "stop it first")])
async def test_a_home_whose_console_cannot_hand_over_is_left_alone(tmp_path: Path, replace: bool, hint: str) -> None:
    home = Home(tmp_path)
    home.create()
    options = UpOptions(home=tmp_path, gateway_port=0, console_port=0, replace=replace)
    with ConsoleLock(home) as held:
        held.acquire()
        with pytest.raises(Conflict, match="Another Penstock console runs") as caught:
            await Supervisor(options, gateway=True, console=True).run()
    assert hint in str(caught.value)
    assert list(home.run.iterdir()) == [home.run / "console.lock"]
