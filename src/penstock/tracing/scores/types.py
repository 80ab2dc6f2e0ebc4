"""Records of scores that the control API takes and gives."""

from typing import Any

import msgspec

from penstock.store.spans.types import ScoreRow
from penstock.wire.score import ScoreSource, ScoreType
from penstock.wire.scoring import Value

__all__ = [
    "Feedback",
    "FeedbackToken",
    "NewScore",
    "NewScores",
    "NewToken",
    "ScoreOutcome",
    "ScoreOutcomes",
    "ScorePage",
    "ScoreRow",
]


class NewScore(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement of a trace, of one of its spans, or of a session."""

    name: str
    """1 to 64 letters, digits, dots, dashes and underscores."""
    value: Value
    """true or false, a finite number, or a text: the name of a category unless `type` is `text`."""
    type: ScoreType | None = None
    """Told by the value when left out."""
    trace_id: str | None = None
    """32 hex digits. The trace need not be there yet."""
    span_id: str | None = None
    """16 hex digits, with `trace_id`."""
    session: str | None = None
    source: ScoreSource = "code"
    comment: str | None = None
    """At most 4,000 characters."""
    id: str | None = None
    """Chosen by the sender, to be able to send the score again, or to replace it; at most 128 of letters, digits and
    `. _ : ~ -`."""
    created: int | None = None
    """Microseconds since the epoch; now when left out. Of one id the newest counts."""
    metadata: dict[str, Any] | None = None
    """At most 8 KiB of JSON."""


class NewScores(msgspec.Struct, frozen=True, kw_only=True):
    """One score with its fields, or up to 1,000 as `items`."""

    items: list[NewScore] | None = None
    name: str | None = None
    value: Value | None = None
    type: ScoreType | None = None
    trace_id: str | None = None
    span_id: str | None = None
    session: str | None = None
    source: ScoreSource = "code"
    comment: str | None = None
    id: str | None = None
    created: int | None = None
    metadata: dict[str, Any] | None = None


class ScoreOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one score, in the order in which they were sent."""

    id: str | None
    """None where it was rejected and named none."""
    accepted: bool
    """True: it is on the disk, and in the lists within seconds."""
    reason: str | None = None
    """Why it was rejected."""


class ScoreOutcomes(msgspec.Struct, frozen=True, kw_only=True):
    accepted: int
    rejected: int
    items: list[ScoreOutcome]


class ScorePage(msgspec.Struct, frozen=True, kw_only=True):
    """Scores, the newest first."""

    items: list[ScoreRow]
    next_cursor: str | None


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    expires_in: int | None = None
    """Seconds; the configured time when left out, and never more than a year."""


class FeedbackToken(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser needs to judge one trace, and nothing else."""

    token: str
    expires: int
    """Microseconds since the epoch, UTC."""


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What an end user thinks of an answer."""

    token: str
    name: str = "feedback"
    value: Value
    """true or false, a number, or a category of at most 100 characters."""
    comment: str | None = None
    """At most 2,000 characters."""
