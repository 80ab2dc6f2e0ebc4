import fcntl
import os

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.clock import ManualClock, SystemClock
from penstock.core.ids import SequentialIds
from penstock.store.journal.recovery import recover
from penstock.store.journal.writer import JournalWriter
from penstock.testing.journal import JournalFolder
from penstock.wire.snapshot import JournalSettings
from penstock.wire.span import decode_span


@pytest.fixture
def journal(tmp_path):
    return JournalFolder(tmp_path / "journal")


def spans(path):
    return [decode_span(line) for line in path.read_bytes().splitlines()]


def orphan(journal, *lines, path=None):
    path = path or journal.path(".open")
    path.write_bytes(b"".join(lines))
    return path


def recovered(journal):
    return recover(journal.folder, clock=SystemClock())


def test_an_orphan_is_sealed_without_its_torn_last_line(journal):
    whole = journal.span()
    path = orphan(journal, journal.line(whole), journal.line()[:40])

    assert recovered(journal) == [path.with_suffix(".ndjson")]
    assert spans(path.with_suffix(".ndjson")) == [whole]
    assert not path.exists()


def test_a_call_in_flight_becomes_an_interrupted_span_whose_cost_is_unknown(journal):
    """FAILURES G6, G14."""
    running = journal.span(
        cost=0, status="interrupted", key="k", tags={"a": "b"}, input=msgspec.Raw(b'[{"role":"user"}]')
    )
    path = orphan(journal, journal.line(running, record="open"))
    os.utime(path, ns=(0, (running.started + 2500) * 1000))

    recovered(journal)

    (span,) = spans(path.with_suffix(".ndjson"))
    assert (span.status, span.error_type, span.cost, span.duration) == ("interrupted", "gateway_crashed", None, 2500)
    assert (span.span_id, span.key, span.tags, bytes(span.input)) == (
        running.span_id, "k", {"a": "b"}, b'[{"role":"user"}]',
    )  # fmt: skip
    assert "process ended" in span.error_message


def test_a_call_that_ended_is_not_interrupted_too(journal):
    ended = journal.span()
    path = orphan(journal, journal.line(ended, record="open"), journal.line(ended))

    recovered(journal)

    assert spans(path.with_suffix(".ndjson")) == [ended]


def test_calls_in_flight_are_taken_from_the_newest_segment_of_a_writer_only(journal):
    running, ended = journal.span(), journal.span()
    older = orphan(journal, journal.line(running, record="open"), journal.line(ended, record="open"))
    newest = orphan(journal, journal.line(running, record="open"), journal.line(ended))

    recovered(journal)

    assert not older.with_suffix(".ndjson").exists()
    found = spans(newest.with_suffix(".ndjson"))
    assert [(span.span_id, span.status) for span in found] == [(ended.span_id, "ok"), (running.span_id, "interrupted")]


def test_a_newer_segment_that_is_sealed_already_knows_the_calls_in_flight(journal):
    running = journal.span()
    older = orphan(journal, journal.line(running, record="open"), journal.line())
    journal.seal(journal.line(running))

    recovered(journal)

    assert [span.status for span in spans(older.with_suffix(".ndjson"))] == ["ok"]


def test_writers_are_told_apart(tmp_path):
    first = JournalFolder(tmp_path / "j")
    second = JournalFolder(tmp_path / "j", worker="f" * 16)
    paths = [orphan(folder, folder.line(record="open")) for folder in (first, second)]

    assert len(recovered(first)) == 2
    assert all(spans(path.with_suffix(".ndjson"))[0].status == "interrupted" for path in paths)


def test_a_living_writers_segment_is_left_alone(journal):
    writer = JournalWriter(journal.folder, JournalSettings(), clock=SystemClock(), ids=SequentialIds())
    writer.record([journal.span()])

    assert recovered(journal) == []
    assert len(list(journal.folder.glob("*.open"))) == 1
    writer.close()
    assert recovered(journal) == []
    assert len(list(journal.folder.glob("*.ndjson"))) == 1


def test_an_empty_orphan_leaves_nothing(journal):
    path = orphan(journal)

    assert recovered(journal) == []
    assert not path.exists()
    assert not list(journal.folder.glob("*.ndjson"))


