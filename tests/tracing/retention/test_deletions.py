"""Deletion on request, from the request to the count at the end."""

import json

import pytest

from penstock.core.errors import InvalidInput, NotFound, Unavailable
from penstock.identity.store import audit
from penstock.store.spans.deletion import Selection
from penstock.store.spans.duckdb import deletion as batches
from penstock.testing.journal import FIRST
from penstock.tracing.query import parse
from penstock.tracing.retention import store as rows
from penstock.tracing.retention.selection import read_selection, written
from penstock.tracing.retention.types import DeletionRequest


async def finish(deleting, most=100):
    """Take steps until nothing is left to do; returns how many."""
    for steps in range(most):
        if not await deleting.step():
            return steps
    raise AssertionError("it does not end")


async def test_what_was_asked_for_is_gone_and_that_is_verified(service, deleting, store, journal, admin, project):
    """FAILURES O10."""
    theirs = journal.span(project=project, user="hash of alice")
    store.load([journal.write(theirs, journal.span(project=project))])

    asked = service.delete(admin, project, DeletionRequest(user="alice"))
    await finish(deleting)

    done = service.get(project, asked.id)
    assert (asked.state, asked.verified) == ("waiting", None)
    assert (done.state, done.verified, done.total, done.spans, done.error) == ("done", True, 1, 1, None)
    assert done.requested_by == "penstock"
    assert store.count_spans() == 1


async def test_records_on_their_way_when_it_was_asked_for_are_deleted_too(
    service, deleting, ingest, store, journal, applications, admin, project, clock
):
    """FAILURES O10: the journal is covered."""
    clock.advance(86_400)
    journal.write(journal.span(project=project, session="talk"))
    applications.path(".open").write_bytes(
        applications.line(applications.span(project=project, session="talk", source="otlp", trace_id=f"{9:032x}"))
    )

    asked = service.delete(admin, project, DeletionRequest(session="talk"))
    assert not await deleting.step()
    assert service.get(project, asked.id).state == "waiting"
    while await ingest.step():
        pass
    await finish(deleting)

    assert service.get(project, asked.id).spans == 2
    assert store.count_spans() == 0


async def test_calls_in_flight_keep_nobody_waiting(service, deleting, journal, admin, project, clock):
    clock.advance(86_400)
    journal.path(".open").write_bytes(journal.line(record="open"))
    asked = service.delete(admin, project, DeletionRequest(session="talk"))

    await finish(deleting)

    assert service.get(project, asked.id).state == "done"


async def test_what_began_after_the_request_is_not_waited_for(service, deleting, journal, admin, project):
    asked = service.delete(admin, project, DeletionRequest(session="talk"))
    journal.write(journal.span(project=project))

    await finish(deleting)

    assert service.get(project, asked.id).state == "done"


async def test_lines_that_were_set_aside_are_removed(service, deleting, store, home, journal, admin, project):
    """FAILURES O10."""
    theirs = journal.line(journal.span(project=project, user="hash of alice", cost=1)).replace(
        b'"cost":1', b'"cost":"x"'
    )
    torn = b'{"record":"span","project":"%s","user":"hash of alice","na' % project.encode()
    other = journal.line(journal.span(project=project, user="hash of bob", cost=1)).replace(b'"cost":1', b'"cost":"x"')
    elsewhere = theirs.replace(project.encode(), b"01990000-0000-7000-8000-00000000ffff")
    path = journal.seal(theirs, torn + b"\n", other, elsewhere)
    store.load([path])
    path.unlink()
    only_theirs = journal.seal(theirs)
    store.load([only_theirs])
    only_theirs.unlink()

    asked = service.delete(admin, project, DeletionRequest(user="alice"))
    await finish(deleting)

    (left,) = home.quarantine.glob("*.ndjson")
    assert [json.loads(line)["line"] for line in left.read_bytes().splitlines()] == [3, 4]
    assert service.get(project, asked.id).lines == 3


async def test_lines_older_than_asked_for_are_removed(service, deleting, home, journal, store, admin, project, clock):
    clock.advance(86_400)
    spans = [journal.span(project=project, started=started, cost=1) for started in (FIRST, FIRST + 10)]
    path = journal.seal(*[journal.line(span).replace(b'"cost":1', b'"cost":"x"') for span in spans], b"[]\n")
    store.load([path])
    path.unlink()
    (home.quarantine / "foreign.ndjson").write_bytes(b"not of ours\n")

    asked = service.delete(admin, project, DeletionRequest(before=FIRST + 1))
    await finish(deleting)

    assert service.get(project, asked.id).lines == 1


async def test_a_search_is_deleted_by_the_rows_that_it_finds(service, deleting, store, journal, admin, project):
    spans = [journal.span(project=project, status=status) for status in ("error", "ok")]
    store.load([journal.write(*spans)])

    asked = service.delete(admin, project, DeletionRequest(q="status:error"))
    await finish(deleting)

    assert service.get(project, asked.id).spans == 1
    assert store.count_spans() == 1


