"""False alarms on a week without a fault, and how soon injected faults are found, by the evaluator that runs live.

    nice -n 19 python bench/alerts.py [SEEDS]

For each seed: three weeks of traffic are history, the fourth is watched by the default rules. First as it is: an alert
that fires is a false alarm. Then with one fault at a time, at a random hour; a fault is found when an alert fires
that did not fire without it, while the fault lasts. Nothing is tuned to a seed: the rules are those that
`penstock alerts defaults` gives.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from alert_traffic import DAY, HOUR, SECOND, START, WEEK, Calls, Store, simulate
from penstock.alerts.evaluate import Evaluator
from penstock.alerts.rules.defaults import default_rules
from penstock.alerts.rules.judge import Baselines, Judge
from penstock.alerts.rules.measure import Measure, Watched
from penstock.alerts.rules.state import active
from penstock.alerts.types import SeriesState
from penstock.core.ids import SequentialIds
from penstock.tracing.query import parse

WEEKS = 4
WATCHED = START + 3 * WEEK
MINUTE = 60 * SECOND
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
read = cache(parse)
RESULTS = Path(__file__).resolve().parent / "results" / "alerts.json"

Change = Callable[[Calls, slice, np.random.Generator, np.ndarray], Calls | None]
"""Changes calls in place in a slice; the array says how far the fault is along (0 to 1). Or returns other calls."""


def scale(
    column: str, factor: float, *, model: int | None = None, route: int | None = None, ramp: bool = False
) -> Change:
    def change(calls: Calls, part: slice, _rng: np.random.Generator, along: np.ndarray) -> None:
        hit = np.ones(part.stop - part.start, dtype=bool)
        if model is not None:
            hit &= calls.model[part] == model
        if route is not None:
            hit &= calls.route[part] == route
        by = 1 + (factor - 1) * (np.minimum(1, along * 2) if ramp else 1.0) * hit
        getattr(calls, column)[part] *= by
        if column == "ttft":
            calls.duration[part] += calls.ttft[part] * (1 - 1 / by)

    return change


def fail(points: float, *, model: int | None = None, route: int | None = None, ramp: bool = False) -> Change:
    def change(calls: Calls, part: slice, rng: np.random.Generator, along: np.ndarray) -> None:
        hit = rng.random(part.stop - part.start) < points * (np.minimum(1, along * 2) if ramp else 1.0)
        if model is not None:
            hit &= calls.model[part] == model
        if route is not None:
            hit &= calls.route[part] == route
        calls.error[part] |= hit

    return change


def dislike(points: float, *, route: int | None = None) -> Change:
    def change(calls: Calls, part: slice, rng: np.random.Generator, _along: np.ndarray) -> None:
        hit = (rng.random(part.stop - part.start) < points / 0.82) & (calls.helpful[part] == 1)
        if route is not None:
            hit &= calls.route[part] == route
        calls.helpful[part] = np.where(hit, 0.0, calls.helpful[part])

    return change


def thin(keep: float, *, route: int | None = None) -> Change:
    def change(calls: Calls, part: slice, rng: np.random.Generator, _along: np.ndarray) -> Calls:
        mask = np.ones(len(calls.t), dtype=bool)
        gone = rng.random(part.stop - part.start) >= keep
        if route is not None:
            gone &= calls.route[part] == route
        mask[part] = ~gone
        return calls.keep(mask)

    return change


def multiply(times: int) -> Change:
    def change(calls: Calls, part: slice, rng: np.random.Generator, _along: np.ndarray) -> Calls:
        mask = np.zeros(len(calls.t), dtype=bool)
        mask[part] = True
        more = [calls.keep(mask) for _ in range(times - 1)]
        for one in more:
            one.t = np.sort(one.t + rng.integers(0, 20 * SECOND, len(one.t)))
        return Calls.joined([calls, *more])

    return change


FAULTS: list[tuple[str, Change, float]] = [
    # what, how, hours that it lasts
    ("latency +30 %", scale("duration", 1.3), 6),
    ("latency +30 %, one model", scale("duration", 1.3, model=1), 6),
    ("latency +40 %, one route", scale("duration", 1.4, route=2), 6),
    ("latency, slow ramp to +60 % in 6 h", scale("duration", 1.6, ramp=True), 12),
    ("latency ×3 for one hour", scale("duration", 3.0), 1),
    ("time to first token ×2", scale("ttft", 2.0), 6),
    ("errors +2 points", fail(0.02), 6),
    ("errors +5 points, one model", fail(0.05, model=2), 6),
    ("errors +5 points, one route", fail(0.05, route=3), 6),
    ("one model down", fail(1.0, model=3), 2),
    ("errors, slow ramp to +4 points in 6 h", fail(0.04, ramp=True), 12),
    ("errors 30 % for half an hour", fail(0.3), 0.5),
    ("cost ×2", scale("cost", 2.0), 6),
    ("cost ×2, one route", scale("cost", 2.0, route=1), 6),
    ("answers 60 % longer", scale("output", 1.6), 6),
    ("quality -5 points", dislike(0.05), 24),
    ("quality -12 points, one route", dislike(0.12, route=1), 24),
    ("silence", thin(0.0), 1),
    ("silence of one route", thin(0.0, route=2), 4),
    ("traffic ×3: a loop", multiply(3), 3),
]


class Remembered(Baselines):
    """Profiles of a history that several runs share are fitted once: the same ones, sooner."""

    def __init__(self, measure: Measure, fitted: dict, *, same_until: int) -> None:
        super().__init__(measure)
        self._shared = fitted
        self._same_until = same_until

    def of(self, rule: Watched, at: int, *, counts: bool) -> dict:
        boundary = at // (DAY // 4) * (DAY // 4)
        if boundary > self._same_until:
            return super().of(rule, at, counts=counts)
        key = (rule.id, boundary)
        if key not in self._shared:
            self._shared[key] = super().of(rule, at, counts=counts)
        return self._shared[key]


class WholePast(Measure):
    """Asks for the series of a rule once, and gives parts of it: the same points, sooner."""

    def __init__(self, store: Store, to: int) -> None:
        super().__init__(store, lambda _project, text, **_: read(text))
        self._to = to
        self._series: dict = {}

    def history(self, rule: Watched, from_: int, to: int, *, step: int, counts: bool = False) -> dict:
        key = (rule.id, step, counts)
        if key not in self._series:
            self._series[key] = super().history(rule, START, self._to, step=step, counts=counts)
        parts = {labels: points.between(from_, to) for labels, points in self._series[key].items()}
        return {labels: points for labels, points in parts.items() if len(points.t)}


class Watcher:
    """The default rules over one store, with a clock of their own."""

    def __init__(self, calls: Calls, fitted: dict, *, same_until: int) -> None:
        self._measure = WholePast(Store(calls), WATCHED + WEEK)
        self._baselines = Remembered(self._measure, fitted, same_until=same_until)
        self._evaluator = Evaluator(Judge(self._measure, self._baselines), ids=SequentialIds())
        self._rules = [
            Watched(id=str(index), project="p", version=1, spec=spec)
            for index, spec in enumerate(default_rules(score="helpful"))
        ]
        self.evaluations = 0

    def watch(self, from_: int, to: int) -> list[tuple[int, str, dict[str, str]]]:
        """When which alert fires."""
        fired: list[tuple[int, str, dict[str, str]]] = []
        for rule in self._rules:
            states: list[SeriesState] = []
            width = rule.spec.interval * SECOND
            for at in range((from_ // width + 1) * width, to + 1, width):
                readings = self._measure.window(rule, *rule.window(at))
                outcome = self._evaluator.evaluate(rule, readings, at=at, states=states)
                self.evaluations += 1
                before = {state.series: active(state) for state in states}
                fired += [
                    (at, rule.name, {"labels": state.labels, "reason": state.reason})
                    for state in outcome.states
                    if active(state) and not before.get(state.series, False)
                ]
                states = outcome.states
        return sorted(fired, key=lambda one: one[0])


def inject(calls: Calls, change: Change, *, from_: int, to: int, seed: int) -> Calls:
    broken = calls.copy()
    part = broken.between(from_, to)
    along = (broken.t[part] - from_) / (to - from_)
    return change(broken, part, np.random.default_rng(seed), along) or broken


def run(seed: int) -> dict:
    began = time.perf_counter()
    calls = simulate(WEEKS, seed=seed)
    fitted: dict = {}
    quiet = Watcher(calls, fitted, same_until=WATCHED + WEEK)
    false = quiet.watch(WATCHED, WATCHED + WEEK)
    print(
        f"seed {seed}: {len(calls.t):,} calls, {quiet.evaluations:,} evaluations, {len(false)} false alarms", flush=True
    )
    for at, name, more in false:
        print(f"    {(at - WATCHED) / DAY:5.2f} d  {name}: {more['reason']}  {more['labels']}")
    rng = np.random.default_rng(seed + 1000)
    found: list[dict] = []
    for index, (name, change, hours) in enumerate(FAULTS):
        start = WATCHED + int(rng.integers(6 * HOUR, WEEK - int(hours * HOUR) - 2 * HOUR))
        end = start + int(hours * HOUR)
        broken = inject(calls, change, from_=start, to=end, seed=seed + index)
        watcher = Watcher(broken, fitted, same_until=start)
        usual = {(one[1], str(one[2]["labels"])) for one in false if start - HOUR <= one[0] <= end}
        fired = [
            one
            for one in watcher.watch(start - 2 * HOUR, end + 10 * MINUTE)
            if one[0] >= start and (one[1], str(one[2]["labels"])) not in usual
        ]
        minutes = (fired[0][0] - start) / MINUTE if fired else None
        found.append({"fault": name, "minutes": minutes, "alert": fired[0][1] if fired else None})
        hour = f"{DAYS[int((start - WATCHED) // DAY)]} {(start % DAY) / HOUR:4.1f} h"
        told = f"{minutes:6.0f} min  {fired[0][1]}" if fired else "  not found"
        print(f"    {name:40s} {hour}  {told}", flush=True)
    detected = sum(one["minutes"] is not None for one in found)
    seconds = time.perf_counter() - began
    print(f"seed {seed}: {detected} of {len(FAULTS)} faults found, {seconds:.0f} s", flush=True)
    return {"seed": seed, "calls": len(calls.t), "false_alarms": len(false), "found": detected, "faults": found}


def main() -> None:
    seeds = [int(word) for word in sys.argv[1:]] or [1, 2, 3, 4, 5]
    results = [run(seed) for seed in seeds]
    alarms = [one["false_alarms"] for one in results]
    detected = [one["found"] for one in results]
    times = [fault["minutes"] for one in results for fault in one["faults"] if fault["minutes"] is not None]
    print(f"false alarms in a week: {alarms}; faults found of {len(FAULTS)}: {detected}; ", end="")
    print(f"time to detect: median {np.median(times):.0f} min, p90 {np.quantile(times, 0.9):.0f} min")
    if len(seeds) >= 5:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    summary = {
        "false_alarms": alarms,
        "found": detected,
        "of": len(FAULTS),
        "median_minutes": float(np.median(times)),
        "p90_minutes": float(np.quantile(times, 0.9)),
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
