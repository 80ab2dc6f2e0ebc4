"""The slow path of ingestion: a segment with a line that the engine refused, read line by line."""

import json
import re
from collections.abc import Callable, Sequence

import msgspec

from penstock.wire.span import Span, decode_span, encode_span

__all__ = ["BadLine", "Salvaged", "salvage"]

_HEX_16 = re.compile(r"[0-9a-fA-F]{16}\Z")
_HEX_32 = re.compile(r"[0-9a-fA-F]{32}\Z")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class BadLine(msgspec.Struct, frozen=True):
    """A line that is no span, as it is written to the quarantine file."""

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


def salvage(segment: str, data: bytes, *, refused: Callable[[Sequence[bytes]], str | None]) -> Salvaged:
    """Part the lines of a segment into spans and the rest. Lines marked `open` are dropped.

    Args:
        segment: Its name, for the quarantine file.
        data: The whole file.
        refused: Why the engine will not take these lines, or None when it takes them.
    """
    good: list[bytes] = []
    sources: list[tuple[int, bytes]] = []
    bad: list[BadLine] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            clean = _clean(line)
        except (ValueError, RecursionError) as error:
            bad.append(_bad(segment, number, line, str(error)))
            continue
        if clean is not None:
            good.append(clean)
            sources.append((number, line))
    reasons: dict[int, str] = {}
    _bisect(good, 0, refused=refused, reasons=reasons)
    bad.extend(_bad(segment, *sources[index], reason) for index, reason in reasons.items())
    bad.sort(key=lambda line: line.line)
    return Salvaged([line for index, line in enumerate(good) if index not in reasons], bad)


def _clean(line: bytes) -> bytes | None:
    """The line as the engine reads it, or None for an `open` line.

    Raises:
        ValueError: it is no span; the message says why (msgspec's errors are ValueErrors).
    """
    try:
        return _checked(line)
    except ValueError:
        repaired = _repaired(line)
        if repaired is None:
            raise
    return _checked(repaired)


def _checked(line: bytes) -> bytes | None:
    record = _header(line).record
    if record == "open":
        return None
    if record != "span":
        raise ValueError(f"expected a record 'span' or 'open', got {record!r}")
    span = decode_span(line)
    _check(span)
    return b'{"record":"span",' + encode_span(span)[1:] + b"\n"


def _check(span: Span) -> None:
    for name, pattern in (
        ("trace_id", _HEX_32),
        ("span_id", _HEX_16),
        ("parent_id", _HEX_16),
        ("fingerprint", _HEX_32),
    ):
        value: str | None = getattr(span, name)
        if value is not None and not pattern.match(value):
            raise ValueError(f"expected {name} to be {'32' if pattern is _HEX_32 else '16'} hex digits, got {value!r}")
    for name in ("usage_raw", "input", "output", "attributes"):
        raw: msgspec.Raw | None = getattr(span, name)
        if raw is not None:
            msgspec.json.decode(raw)


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
