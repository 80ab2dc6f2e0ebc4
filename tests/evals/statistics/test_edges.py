"""What is refused, what is degenerate, and what must agree with itself."""

import math

import numpy as np
import pytest

from penstock.core.errors import InvalidInput
from penstock.evals.statistics.agreement import cohens_kappa, fleiss_kappa, krippendorff_alpha
from penstock.evals.statistics.bootstrap import bootstrap, interval_of, mean_of, quantile_of
from penstock.evals.statistics.correction import Confusion, accuracy_of, prediction_powered_mean, rogan_gladen
from penstock.evals.statistics.means import mean, spread_of_mean
from penstock.evals.statistics.multiple import holm
from penstock.evals.statistics.paired import paired_difference, two_sample_difference
from penstock.evals.statistics.percentiles import percentile, quantile_influence
from penstock.evals.statistics.power import (
    design_effect,
    detectable_difference,
    power_of,
    rows_needed,
    sd_of_binary_pairs,
)
from penstock.evals.statistics.proportions import wilson
from penstock.evals.statistics.sequential import asymptotic_sequence, betting_interval, empirical_bernstein_sequence

CONFUSION = Confusion(true_positive=9, false_positive=1, true_negative=9, false_negative=1)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: wilson(3, 2),
        lambda: wilson(0, 0),
        lambda: wilson(1, 2, level=1.5),
        lambda: mean([1.0]),
        lambda: mean([1.0, math.nan]),
        lambda: mean([[1.0, 2.0], [3.0, 4.0]]),
        lambda: mean([1.0, 2.0], groups=["a"]),
        lambda: mean([1.0, 2.0], groups=["a", "a"]),
        lambda: paired_difference([1.0, 2.0], [1.0, 2.0, 3.0]),
        lambda: percentile([1.0, 2.0], 1.0),
        lambda: holm([1.2]),
        lambda: power_of(1, 10, sd=0),
        lambda: power_of(1, 10, sd=1, alpha=2),
        lambda: power_of(1, 10, sd=1, sides=3),
        lambda: power_of(1, 10, sd=1, design_effect=0),
        lambda: rows_needed(1, sd=1, power=1),
        lambda: detectable_difference(1, sd=1),
        lambda: sd_of_binary_pairs(0.1, 0.2),
        lambda: cohens_kappa(["a"], []),
        lambda: cohens_kappa(["a", "b"], ["a", "c"], order=["a", "b"]),
        lambda: cohens_kappa(list(range(300)), list(range(300))),
        lambda: fleiss_kappa([["a", "b"], ["a"]]),
        lambda: krippendorff_alpha([["a", None], [None, "b"]]),
        lambda: krippendorff_alpha([["a", "b"]], measure="interval"),
        lambda: rogan_gladen(3, 2, CONFUSION),
        lambda: rogan_gladen(1, 2, Confusion(true_positive=1, false_positive=0, true_negative=0, false_negative=0)),
        lambda: rogan_gladen(1, 2, Confusion(true_positive=1, false_positive=9, true_negative=1, false_negative=9)),
        lambda: prediction_powered_mean([1.0, 2.0], [1.0, 2.0, 3.0], [1.0, 2.0]),
        lambda: betting_interval([0.5], low=1, high=0),
        lambda: empirical_bernstein_sequence([2.0]),
    ],
)
def test_what_makes_no_sense_is_refused(refused):
    with pytest.raises(InvalidInput):
        refused()


def test_the_rows_needed_have_the_power_and_one_less_has_not():
    n = rows_needed(0.02, sd=0.45)
    assert power_of(0.02, n, sd=0.45) >= 0.8 > power_of(0.02, n - 1, sd=0.45)
    assert detectable_difference(n, sd=0.45) == pytest.approx(0.02, abs=1e-4)
    assert rows_needed(0.02, sd=0.45, sides=1) < n < rows_needed(0.02, sd=0.45, design_effect=2)
    assert rows_needed(0, sd=1) is None
    assert rows_needed(1e-9, sd=1) is None
    assert power_of(1, 1, sd=1) == 0


def test_two_points_of_a_pair_that_differs_on_a_fifth_of_rows():
    assert sd_of_binary_pairs(0.2, 0.02) == pytest.approx(math.sqrt(0.2 - 0.0004))
    assert 3800 < rows_needed(0.02, sd=sd_of_binary_pairs(0.2, 0.02)) < 4000


