"""Judgements of what an application did, and what its users thought of it."""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

from opentelemetry import trace as otel

from penstock.core.errors import InvalidInput
from penstock.sdk.state import NewScore, Value, active, warn_once
from penstock.wire.score import ScoreSource, ScoreType
from penstock.wire.scoring import check_comment, check_name, check_score_id, check_target, read_value

__all__ = ["feedback", "score"]


def score(  # noqa: PLR0913 - the fields of a score, all but two by name
    name: str,
    value: Value,
    *,
    trace_id: str | None = None,
    span_id: str | None = None,
    session: str | None = None,
    comment: str | None = None,
    source: ScoreSource = "code",
    type: ScoreType | None = None,  # noqa: A002 - the name of the field everywhere
    id: str | None = None,  # noqa: A002 - as above
    metadata: Mapping[str, Any] | None = None,
) -> str | None:
    """Judge a span, a trace or a session. Queued and sent in the background, as spans are.

    Without `trace_id`, `span_id` and `session` the current span is judged.

    Args:
        name: Of the judgement: `helpful`. Letters, digits, `_ . -`, at most 64.
        value: A truth value, a finite number, or a text: the name of a category, or with `type="text"` any text.
        trace_id: The trace that is judged, 32 hex digits.
        span_id: The span of that trace, 16 hex digits; without `trace_id`, a span of the current trace.
        session: The session that is judged.
        comment: Why; at most 4,000 characters.
        source: Who judges: `code`, `judge` (a model), `guard`, `person` (of your team) or `user` (an end user).
        type: Only for a text that is no category.
        id: Chosen by you, to be able to replace the score later.
        metadata: What else is to be kept, as JSON.

    Returns:
        The score's id; None when there is nothing to send it with, which is logged once: `penstock.init` was not
        called, or with an exporter but no console.

    Raises:
        InvalidInput: `invalid_score`: a value does not fit, or there is nothing to judge.
    """
    check_name(name)
    read_value(value, type)
    check_comment(comment)
    if id is not None:
        check_score_id(id)
    setup = active()
    if setup is None:
        warn_once("scores go nowhere: call penstock.init() first")
        return None
    if trace_id is None and (session is None or span_id is not None):
        trace_id, span_id = _current(span_id)
    check_target(trace_id, span_id, session)
    new = NewScore(
        id=id or setup.new_id(),
        name=name,
        value=value,
        type=type,
        trace_id=trace_id,
        span_id=span_id,
        session=session,
        source=source,
        comment=comment,
        created=setup.now(),
        metadata=dict(metadata) if metadata is not None else None,
    )
    return new.id if setup.send_score(new) else None


def feedback(
    value: Value,
    *,
    name: str = "feedback",
    trace_id: str | None = None,
    session: str | None = None,
    comment: str | None = None,
    type: Literal["text"] | None = None,  # noqa: A002 - as in `score`
) -> str | None:
    """What an end user thinks of an answer: a thumb (`True`, `False`), stars (`4`), a word or, with `type`, a text.

    One score of source `user` on the whole trace. A second one of the same name on the same trace or session replaces
    the first. Arguments, result and errors are those of `score`.
    """
    if trace_id is None and session is None and active() is not None:
        trace_id, _ = _current(None)
    place = f"{trace_id or ''} {session or ''} {name}"
    return score(
        name,
        value,
        trace_id=trace_id,
        session=session,
        comment=comment,
        source="user",
        type=type,
        id=f"feedback-{hashlib.blake2b(place.encode(), digest_size=16).hexdigest()}",
    )


def _current(span_id: str | None) -> tuple[str, str]:
    """The current span, or a named one of its trace."""
    current = otel.get_current_span().get_span_context()
    if not current.is_valid:
        raise InvalidInput(
            "There is no current span to judge.",
            field="trace_id",
            hint="Give trace_id, or session, or call it inside of a span.",
            code="invalid_score",
        )
    return otel.format_trace_id(current.trace_id), span_id or otel.format_span_id(current.span_id)
