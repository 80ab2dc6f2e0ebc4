"""The statistics give what statsmodels, scipy and published examples give."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar as sm_mcnemar
from statsmodels.stats.inter_rater import cohens_kappa as sm_kappa
from statsmodels.stats.inter_rater import fleiss_kappa as sm_fleiss
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from penstock.evals.statistics.agreement import cohens_kappa, fleiss_kappa, krippendorff_alpha
from penstock.evals.statistics.bootstrap import bootstrap, mean_of, quantile_of
from penstock.evals.statistics.correction import Confusion, rogan_gladen
from penstock.evals.statistics.means import intraclass_correlation, mean
from penstock.evals.statistics.multiple import benjamini_hochberg, holm
from penstock.evals.statistics.paired import (
    Discordance,
    mcnemar,
    paired_difference,
    sign_test,
    tango_interval,
    tango_z,
    two_sample_difference,
)
from penstock.evals.statistics.percentiles import percentile
from penstock.evals.statistics.power import detectable_difference, power_of, rows_needed
from penstock.evals.statistics.proportions import binomial_p, clopper_pearson, wilson
from penstock.evals.statistics.signed_ranks import wilcoxon

RNG = np.random.default_rng(7)
A = RNG.normal(0.3, 1.0, 80)
B = 0.5 * A + RNG.normal(0.0, 0.8, 80)
GROUPS = [f"g{place}" for place in RNG.integers(0, 15, 80)]


@pytest.mark.parametrize(("successes", "n"), [(0, 20), (8, 10), (20, 20), (852, 1000)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_intervals_of_shares_are_those_of_statsmodels(successes, n, level):
    for ours, method in ((wilson, "wilson"), (clopper_pearson, "beta")):
        found = ours(successes, n, level=level).interval
        assert (found.low, found.high) == pytest.approx(
            proportion_confint(successes, n, alpha=1 - level, method=method), abs=1e-9
        )


def test_binomial_tails_are_those_of_scipy():
    above, below = binomial_p(7, 20, 0.5)
    assert above == pytest.approx(stats.binomtest(7, 20, 0.5, alternative="greater").pvalue)
    assert below == pytest.approx(stats.binomtest(7, 20, 0.5, alternative="less").pvalue)


def test_the_mean_has_the_t_interval():
    found = mean(A)
    assert (found.interval.low, found.interval.high) == pytest.approx(DescrStatsW(A).tconfint_mean())


def test_clustered_errors_are_those_of_statsmodels():
    codes = np.unique(GROUPS, return_inverse=True)[1]
    fit = OLS(A, np.ones(A.size)).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
    found = mean(A, groups=GROUPS, correction="CR1")
    assert found.se == pytest.approx(fit.bse[0])
    assert found.df == len(set(GROUPS)) - 1
    assert (found.interval.low, found.interval.high) == pytest.approx(tuple(fit.conf_int()[0]))


def test_both_corrections_agree_for_groups_of_one_size():
    groups = [place // 8 for place in range(80)]
    one, two = mean(A, groups=groups, correction="CR1"), mean(A, groups=groups)
    assert (two.se, two.df) == pytest.approx((one.se, 9))


def test_cr2_is_the_sum_over_groups_with_their_leverage():
    codes = np.unique(GROUPS, return_inverse=True)[1]
    n = A.size
    residuals, total = A - A.mean(), 0.0
    annihilator = np.eye(n) - np.ones((n, n)) / n
    vectors = []
    for code in range(codes.max() + 1):
        inside = codes == code
        block = annihilator[np.ix_(inside, inside)]
        values, axes = np.linalg.eigh(block)
        root = axes @ np.diag(1 / np.sqrt(values)) @ axes.T
        total += float(np.ones(inside.sum()) @ root @ residuals[inside]) ** 2
        vectors.append(annihilator[:, inside] @ root @ np.ones(inside.sum()) / n)
    found = mean(A, groups=GROUPS)
    products = np.array(vectors) @ np.array(vectors).T
    assert found.se == pytest.approx(math.sqrt(total) / n)
    assert found.df == pytest.approx(np.trace(products) ** 2 / np.sum(products**2))


def test_paired_tests_are_those_of_scipy():
    found = paired_difference(A, B)
    assert found.t.p == pytest.approx(stats.ttest_rel(A, B).pvalue)
    assert found.wilcoxon.p == pytest.approx(stats.wilcoxon(A, B).pvalue)
    assert found.difference.value == pytest.approx((A - B).mean())
    assert found.mcnemar is None


@pytest.mark.parametrize("n", [5, 12, 50, 51, 300])
@pytest.mark.parametrize("digits", [None, 1])
def test_signed_ranks_are_those_of_scipy(n, digits):
    values = RNG.normal(0.2, 1, n)
    if digits is not None:
        values = np.round(values, digits)
        values = np.where(values == 0, 0.1, values)
        expected = stats.wilcoxon(values, method="approx", correction=False)
    else:
        expected = stats.wilcoxon(values)
    found = wilcoxon(values)
    ties = digits is not None and np.unique(np.abs(values)).size < n
    if digits is None or ties:
        assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))


def test_items_without_a_difference_do_not_count_in_signed_ranks():
    values = np.array([0.0, 0.0, 1.0, -2.0, 3.0, 4.0, -5.0, 6.0, 7.0, 8.0])
    expected = stats.wilcoxon(values[values != 0], method="approx", correction=False)
    assert wilcoxon(values).p == pytest.approx(expected.pvalue)
    assert wilcoxon([0.0, 0.0]).p == 1.0


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (1, 0), (12, 5), (283, 73)])
def test_mcnemars_test_is_that_of_statsmodels(gained, lost):
    table = [[569, gained], [lost, 75]]
    assert mcnemar(gained, lost).p == pytest.approx(sm_mcnemar(table, exact=True).pvalue)
    assert sign_test(gained, lost).p == mcnemar(gained, lost).p


def test_the_score_statistic_at_no_difference_is_mcnemars():
    assert tango_z(Discordance(gained=12, lost=5, n=50), 0.0) == pytest.approx((12 - 5) / math.sqrt(17))


def test_the_score_interval_is_the_one_published():
    """Tango 1998, table III: 44 pairs, 1 gained and 0 lost, and the others of that table's crossover trial."""
    found = tango_interval(Discordance(gained=0, lost=0, n=44))
    # Without discordant pairs the interval is that of z²/(n + z²).
    z2 = stats.norm.ppf(0.975) ** 2
    assert (found.low, found.high) == pytest.approx((-z2 / (44 + z2), z2 / (44 + z2)), abs=1e-9)
    for pairs in (Discordance(gained=9, lost=2, n=60), Discordance(gained=0, lost=7, n=30)):
        inner = tango_interval(pairs)
        assert abs(tango_z(pairs, inner.low)) == pytest.approx(stats.norm.ppf(0.975), abs=1e-6)
        assert abs(tango_z(pairs, inner.high)) == pytest.approx(stats.norm.ppf(0.975), abs=1e-6)


