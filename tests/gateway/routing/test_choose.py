"""Choices by weight."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.gateway.routing.choose import Rendezvous, Weights, caller_by
from penstock.wire.conditions import Facts

CALLERS = [f"user-{number}" for number in range(100_000)]
CHI_SQUARE = {1: 10.83, 2: 13.82, 3: 16.27}
"""Upper 0.1 % points of the chi-square distribution, by degrees of freedom."""


# What any version must give: a caller that moves loses its conversation's place.
GOLDEN_SUPPORT = [1, 1, 2, 2, 0, 2, 2, 2, 2, 0, 1, 2, 0, 2, 1, 1, 0, 2, 0, 2, 2, 0, 1, 2]
GOLDEN_ORDERS = ([1, 2, 0], [2, 1, 0])
GOLDEN_CANARY = [1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]


def check_shares(counts, weights):
    total, sum_ = sum(weights), sum(counts.values())
    expected = {index: weight / total * sum_ for index, weight in enumerate(weights) if weight}
    assert counts.keys() == expected.keys()
    statistic = sum((counts[index] - wanted) ** 2 / wanted for index, wanted in expected.items())
    assert statistic < CHI_SQUARE[len(expected) - 1]


@pytest.mark.parametrize("weights", [[1, 1], [0.9, 0.1], [5, 3, 2], [1, 0, 3], [97, 1, 1, 1]])
def test_callers_are_cut_in_proportion_to_the_weights(weights):
    chooser = Rendezvous(weights, salt="support")
    check_shares(Counter(map(chooser.pick, CALLERS)), weights)


@pytest.mark.parametrize("weights", [[1, 1], [5, 3, 2], [1, 0, 3]])
def test_chance_follows_the_weights(weights):
    chooser, random = Weights(weights), Random(7)
    check_shares(Counter(chooser.pick(random) for _ in range(100_000)), weights)


@pytest.mark.parametrize("point", [0.0, 0.5, 1.0 - 2**-53])
@pytest.mark.parametrize("weights", [[0, 1], [1, 0], [0.1, 0.2, 0, 0], [1e-300, 1e-300], [3]])
def test_weight_0_is_never_chosen_wherever_chance_falls(weights, point):
    class Fixed(Random):
        def random(self):
            return point

    assert weights[Weights(weights).pick(Fixed())] > 0


def test_a_caller_is_put_where_every_version_and_process_puts_it():
    chooser = Rendezvous([1, 1, 2], salt="support")
    assert [chooser.pick(f"user-{number}") for number in range(24)] == GOLDEN_SUPPORT
    assert (chooser.order("user-0"), chooser.order("Zoë")) == GOLDEN_ORDERS
    other = Rendezvous([0.9, 0.1], salt="")
    assert [other.pick(f"session-{number}") for number in range(24)] == GOLDEN_CANARY


def test_growing_a_share_moves_callers_to_it_and_nowhere_else():
    before, after = Rendezvous([1, 1, 1], salt="s"), Rendezvous([1, 2, 1], salt="s")
    moves = Counter((before.pick(caller), after.pick(caller)) for caller in CALLERS[:20_000])
    assert {(was, is_) for was, is_ in moves if was != is_} == {(0, 1), (2, 1)}
    # From a third to a half: a sixth of all callers moves, half of it from each.
    assert moves[0, 1] == pytest.approx(20_000 / 12, rel=0.1)
    assert moves[2, 1] == pytest.approx(20_000 / 12, rel=0.1)


def test_a_choice_that_is_switched_off_sends_its_callers_to_their_next_one():
    before, after = Rendezvous([3, 2, 1], salt="s"), Rendezvous([0, 2, 1], salt="s")
    for caller in CALLERS[:2000]:
        order = before.order(caller)
        assert order[0] == before.pick(caller)
        assert after.pick(caller) == next(index for index in order if index != 0)


def test_the_next_choices_follow_the_weights_too():
    chooser = Rendezvous([1, 1, 3], salt="s")
    second = Counter(order[1] for caller in CALLERS if (order := chooser.order(caller))[0] == 0)
    check_shares(Counter({index - 1: count for index, count in second.items()}), [1, 3])


def test_the_salt_decides_whether_two_choosers_cut_alike():
    one, same, other = (Rendezvous([1, 1], salt=salt) for salt in ("a", "a", "b"))
    assert all(one.pick(caller) == same.pick(caller) for caller in CALLERS[:1000])
    agreed = sum(one.pick(caller) == other.pick(caller) for caller in CALLERS[:10_000])
    assert agreed == pytest.approx(5000, abs=250)


@given(st.text(), st.lists(st.floats(0, 1e6), min_size=1, max_size=6).filter(any), st.text(max_size=5))
def test_any_caller_has_an_order_that_begins_with_its_choice(caller, weights, salt):
    chooser = Rendezvous(weights, salt=salt)
    order = chooser.order(caller)
    assert order[0] == chooser.pick(caller)
    assert sorted(order) == [index for index, weight in enumerate(weights) if weight > 0]


@pytest.mark.parametrize("weights", [[], [0, 0], [-1, 2], [float("nan"), 1], [float("inf")]])
def test_weights_that_say_nothing_are_refused(weights):
    with pytest.raises(InvalidInput):
        Weights(weights)
    with pytest.raises(InvalidInput):
        Rendezvous(weights, salt="")


def test_a_caller_is_known_by_what_the_route_says():
    known = Facts(
        key=("k1", "ci", "p"),
        model="m",
        operation="chat",
        at=0,
        user="u",
        session="s",
        tags={"team": "blue"},
        headers={b"x-tenant": b"t1"},
    )
    found = {by: caller_by(by)(known) for by in ("session", "user", "key", "tag:team", "tag:no", "header:X-Tenant")}
    assert list(found.values()) == ["s", "u", "k1", "blue", "", "t1"]
    assert caller_by("header:nope")(known) == ""


@pytest.mark.parametrize("by", ["", "header", "header:", "tag:", "users", "key:x"])
def test_an_unknown_way_to_know_a_caller_is_refused(by):
    with pytest.raises(InvalidInput, match="Expected session, user, key"):
        caller_by(by)
