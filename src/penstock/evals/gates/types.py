"""Rules, what they are asked about, and what the answers are."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.statistics.types import Interval

__all__ = [
    "Correction",
    "GateResult",
    "GateSettings",
    "Limit",
    "Operator",
    "Results",
    "Rule",
    "RuleError",
    "RuleResult",
    "Series",
    "Unit",
    "Verdict",
]

Unit = Literal["share", "seconds", "dollars", "tokens", "number"]
"""Of a metric's values. A `share` lies from 0 to 1, and so does what it is compared with: 1pt is 0.01."""
Operator = Literal[">=", "<=", ">", "<", "=="]
Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]
Correction = Literal["intersection-union", "holm", "none"]


class RuleError(InvalidInput):
    """A rule that cannot be understood, or does not fit the results. `start` and `end` are characters of its text."""

    default_code = "invalid_rule"

    def __init__(
        self, message: str, *, start: int, end: int, hint: str | None = None, field: str | None = None
    ) -> None:
        super().__init__(message, field=field, hint=hint)
        self.start = start
        self.end = end


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What a metric is compared with: factor x baseline + offset."""

    factor: float = 0.0
    """0: the baseline does not matter."""
    offset: float = 0.0
    """In the unit's own measure: shares from 0 to 1, seconds, dollars."""
    unit: Unit | None = None
    """As it is written; None where no unit is."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison that has to hold."""

    text: str
    metric: str
    """As it is written before the comparison: a series, or `p95_latency` of the series `latency`."""
    operator: Operator
    limit: Limit
    quantile: float | None = None
    """Set by the function form, `p95(latency)`."""
    slice: tuple[tuple[str, str], ...] = ()
    """Fields of the rows' metadata and their values; all must be so."""


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of one variant, item by item."""

    rows: Sequence[str]
    """Row of each value; a row asked several times stands here several times."""
    values: Sequence[float | None]
    """True and false as 1 and 0; None is unscored."""
    unit: Unit = "number"
    gateable: bool = True
    why_not: str | None = None
    """Why it may show but not gate, in one sentence: a judge that is not calibrated."""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate is asked about."""

    candidate: Mapping[str, Series]
    baseline: Mapping[str, Series] | None = None
    groups: Mapping[str, str] = {}
    """Group of a row, for rows that belong together; a row without one is a group by itself."""
    fields: Mapping[str, Mapping[str, str]] = {}
    """Metadata of a row, for slices."""


class GateSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How sure a gate has to be."""

    alpha: float = 0.05
    """The chance at most of a PASS where the rule does not quite hold, and of a FAIL where it just does. Intervals are
    shown at 1 - 2 alpha: their lower end alone errs with alpha."""
    correction: Correction = "intersection-union"
    """For several rules. `intersection-union`: a gate passes only if all rules pass, so its false PASS has alpha
    already (Berger 1982) and only FAILs are corrected, by Holm's method. `holm` corrects both, so that each rule's PASS
    may be quoted by itself. `none` corrects nothing."""
    least_rows: int = 10
    """Scored rows below which a mean is not judged; shares are judged exactly at any number."""
    least_groups: int = 5
    max_unscored: float = 0.05
    """Share of unscored items beyond which nothing is decided."""
    power: float = 0.8
    """For how many rows it would take."""
    always_valid: bool = False
    """Use intervals that hold however often one looks (`statistics.sequential`): to stop once the answer is clear."""
    resamples: int = 4000
    seed: int = 0


class RuleResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one rule."""

    rule: str
    verdict: Verdict
    reason: str
    """One sentence or two, for a person."""
    unit: Unit
    value: float | None
    """The candidate's."""
    baseline: float | None
    compared: float | None
    """What the interval is of: the value, or candidate - factor x baseline where the rule names the baseline."""
    limit: float
    """What `compared` is held against."""
    interval: Interval | None
    n: int
    """Rows that were compared."""
    groups: int | None
    unscored: int
    """Items without a value, of either variant."""
    unmatched: int
    """Rows that only one of the variants has."""
    p_pass: float | None
    """Of `the rule does not hold`, corrected; at most alpha for a PASS. None where intervals alone decide."""
    p_fail: float | None
    rows_needed: int | None
    """About how many rows would decide it, if the difference stays as it is; None when decided, or nobody can say."""


class GateResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to all rules."""

    verdict: Verdict
    """PASS when all rules pass, FAIL when one fails."""
    reason: str
    rules: list[RuleResult]
    settings: GateSettings