def test_groups_of_equal_items_multiply_the_rows_by_their_size():
    values = np.repeat(np.random.default_rng(1).normal(size=40), 5)
    assert design_effect(values, [place // 5 for place in range(200)]) == pytest.approx(5, rel=0.05)
    assert design_effect([1.0, 1.0, 1.0], list("abc")) == 1.0


def test_agreement_of_raters_who_never_vary_cannot_be_told():
    always = krippendorff_alpha([["a", "a"]] * 5)
    assert math.isnan(always.value)
    assert math.isnan(always.interval.low)
    assert always.se is None
    assert math.isnan(cohens_kappa(["a"] * 3, ["a"] * 3).value)


def test_labels_of_several_types_or_a_given_order_are_taken():
    assert cohens_kappa([1, "a", None], [1, "a", None]).value == 1.0
    items = [["mid", "high"], ["high", "high"], ["low", "low"]]
    low_first = krippendorff_alpha(items, measure="ordinal", order=["low", "mid", "high"])
    alphabetical = krippendorff_alpha(items, measure="ordinal")
    assert low_first.value > alphabetical.value


def test_values_that_do_not_vary_have_tests_and_intervals_too():
    same = paired_difference([2.0] * 5, [1.0] * 5)
    assert (same.t.p, same.t.statistic, same.correlation) == (0.0, None, None)
    assert paired_difference([1.5] * 5, [1.5] * 5).t.p == 1.0
    assert two_sample_difference([1.0, 1.0], [1.0, 1.0])[1].p == 1.0
    flat = bootstrap(mean_of([3.0] * 10), 10, resamples=100)
    assert (flat.interval.low, flat.interval.high) == (3.0, 3.0)
    assert math.isnan(interval_of(np.array([math.nan]), level=0.9).low)
    none = accuracy_of(Confusion(true_positive=3, false_positive=0, true_negative=0, false_negative=1))
    assert none.specificity is None
    assert prediction_powered_mean([1.0, 0.0], [1.0, 1.0], [1.0, 1.0]).weight == 0.0


def test_paired_and_grouped_differences_have_clustered_tests():
    r = np.random.default_rng(2)
    groups = [place // 4 for place in range(40)]
    found = paired_difference(r.normal(1, 1, 40), r.normal(0, 1, 40), groups=groups)
    assert found.difference.groups == 10
    assert (found.wilcoxon, found.mcnemar) == (None, None)
    assert found.t.method == "clustered paired t"


def test_the_influence_of_values_has_the_error_of_the_quantile():
    values = np.random.default_rng(3).gamma(4, 0.25, 6000)
    se = spread_of_mean(quantile_influence(values, 0.95), None).se
    assert se == pytest.approx(
        bootstrap(quantile_of(values, 0.95), 6000, resamples=500, method="percentile").se, rel=0.2
    )


def test_sequences_hold_the_mean_they_are_of():
    values = [0.0, 1.0] * 50
    low, high = empirical_bernstein_sequence([10 * one for one in values], low=0, high=10)
    assert low[-1] < 5 < high[-1]
    assert np.all(np.diff(low) >= 0)
    assert betting_interval([1.0] * 3000, grid=50).high == 1.0
    assert 0.0 in asymptotic_sequence(0.0, 0.1, 100)
    early = asymptotic_sequence(0.0, 0.1, 50, sharpest_at=50)
    assert early.high < asymptotic_sequence(0.0, 0.1, 50).high


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("size", [1, 40, 700])
def test_the_betting_interval_holds_every_candidate_that_no_bet_ruled_out(share: float, size: int):
    """Against trying all of them (Waudby-Smith and Ramdas 2023, section 4)."""
    values = (np.random.default_rng(size).random(size) < share).astype(float)
    times = np.arange(1, size + 1)
    means = (0.5 + np.cumsum(values)) / (times + 1)
    before = np.concatenate([[0.25], ((0.25 + np.cumsum((values - means) ** 2)) / (times + 1))[:-1]])
    bets = np.sqrt(2 * np.log(2 / 0.05) / (before * times * np.log(times + 1)))
    left = []
    for one in np.linspace(0, 1, 101)[1:-1]:
        up = np.cumsum(np.log1p(np.minimum(bets, 0.5 / one) * (values - one)))
        down = np.cumsum(np.log1p(-np.minimum(bets, 0.5 / (1 - one)) * (values - one)))
        if max(up.max(), down.max()) + np.log(0.5) < np.log(1 / 0.05):
            left.append(one)
    found = betting_interval(values, grid=100)
    assert (found.low, found.high) == pytest.approx((max(0.0, left[0] - 0.01), min(1.0, left[-1] + 0.01)))
