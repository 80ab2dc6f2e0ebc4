"""Model calls that are told of by several spans beside each other are counted once."""

import msgspec
import pytest
from sqlglot import parse_one

from penstock.store.spans.cover import covered, covered_beside, doubtful
from penstock.testing.journal import JournalFolder

TRACE, GATEWAY, ONE, OTHER = 1, 10, 20, 30
NATIVE, ADDED = "com.vendor.sdk", "openinference.vendor"


def test_a_gateways_call_stays_and_covers_all_that_tell_of_its_answer():
    """FAILURES O8"""
    kin = [(TRACE, GATEWAY, 1, False, True), (TRACE, ONE, 1, True, True), (TRACE, OTHER, 1, True, True)]
    assert covered(kin) == set()
    assert doubtful(kin, set()) == {TRACE}
    answers = [
        (TRACE, GATEWAY, False, True, "a", None),
        (TRACE, ONE, True, False, "a", ADDED),
        (TRACE, OTHER, True, False, "b", ADDED),
    ]
    assert covered_beside(answers, set()) == {(TRACE, ONE)}


def test_of_two_instrumentations_of_one_client_one_counts():
    """FAILURES O8"""
    answers = [(TRACE, ONE, True, False, "a", NATIVE), (TRACE, OTHER, True, False, "a", ADDED)]
    assert covered_beside(answers, set()) == {(TRACE, OTHER)}
    # Once it is covered, nothing more is.
    later = [answers[0], (TRACE, OTHER, False, False, "a", ADDED)]
    assert covered_beside(later, set()) == set()


def test_an_id_that_a_server_gives_to_every_answer_is_none():
    answers = [(TRACE, span, True, False, "constant", ADDED) for span in (ONE, OTHER)]
    assert covered_beside(answers, set()) == set()


def test_the_one_below_goes_on_telling_what_the_one_above_no_longer_does():
    answers = [(TRACE, ONE, True, False, "a", ADDED), (TRACE, OTHER, True, False, "a", NATIVE)]
    assert covered_beside(answers, {(TRACE, ONE)}) == set()


def test_a_trace_with_one_call_is_in_no_doubt():
    assert doubtful([(TRACE, ONE, None, True, True)], set()) == set()
    assert doubtful([(TRACE, ONE, None, True, True), (TRACE, OTHER, ONE, True, True)], {(TRACE, ONE)}) == set()


def test_answers_without_an_id_are_left_alone():
    answers = [(TRACE, GATEWAY, False, True, None, None), (TRACE, ONE, True, False, None, ADDED)]
    assert covered_beside(answers, set()) == set()


def says(answer: str, *, scope: str = ADDED, length: int = 0) -> msgspec.Raw:
    return msgspec.Raw(
        msgspec.json.encode({"gen_ai.response.id": answer, "otel.scope.name": scope, "text": "x" * length})
    )


@pytest.mark.parametrize("length", [0, 100_000])
@pytest.mark.parametrize("first", ["journal", "intake"])
def test_the_store_counts_a_call_once_whoever_tells_of_it_first(store, journal, tmp_path, length, first):
    """FAILURES O8: the ids lie in the row, or apart from it."""
    intake = JournalFolder(tmp_path / "intake", worker=f"{2:016x}")
    given = {"trace_id": f"{7:032x}", "usage_input": 10, "cost": 5, "parent_id": f"{99:016x}"}
    call = journal.span(**given, attributes=says("a", length=length))
    told, alone = (
        intake.span(
            **given, span_id=f"{0x50 + number:016x}", source="otlp", call=False, attributes=says(answer, length=length)
        )
        for number, answer in enumerate("ab")
    )
    loads = [
        lambda: store.load([journal.write(call)]),
        lambda: store.load_intake([intake.write(told, alone)]),
    ]
    for load in loads if first == "journal" else reversed(loads):
        load()
    query = parse_one("SELECT span_id, usage_input FROM spans WHERE covered OR source = 'otlp' ORDER BY span_id")
    assert store._engine.read(query, {}) == [(0x50, 0), (0x51, 10)]


def test_the_store_counts_one_of_two_instrumentations(store, tmp_path):
    """FAILURES O8"""
    intake = JournalFolder(tmp_path / "intake", worker=f"{2:016x}")
    given = {"trace_id": f"{7:032x}", "usage_input": 10, "source": "otlp", "call": False, "parent_id": f"{99:016x}"}
    for scope in (ADDED, NATIVE):
        store.load_intake([intake.write(intake.span(**given, attributes=says("a", scope=scope)))])
    query = parse_one("SELECT sum(usage_input) AS used, count(*) AS spans FROM spans")
    assert store._engine.read(query, {}) == [(10, 2)]
