"""Judges measured against people."""

import numpy as np
import pytest

from penstock.core.errors import InvalidInput
from penstock.evals.calibration import CalibrationRule, Pair, calibrate
from penstock.evals.statistics.preferences import Comparison, length_bias, order_bias


def labelled(n, *, sensitivity, specificity, rate=0.4, seed=1):
    r = np.random.default_rng(seed)
    people = r.random(n) < rate
    judge = np.where(people, r.random(n) < sensitivity, r.random(n) > specificity)
    return [Pair(judge=bool(a), people=bool(b), length=100) for a, b in zip(judge, people, strict=True)]


def test_a_good_judge_with_enough_labels_is_calibrated():
    """FAILURES E6"""
    pairs = labelled(400, sensitivity=0.95, specificity=0.95)
    others = [pair.judge for pair in labelled(2000, sensitivity=0.95, specificity=0.95, seed=2)]
    found = calibrate(pairs, others=others)
    assert found.calibrated
    assert found.reasons == []
    assert found.agreement.interval.low > 0.6
    assert 0.95 in found.accuracy.sensitivity.interval
    assert 0.4 in found.corrected.interval
    assert 0.4 in found.combined.estimate.interval
    assert found.combined.effective_labels > 400


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (labelled(50, sensitivity=0.95, specificity=0.95), "50 items are labelled and judged; it takes 100."),
        (labelled(300, sensitivity=0.95, specificity=0.95, rate=0.02), "it takes 15 of each"),
        (labelled(400, sensitivity=0.7, specificity=0.7), "Alpha with people is"),
        ([Pair(judge=True, people=True)] * 200, "cannot be told from chance"),
        ([*labelled(400, sensitivity=0.95, specificity=0.95), *[Pair(judge=None, people=True)] * 50], "could not say"),
        ([], "0 items"),
    ],
)  # fmt: skip
def test_a_judge_that_is_not_calibrated_says_why(pairs, said):
    """FAILURES E6"""
    found = calibrate(pairs)
    assert not found.calibrated
    assert any(said in reason for reason in found.reasons)


def test_what_it_takes_may_be_set():
    pairs = labelled(60, sensitivity=0.95, specificity=0.95)
    assert calibrate(pairs, rule=CalibrationRule(least_labels=50, least_of_each=5, least_agreement=0.5)).calibrated


def test_a_judge_no_better_than_chance_corrects_nothing():
    pairs = labelled(200, sensitivity=0.4, specificity=0.4)
    found = calibrate(pairs, others=[True, False, True])
    assert found.corrected is None
    assert found.combined is not None


def test_numbers_and_labels_are_compared_on_their_own_scales():
    r = np.random.default_rng(4)
    people = r.integers(1, 6, 200)
    numbers = [Pair(judge=float(one + r.choice([0, 0, 0, 1])), people=float(one)) for one in people]
    found = calibrate(numbers, others=[3.0, 4.0, 5.0])
    assert (found.scale, found.calibrated, found.confusion) == ("number", True, None)
    assert found.combined is not None
    labels = [Pair(judge="ab"[one % 2], people="ab"[one % 2]) for one in range(200)]
    found = calibrate(labels, others=["a"])
    assert (found.scale, found.agreement.value, found.combined) == ("category", 1.0, None)
    with pytest.raises(InvalidInput, match="one type"):
        calibrate([Pair(judge=True, people="yes")])


def pairwise(n, *, by_length=0.0, by_place=0.0, seed=5):
    """A judge that goes by length, or by place, in these shares of pairs; else it is right."""
    r = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        people = "a" if r.random() < 0.5 else "b"
        lengths = r.integers(50, 500, 2)
        longer = "a" if lengths[0] >= lengths[1] else "b"
        chance = r.random()
        if chance < by_place:
            first, second = "a", "b"
        else:
            first = second = longer if chance < by_place + by_length else people
        found.append(
            Comparison(
                shown_first_a=first,
                shown_first_b=second,
                length_a=int(lengths[0]),
                length_b=int(lengths[1]),
                people=people,
            )
        )
    return found


def test_a_judge_that_goes_by_place_is_found_out():
    """FAILURES E6"""
    bias = order_bias(pairwise(300, by_place=0.6))
    assert 0.4 in bias.consistent.interval
    assert bias.first > 100
    assert bias.second == 0
    assert bias.test.p < 1e-6
    verdicts = calibrate(labelled(400, sensitivity=1, specificity=1), comparisons=pairwise(300, by_place=0.6))
    assert any("same in both orders" in reason for reason in verdicts.reasons)
    assert order_bias([Comparison(shown_first_a="a")]).consistent is None


def test_a_judge_that_goes_by_length_is_no_better_than_picking_the_longest():
    """FAILURES E6"""
    bias = length_bias(pairwise(400, by_length=1.0))
    assert bias.judge_prefers_longer.value == 1.0
    assert bias.judge_right.value == bias.longest_right.value
    assert 0.5 in bias.people_prefer_longer.interval
    pairs = labelled(400, sensitivity=1, specificity=1)
    found = calibrate(pairs, comparisons=pairwise(400, by_length=1.0))
    assert any("picking the longer answer" in reason for reason in found.reasons)
    assert calibrate(pairs, comparisons=pairwise(400, by_length=0.1)).calibrated


def test_orders_that_disagree_are_a_tie():
    assert Comparison(shown_first_a="a", shown_first_b="b").verdict == "tie"
    assert Comparison(shown_first_a="b", shown_first_b="b").verdict == "b"
    assert Comparison(shown_first_a=None, shown_first_b="b").verdict == "b"
    assert Comparison(shown_first_a=None).verdict is None
    nobody = length_bias([])
    assert (nobody.n, nobody.judge_right) == (0, None)
    silent = calibrate([], comparisons=[Comparison(shown_first_a="a")])
    assert any("both orders" in reason for reason in silent.reasons)
