"""Ready-made lines, and waiting until they are on the disk."""

import asyncio
import errno
import os
import threading

import pytest

from penstock.core.clock import ManualClock
from penstock.core.errors import Unavailable
from penstock.core.ids import SequentialIds
from penstock.store.journal.writer import JournalWriter
from penstock.wire.snapshot import JournalSettings


@pytest.fixture
def writer(tmp_path):
    writer = JournalWriter(tmp_path, JournalSettings(), clock=ManualClock(), ids=SequentialIds())
    yield writer
    writer.close()


def content(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.glob("*-*-*")))


def test_lines_are_in_the_file_when_they_were_appended(writer, tmp_path):
    writer.append(b'{"record":"score"}\n', 1)

    assert content(tmp_path) == b'{"record":"score"}\n'
    assert writer.recorded == 1


async def test_an_answer_waits_for_the_disk(writer, tmp_path, monkeypatch):
    """FAILURES O4."""
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.fstat(fd).st_size), fsync(fd)))

    await writer.append_durably(b"12345\n", 1)

    assert synced == [6]


async def test_those_who_wait_at_the_same_time_share_one_fsync(writer, monkeypatch):
    synced = []
    all_wrote = threading.Event()

    def slow(fd):
        all_wrote.wait(10)
        synced.append(os.fstat(fd).st_size)

    async def last():
        all_wrote.set()

    monkeypatch.setattr(os, "fsync", slow)
    await asyncio.gather(*[writer.append_durably(b"1234567890\n", 1) for _ in range(50)], last())

    assert len(synced) <= 2
    assert synced[-1] == 550
    assert writer.recorded == 50


async def test_lines_of_a_segment_that_is_sealed_meanwhile_are_waited_for(writer, tmp_path):
    first = asyncio.ensure_future(writer.append_durably(b"one\n", 1))
    await asyncio.sleep(0)
    writer.seal()

    await writer.append_durably(b"two\n", 1)
    await first

    assert content(tmp_path) == b"one\ntwo\n"
    assert len(list(tmp_path.glob("*.ndjson"))) == 1


async def test_a_disk_that_fails_is_told_and_the_next_batch_is_taken(writer, monkeypatch):
    fsync = os.fsync

    def broken(fd):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(Unavailable) as caught:
        await writer.append_durably(b"one\n", 1)
    monkeypatch.setattr(os, "fsync", fsync)
    await writer.append_durably(b"two\n", 1)

    assert caught.value.code == "journal_not_durable"


async def test_a_full_disk_takes_none_of_the_lines_and_says_so(writer, tmp_path, monkeypatch):
    writer.append(b"before\n", 1)
    write = os.write

    def full(fd, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(Unavailable) as caught:
        await writer.append_durably(b"lost\n", 1)
    monkeypatch.setattr(os, "write", write)

    assert caught.value.code == "journal_full"
    assert content(tmp_path) == b"before\n"
    with pytest.raises(Unavailable):
        writer.append(b"refused while full\n", 1)
