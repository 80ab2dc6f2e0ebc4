"""What checks of a dataset tell."""

from typing import Any, Literal

import msgspec

from penstock.evals.datasets.background import Work
from penstock.evals.datasets.traces import TraceSearch
from penstock.registry.artifacts.types import LATEST

__all__ = [
    "CheckReport",
    "CheckRun",
    "ClusterCoverage",
    "Coverage",
    "CoverageWanted",
    "DatasetFinding",
    "FieldCount",
    "LabelCount",
    "NearPair",
    "NewCheck",
    "SplitLabels",
]


class CoverageWanted(TraceSearch, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which traffic a dataset is compared with."""

    sample: int = 2000
    """Calls that are compared, 50 to 10,000, chosen at random among those that fit."""
    near: float = 0.5
    """Cosine of TF-IDF vectors, 0 to 1, from which a row counts as near to a question."""


class NewCheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be looked at."""

    version: str = LATEST
    similar: float | None = 0.8
    """Jaccard similarity of word triples from which rows are near-duplicates, 0.5 to 1; null: not looked for."""
    coverage: CoverageWanted | None = None


class DatasetFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was found."""

    level: Literal["problem", "warning", "note"]
    """`problem`: results would mislead. `warning`: look at it. `note`: good to know."""
    code: str
    message: str
    rows: int
    """Concerned."""
    examples: list[str] = []
    """Ids of some of them."""


class FieldCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows have a field."""

    field: str
    """`reference`, `context`, `group`, or `metadata.<name>`."""
    rows: int


class LabelCount(msgspec.Struct, frozen=True, kw_only=True):
    value: Any
    rows: int


class SplitLabels(msgspec.Struct, frozen=True, kw_only=True):
    split: str | None
    rows: int
    labels: list[LabelCount]


class NearPair(msgspec.Struct, frozen=True, kw_only=True):
    """A row, and one before it that asks nearly the same."""

    id: str
    of: str
    similarity: float
    splits: tuple[str | None, str | None]
    """Of the row, and of the other."""


class ClusterCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """Questions of production that are like each other."""

    terms: list[str]
    """What sets them apart."""
    share: float
    """Of the traffic compared."""
    covered: float
    """Part of it that has a near row."""
    rows: int
    """Rows of the dataset that are nearest to these questions."""
    missing: list[str]
    """Questions without a near row, without personal data."""


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How far rows stand for what production is asked."""

    compared: int
    """Questions of production."""
    rows: int
    """Rows of the dataset that they were compared with."""
    covered: float
    """Part of the questions that have a near row."""
    clusters: list[ClusterCoverage]
    """The largest first."""


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that was looked at."""

    version: int
    rows: int
    findings: list[DatasetFinding]
    """Problems first."""
    fields: list[FieldCount]
    labels: list[LabelCount] | None
    """Null where references are no labels: too many different ones."""
    splits: list[SplitLabels]
    characters: dict[str, int]
    """Of inputs: `p50`, `p95`, `max`."""
    duplicates: int
    """Rows that ask exactly what a row before them asks."""
    contradictions: int
    """Of these, those with another reference."""
    near_checked: int
    """Rows that were compared for near-duplicates."""
    near: int
    near_pairs: list[NearPair]
    """Some."""
    leaks: int
    """Rows that ask the same, or nearly, as a row of another split."""
    coverage: Coverage | None = None


class CheckRun(Work, frozen=True, kw_only=True):
    """One check, which runs beside the request."""

    report: CheckReport | None = None
