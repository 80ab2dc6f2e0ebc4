"""Simulated traffic of some weeks, and a store of metrics over it, for `bench/alerts.py`.

Arrivals keep the burstiness of a real trace (Azure's, gaps as they came), stretched to the rate of the hour; rates
follow the hours of the day and the days of the week, with a factor of chance for each day and for each quarter of an
hour. Token counts are the trace's own. Latency, errors and quality wander as they do in practice.
"""

import csv
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path

import numpy as np

from penstock.store.spans.filters import Filter
from penstock.store.spans.metrics import MetricPoint, MetricQuery, MetricResult, MetricSeries
from penstock.store.spans.tree import And, Node, Not, Or

TRACE = Path(__file__).resolve().parents[2] / "shared" / "data" / "azure-llm-conversation-trace.csv"
SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
WEEK = 7 * DAY
START = 1_767_571_200_000_000
"""Monday 2026-01-05, 00:00 UTC."""
RATE = 0.35
"""Calls per second on average."""
MODELS = ("gpt-4o-mini", "claude-sonnet-4-5", "gpt-4o", "gemini-2.5-flash")
MODEL_SHARE = (0.45, 0.25, 0.18, 0.12)
SPEED = (95.0, 65.0, 60.0, 170.0)
"""Tokens per second."""
PRICE = ((150, 600), (3000, 15000), (2500, 10000), (300, 2500))
"""Nano-dollars per token in and out."""
ROUTES = ("support", "search", "summarise", "agent")
ROUTE_SHARE = (0.4, 0.3, 0.18, 0.12)
ERRORS = 0.01
HELPFUL = (0.86, 0.8, 0.83, 0.78)
JUDGED = 0.3


@dataclass
class Calls:
    """Columns of calls, in order of time."""

    t: np.ndarray
    model: np.ndarray
    route: np.ndarray
    duration: np.ndarray
    ttft: np.ndarray
    cost: np.ndarray
    output: np.ndarray
    error: np.ndarray
    helpful: np.ndarray
    """NaN: not judged."""

    def copy(self) -> "Calls":
        return Calls(**{one.name: getattr(self, one.name).copy() for one in fields(self)})

    def keep(self, mask: np.ndarray) -> "Calls":
        return Calls(**{one.name: getattr(self, one.name)[mask] for one in fields(self)})

    def between(self, from_: int, to: int) -> slice:
        low, high = np.searchsorted(self.t, [from_, to])
        return slice(int(low), int(high))

    @staticmethod
    def joined(parts: list["Calls"]) -> "Calls":
        order = np.argsort(np.concatenate([part.t for part in parts]), kind="stable")
        return Calls(
            **{one.name: np.concatenate([getattr(part, one.name) for part in parts])[order] for one in fields(Calls)}
        )