def test_independent_samples_have_welchs_interval():
    estimate, test = two_sample_difference(A, B[:50])
    expected = CompareMeans(DescrStatsW(A), DescrStatsW(B[:50]))
    assert (estimate.interval.low, estimate.interval.high) == pytest.approx(expected.tconfint_diff(usevar="unequal"))
    assert test.p == pytest.approx(stats.ttest_ind(A, B[:50], equal_var=False).pvalue)


def test_corrections_for_many_are_those_of_statsmodels():
    p = [0.001, 0.04, 0.03, 0.5, 0.04, 0.9]
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])
    assert holm([]) == []


@pytest.mark.parametrize(("difference", "sides"), [(0.5, 2), (0.2, 2), (0.3, 1)])
def test_power_is_that_of_statsmodels(difference, sides):
    alternative = "two-sided" if sides == 2 else "larger"
    model = TTestPower()
    for n in (10, 60, 400):
        expected = model.power(difference, n, 0.05, alternative=alternative)
        expected = 1.0 if math.isnan(expected) else expected
        assert power_of(difference, n, sd=1, sides=sides) == pytest.approx(expected, abs=1e-6)
    needed = model.solve_power(difference, power=0.8, alpha=0.05, alternative=alternative)
    assert rows_needed(difference, sd=1, sides=sides) == math.ceil(needed)
    assert detectable_difference(math.ceil(needed), sd=1, sides=sides) == pytest.approx(difference, abs=0.01)


