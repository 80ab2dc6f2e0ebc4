"""What tests of alerts share: spans in memory, a service over a real metadata store, and ears instead of a network."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from penstock.alerts.context import Context
from penstock.alerts.evaluate import Evaluator
from penstock.alerts.incidents.changes import AuditChanges
from penstock.alerts.jobs import AlertJob
from penstock.alerts.notify.dispatch import Dispatch
from penstock.alerts.notify.message import Message
from penstock.alerts.notify.transport import Address
from penstock.alerts.notify.vault import StoredVault
from penstock.alerts.rules.judge import Baselines, Judge
from penstock.alerts.rules.measure import Measure, Watched
from penstock.alerts.service import AlertService
from penstock.alerts.store import rules
from penstock.alerts.types import AlertCondition, MetricSpec, RuleSpec, SeriesState
from penstock.alerts.watch import Watch
from penstock.core.clock import ManualClock
from penstock.core.errors import PenstockError, Unavailable
from penstock.core.home import Home
from penstock.core.ids import RandomIds, SequentialIds
from penstock.identity.service import IdentityService
from penstock.store.metadata import Metadata, open_metadata
from penstock.store.spans.filters import Filter
from penstock.store.spans.metrics import MetricPoint, MetricQuery, MetricResult, MetricSeries
from penstock.store.spans.tree import And, Node, Not, Or
from penstock.tracing.query import parse

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_767_571_200_000_000
"""Monday 2026-01-05, 00:00 UTC: a whole multiple of every step."""

COMPARE = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "in": lambda a, b: a in b,
    "gt": lambda a, b: a is not None and a > b,
    "gte": lambda a, b: a is not None and a >= b,
    "lt": lambda a, b: a is not None and a < b,
    "lte": lambda a, b: a is not None and a <= b,
    "has": lambda a, _: a is not None,
    "missing": lambda a, _: a is None,
}


@dataclass
class FakeMetrics:
    """Answers metric queries over calls that a test put in: dicts with `t` and columns."""

    calls: list[dict] = field(default_factory=list)
    error: PenstockError | None = None
    asked: list[MetricQuery] = field(default_factory=list)

    def add(self, t: int, *, times: int = 1, **columns) -> None:
        self.calls += [{"t": t + index, "status": "ok", **columns} for index in range(times)]

    def measure(self, query: MetricQuery) -> MetricResult:
        self.asked.append(query)
        if self.error is not None:
            raise self.error
        part = [one for one in self.calls if query.from_ <= one["t"] < query.to and holds(query.where, one)]
        groups: dict[tuple, list[dict]] = {}
        for one in part:
            groups.setdefault(tuple(one.get(column) for column in query.group_by), []).append(one)
        series = []
        for labels, found in sorted(groups.items(), key=lambda each: -len(each[1]))[: query.top]:
            steps: dict[int, list[dict]] = {}
            for one in found if query.step else []:
                steps.setdefault(one["t"] // query.step * query.step, []).append(one)
            points = [self._point(query, t, steps[t], query.step / SECOND) for t in sorted(steps)]
            total = self._point(query, query.from_, found, (query.to - query.from_) / SECOND)
            series.append(MetricSeries(labels=labels, total=total, points=points))
        units = {"duration": "microseconds", "cost": "nano_dollars"}
        unit = "share" if query.aggregation == "share" else units.get(query.field or "", "count")
        return MetricResult(step=query.step, unit=unit, series=series, groups=len(groups))

    @staticmethod
    def _point(query: MetricQuery, t: int, found: list[dict], seconds: float) -> MetricPoint:
        if query.aggregation == "count":
            return MetricPoint(t, float(len(found)), len(found))
        if query.aggregation == "rate":
            return MetricPoint(t, len(found) / seconds, len(found))
        if query.aggregation == "share":
            return MetricPoint(t, sum(holds(query.of, one) for one in found) / len(found), len(found))
        values = sorted(one[query.field] for one in found if one.get(query.field) is not None)
        if not values:
            return MetricPoint(t, None, len(found))
        value = {"avg": sum(values) / len(values), "sum": sum(values), "p50": values[len(values) // 2]}
        return MetricPoint(t, float(value.get(query.aggregation, values[-1])), len(found))


def holds(node: Node | None, call: dict) -> bool:
    match node:
        case None:
            return True
        case And(terms):
            return all(holds(term, call) for term in terms)
        case Or(terms):
            return any(holds(term, call) for term in terms)
        case Not(term):
            return not holds(term, call)
        case Filter():
            return COMPARE[node.operator](call.get(node.column), node.value)
    raise NotImplementedError(node)


@dataclass
class Ears:
    """A transport that hears."""

    heard: list[Message] = field(default_factory=list)
    failing: str | None = None
    addresses: list[Address] = field(default_factory=list)

    def check(self, url: str, *, allow) -> None:
        return None

    def send(self, address: Address, message: Message, *, allow) -> None:
        if self.failing is not None:
            raise Unavailable(self.failing)
        self.addresses.append(address)
        self.heard.append(message)


def read(_project: str, text: str, *, field: str = "q") -> Node | None:
    return parse(text, field=field)


def rule(condition: AlertCondition, **options) -> Watched:
    metric = options.pop("metric", MetricSpec())
    spec = RuleSpec(name="rule", metric=metric, condition=condition, **{"delay": 0, **options})
    return Watched(id="r", project="p", version=1, spec=spec)


def threshold(value: float, **options) -> AlertCondition:
    return AlertCondition(kind="threshold", value=value, **options)


class Rig:
    """One rule over spans in memory, evaluated at the times that a test says."""

    def __init__(self, watched: Watched, metrics: FakeMetrics | None = None) -> None:
        self.metrics = metrics or FakeMetrics()
        self.rule = watched
        self.measure = Measure(self.metrics, read)
        self.evaluator = Evaluator(Judge(self.measure, Baselines(self.measure)), ids=SequentialIds())
        self.states: list[SeriesState] = []
        self.transitions = []

    def at(self, at: int):
        try:
            readings = self.measure.window(self.rule, *self.rule.window(at))
        except PenstockError as error:
            readings = error
        outcome = self.evaluator.evaluate(self.rule, readings, at=at, states=self.states)
        self.states = outcome.states
        self.transitions += outcome.transitions
        return outcome

    @property
    def state(self) -> str:
        (state,) = self.states
        return state.state


class House:
    """The whole slice over a real metadata store, with a clock that a test moves."""

    def __init__(
        self, folder: Path, *, clock: ManualClock | None = None, opens: Callable[[Path], Metadata] = open_metadata
    ) -> None:
        self.home = Home(folder)
        self.home.create()
        self.clock = clock or ManualClock(START)
        self.metadata = opens(self.home.metadata)
        ids = RandomIds(self.clock)
        self.identity = IdentityService(
            self.metadata, clock=self.clock, ids=ids, master_key=self.home.master_key, on_change=lambda: None
        )
        self.identity.bootstrap(self.home.admin_key)
        self.actor = self.identity.access.by_key(self.home.admin_key.read_text().strip())
        self.project = self.actor.project
        self.metrics = FakeMetrics()
        self.ears = Ears()
        self.traces = ["ab" * 16]
        context = Context(metadata=self.metadata, metrics=self.metrics, parse=read, clock=self.clock, ids=ids)
        self.behind: str | None = None
        self.alerts = AlertService(
            context,
            vault=StoredVault(self.identity.secrets, self.metadata, master_key=self.home.master_key, environment={}),
            transport=self.ears,
            changes=AuditChanges(self.metadata),
            examples=lambda *_: self.traces,
            console=lambda: "https://console.test",
        )
        self.restart()

    def restart(self) -> None:
        """Everything that lives in memory begins anew."""
        self.watch = Watch(self.alerts, behind=lambda: self.behind)
        self.dispatch = Dispatch(self.alerts)

    def job(self, **options) -> AlertJob:
        return AlertJob(self.alerts, behind=lambda: self.behind, **options)

    def tick(self) -> None:
        """What the job does once, without its threads."""
        self.watch.fresh()
        with self.metadata.read() as connection:
            due = rules.due(connection, self.clock.now())
        for row in due:
            self.watch.evaluate(row)
        self.dispatch.plan()
        for delivery in self.dispatch.due():
            self.dispatch.deliver(delivery)

    def run(self, minutes: float, *, every: float = 30) -> None:
        for _ in range(round(minutes * 60 / every)):
            self.clock.advance(every)
            self.tick()

    def create(self, condition: AlertCondition, **options):
        spec = RuleSpec(name=options.pop("name", "Errors"), condition=condition, **{"delay": 0, **options})
        return self.alerts.rules.create(self.actor, self.project, spec)

    def change(self, made, **options):
        spec = msgspec.structs.replace(made.spec, **options)
        return self.alerts.rules.replace(self.actor, self.project, made.id, spec)

    def states(self, **options) -> list[str]:
        return [one.state for one in self.alerts.rules.states(self.project, **options)]

    def close(self) -> None:
        self.metadata.close()
