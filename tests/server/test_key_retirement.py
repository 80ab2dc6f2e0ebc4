"""When an earlier master key may go."""

import asyncio
import contextlib

import msgspec
import pytest

from penstock.core.clock import ManualClock
from penstock.core.errors import Unavailable
from penstock.server.key_retirement import ALIVE_SECONDS, KeyRetirement
from penstock.wire.snapshot import Snapshot
from penstock.wire.status import WorkerReport

SEALED = {"openai": "1.a.b.c"}


class Registry:
    snapshot = Snapshot(version=7, created=1, sealed_secrets=SEALED)


class Keys:
    def __init__(self):
        self.asked = []

    def retire(self, published):
        self.asked.append(published)
        return ["old"]


@pytest.fixture
def retirement(tmp_path):
    clock, keys = ManualClock(), Keys()

    def report(worker, *, snapshot, age=0):
        at = clock.now() - age * 1_000_000
        record = WorkerReport(worker=worker, pid=1, program="1", started=1, at=at, snapshot=snapshot)
        (tmp_path / f"{worker}.json").write_bytes(msgspec.json.encode(record))

    return KeyRetirement(tmp_path, Registry(), keys, clock=clock), keys, report


def test_keys_stay_while_no_worker_reports(retirement):
    step, keys, _ = retirement
    assert step.step() == []
    assert keys.asked == []


def test_keys_stay_until_the_last_worker_serves_what_is_published(retirement):
    step, keys, report = retirement
    report("one", snapshot=7)
    report("two", snapshot=6)
    assert step.step() == []
    report("two", snapshot=7)
    assert step.step() == ["old"]
    assert keys.asked == [SEALED]


def test_a_worker_that_is_gone_is_not_waited_for(retirement, tmp_path):
    step, _, report = retirement
    report("one", snapshot=7)
    report("gone", snapshot=3, age=ALIVE_SECONDS + 1)
    (tmp_path / "broken.json").write_text("{")
    assert step.step() == ["old"]


async def test_a_master_key_that_cannot_be_used_now_is_looked_at_again(retirement, monkeypatch, caplog):
    step, keys, report = retirement
    report("one", snapshot=7)
    monkeypatch.setattr("penstock.server.key_retirement.INTERVAL_SECONDS", 0)
    again = asyncio.Event()
    loop = asyncio.get_running_loop()

    def retire(published):
        keys.asked.append(published)
        if len(keys.asked) == 1:
            raise Unavailable("The master key cannot be read.")
        loop.call_soon_threadsafe(again.set)
        return []

    monkeypatch.setattr(keys, "retire", retire)
    running = asyncio.create_task(step.run())
    await asyncio.wait_for(again.wait(), 10)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert "earlier master keys are kept" in caplog.text