def test_kappas_are_those_of_statsmodels():
    first = RNG.integers(0, 4, 120)
    second = np.where(RNG.random(120) < 0.6, first, RNG.integers(0, 4, 120))
    table = np.zeros((4, 4))
    np.add.at(table, (first, second), 1)
    for weights, theirs in (("none", None), ("linear", "linear"), ("quadratic", "quadratic")):
        found = cohens_kappa(first.tolist(), second.tolist(), weights=weights)
        assert found.value == pytest.approx(sm_kappa(table, wt=theirs, return_results=False))
        assert found.value in found.interval
    ratings = [[int(a), int(b), int(c)] for a, b, c in zip(first, second, np.roll(second, 1), strict=True)]
    counts = np.array([[row.count(label) for label in range(4)] for row in ratings])
    assert fleiss_kappa(ratings).value == pytest.approx(sm_fleiss(counts))


def test_alpha_is_the_one_that_krippendorff_publishes():
    """Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example C with missing values."""
    items = [
        [1, 1, None, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4], [4, 4, 4, 4],
        [1, 1, 2, 1], [2, 2, 2, 2], [None, 5, 5, 5], [None, None, 1, 1], [None, None, 3, None],
    ]  # fmt: skip
    expected = {"nominal": 0.743, "ordinal": 0.815, "interval": 0.849}
    for measure, value in expected.items():
        found = krippendorff_alpha(items, measure=measure)
        assert found.value == pytest.approx(value, abs=5e-4)
        assert found.n == 11


def test_the_bootstrap_is_close_to_scipys():
    ours = bootstrap(mean_of(A), A.size, resamples=5000)
    theirs = stats.bootstrap((A,), np.mean, n_resamples=5000, method="BCa", rng=np.random.default_rng(1))
    assert ours.interval.low == pytest.approx(theirs.confidence_interval.low, abs=0.03)
    assert ours.interval.high == pytest.approx(theirs.confidence_interval.high, abs=0.03)
    assert ours.se == pytest.approx(theirs.standard_error, rel=0.05)
    assert bootstrap(mean_of(A), A.size, resamples=500) == bootstrap(mean_of(A), A.size, resamples=500)


def test_a_weighted_quantile_is_that_of_the_repeated_values():
    values = RNG.normal(size=30)
    weights = RNG.integers(0, 4, (20, 30)).astype(float)
    found = quantile_of(values, 0.9)(weights)
    for one, row in zip(found, weights, strict=True):
        repeated = np.repeat(values, row.astype(int))
        assert one == np.quantile(repeated, 0.9, method="inverted_cdf")


def test_a_cluster_bootstrap_agrees_with_clustered_errors():
    found = bootstrap(mean_of(A), A.size, groups=GROUPS, resamples=4000, method="percentile")
    assert found.se == pytest.approx(mean(A, groups=GROUPS, correction="CR1").se, rel=0.15)


def test_a_percentiles_interval_is_made_of_order_statistics():
    found = percentile(A, 0.9)
    expected = stats.quantile_test(A, q=0, p=0.9).confidence_interval(0.95)
    assert found.interval.low <= expected.low
    assert found.interval.high >= expected.high
    assert percentile(A[:20], 0.95).interval.high == math.inf


def test_the_corrected_rate_is_that_of_the_authors_program():
    """Lang and Reiczigel 2014: values of their R function for 23 of 150, se 96 of 100, sp 178 of 200."""
    confusion = Confusion(true_positive=96, false_negative=4, true_negative=178, false_positive=22)
    found = rogan_gladen(23, 150, confusion)
    assert found.value == pytest.approx((23 / 150 + 0.89 - 1) / (0.96 + 0.89 - 1))
    z = stats.norm.ppf(0.975)
    rate, se, sp = (23 + z * z / 2) / (150 + z * z), 97 / 102, 179 / 202
    true = (rate + sp - 1) / (se + sp - 1)
    spread = math.sqrt(
        rate * (1 - rate) / (150 + z * z) + se * (1 - se) / 102 * true**2 + sp * (1 - sp) / 202 * (1 - true) ** 2
    ) / (se + sp - 1)
    shift = 2 * z * z * (true * se * (1 - se) / 102 - (1 - true) * sp * (1 - sp) / 202)
    assert found.interval.low == pytest.approx(max(0.0, true + shift - z * spread))
    assert found.interval.high == pytest.approx(true + shift + z * spread)


def test_items_of_a_group_that_are_equal_have_an_intraclass_correlation_of_one():
    assert intraclass_correlation([1, 1, 2, 2, 5, 5], list("aabbcc")) == pytest.approx(1.0)
    assert intraclass_correlation([1, 2, 1, 2], list("abcd")) == 0.0
    assert intraclass_correlation([1, 1, 1, 1], list("aabb")) == 0.0