def test_a_segment_sealed_before_the_orphan_was_removed_is_not_made_anew(journal):
    path = orphan(journal, journal.line())
    sealed = path.with_suffix(".ndjson")
    sealed.write_bytes(b"as it was\n")

    assert recovered(journal) == []
    assert sealed.read_bytes() == b"as it was\n"
    assert not path.exists()


def test_a_line_that_is_no_record_is_left_for_ingestion_to_set_aside(journal):
    good = journal.line()
    path = orphan(journal, b"nonsense\n", good, b'{"record":"open","span_id":1}\n')

    recovered(journal)

    assert path.with_suffix(".ndjson").read_bytes() == b"nonsense\n" + good + b'{"record":"open","span_id":1}\n'


def test_an_unfinished_segment_is_removed_when_its_writer_is_gone_and_it_is_not_fresh(journal):
    clock = ManualClock()
    old, fresh, held = journal.path(".new"), journal.path(".new"), journal.path(".new")
    aside = journal.folder / f".{journal.path().name}.x1y2"
    for path, age in ((old, 6), (fresh, 4), (held, 6), (aside, 6)):
        path.write_bytes(journal.line(record="open"))
        os.utime(path, ns=(0, (clock.now() - age * 1_000_000) * 1000))
    with held.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        recover(journal.folder, clock=clock)

    assert [path.exists() for path in (old, fresh, held, aside)] == [False, True, True, False]


def test_the_reserve_of_a_dead_writer_is_removed_and_that_of_a_living_one_stays(tmp_path):
    clock = ManualClock()
    folder = JournalFolder(tmp_path).folder
    living = JournalWriter(folder, JournalSettings(), clock=clock, ids=SequentialIds())
    living.start()
    dead = folder / "reserve-00000000deadbeef"
    dead.write_bytes(b"\0" * 4096)
    for path in folder.glob("reserve-*"):
        os.utime(path, ns=(0, (clock.now() - 6_000_000) * 1000))
    recover(folder, clock=clock)
    assert [path.name for path in folder.glob("reserve-*")] == [f"reserve-{living.worker}"]
    living.close()
    assert list(folder.glob("reserve-*")) == []


def test_what_cannot_be_written_is_tried_again(journal, monkeypatch, caplog):
    path = orphan(journal, journal.line())
    later = orphan(journal, journal.line())

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("penstock.store.journal.recovery.replace_file", full)
        assert recovered(journal) == []
    assert "No space left" in caplog.text
    assert path.exists()
    assert later.exists()

    assert len(recovered(journal)) == 2


def test_other_files_are_not_touched(journal):
    stray = journal.folder / "notes.open"
    stray.write_text("mine")

    assert recovered(journal) == []
    assert stray.read_text() == "mine"


@given(st.data())
def test_every_call_of_a_dead_writer_leaves_exactly_one_span(tmp_path_factory, data):
    """FAILURES O5: wherever the file was cut, a whole record stays and a call in flight is interrupted once."""
    journal = JournalFolder(tmp_path_factory.mktemp("j") / "journal")
    calls = [journal.span() for _ in range(data.draw(st.integers(1, 6)))]
    events = data.draw(
        st.permutations([(number, record) for number in range(len(calls)) for record in ("open", "span")])
    )
    streamed = data.draw(st.sets(st.integers(0, len(calls) - 1)))
    lines, opened, ended = [], set(), set()
    for number, record in events:
        # A call is opened before it ends, when it is streamed; the others are only ended.
        if record == "open" and number in streamed and number not in ended:
            opened.add(number)
            lines.append((number, "open"))
        elif record == "span":
            ended.add(number)
            lines.append((number, "span"))
    text = b"".join(journal.line(calls[number], record=record) for number, record in lines)
    cut = data.draw(st.integers(0, len(text)))
    path = orphan(journal, text[:cut])
    whole = text[:cut].count(b"\n")
    expected = {number: "interrupted" for number, record in lines[:whole] if record == "open"}
    expected |= {number: "ok" for number, record in lines[:whole] if record == "span"}

    recovered(journal)
    recovered(journal)

    sealed = path.with_suffix(".ndjson")
    found = spans(sealed) if sealed.exists() else []
    assert {span.span_id: span.status for span in found} == {calls[n].span_id: status for n, status in expected.items()}
    assert len(found) == len(expected)
