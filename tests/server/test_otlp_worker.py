"""The process that maps large requests, over a real installation."""

import select
import socket
import threading

import pytest

from otlp_harness import request, span
from penstock.core.errors import CorruptData
from penstock.core.home import Home
from penstock.server import otlp_worker as module
from penstock.server.otlp_worker import Published
from penstock.server.user_hash import user_hash
from penstock.tracing.otlp.body import PROTOBUF
from penstock.tracing.otlp.request import Arrived
from penstock.tracing.otlp.worker.frames import READY, receive_answer, send_request
from penstock.wire.snapshot import PriceEntry, Snapshot, encode_snapshot
from penstock.wire.span import decode_span

CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 1_000_000,
    "user.id": "robin",
    "text": "x" * 70_000,
}


def snapshot(version: int, rate: int) -> Snapshot:
    entry = PriceEntry(provider="openai", model="*", input=rate, output=0)
    return Snapshot(version=version, created=0, prices=(entry,), user_salt="0a" * 16)


@pytest.fixture
def home(tmp_path) -> Home:
    made = Home(tmp_path / "home")
    made.create()
    made.snapshot.write_bytes(encode_snapshot(snapshot(1, 5)))
    return made


def test_prices_and_hashes_are_those_that_are_published_when_a_request_comes(home, monkeypatch):
    monkeypatch.setattr(module.signal, "signal", lambda *_: None)
    ours, theirs = socket.socketpair()
    number = theirs.detach()
    process = threading.Thread(target=module.main, args=(["--home", str(home.path), "--lanes", str(number)],))
    process.start()
    assert ours.recv(1) == READY
    arrived = Arrived(project="p1", encoding=PROTOBUF, content_encoding=None, at=1_800_000_000_000_000, limit=10**6)
    body = request(span(CALL)).SerializeToString()
    costs: list[int | None] = []
    for version, rate in ((1, 5), (2, 7)):
        home.snapshot.unlink()
        home.snapshot.write_bytes(encode_snapshot(snapshot(version, rate)))
        send_request(ours, arrived, [body])
        answer = receive_answer(ours)
        assert answer is not None
        record = decode_span(answer.lines.replace(b'"record":"span",', b""))
        assert record.user == user_hash(snapshot(1, 5), "robin")
        costs.append(record.cost)
    assert costs == [5, 7]
    ours.close()
    process.join()


def test_a_snapshot_that_cannot_be_read_leaves_the_one_before(home, caplog):
    published = Published(home.snapshot)
    home.snapshot.write_bytes(b"{")
    published.refresh()
    assert published.snapshot.version == 1
    home.snapshot.unlink()
    published.refresh()
    assert published.snapshot.version == 1
    assert "prices stay as they were" in caplog.text


def test_without_a_snapshot_there_is_nothing_to_map_by(home):
    home.snapshot.write_bytes(b"{")
    with pytest.raises(CorruptData):
        Published(home.snapshot)


async def test_a_console_takes_large_requests_by_way_of_the_process(console):
    """FAILURES O4"""
    headers = {"content-type": PROTOBUF}
    key = console.key("traces:write").secret
    worker = console.services.otlp._worker
    body = request(span(CALL, start=console.clock.now() * 1000)).SerializeToString()

    async def send() -> None:
        answer = await console.ask("POST", "/otlp/v1/traces", key=key, content=body, headers=headers)
        assert answer.status_code == 200

    assert worker.starts == 0
    await send()
    assert select.select([worker._running._first], [], [], 60)[0]
    await send()
    assert worker.pid is not None
    (segment,) = console.home.intake.glob("*.open")
    first, second = segment.read_bytes().splitlines()
    assert first == second
    console.services.otlp.close()
    assert worker.pid is None
