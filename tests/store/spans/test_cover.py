from hypothesis import given
from hypothesis import strategies as st

from penstock.store.spans.cover import covered

SPANS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 9), st.none() | st.integers(0, 11), st.booleans(), st.booleans()),
    unique_by=lambda span: (span[0], span[1]),
    max_size=20,
)


def test_a_call_told_of_below_is_covered_through_any_spans_between():
    chain = [(0, 0, None, True, True), (0, 1, 0, False, False), (0, 2, 1, False, False), (0, 3, 2, False, True)]

    assert covered(chain) == {(0, 0)}
    assert covered(reversed(chain)) == {(0, 0)}


def test_a_span_whose_parent_is_missing_covers_nothing():
    assert covered([(0, 0, None, True, True), (0, 3, 2, False, True)]) == set()


def test_of_a_circle_one_still_counts():
    circle = [(0, 0, 1, True, True), (0, 1, 0, True, True)]

    assert len(covered(circle)) == 1
    assert covered([(0, 0, 0, True, True)]) == set()


def test_a_very_deep_trace_is_walked_once():
    depth = 50_000
    chain = [(0, n, n - 1 if n else None, True, True) for n in range(depth)]

    assert len(covered(chain)) == depth - 1


@given(SPANS)
def test_a_span_is_covered_if_and_only_if_one_below_tells_of_a_call(spans):
    tree = [(trace, span, parent if parent is not None and parent < span else None, *rest)
            for trace, span, parent, *rest in spans]  # fmt: skip
    parents = {(trace, span): (trace, parent) for trace, span, parent, *_ in tree}
    expected = set()
    for trace, span, _, _, teller in tree:
        at = parents[trace, span]
        while teller and at in parents:
            expected.add(at)
            at = parents[at]
    expected &= {(trace, span) for trace, span, _, candidate, _ in tree if candidate}

    assert covered(tree) == expected


@given(SPANS)
def test_whatever_the_parents_are_a_call_that_is_told_of_counts_somewhere(spans):
    tellers = {(trace, span) for trace, span, _, _, teller in spans if teller}

    assert not tellers or tellers - covered(spans)
