"""What intervals and gates promise holds in simulated experiments, each with a known truth."""

import numpy as np
import pytest

from penstock.evals.gates.decide import decide
from penstock.evals.gates.parser import parse
from penstock.evals.gates.types import GateSettings, Results, Series
from penstock.evals.statistics.bootstrap import bootstrap, mean_of
from penstock.evals.statistics.correction import Confusion, prediction_powered_mean, rogan_gladen
from penstock.evals.statistics.means import mean
from penstock.evals.statistics.paired import discordance, paired_difference, tango_interval
from penstock.evals.statistics.percentiles import percentile
from penstock.evals.statistics.proportions import clopper_pearson, wilson
from penstock.evals.statistics.sequential import asymptotic_sequence, betting_interval, empirical_bernstein_sequence

RUNS = 2000


def covered(intervals, truth):
    return float(np.mean([truth in interval for interval in intervals]))


def rng(seed):
    return np.random.default_rng(seed)


def test_intervals_of_independent_items_cover():
    """FAILURES E5"""
    r = rng(1)
    counts = r.binomial(200, 0.8, RUNS)
    assert 0.93 <= covered([wilson(int(one), 200).interval for one in counts], 0.8) <= 0.97
    assert covered([clopper_pearson(int(one), 200).interval for one in counts], 0.8) >= 0.95
    assert 0.93 <= covered([mean(one).interval for one in r.gamma(4.0, 0.5, (RUNS, 80))], 2.0) <= 0.97
    assert covered([percentile(one, 0.9).interval for one in r.exponential(1.0, (RUNS, 150))], np.log(10)) >= 0.94


def clustered(r, n_groups, *, icc, sizes=(2, 15)):
    counts = r.integers(*sizes, n_groups)
    groups = np.repeat(np.arange(n_groups), counts)
    shared = r.normal(0, np.sqrt(icc), n_groups)[groups]
    return shared + r.normal(0, np.sqrt(1 - icc), groups.size), groups.tolist()


def test_intervals_of_grouped_items_cover_and_plain_ones_do_not():
    """FAILURES E5"""
    r = rng(2)
    samples = [clustered(r, 15, icc=0.4) for _ in range(RUNS)]
    assert 0.93 <= covered([mean(values, groups=groups).interval for values, groups in samples], 0.0) <= 0.97
    assert covered([mean(values).interval for values, _ in samples], 0.0) < 0.8


def test_intervals_of_paired_items_cover():
    """FAILURES E5"""
    r = rng(3)
    hard = r.random((RUNS, 120))
    ours, theirs = (hard < 0.75).astype(float), (np.where(r.random((RUNS, 120)) < 0.8, hard, r.random((RUNS, 120))))
    theirs = (theirs < 0.65).astype(float)
    intervals = [tango_interval(discordance(a, b)) for a, b in zip(ours, theirs, strict=True)]
    assert 0.93 <= covered(intervals, 0.10) <= 0.97
    base = r.normal(0, 1, (RUNS, 40))
    moved = base + r.normal(0.2, 0.5, (RUNS, 40))
    intervals = [paired_difference(a, b).difference.interval for a, b in zip(moved, base, strict=True)]
    assert 0.93 <= covered(intervals, 0.2) <= 0.97


def test_intervals_of_paired_and_grouped_items_cover():
    """FAILURES E5"""
    r = rng(4)
    intervals = []
    for _ in range(RUNS):
        effect, groups = clustered(r, 20, icc=0.3)
        base = r.normal(0, 1, effect.size)
        intervals.append(paired_difference(base + effect + 0.1, base, groups=groups).difference.interval)
    assert 0.93 <= covered(intervals, 0.1) <= 0.97


def test_the_bootstrap_covers():
    r = rng(5)
    samples = r.gamma(4.0, 0.5, (400, 80))
    assert 0.91 <= covered([bootstrap(mean_of(one), 80, resamples=600).interval for one in samples], 2.0) <= 0.98


