"""`penstock doctor --reconcile`: what it prints, what it exits with, and with no console that runs."""

import json
import socket

import pytest

from penstock.core.clock import SystemClock
from penstock.core.home import Home
from penstock.store.spans.duckdb.store import open_spans
from penstock.testing.journal import JournalFolder
from penstock.wire.limits import Budget, LimitEntry
from penstock.wire.snapshot import Snapshot, encode_snapshot

PATH = "/api/v1/reconciliation"


def mismatch(state="equal", counted=100, recorded=100):
    return {
        "limit": "each-key",
        "who": {"level": "key", "id": "k1", "name": "laptop"},
        "window": "day",
        "start": 1_700_000_000_000_000,
        "counted": counted,
        "recorded": recorded,
        "difference": counted - recorded,
        "state": state,
    }


def answer(*items, **more):
    states = {item["state"] for item in items}
    return {
        "source": "worker",
        "items": items,
        "equal": states <= {"equal"},
        "settled": "moving" not in states,
    } | more


@pytest.fixture
def doctor(canned, tmp_path, penstock):
    home = Home(tmp_path / "home")
    home.create()
    (home.run / "console.url").write_text(canned.url)
    home.admin_key.write_text("psk_admin")

    def doctor(*options):
        ran = penstock("doctor", "--reconcile", "--home", str(home.path), *options)
        return ran.code, ran

    return doctor


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([], 0),
        ([mismatch()], 0),
        ([mismatch(), mismatch("differs", 90, 100)], 1),
        ([mismatch("moving", 90, 100)], 2),
        ([mismatch("moving", 90, 100), mismatch("differs", 90, 100)], 1),
    ],
)
def test_the_exit_code_tells_equal_different_or_not_to_be_told(doctor, canned, items, code):
    canned.respond(answer(*items), to=f"GET {PATH}")
    assert doctor()[0] == code
    assert doctor("--json")[0] == code


def test_a_difference_is_printed_with_its_limit_whom_it_counts_and_its_window(doctor, canned):
    canned.respond(answer(mismatch("differs", 2_000_000_000, 2_000_000_007)), to=f"GET {PATH}")
    _, printed = doctor()
    line = printed.out.splitlines()[1]
    for word in ("each-key", "key laptop", "day from 2023-11-14", "$2.00", "-7", "differs"):
        assert word in line
    assert "the worker's memory" in printed.err


def test_what_was_put_right_and_what_cannot_be_is_said(doctor, canned):
    canned.respond(
        answer(mismatch("differs", 1, 2), truncated=True, fixed=3, unfixable="Two workers count."), to=f"POST {PATH}"
    )
    code, printed = doctor("--fix")
    assert code == 1
    assert [asked.method for asked in canned.asked] == ["POST"]
    for words in ("Put right: 3.", "Two workers count.", "only its largest"):
        assert words in printed.err


def test_json_is_what_the_console_said(doctor, canned):
    canned.respond(answer(mismatch(), at=5), to=f"GET {PATH}")
    assert json.loads(doctor("--json")[1].out) == answer(mismatch(), at=5) | {"items": [mismatch()]}


def test_fix_alone_is_refused(penstock):
    ran = penstock("doctor", "--fix")
    assert (ran.code, "--reconcile" in ran.err) == (2, True)


def test_a_console_that_refuses_is_the_answer(doctor, canned):
    problem = {"title": "no", "detail": "not for you", "code": "permission_denied", "status": 403}
    canned.respond(problem, to=f"GET {PATH}", status=403)
    code, printed = doctor()
    assert (code, "not for you" in printed.err) == (1, True)


@pytest.mark.parametrize("url", [None, "not an address", "closed"])
def test_without_a_console_the_files_of_the_home_are_compared(tmp_path, penstock, url):
    """FAILURES G7."""
    home = Home(tmp_path / "home")
    home.create()
    if url is not None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        (home.run / "console.url").write_text(address if url == "closed" else url)
    clock = SystemClock()
    limit = LimitEntry(name="company", level="organisation", budgets=(Budget(window="month", hard=10**9),))
    home.snapshot.write_bytes(encode_snapshot(Snapshot(version=1, created=1, limits=(limit,))))
    journal = JournalFolder(home.journal)
    path = journal.write(journal.span(started=clock.now(), cost=70))
    journal.write(journal.span(started=clock.now(), cost=5))
    store = open_spans(home.spans, clock=clock)
    store.load([path])
    store.close()
    path.unlink()

    arguments = ("doctor", "--reconcile", "--home", str(home.path), "--json")
    found = penstock(*arguments)
    (item,) = found.data["items"]
    # The segment that waits is counted already: a new worker begins with the log and what it does not name.
    assert (found.code, found.data["source"], item["counted"], item["recorded"]) == (1, "log", 5, 75)
    assert penstock(*arguments, "--fix").code == 0
    assert penstock(*arguments).code == 0


def test_a_folder_that_is_no_home_is_not_found(tmp_path, penstock):
    ran = penstock("doctor", "--reconcile", "--home", str(tmp_path / "none"))
    assert (ran.code, "no Penstock" in ran.err) == (1, True)


def test_a_home_whose_snapshot_cannot_be_read_could_not_be_told(tmp_path, penstock):
    home = Home(tmp_path / "home")
    home.snapshot.mkdir(parents=True)
    assert penstock("doctor", "--reconcile", "--home", str(home.path)).code == 2
