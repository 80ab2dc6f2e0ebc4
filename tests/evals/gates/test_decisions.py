"""What a gate answers."""

import json
from pathlib import Path

import numpy as np
import pytest

from penstock.core.errors import InvalidInput
from penstock.evals.gates.decide import decide
from penstock.evals.gates.parser import parse
from penstock.evals.gates.types import GateSettings, Results, RuleError, Series

ANSWERS = Path(__file__).resolve().parents[4] / "shared" / "data" / "gsm8k-answers.jsonl"


def series(values, unit="number", **more):
    return Series(rows=[str(place) for place in range(len(values))], values=list(values), unit=unit, **more)


def gate(rule, values, others=None, *, unit="number", groups=None, fields=None, **settings):
    results = Results(
        candidate={"m": series(values, unit)},
        baseline=None if others is None else {"m": series(others, unit)},
        groups=groups or {},
        fields=fields or {},
    )
    found = decide([parse(rule)], results, GateSettings(**settings))
    assert found.verdict == found.rules[0].verdict
    return found.rules[0]


def shares(successes, n):
    return [1.0] * successes + [0.0] * (n - successes)


def rng():
    return np.random.default_rng(3)


@pytest.mark.skipif(not ANSWERS.exists(), reason="../shared/data is absent")
def test_twenty_rows_are_too_few_and_a_thousand_decide_in_both_directions():
    """FAILURES E5"""
    rows = [json.loads(line) for line in ANSWERS.read_text().splitlines()]
    good, poor = ([float(row["correct"][model]) for row in rows] for model in rows[0]["correct"])
    good, poor = (good, poor) if sum(good) > sum(poor) else (poor, good)
    rule = "m >= baseline - 1pt"
    for one, other in ((good, poor), (poor, good)):
        few = gate(rule, one[:20], other[:20], unit="share")
        assert few.verdict == "INCONCLUSIVE"
        assert few.rows_needed > 20
    passed = gate(rule, good, poor, unit="share")
    assert (passed.verdict, round(passed.value, 3), round(passed.baseline, 3)) == ("PASS", 0.852, 0.642)
    assert passed.compared == pytest.approx(0.21)
    assert "85.2%" in passed.reason
    assert "+21.0 pt" in passed.reason
    assert gate(rule, poor, good, unit="share").verdict == "FAIL"


def test_a_share_is_judged_exactly():
    assert gate("m >= 80%", shares(95, 100), unit="share").verdict == "PASS"
    assert gate("m >= 80%", shares(83, 100), unit="share").verdict == "INCONCLUSIVE"
    assert gate("m >= 80%", shares(60, 100), unit="share").verdict == "FAIL"
    assert gate("m <= 20%", shares(5, 100), unit="share").verdict == "PASS"
    assert gate("m >= 80%", shares(5, 5), unit="share").verdict == "INCONCLUSIVE"


def test_the_rows_that_it_would_take_do_decide():
    few = gate("m >= 80%", shares(43, 50), unit="share")
    assert few.verdict == "INCONCLUSIVE"
    n = few.rows_needed
    assert gate("m >= 80%", shares(round(n * 0.86), n), unit="share").verdict == "PASS"


def test_variants_that_never_differ_are_not_proven_equal_by_a_few_rows():
    """FAILURES E5: no variation is no certainty."""
    same = shares(15, 20)
    assert gate("m >= baseline - 1pt", same, same, unit="share").verdict == "INCONCLUSIVE"
    many = shares(750, 1000)
    assert gate("m >= baseline - 1pt", many, many, unit="share").verdict == "PASS"
    flat = [0.5] * 20
    assert gate("m >= baseline - 1pt", flat, flat, unit="share").verdict == "INCONCLUSIVE"
    assert gate("m >= baseline - 1pt", [0.5] * 500, [0.5] * 500, unit="share").verdict == "PASS"
    assert gate("m >= 49%", flat, unit="share").verdict == "INCONCLUSIVE"
    assert gate("m >= 40%", [0.5] * 20, unit="share").verdict == "PASS"
    assert gate("m <= 40%", [0.5] * 20, unit="share").verdict == "FAIL"
    assert gate("m >= 60%", [0.5] * 20, unit="share").verdict == "FAIL"
    # What has no bounds is taken for constant once there are enough rows.
    assert gate("m <= 100 tokens", [80.0] * 20, unit="tokens").verdict == "PASS"
    assert gate("m <= 70 tokens", [80.0] * 20, unit="tokens").verdict == "FAIL"


