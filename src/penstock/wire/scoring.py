"""What a score may hold: the same checks where it is made and where it is taken in."""

import math
import re
from typing import Final, NamedTuple

from penstock.core.errors import InvalidInput
from penstock.wire.headers import check_id
from penstock.wire.score import ScoreType

__all__ = [
    "MAX_CATEGORY",
    "MAX_COMMENT",
    "MAX_SCORE_ID",
    "MAX_TEXT",
    "Judgement",
    "Value",
    "check_comment",
    "check_name",
    "check_score_id",
    "check_target",
    "read_value",
]

Value = bool | int | float | str

MAX_CATEGORY: Final = 100
"""Characters of a category."""
MAX_TEXT: Final = 10_000
"""Characters of a score that is a text."""
MAX_COMMENT: Final = 4_000
MAX_SCORE_ID: Final = 128
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9._:~-]{1,128}", re.ASCII)
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}", re.ASCII)
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}", re.ASCII)


class Judgement(NamedTuple):
    """A value as its columns."""

    type: ScoreType
    number: float | None
    label: str | None


def read_value(value: Value, type_: ScoreType | None) -> Judgement:
    """What a value means: `True` and `False` a boolean, a number a number, a text a category unless it is to be a text.

    Raises:
        InvalidInput: `invalid_score`: it does not fit its type, is not finite, empty or too long.
    """
    if isinstance(value, str):
        return _read_text(value, type_)
    found: ScoreType = "boolean" if isinstance(value, bool) else "number"
    if type_ == "boolean" and value in (0, 1):
        found = "boolean"
    if type_ not in (None, found):
        raise _invalid("value", f"A score of type {type_} does not take the value {value!r}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _invalid("value", "A score's number must be finite.")
    return Judgement(found, number, None)


def _read_text(value: str, type_: ScoreType | None) -> Judgement:
    if type_ not in (None, "category", "text"):
        raise _invalid("value", f"A score of type {type_} takes no text, got {value[:40]!r}.")
    limit = MAX_TEXT if type_ == "text" else MAX_CATEGORY
    if not value.strip() or len(value) > limit:
        hint = 'A longer one is a text: give type="text".' if type_ != "text" and value else None
        raise _invalid("value", f"A {type_ or 'category'} has 1 to {limit} characters, got {len(value)}.", hint=hint)
    _check_sendable(value, "value")
    return Judgement(type_ or "category", None, value)


def check_name(name: str) -> str:
    """`name`, if a score can be called so.

    Raises:
        InvalidInput: `invalid_score`.
    """
    if not _NAME.fullmatch(name):
        raise _invalid(
            "name",
            f"A score's name has 1 to 64 letters, digits, dots, dashes and underscores and begins with a letter or "
            f"digit, got {name[:80]!r}.",
        )
    return name


def check_target(trace_id: str | None, span_id: str | None, session: str | None) -> None:
    """Raise `InvalidInput` (`invalid_score`) unless these say what is judged: a trace, a span of it, a session."""
    if trace_id is None and session is None:
        raise _invalid("trace_id", "A score is of a trace or a session, and neither is given.")
    if trace_id is not None and not _TRACE_ID.fullmatch(trace_id):
        raise _invalid("trace_id", f"A trace's id has 32 lower-case hex digits, not all 0, got {trace_id[:64]!r}.")
    if span_id is not None:
        if trace_id is None:
            raise _invalid("span_id", "A span's id goes with its trace's, and trace_id is not given.")
        if not _SPAN_ID.fullmatch(span_id):
            raise _invalid("span_id", f"A span's id has 16 lower-case hex digits, not all 0, got {span_id[:64]!r}.")
    if session is not None:
        check_id(session, name="session")


def check_comment(comment: str | None) -> None:
    """Raise `InvalidInput` (`invalid_score`) if it is too long."""
    if comment is not None:
        if len(comment) > MAX_COMMENT:
            raise _invalid("comment", f"A comment has at most {MAX_COMMENT} characters, got {len(comment)}.")
        _check_sendable(comment, "comment")


def check_score_id(id_: str) -> str:
    """`id_`, if it can be a score's id: it stands in addresses.

    Raises:
        InvalidInput: `invalid_score`.
    """
    if not _ID.fullmatch(id_):
        raise _invalid("id", f"A score's id has 1 to {MAX_SCORE_ID} letters, digits and . _ : ~ -, got {id_[:80]!r}.")
    return id_


def _check_sendable(text: str, field: str) -> None:
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise _invalid(field, "The text holds a lone surrogate, which UTF-8 cannot carry.")


def _invalid(field: str, message: str, *, hint: str | None = None) -> InvalidInput:
    return InvalidInput(message, field=field, hint=hint, code="invalid_score")