async def test_progress_is_seen_batch_by_batch(service, deleting, store, journal, admin, project, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_SPANS", 4)
    store.load([journal.write(*[journal.span(project=project, session="s") for _ in range(10)])])
    asked = service.delete(admin, project, DeletionRequest(session="s"))

    seen = []
    while await deleting.step():
        now = service.get(project, asked.id)
        seen.append((now.state, now.spans, now.total))

    assert seen == [("running", 0, 10), ("running", 4, 10), ("running", 8, 10), ("running", 10, 10), ("done", 10, 10)]


async def test_a_store_that_is_down_is_told_and_waited_for(
    service, deleting, store, journal, admin, project, monkeypatch
):
    store.load([journal.write(journal.span(project=project, session="s"))])
    asked = service.delete(admin, project, DeletionRequest(session="s"))

    def down(selection, *, job):
        raise Unavailable("The store is down.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "delete_batch", down)
        assert await deleting.step()
        assert not await deleting.step()
        assert service.get(project, asked.id).error == "The store is down."
    await finish(deleting)

    done = service.get(project, asked.id)
    assert (done.state, done.error, done.spans) == ("done", None, 1)


async def test_what_keeps_coming_is_told_as_left(service, deleting, store, journal, admin, project, monkeypatch):
    asked = service.delete(admin, project, DeletionRequest(session="s"))
    original = store.delete_batch

    def and_another_comes(selection, *, job):
        deleted = original(selection, job=job)
        store.load([journal.write(journal.span(project=project, session="s"))])
        return deleted

    monkeypatch.setattr(batches, "BATCH_SPANS", 1)
    assert await deleting.step()
    calls = []

    def now_and_then(selection, *, job):
        calls.append(1)
        return and_another_comes(selection, job=job) if len(calls) % 2 else original(selection, job=job)

    monkeypatch.setattr(store, "delete_batch", now_and_then)
    monkeypatch.setattr(store, "compact", lambda: (_ for _ in ()).throw(Unavailable("Busy.")))
    await finish(deleting)

    done = service.get(project, asked.id)
    assert done.state == "done"
    assert done.verified is not None


async def test_requests_are_listed_newest_first_by_pages(service, admin, project, clock):
    asked = []
    for number in range(5):
        clock.advance(1)
        asked.append(service.delete(admin, project, DeletionRequest(session=f"s{number}")).id)

    first = service.listed(project, limit=3)
    rest = service.listed(project, limit=3, cursor=first.next_cursor)

    assert [one.id for one in (*first.items, *rest.items)] == asked[::-1]
    assert rest.next_cursor is None
    with pytest.raises(InvalidInput):
        service.listed(project, cursor="x")
    with pytest.raises(InvalidInput):
        service.listed(project, limit=0)


def test_who_asked_for_what_is_in_the_audit_log(service, metadata, admin, project):
    """FAILURES O13."""
    asked = service.delete(admin, project, DeletionRequest(session="talk"))

    with metadata.read() as connection:
        row = audit.newest(connection, limit=1)[0]
    assert (row.action, row.target, row.project) == ("deletion.create", asked.id, project)
    assert row.details == {"what": {"session": "talk"}}


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (DeletionRequest(), None),
        (DeletionRequest(traces=["short"]), "traces"),
        (DeletionRequest(traces=["0" * 32] * 1001), "traces"),
        (DeletionRequest(session=""), "session"),
        (DeletionRequest(user=""), "user"),
        (DeletionRequest(key=""), "key"),
        (DeletionRequest(q=""), "q"),
        (DeletionRequest(q="  "), "q"),
        (DeletionRequest(q="status:"), "q"),
        (DeletionRequest(before=-1), "before"),
        (DeletionRequest(before=FIRST * 2), "before"),
    ],
)
def test_a_request_that_names_nothing_or_nonsense_is_refused(service, admin, project, request_, field):
    with pytest.raises(InvalidInput) as caught:
        service.delete(admin, project, request_)
    assert caught.value.field == field


def test_a_hash_is_taken_for_what_it_is_and_for_an_id(service, metadata, admin, project):
    hashed = "ab" * 16
    asked = service.delete(admin, project, DeletionRequest(user=hashed))

    with metadata.read() as connection:
        row = rows.find(connection, project=project, id_=asked.id)
    assert row.selection["users"] == [hashed, f"hash of {hashed}"]


def test_an_unknown_deletion_is_not_found(service, project):
    with pytest.raises(NotFound):
        service.get(project, "nothing")


@pytest.mark.parametrize(
    "q",
    [
        "status:error",
        '(status:error or -route:batch) cost>0.01 "refund"',
        "not (model:claude* or latency>2s) has:session",
        "usage_total>=10 tag.env:prod",
    ],
)
def test_a_search_is_kept_as_it_was_read(q):
    where = parse(q)
    selection = Selection(project="p", where=where, traces=("a",), before=5)

    assert read_selection(json.loads(json.dumps(written(selection)))) == selection
