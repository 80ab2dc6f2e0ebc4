"""A judge held against people's labels of a queue or a dataset: it is asked for each, beside the request."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from random import Random
from typing import Any, Final, Protocol

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, PenstockError, PermissionDenied
from penstock.core.ids import Ids
from penstock.evals.calibration import CalibrationRule
from penstock.evals.datasets.background import Background, Note, Progress
from penstock.evals.evaluators.catalog import define, load
from penstock.evals.evaluators.definition import Built, Services
from penstock.evals.evaluators.types import Item, Judgement, Value
from penstock.evals.experiments.asking import JudgeAsk
from penstock.evals.experiments.calibration_types import (
    CalibrationSource,
    LabelPlace,
    PeopleLabel,
    WrittenCalibration,
)
from penstock.evals.experiments.calibrations import Calibrations
from penstock.evals.experiments.caller import HttpCaller
from penstock.evals.experiments.calls import Calls, CallSettings
from penstock.evals.experiments.embedding import GatewayEmbed
from penstock.evals.experiments.pacing import Pacer
from penstock.evals.experiments.ports import ModelAccess
from penstock.evals.experiments.types import CallMark
from penstock.tracing.actor import Actor

__all__ = [
    "CalibrationLabels",
    "CalibrationRun",
    "CalibrationRuns",
    "DatasetLabels",
    "Labelled",
    "NewCalibrationRun",
    "QueueLabels",
]

AT_ONCE: Final = 2
CALLS: Final = 16
"""Calls of one run that are under way at most."""
TIMEOUT: Final = 120.0
MOST: Final = 5000
"""Items of one run."""


class QueueLabels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Labels of an annotation queue."""

    queue: str
    """Name or id."""
    question: str
    """Whose answers count. Where people differ, the most frequent one; an item with a tie is left out."""


class DatasetLabels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Labels that stand in a dataset."""

    dataset: str
    version: str = "latest"
    label: str = "metadata.label"
    """Where people's value stands: `reference`, or a field of the metadata."""
    answer: str = "metadata.answer"
    """Where the judged answer stands; as `label`."""


class NewCalibrationRun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a judge and the labels that it is to be held against: those of a queue or of a dataset."""

    version: str = "latest"
    """Of the registry's evaluator: a number, a label, `latest`."""
    queue: QueueLabels | None = None
    dataset: DatasetLabels | None = None
    metric: str | None = None
    """Name of the judgements, `rubric.tone`; null: the evaluator's own."""
    limit: int = 1000
    """Labelled items at most, 1 to 5,000."""
    others: int = 200
    """Items without a label that are judged too, for the corrected rate; 0 to 5,000."""
    rule: CalibrationRule | None = None


class CalibrationRun(Progress, frozen=True, kw_only=True):
    """One calibration that runs beside the request. `rows` are the items judged so far."""

    name: str
    """The evaluator's."""
    version: int
    metric: str
    total: int | None = None
    """Items to judge; null until they are counted."""
    unscored: int = 0
    """Items on which the judge could not say."""
    cost: int = 0
    """Nano-dollars so far, of calls whose cost is known."""
    calibration: str | None = None
    """Id of the report, once it is there."""


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, with what people said of it; None where nobody did."""

    item: Item
    people: Value | None
    place: LabelPlace


class CalibrationLabels(Protocol):
    """Answers with people's labels. Blocks."""

    def queue(self, project: str, wanted: QueueLabels) -> Iterator[Labelled]:
        """Raises `NotFound`, or `InvalidInput` where the queue has no such question."""
        ...

    def dataset(self, project: str, wanted: DatasetLabels) -> tuple[int, Iterator[Labelled]]:
        """The version's number, and its rows. Raises `NotFound`; `InvalidInput` while reading."""
        ...


class _Sample(msgspec.Struct, frozen=True):
    labelled: list[Labelled]
    others: list[Labelled]
    source: CalibrationSource