def answer(ours, theirs, rule, *, groups=None, unit="share", **settings):
    rows = [str(place) for place in range(len(ours))]
    given = {} if groups is None else dict(zip(rows, map(str, groups), strict=True))
    results = Results(
        candidate={"quality": Series(rows=rows, values=ours.tolist(), unit=unit)},
        baseline={"quality": Series(rows=rows, values=theirs.tolist(), unit=unit)},
        groups=given,
    )
    return decide([parse(rule)], results, GateSettings(**settings)).verdict


def test_a_gate_passes_a_variant_at_its_limit_no_more_often_than_it_says():
    """FAILURES E5: the candidate is exactly 5 points worse, which is where the rule begins to be violated."""
    r = rng(6)
    hard = r.random((RUNS, 150))
    theirs, ours = (hard < 0.80).astype(float), (hard < 0.75).astype(float)
    flipped = r.random((RUNS, 150)) < 0.1
    ours = np.where(flipped, (r.random((RUNS, 150)) < 0.75).astype(float), ours)
    verdicts = [answer(a, b, "quality >= baseline - 5pt") for a, b in zip(ours, theirs, strict=True)]
    assert 0.03 <= verdicts.count("PASS") / RUNS <= 0.065
    assert verdicts.count("FAIL") / RUNS <= 0.065


def test_a_gate_on_grouped_rows_keeps_its_level_where_one_that_ignores_groups_does_not():
    """FAILURES E5"""
    r = rng(7)
    heeded = ignored = 0
    for _ in range(600):
        effect, groups = clustered(r, 20, icc=0.4)
        theirs = r.normal(0, 1, effect.size)
        heeded += answer(theirs + effect, theirs, "quality >= baseline", groups=groups, unit="number") == "PASS"
        ignored += answer(theirs + effect, theirs, "quality >= baseline", unit="number") == "PASS"
    assert 0.03 <= heeded / 600 <= 0.07
    assert ignored / 600 > 0.12


def test_a_gate_on_several_rules_passes_no_more_often_than_it_says():
    """One of three rules is violated at its limit; the others hold by far."""
    r = rng(8)
    passed = 0
    for _ in range(400):
        rows = [str(place) for place in range(100)]
        series = {
            name: Series(rows=rows, values=(r.random(100) < share).astype(float).tolist(), unit="share")
            for name, share in (("a", 0.7), ("b", 0.95), ("c", 0.95))
        }
        rules = [parse("a >= 70%"), parse("b >= 70%"), parse("c >= 70%")]
        passed += decide(rules, Results(candidate=series)).verdict == "PASS"
    assert passed / 400 <= 0.075


def test_all_rules_at_their_limits_fail_no_more_often_than_the_gate_says():
    r = rng(9)
    failed = 0
    for _ in range(300):
        rows = [str(place) for place in range(100)]
        series = {
            name: Series(rows=rows, values=(r.random(100) < 0.7).astype(float).tolist(), unit="share")
            for name in "abcd"
        }
        failed += decide([parse(f"{name} >= 70%") for name in "abcd"], Results(candidate=series)).verdict == "FAIL"
    assert failed / 300 <= 0.08


SENSITIVITY, SPECIFICITY, TRUTH = 0.85, 0.9, 0.3


def judged(r, truth):
    return np.where(truth, r.random(truth.size) < SENSITIVITY, r.random(truth.size) > SPECIFICITY)


def confusion_of(judge, people):
    return Confusion(
        true_positive=int(np.sum(judge & people)),
        false_positive=int(np.sum(judge & ~people)),
        true_negative=int(np.sum(~judge & ~people)),
        false_negative=int(np.sum(~judge & people)),
    )