def test_every_row_means_every_row():
    passed = gate("m == 100%", shares(40, 40), unit="share")
    assert passed.verdict == "PASS"
    assert "92.8%" in passed.reason
    assert gate("m >= 100%", shares(40, 40), unit="share").verdict == "PASS"
    assert gate("m == 100%", shares(39, 40), unit="share").verdict == "FAIL"
    assert gate("m == 0%", shares(0, 40), unit="share").verdict == "PASS"
    assert gate("m == 100%", [*shares(40, 40), None], unit="share").verdict == "INCONCLUSIVE"
    assert gate("m == 100%", [*shares(39, 40), None], unit="share").verdict == "FAIL"


def test_unscored_items_are_counted_and_too_many_decide_nothing():
    """FAILURES E1"""
    values = [*shares(95, 100), *[None] * 4]
    found = gate("m >= 80%", values, unit="share")
    assert (found.verdict, found.unscored, found.n) == ("PASS", 4, 100)
    found = gate("m >= 80%", [*values, *[None] * 8], unit="share")
    assert found.verdict == "INCONCLUSIVE"
    assert "12 of 112 items are unscored" in found.reason
    assert gate("m >= 80%", [*values, *[None] * 8], unit="share", max_unscored=0.2).verdict == "PASS"
    both = gate("m >= baseline", values, [*shares(10, 100), None, 1.0, None, 0.0], unit="share")
    assert (both.unscored, both.n) == (6, 100)
    assert gate("m >= 80%", [None], unit="share").verdict == "INCONCLUSIVE"
    assert gate("m >= 80%", [None], unit="share", max_unscored=1.0).reason == "No row is scored."
    assert gate("m >= 80%", [], unit="share").reason == "There is no row."


def test_a_metric_of_a_judge_that_is_not_calibrated_may_show_and_not_gate():
    """FAILURES E6"""
    results = Results(candidate={"m": series(shares(99, 100), "share", gateable=False, why_not="It has 12 labels.")})
    found = decide([parse("m >= 50%")], results).rules[0]
    assert found.verdict == "INCONCLUSIVE"
    assert found.value == 0.99
    assert "12 labels" in found.reason


def test_a_mean_is_judged_by_pairs():
    r = rng()
    base = r.gamma(3, 1, 200)
    cheap = base * 0.9 + r.normal(0, 0.05, 200)
    assert gate("m_per_call <= 1.1 * baseline", cheap, base, unit="dollars").verdict == "PASS"
    assert gate("m <= 0.8 * baseline", cheap, base, unit="dollars").verdict == "FAIL"
    assert gate("mean_m <= baseline - $0.3", cheap, base, unit="dollars").verdict == "INCONCLUSIVE"
    assert gate("m <= $9", cheap[:5], unit="dollars").reason.startswith("5 rows are scored")


def test_variants_without_a_row_in_common_are_compared_as_two_samples():
    r = rng()
    results = Results(
        candidate={"m": Series(rows=[f"a{i}" for i in range(80)], values=r.normal(1, 1, 80).tolist())},
        baseline={"m": Series(rows=[f"b{i}" for i in range(60)], values=r.normal(3, 1, 60).tolist())},
    )
    found = decide([parse("m <= baseline")], results).rules[0]
    assert (found.verdict, found.unmatched, found.interval.method) == ("PASS", 140, "welch t")
    quantile = decide([parse("p50(m) <= baseline")], results).rules[0]
    assert quantile.verdict == "PASS"
    sequence = decide([parse("m <= baseline")], results, GateSettings(always_valid=True)).rules[0]
    assert sequence.verdict == "INCONCLUSIVE"


def test_a_percentile_is_judged_by_order_statistics():
    r = rng()
    fast = r.gamma(4, 0.25, 400)
    assert gate("p95_m <= 3s", fast, unit="seconds").verdict == "PASS"
    assert gate("p95_m <= 1s", fast, unit="seconds").verdict == "FAIL"
    assert gate("p95(m) >= 3s", fast, unit="seconds").verdict == "FAIL"
    assert gate("median_m >= 100ms", fast, unit="seconds").verdict == "PASS"
    few = gate("p95_m <= 3s", fast[:20], unit="seconds")
    assert few.verdict == "INCONCLUSIVE"
    assert few.rows_needed == 60
    assert gate("p95_m <= 3s", fast[:1], unit="seconds").verdict == "INCONCLUSIVE"


