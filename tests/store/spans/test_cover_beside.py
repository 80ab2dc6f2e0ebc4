"""Model calls that are told of by several spans beside each other are counted once."""

from penstock.store.spans.cover import covered, covered_beside, doubtful

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