def test_a_judges_rate_is_biased_and_its_corrected_rate_is_not():
    """FAILURES E6"""
    r = rng(10)
    raw, corrected, powered, narrower = [], [], [], []
    for _ in range(RUNS):
        labelled, others = r.random(300) < TRUTH, r.random(1000) < TRUTH
        judge, judge_others = judged(r, labelled), judged(r, others)
        raw.append(wilson(int(judge_others.sum()), 1000).interval)
        corrected.append(rogan_gladen(int(judge_others.sum()), 1000, confusion_of(judge, labelled)).interval)
        found = prediction_powered_mean(labelled, judge, judge_others)
        powered.append(found.estimate.interval)
        narrower.append(found.estimate.se < found.labels_alone.se)
    biased = TRUTH * SENSITIVITY + (1 - TRUTH) * (1 - SPECIFICITY)
    assert covered(raw, TRUTH) < 0.7
    assert 0.93 <= covered(raw, biased) <= 0.97
    assert 0.93 <= covered(corrected, TRUTH) <= 0.975
    assert 0.93 <= covered(powered, TRUTH) <= 0.97
    assert np.mean(narrower) > 0.99


def test_a_judge_that_knows_nothing_costs_the_labels_nothing():
    r = rng(11)
    y = r.random(200) < 0.4
    tuned = prediction_powered_mean(y, r.random(200), r.random(5000))
    plain = prediction_powered_mean(y, r.random(200), r.random(5000), tuned=False)
    assert tuned.estimate.se <= tuned.labels_alone.se * 1.02
    assert plain.estimate.se > plain.labels_alone.se


def test_looking_all_the_time_does_not_raise_the_error_of_a_confidence_sequence():
    """FAILURES E9: an ordinary interval looked at after every row misses the truth far too often."""
    r = rng(12)
    values = (r.random((1000, 400)) < 0.7).astype(float)
    missed = plain = 0
    for one in values:
        low, high = empirical_bernstein_sequence(one)
        missed += bool(np.any((low > 0.7) | (high < 0.7)))
        times = np.arange(30, 401)
        share = np.cumsum(one)[29:] / times
        plain += bool(np.any(np.abs(share - 0.7) > 1.96 * np.sqrt(share * (1 - share) / times)))
    assert missed / 1000 <= 0.05
    assert plain / 1000 > 0.25


def test_stopping_when_the_answer_is_clear_keeps_the_level():
    """FAILURES E9: a run is stopped as soon as the betting interval lies above the truth."""
    r = rng(13)
    stopped = 0
    for _ in range(100):
        values = (r.random(300) < 0.5).astype(float)
        stopped += any(0.5 not in betting_interval(values[:n], grid=100) for n in (50, 100, 200, 300))
    assert stopped / 100 <= 0.05


def test_the_betting_interval_is_tighter_than_empirical_bernsteins():
    values = (rng(14).random(100) < 0.9).astype(float)
    low, high = empirical_bernstein_sequence(values)
    found = betting_interval(values)
    assert found.high - found.low < high[-1] - low[-1]
    assert values.mean() in found


def test_an_asymptotic_sequence_holds_at_all_times():
    r = rng(15)
    values = r.normal(1, 2, (600, 500))
    times = np.arange(50, 501)
    sums, squares = np.cumsum(values, axis=1)[:, 49:], np.cumsum(values**2, axis=1)[:, 49:]
    means = sums / times
    errors = np.sqrt((squares / times - means**2) / times)
    halves = np.array([asymptotic_sequence(0.0, 1.0, int(n)).high for n in times])
    missed = np.any(np.abs(means - 1) > errors * halves, axis=1)
    assert missed.mean() <= 0.06


@pytest.mark.parametrize("rule", ["quality >= baseline - 5pt"])
def test_a_gate_that_is_looked_at_all_the_time_keeps_its_level(rule):
    """FAILURES E9"""
    r = rng(16)
    decided = 0
    for _ in range(30):
        hard = r.random(300)
        theirs, ours = (hard < 0.80).astype(float), (r.random(300) < 0.75).astype(float)
        decided += any(answer(ours[:n], theirs[:n], rule, always_valid=True) == "PASS" for n in (60, 120, 300))
    assert decided / 30 <= 0.1