class CalibrationRuns:
    """Runs calibrations. `start` returns at once.

    Args:
        calibrations: Finds judges and keeps reports.
        labels: Where labels come from.
        access: To models.
        clock: Time.
        ids: Names runs.
        random: Spreads retries.
    """

    def __init__(
        self,
        calibrations: Calibrations,
        labels: CalibrationLabels,
        access: ModelAccess,
        *,
        clock: Clock,
        ids: Ids,
        random: Random,
    ) -> None:
        self._calibrations = calibrations
        self._labels = labels
        self._access = access
        self._clock = clock
        self._ids = ids
        self._random = random
        self._work: Background[CalibrationRun] = Background(
            "calibration", at_once=AT_ONCE, clock=clock, missing="calibration_run_not_found"
        )

    def start(self, actor: Actor, project: str, name: str, new: NewCalibrationRun) -> CalibrationRun:
        """Begin one.

        Raises:
            InvalidInput: it is no judge, or it is not said which labels.
            NotFound: there is no such evaluator, version, queue or dataset.
            PermissionDenied: the caller may not call models, or not read the labels.
        """
        if (new.queue is None) == (new.dataset is None):
            raise InvalidInput("Expected either a queue or a dataset with labels.", field="queue")
        if not 1 <= new.limit <= MOST or not 0 <= new.others <= MOST:
            raise InvalidInput(f"Expected at most {MOST:,} items.", field="limit")
        for permission in ("gateway:call", "annotation:read" if new.queue is not None else "datasets:read"):
            if not actor.may(permission, project):
                raise PermissionDenied(f"To hold a judge against these labels takes the permission {permission}.")
        judge, body = self._calibrations.judge(project, name, new.version, new.metric)
        source, items = self._items(project, new)
        id_ = self._ids.uuid7()
        begun = CalibrationRun(
            id=id_, name=judge.name, version=judge.version or 0, metric=judge.metric, started=self._clock.now()
        )

        def run(note: Note) -> dict[str, Any]:
            gateway = self._access.url
            sample = _sample(items, source, new)
            note(total=len(sample.labelled) + len(sample.others))
            asking = _Asking(note, clock=self._clock, random=self._random)
            judged = asyncio.run(asking.run(id_, gateway, self._access.key(project), body, sample))
            written = WrittenCalibration(
                name=judge.name,
                evaluator=define(body)[1],
                metric=judge.metric,
                labels=_labels(sample.labelled, judged, judge.metric),
                others=_others(judged[len(sample.labelled) :], judge.metric),
                rule=new.rule,
                source=source,
            )
            kept = self._calibrations.keep(actor, project, written, version=judge.version)
            return {"calibration": kept.id}

        return self._work.begin(project, begun, run)

    def get(self, project: str, id_: str) -> CalibrationRun:
        """How far one is. Raises `NotFound`."""
        return self._work.get(project, id_)

    def close(self) -> None:
        """Give up what is running, and wait for it."""
        self._work.close()

    def _items(self, project: str, new: NewCalibrationRun) -> tuple[CalibrationSource, Iterator[Labelled]]:
        if new.queue is not None:
            source = CalibrationSource(kind="queue", queue=new.queue.queue, question=new.queue.question)
            return source, self._labels.queue(project, new.queue)
        wanted = new.dataset or DatasetLabels(dataset="")
        version, rows = self._labels.dataset(project, wanted)
        source = CalibrationSource(kind="dataset", dataset=wanted.dataset, version=version, label=wanted.label)
        return source, rows


class _Asking:
    """Asks one judge about all items, and says how far it is."""

    def __init__(self, note: Note, *, clock: Clock, random: Random) -> None:
        self._note = note
        self._clock = clock
        self._random = random
        self._done = self._unscored = self._cost = 0
        self._attempts: Counter[str] = Counter()

    async def run(
        self, id_: str, gateway: str, key: Awaitable[str], body: dict[str, Any], sample: _Sample
    ) -> list[list[Judgement]]:
        """Judgements of each item, those with labels first."""
        session = HttpCaller.new_session(connections=CALLS + 4)
        async with session:
            caller = HttpCaller(gateway, await key, session, clock=self._clock)
            calls = Calls(
                CallSettings(experiment=id_),
                self._begin,
                Pacer(CALLS),
                recall=None,
                may_start=lambda: True,
                clock=self._clock,
                random=self._random,
            )
            judge = load(
                body,
                Services(
                    ask=JudgeAsk(caller, calls.get, experiment=id_, timeout=TIMEOUT),
                    embed=GatewayEmbed(caller, calls.get, experiment=id_, salt=id_, timeout=TIMEOUT),
                ),
            )
            waiting = asyncio.Semaphore(2 * CALLS)
            try:
                async with asyncio.TaskGroup() as tasks:
                    made = [
                        tasks.create_task(self._one(judge, one.item, waiting))
                        for one in [*sample.labelled, *sample.others]
                    ]
            except* PenstockError as errors:
                raise _first(errors) from None
        return [task.result() for task in made]

    async def _begin(self, call: tuple[str, bool]) -> CallMark:
        """Nothing is kept of a run that does not end: a mark only numbers the attempt."""
        key, _ = call
        self._attempts[key] += 1
        return CallMark(key=key, attempt=self._attempts[key], started=self._clock.now(), fresh=True)

    async def _one(self, judge: Built, item: Item, waiting: asyncio.Semaphore) -> list[Judgement]:
        async with waiting:
            found = await judge.evaluate(item)
        self._done += 1
        self._unscored += any(one.error is not None for one in found)
        self._cost += sum(one.cost or 0 for one in found)
        self._note(rows=self._done, unscored=self._unscored, cost=self._cost)
        return found


def _first(errors: BaseExceptionGroup[PenstockError]) -> BaseException:
    """One of them: they all say that the console stops."""
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _sample(items: Iterable[Labelled], source: CalibrationSource, new: NewCalibrationRun) -> _Sample:
    labelled: list[Labelled] = []
    others: list[Labelled] = []
    for one in items:
        if one.people is not None and len(labelled) < new.limit:
            labelled.append(one)
        elif one.people is None and len(others) < new.others:
            others.append(one)
    if not labelled:
        raise InvalidInput(
            "None of these items has a label of a person.", field="queue", hint="Label some first.", code="no_labels"
        )
    return _Sample(labelled, others, source)


def _of(judgements: Sequence[Judgement], metric: str) -> Judgement | None:
    return next((one for one in judgements if one.name == metric), None)


def _labels(labelled: Sequence[Labelled], judged: Sequence[Sequence[Judgement]], metric: str) -> list[PeopleLabel]:
    made: list[PeopleLabel] = []
    for one, judgements in zip(labelled, judged, strict=False):
        said = _of(judgements, metric)
        if one.people is not None:
            made.append(
                PeopleLabel(
                    people=one.people,
                    judge=None if said is None else said.value,
                    length=len(one.item.output),
                    reason=None if said is None else said.reason or said.error,
                    place=one.place,
                )
            )
    return made


def _others(judged: Sequence[Sequence[Judgement]], metric: str) -> list[Value]:
    found = [_of(judgements, metric) for judgements in judged]
    return [one.value for one in found if one is not None and one.value is not None]
