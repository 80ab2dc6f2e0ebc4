"""The slow path of ingestion: a segment with a line that the engine refused, read line by line."""

import json
import re
from collections.abc import Callable, Sequence
from typing import cast

import msgspec

from penstock.wire.score import Score
from penstock.wire.span import Span, decode_span, encode_span

__all__ = ["BadLine", "Clean", "Salvaged", "clean_score", "clean_span", "salvage"]

_HEX_16 = re.compile(r"[0-9a-fA-F]{16}\Z")
_HEX_32 = re.compile(r"[0-9a-fA-F]{32}\Z")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


Clean = Callable[[bytes], bytes | None]
"""A line in canonical form, or None when it is not to be stored. Raises `ValueError`, which says what is wrong."""


class BadLine(msgspec.Struct, frozen=True):
    """A line that is no record, as it is written to the quarantine file."""

    segment: str
    line: int
    """From 1."""
    reason: str
    text: str
    """The line; bytes that are no UTF-8 stand as `\\xNN`."""


class Salvaged(msgspec.Struct, frozen=True):
    good: list[bytes]
    """Journal lines in canonical form, each with its newline."""
    bad: list[BadLine]


class _Header(msgspec.Struct):
    record: str


_header = msgspec.json.Decoder(_Header).decode
# As with spans, a member of raw JSON that may be null is read as plain Raw.
_ScoreLine = cast(
    "type[Score]",
    msgspec.defstruct("_ScoreLine", [("metadata", msgspec.Raw, msgspec.Raw(b"null"))], bases=(Score,), kw_only=True),
)
_score = msgspec.json.Decoder(_ScoreLine).decode


def salvage(segment: str, data: bytes, *, clean: Clean, refused: Callable[[Sequence[bytes]], str | None]) -> Salvaged:
    """Part the lines of a segment into records and the rest. Lines marked `open` are dropped.

    Args:
        segment: Its name, for the quarantine file.
        data: The whole file.
        clean: `clean_span` or `clean_score`.
        refused: Why the engine will not take these lines, or None when it takes them.
    """
    good: list[bytes] = []
    sources: list[tuple[int, bytes]] = []
    bad: list[BadLine] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            canonical = _clean(line, clean)
        except (ValueError, RecursionError) as error:
            bad.append(_bad(segment, number, line, str(error)))
            continue
        if canonical is not None:
            good.append(canonical)
            sources.append((number, line))
    reasons: dict[int, str] = {}
    _bisect(good, 0, refused=refused, reasons=reasons)
    bad.extend(_bad(segment, *sources[index], reason) for index, reason in reasons.items())
    bad.sort(key=lambda line: line.line)
    return Salvaged([line for index, line in enumerate(good) if index not in reasons], bad)


def _clean(line: bytes, clean: Clean) -> bytes | None:
    """The line as the engine reads it, or None for an `open` line.

    Raises:
        ValueError: it is no record; the message says why (msgspec's errors are ValueErrors).
    """
    try:
        return clean(line)
    except ValueError:
        repaired = _repaired(line)
        if repaired is None:
            raise
    return clean(repaired)


def clean_span(line: bytes) -> bytes | None:
    """A span's line, with its newline; None for a line marked `open`. Raises `ValueError` as `Clean` does."""
    record = _header(line).record
    if record == "open":
        return None
    if record != "span":
        raise ValueError(f"expected a record 'span' or 'open', got {record!r}")
    span = decode_span(line)
    _check(span)
    return b'{"record":"span",' + encode_span(span)[1:] + b"\n"


def clean_score(line: bytes) -> bytes | None:
    """A score's line, with its newline. Raises `ValueError` as `Clean` does."""
    record = _header(line).record
    if record != "score":
        raise ValueError(f"expected a record 'score', got {record!r}")
    score = _score(line)
    _check_hex(score, ("trace_id", _HEX_32), ("span_id", _HEX_16))
    if score.trace_id is None and score.session is None:
        raise ValueError("expected a trace_id or a session, got neither")
    if score.metadata is not None:
        msgspec.json.decode(score.metadata)
    return b'{"record":"score",' + msgspec.json.format(msgspec.json.encode(score), indent=-1)[1:] + b"\n"


def _check(span: Span) -> None:
    _check_hex(span, ("trace_id", _HEX_32), ("span_id", _HEX_16), ("parent_id", _HEX_16), ("fingerprint", _HEX_32))
    for name in ("usage_raw", "input", "output", "attributes"):
        raw: msgspec.Raw | None = getattr(span, name)
        if raw is not None:
            msgspec.json.decode(raw)


def _check_hex(record: Span | Score, *fields: tuple[str, re.Pattern[str]]) -> None:
    for name, pattern in fields:
        value: str | None = getattr(record, name)
        if value is not None and not pattern.match(value):
            raise ValueError(f"expected {name} to be {'32' if pattern is _HEX_32 else '16'} hex digits, got {value!r}")


def _repaired(line: bytes) -> bytes | None:
    """The line with what is no Unicode replaced by U+FFFD; None when that was not what was wrong."""
    text = line.decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    clean = _LONE_SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False))
    return clean.encode()


def _bisect(
    lines: Sequence[bytes],
    first: int,
    *,
    refused: Callable[[Sequence[bytes]], str | None],
    reasons: dict[int, str],
) -> None:
    """Find the lines that the engine refuses, by halves."""
    if not lines:
        return
    reason = refused(lines)
    if reason is None:
        return
    if len(lines) == 1:
        reasons[first] = reason
        return
    middle = len(lines) // 2
    _bisect(lines[:middle], first, refused=refused, reasons=reasons)
    _bisect(lines[middle:], first + middle, refused=refused, reasons=reasons)


def _bad(segment: str, number: int, line: bytes, reason: str) -> BadLine:
    return BadLine(segment, number, reason, line.decode("utf-8", "backslashreplace"))
