"""What a calibration of a judge is made of, and what is kept of it."""

from collections.abc import Callable

import msgspec

from penstock.evals.calibration import Calibration, CalibrationRule
from penstock.evals.evaluators.types import Value
from penstock.evals.statistics.preferences import Comparison

__all__ = ["CalibrationRecord", "JudgedPair", "NewCalibration", "PeopleLabel", "PeopleScores", "WrittenCalibration"]

PeopleScores = Callable[[str, str], dict[str, Value]]
"""By project and name of scores: what people said of traces, by trace id. Blocks."""


class JudgedPair(Comparison, frozen=True, kw_only=True):
    """Two answers, and what a pairwise judge and people said of them."""


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
