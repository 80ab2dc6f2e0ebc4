"""A judgement of what happened: by code, a judge model, a guard, a person, or an end user."""

from typing import Literal

import msgspec

__all__ = ["Score", "ScoreSource", "ScoreType"]

ScoreType = Literal["number", "boolean", "category", "text"]
ScoreSource = Literal["code", "judge", "guard", "person", "user"]
"""`person` is somebody of the team, `user` an end user of the application."""


class Score(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One named judgement of a span, a trace or a session. A later record with the same id replaces it.

    At least one of `trace_id` and `session` is set; `span_id` goes with its `trace_id`.
    """

    id: str
    """UUIDv7, or what the writer chose to be able to write it again."""
    project: str
    name: str
    """Of the judgement, as it is grouped by: `helpful`, `groundedness`."""
    type: ScoreType
    number: float | None = None
    """Of a `number`; of a `boolean` 0 or 1. Finite."""
    label: str | None = None
    """Of a `category` or a `text`."""
    trace_id: str | None = None
    """32 hex digits."""
    span_id: str | None = None
    """16 hex digits."""
    session: str | None = None
    source: ScoreSource
    author: str | None = None
    """Who judged: key id, user id, name and version of an evaluator. None for an end user."""
    comment: str | None = None
    created: int
    """Microseconds since the epoch, UTC."""
    metadata: msgspec.Raw | None = None
    """JSON object."""