def real_trace() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gaps between arrivals (mean 1), tokens in, tokens out; of a gamma process where the trace is not there."""
    if not TRACE.exists():
        rng = np.random.default_rng(0)
        gaps = rng.gamma(0.6, 1 / 0.6, 8000)
        return gaps, rng.lognormal(6.5, 1.0, 8000), rng.lognormal(4.9, 0.8, 8000)
    with TRACE.open() as file:
        rows = list(csv.DictReader(file))
    times = np.array([datetime.fromisoformat(row["TIMESTAMP"][:26]).timestamp() for row in rows])
    gaps = np.maximum(np.diff(times), 1e-3)
    tokens = [np.array([float(row[name]) for row in rows[1:]]) for name in ("ContextTokens", "GeneratedTokens")]
    return gaps / gaps.mean(), tokens[0], tokens[1]


def wander(rng: np.random.Generator, steps: int, *, spread: float, memory: float) -> np.ndarray:
    """A factor around 1 that goes up and down: an autoregressive process of its logarithm."""
    noise = rng.normal(0, spread * np.sqrt(1 - memory**2), steps)
    out = np.empty(steps)
    now = rng.normal(0, spread)
    for index in range(steps):
        now = memory * now + noise[index]
        out[index] = now
    return np.exp(out)


def season(t: np.ndarray) -> np.ndarray:
    """Rate of the hour against the mean: nights are quiet, afternoons busy, weekends at a half."""
    hour = (t - START) / HOUR % 24
    day = ((t - START) // DAY) % 7
    daily = 0.25 + 0.95 * np.exp(-(((hour - 14) / 5.0) ** 2)) + 0.35 * np.exp(-(((hour - 20) / 2.5) ** 2))
    return daily * np.where(day >= 5, 0.55, 1.1) / 0.68


def simulate(weeks: int, *, seed: int) -> Calls:
    """Traffic without a fault."""
    rng = np.random.default_rng(seed)
    gaps, tokens_in, tokens_out = real_trace()
    quarters = weeks * 7 * 96
    starts = START + np.arange(quarters) * (HOUR // 4)
    days = np.repeat(np.exp(rng.normal(0, 0.08, weeks * 7)), 96)
    rate = RATE * season(starts + HOUR / 8) * days * wander(rng, quarters, spread=0.08, memory=0.7)
    # The real gaps run in operational time; the rate turns that into hours.
    total = rate.sum() * 900
    drawn = np.concatenate([np.roll(gaps, -int(rng.integers(len(gaps)))) for _ in range(int(total / len(gaps)) + 2)])
    ticks = np.cumsum(drawn)
    edges = np.concatenate([[0], np.cumsum(rate * 900)])
    ticks = ticks[ticks < edges[-1]]
    t = np.interp(ticks, edges, np.concatenate([starts, [starts[-1] + HOUR // 4]])).astype(np.int64)
    n = len(t)
    quarter = np.minimum((t - START) // (HOUR // 4), quarters - 1).astype(np.int64)
    pick = rng.integers(0, len(tokens_in), n)
    model = rng.choice(len(MODELS), n, p=MODEL_SHARE)
    route = rng.choice(len(ROUTES), n, p=ROUTE_SHARE)
    load = season(t.astype(np.float64))
    slow = wander(rng, quarters, spread=0.04, memory=0.8)[quarter] * (1 + 0.08 * (load - 1))
    output = np.maximum(1.0, tokens_out[pick] * np.array([1.0, 0.7, 1.4, 1.1])[route])
    ttft = rng.lognormal(np.log(0.45), 0.35, n) * slow
    duration = ttft + output / np.array(SPEED)[model] * rng.lognormal(0, 0.2, n) * slow
    price = np.array(PRICE)
    cost = tokens_in[pick] * price[model, 0] + output * price[model, 1]
    wrong = ERRORS * wander(rng, quarters, spread=0.3, memory=0.6)[quarter] * np.array([1.0, 1.3, 0.8, 1.0])[model]
    liked = np.array(HELPFUL)[route] + rng.normal(0, 0.004, quarters)[quarter]
    helpful = np.where(rng.random(n) < JUDGED, (rng.random(n) < liked).astype(float), np.nan)
    return Calls(
        t=t,
        model=model,
        route=route,
        duration=duration * SECOND,
        ttft=ttft * SECOND,
        cost=cost,
        output=output,
        error=rng.random(n) < wrong,
        helpful=helpful,
    )


class Store:
    """Answers metric queries over simulated calls as the span store would."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls

    def measure(self, query: MetricQuery) -> MetricResult:
        part = self.calls.between(query.from_, query.to)
        mask = self._mask(query.where, part)
        keys = self._groups(query.group_by, part)[mask]
        values = self._values(query, part)[mask]
        t = self.calls.t[part][mask]
        series: list[MetricSeries] = []
        found, sizes = np.unique(keys, return_counts=True)
        for key in found[np.argsort(-sizes, kind="stable")][: query.top]:
            chosen = keys == key
            points = [] if query.step is None else self._steps(query, t[chosen], values[chosen])
            value, count = self._value(query, values[chosen], (query.to - query.from_) / SECOND)
            labels = tuple(self._name(column, int(key)) for column in query.group_by)
            series.append(MetricSeries(labels=labels, total=MetricPoint(query.from_, value, count), points=points))
        unit = "share" if query.aggregation == "share" else "count" if query.aggregation == "count" else "number"
        units = {"duration": "microseconds", "ttft": "microseconds", "cost": "nano_dollars", "usage_output": "tokens"}
        unit = units.get(query.field or "", "score" if query.field else unit)
        return MetricResult(step=query.step, unit=unit, series=series, groups=len(found))

    def _steps(self, query: MetricQuery, t: np.ndarray, values: np.ndarray) -> list[MetricPoint]:
        step = query.step or 1
        place = t // step
        starts, first = np.unique(place, return_index=True)
        bounds = np.append(first, len(t))
        seconds = step / SECOND
        return [
            MetricPoint(int(start) * step, *self._value(query, values[bounds[i] : bounds[i + 1]], seconds))
            for i, start in enumerate(starts)
        ]

    @staticmethod
    def _value(query: MetricQuery, values: np.ndarray, seconds: float) -> tuple[float | None, int]:
        count = len(values)
        if query.aggregation == "count":
            return float(count), count
        if query.aggregation == "rate":
            return count / seconds, count
        known = values[~np.isnan(values)]
        if len(known) == 0:
            return None, count
        if query.aggregation in {"avg", "share"}:
            return float(known.mean()), count
        if query.aggregation == "sum":
            return float(known.sum()), count
        return float(
            np.partition(known, at := min(len(known) - 1, int(len(known) * int(query.aggregation[1:]) / 100)))[at]
        ), count

    def _values(self, query: MetricQuery, part: slice) -> np.ndarray:
        if query.aggregation == "share":
            return self._mask(query.of, part).astype(float)
        columns = {"usage_output": "output", "score.helpful": "helpful", None: "duration"}
        return getattr(self.calls, columns.get(query.field, query.field))[part]

    def _groups(self, columns: tuple[str, ...], part: slice) -> np.ndarray:
        if not columns:
            return np.zeros(part.stop - part.start, dtype=np.int64)
        return getattr(self.calls, columns[0])[part]

    @staticmethod
    def _name(column: str, key: int) -> str:
        return (MODELS if column == "model" else ROUTES)[key]

    def _mask(self, node: Node | None, part: slice) -> np.ndarray:  # noqa: PLR0911 - one for each kind of node
        size = part.stop - part.start
        match node:
            case None:
                return np.ones(size, dtype=bool)
            case And(terms):
                return np.logical_and.reduce([self._mask(term, part) for term in terms])
            case Or(terms):
                return np.logical_or.reduce([self._mask(term, part) for term in terms])
            case Not(term):
                return ~self._mask(term, part)
            case Filter(column="status", operator="eq", value=value):
                wanted = {"error": True, "ok": False}.get(str(value))
                return np.zeros(size, dtype=bool) if wanted is None else self.calls.error[part] == wanted
            case Filter(column="status", operator="in", value=list(values)):
                return np.logical_or.reduce(
                    [self._mask(Filter(column="status", operator="eq", value=one), part) for one in values]
                )
            case Filter(column="score.helpful", operator="has"):
                return ~np.isnan(self.calls.helpful[part])
            case Filter(operator="has"):
                return np.ones(size, dtype=bool)
        raise NotImplementedError(node)
