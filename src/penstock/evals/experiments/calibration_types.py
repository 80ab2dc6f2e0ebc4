"""What a calibration of a judge is made of, and what is kept of it."""

from collections.abc import Callable
from typing import Literal

import msgspec

from penstock.evals.calibration import Calibration, CalibrationRule
from penstock.evals.evaluators.types import Value
from penstock.evals.statistics.preferences import Comparison

__all__ = [
    "CalibrationDetail",
    "CalibrationRecord",
    "CalibrationSource",
    "Disagreement",
    "JudgeMetric",
    "JudgeState",
    "JudgeVersion",
    "JudgedPair",
    "KnownEvaluator",
    "LabelPlace",
    "NewCalibration",
    "PeopleLabel",
    "PeopleScores",
    "WrittenCalibration",
]

PeopleScores = Callable[[str, str], dict[str, Value]]
"""By project and name of scores: what people said of traces, by trace id. Blocks."""


class JudgedPair(Comparison, frozen=True, kw_only=True):
    """Two answers, and what a pairwise judge and people said of them."""


class LabelPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where an answer that people labelled is found again."""

    trace_id: str | None = None
    experiment: str | None = None
    variant: str | None = None
    row: str | None = None
    """Position in the experiment, or id in the dataset."""
    dataset: str | None = None
    version: int | None = None
    queue: str | None = None
    """Name of the annotation queue."""
    item: str | None = None


class PeopleLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a person said of one answer, and what the judge said of it, or where that is found."""

    people: Value
    judge: Value | None = None
    """Without an experiment: the judge's value; null where it could not say."""
    row: int | None = None
    """Of the experiment: its position."""
    variant: str | None = None
    """Needed where the experiment has several."""
    repetition: int = 0
    length: int | None = None
    """Characters of the answer."""
    reason: str | None = None
    """Of the judge, where it gave one."""
    place: LabelPlace | None = None


class NewCalibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Labels that a judge is to be held against.

    With `experiment` the judge's verdicts are those that were recorded in it, and its verdicts on answers without a
    label are what the corrected rate is computed of.
    """

    version: str = "latest"
    """Of the registry's evaluator: a number, a label, `latest`; not used with `experiment`."""
    experiment: str | None = None
    """Its id."""
    metric: str | None = None
    """Name of the judgements, `rubric.tone`; null: the evaluator's own."""
    labels: list[PeopleLabel] = []
    scores: str | None = None
    """With `experiment`: take the scores of this name that people gave to the answers' traces."""
    others: list[Value] = []
    """The judge's values of items without a label."""
    comparisons: list[JudgedPair] = []
    """Of a pairwise judge: what it said in each order."""
    rule: CalibrationRule | None = None
    """When it counts as calibrated; null: the rule of the documentation."""


class CalibrationSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which labels a report was made of."""

    kind: Literal["given", "experiment", "queue", "dataset"] = "given"
    experiment: str | None = None
    """Its id."""
    scores: str | None = None
    """Name of people's scores."""
    queue: str | None = None
    """Name of the annotation queue."""
    question: str | None = None
    """Of the queue."""
    dataset: str | None = None
    version: int | None = None
    """Of the dataset."""
    label: str | None = None
    """Field of the dataset's rows with people's value."""


class CalibrationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A report of one version of a judge."""

    id: str
    name: str
    """Of the registry's evaluator, or of the evaluator in an experiment."""
    version: int | None
    """Of the registry's evaluator."""
    evaluator: str
    """Its digest: the report holds for no other."""
    metric: str
    report: Calibration
    rule: CalibrationRule
    at: int
    by: str
    source: CalibrationSource = CalibrationSource()


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """An item on which judge and people differ."""

    people: Value
    judge: Value | None
    """Null: it could not say."""
    reason: str | None
    place: LabelPlace


class CalibrationDetail(CalibrationRecord, frozen=True, kw_only=True):
    """A report with where judge and people differ."""

    disagreements: list[Disagreement] = []
    """The first of them, 500 at most; those of the greatest distance first where values are numbers."""
    disagreed: int = 0
    """How many there are."""


JudgeState = Literal["calibrated", "failed", "outdated", "uncalibrated"]
"""`failed`: its report does not reach the rule. `outdated`: only other versions have a report."""


class JudgeMetric(msgspec.Struct, frozen=True, kw_only=True):
    """One judgement of a version of a judge."""

    metric: str
    state: JudgeState
    reason: str | None
    """Why it may not gate; null: it may."""
    calibration: CalibrationRecord | None
    """The newest report of this version and judgement: the one that counts."""


class JudgeVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of an evaluator."""

    version: int | None
    """Null where the definition stands in an experiment."""
    evaluator: str | None
    """Its digest; null where the definition does not hold."""
    labels: list[str]
    newest: bool
    type: str | None
    model: str | None
    judge: bool
    """A model says what the value is."""
    metrics: list[JudgeMetric]
    """Of a judge."""
    problem: str | None = None
    """Why the definition does not hold."""


class KnownEvaluator(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluator of the registry, or a judge that was calibrated within an experiment."""

    name: str
    registered: bool
    description: str
    judge: bool
    """Its newest version is one."""
    versions: list[JudgeVersion]
    """Newest first: the newest, those with a label, those with a report."""


class WrittenCalibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """As it stands in a file beside an experiment: labels, of which the report is computed anew."""

    name: str
    evaluator: str
    """Digest of the judge."""
    metric: str
    labels: list[PeopleLabel]
    others: list[Value] = []
    comparisons: list[JudgedPair] = []
    rule: CalibrationRule | None = None
    source: CalibrationSource = CalibrationSource()