def test_a_percentile_beside_the_baseline_is_judged_by_the_bootstrap():
    r = rng()
    base = r.gamma(4, 0.25, 300)
    slow = base * 1.5
    assert gate("p95(m) <= 1.1 * baseline", slow, base, unit="seconds").verdict == "FAIL"
    assert gate("p95(m) <= 1.1 * baseline", base, slow, unit="seconds").verdict == "PASS"
    few = gate("p95(m) <= 1.1 * baseline", base[:20], slow[:20], unit="seconds")
    assert (few.verdict, few.rows_needed) == ("INCONCLUSIVE", 60)
    groups = {str(place): str(place // 10) for place in range(300)}
    assert gate("p95(m) <= 1.1 * baseline", base, slow, unit="seconds", groups=groups).groups == 30


def test_rows_of_a_group_count_as_what_they_are():
    """FAILURES E5: a hundred equal rows of one group are one row's worth."""
    shared = np.repeat(np.linspace(-1.2, 1.6, 12), 25)
    groups = {str(place): f"document {place // 25}" for place in range(300)}
    assert gate("m >= 0", shared).verdict == "PASS"
    grouped = gate("m >= 0", shared, groups=groups)
    assert (grouped.verdict, grouped.groups) == ("INCONCLUSIVE", 12)
    assert "12 groups" in grouped.reason
    few = gate("m >= 0", shared[:100], groups=groups)
    assert few.reason == "The rows fall into 4 groups; at least 5 are needed."
    quantile = gate("p50(m) >= -3", shared, groups=groups)
    assert (quantile.verdict, quantile.interval.method) == ("PASS", "woodruff clustered")
    constant = gate("m >= 95%", [1.0] * 300, unit="share", groups=groups)
    assert constant.verdict == "INCONCLUSIVE"


def test_a_row_asked_several_times_counts_once():
    """FAILURES E5"""
    rows = [str(place // 5) for place in range(200)]
    values = [float(place // 5 < 34) for place in range(200)]
    results = Results(candidate={"m": Series(rows=rows, values=values, unit="share")})
    found = decide([parse("m >= 75%")], results).rules[0]
    assert (found.n, found.verdict) == (40, "INCONCLUSIVE")
    quantile = decide([parse("p50(m) >= 1%")], results).rules[0]
    assert (quantile.n, quantile.groups) == (200, 40)


def test_a_slice_is_judged_by_its_own_rows():
    values = shares(90, 100)
    fields = {str(place): {"lang": "de" if place >= 80 else "en"} for place in range(100)}
    whole = gate("m >= 80%", values, unit="share", fields=fields)
    assert (whole.verdict, whole.n) == ("PASS", 100)
    part = gate("m >= 80% on slice(lang=de)", values, unit="share", fields=fields)
    assert (part.verdict, part.n, part.value) == ("FAIL", 20, 0.5)
    assert gate("m >= 80% on slice(lang=fr)", values, unit="share", fields=fields).reason == "There is no row."


def test_many_rules_need_more_to_fail_one_of_them():
    values = shares(72, 100)
    results = Results(candidate={"m": series(values, "share"), "good": series(shares(100, 100), "share")})
    alone = decide([parse("m >= 80%")], results)
    assert alone.verdict == "FAIL"
    rules = [parse("m >= 80%"), *[parse(f"good >= {share}%") for share in range(50, 60)]]
    many = decide(rules, results)
    assert many.rules[0].verdict == "INCONCLUSIVE"
    assert "not as one of 11 rules" in many.rules[0].reason
    assert decide(rules, results, GateSettings(correction="none")).verdict == "FAIL"


def test_each_rules_pass_may_be_quoted_by_itself_under_holms_correction():
    results = Results(candidate={name: series(shares(87, 100), "share") for name in "abcd"})
    rules = [parse(f"{name} >= 80%") for name in "abcd"]
    assert decide(rules, results).verdict == "PASS"
    assert decide(rules, results, GateSettings(correction="holm")).verdict == "INCONCLUSIVE"


def test_one_failure_fails_the_gate_and_one_doubt_leaves_it_open():
    results = Results(candidate={"a": series(shares(99, 100), "share"), "b": series(shares(82, 100), "share")})
    both = decide([parse("a >= 80%"), parse("b >= 80%")], results)
    assert both.verdict == "INCONCLUSIVE"
    assert both.reason.startswith("b >= 80%: ")
    failed = decide([parse("b >= 80%"), parse("a <= 50%"), parse("b <= 40%")], results)
    assert failed.verdict == "FAIL"
    assert failed.reason.endswith("And 1 more.")
    assert decide([parse("a >= 80%"), parse("b >= 60%")], results).reason == "All 2 rules hold."


def test_looking_all_the_time_takes_wider_intervals():
    """FAILURES E9"""
    values = rng().permutation(shares(85, 100))
    assert gate("m >= 77%", values, unit="share").verdict == "PASS"
    assert gate("m >= 77%", values, unit="share", always_valid=True).verdict == "INCONCLUSIVE"
    r = rng()
    many = (r.random(800) < 0.9).astype(float)
    found = gate("m >= 80%", many, unit="share", always_valid=True)
    assert (found.verdict, found.interval.method, found.p_pass) == ("PASS", "betting", None)
    assert gate("m <= 80%", many, unit="share", always_valid=True).verdict == "FAIL"
    money = r.normal(1, 0.1, 300)
    assert gate("m <= $1.2", money, unit="dollars", always_valid=True).verdict == "PASS"
    assert gate("m <= $1.2", money[:20], unit="dollars", always_valid=True).verdict == "INCONCLUSIVE"
    assert gate("p90(m) <= $1.3", money, unit="dollars", always_valid=True).verdict == "PASS"
    assert gate("p90(m) <= baseline", money, money, unit="dollars", always_valid=True).verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("acuracy >= 80%", "Did you mean 'accuracy'"),
        ("accuracy >= 3s", "compared with a share"),
        ("latency <= 3", "without a unit"),
        ("latency <= 3pt", "compared with a time"),
        ("accuracy >= baseline", "there is none"),
        ("latency == 3s", "== is for shares"),
        ("accuracy == 50%", "== is for shares"),
        ("p0_latency <= 3s", "There is no metric"),
    ],
)
def test_a_rule_that_does_not_fit_the_results_is_an_error(rule, said):
    results = Results(candidate={"accuracy": series([1.0], "share"), "latency": series([1.0], "seconds")})
    with pytest.raises(RuleError, match=said):
        decide([parse(rule)], results)


def test_a_gate_without_rules_or_with_strange_settings_is_an_error():
    results = Results(candidate={"a": series([1.0], "share")})
    with pytest.raises(InvalidInput, match="at least one rule"):
        decide([], results)
    with pytest.raises(InvalidInput, match=r"between 0 and 0\.5"):
        decide([parse("a >= 1%")], results, GateSettings(alpha=0.7))
    with pytest.raises(InvalidInput, match="from 0 to 1"):
        decide([parse("a >= 1%")], results, GateSettings(max_unscored=2))


def test_percentiles_of_many_rows_are_compared_without_resampling():
    r = rng()
    base = r.gamma(4, 0.25, 6000)
    found = gate("p95(m) <= 1.02 * baseline", base * 1.1, base, unit="seconds")
    assert (found.verdict, found.interval.method) == ("FAIL", "percentile influence")
    groups = {str(place): str(place // 10) for place in range(6000)}
    found = gate("p95(m) <= 1.2 * baseline", base * 1.1, base, unit="seconds", groups=groups)
    assert (found.verdict, found.groups) == ("PASS", 600)
    apart = Results(
        candidate={"m": Series(rows=[f"a{n}" for n in range(6000)], values=list(base * 1.1), unit="seconds")},
        baseline={"m": Series(rows=[f"b{n}" for n in range(6000)], values=list(base), unit="seconds")},
    )
    (only,) = decide([parse("p95(m) <= 1.02 * baseline")], apart).rules
    assert (only.verdict, only.interval.method) == ("FAIL", "welch percentile influence")
