"""Journal lines as ClickHouse is given them: checked here, because it forgives what must not be stored."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from penstock.store.spans.columns import COLUMNS, Column
from penstock.store.spans.duckdb.salvage import BadLine, Clean, clean_score, clean_span, salvage
from penstock.wire.score import Score, ScoreSource, ScoreType

__all__ = ["SCORE", "SPAN", "Form", "Line", "Source", "examine"]

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_INT64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_INT32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_HEX_16 = Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{16}$")]
_HEX_32 = Annotated[str, msgspec.Meta(pattern="^[0-9a-fA-F]{32}$")]
_HEX = {"trace_id": _HEX_32, "digest": _HEX_32, "span_id": _HEX_16}
_JSON = ("usage_raw", "input", "output", "attributes", "metadata")


class Line(msgspec.Struct, frozen=True):
    """One record of a segment."""

    text: bytes
    """As it is sent, with its newline."""
    record: Any
    """Its fields, as attributes; those of raw JSON are dropped."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A segment about to be stored."""

    path: Path
    lines: list[Line]
    bad: list[BadLine]
    size: int
    """Bytes of the segment."""


class Form(msgspec.Struct, frozen=True):
    """What a line must be."""

    decoder: Any
    """Of the record, strictly."""
    clean: Clean
    """Mends a line, or says what is wrong with it."""


def _type_of(column: Column) -> Any:
    if column.form == "choice":
        return Literal[column.choices]
    if column.form == "integer":
        return _INT32 if column.small else _INT64
    types: dict[str, Any] = {"boolean": bool, "json": Any, "tags": dict[str, str], "list": list[str], "text": str}
    return _HEX.get(column.form) or types[column.form]


def _span_field(column: Column) -> tuple[str, Any] | tuple[str, Any, Any]:
    kind = _type_of(column)
    return (column.name, kind) if column.required else (column.name, kind | None, None)


_SpanLine = msgspec.defstruct(
    "_SpanLine", [("record", Literal["span", "open"]), *(_span_field(column) for column in COLUMNS)], kw_only=True
)


class _ScoreLine(Score, kw_only=True):
    def __post_init__(self) -> None:
        if self.trace_id is None and self.session is None:
            raise ValueError("expected a trace_id or a session, got neither")

    record: Literal["score"]  # pyright: ignore[reportGeneralTypeIssues] - keyword-only
    type: ScoreType
    source: ScoreSource
    number: float | None = None
    trace_id: _HEX_32 | None = None
    span_id: _HEX_16 | None = None
    created: _INT64
    metadata: Any = None


SPAN = Form(msgspec.json.Decoder(_SpanLine), clean_span)
SCORE = Form(msgspec.json.Decoder(_ScoreLine), clean_score)


def examine(path: Path, form: Form) -> Source:
    """What a segment holds. Lines marked `open` are dropped.

    Raises:
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    try:
        lines = _read(data, form)
        return Source(path=path, lines=lines, bad=[], size=len(data))
    except (ValueError, RecursionError):
        found = salvage(path.stem, data, clean=form.clean, refused=lambda lines: _refusal(lines, form))
    return Source(path=path, lines=_read(b"".join(found.good), form), bad=found.bad, size=len(data))


def _refusal(lines: Sequence[bytes], form: Form) -> str | None:
    """Why one of these lines is none."""
    try:
        _read(b"".join(lines), form)
    except (ValueError, RecursionError) as error:
        return str(error)
    return None


def _read(data: bytes, form: Form) -> list[Line]:
    """Lines, one by one.

    Raises:
        ValueError: a line is not what it should be.
    """
    data.decode()
    suspect = _SURROGATE.search(data) is not None
    lines: list[Line] = []
    for text in data.split(b"\n"):
        if not text.strip():
            continue
        record = form.decoder.decode(text)
        if suspect and _SURROGATE.search(text) is not None:
            msgspec.json.decode(text)
        if record.record == "open":
            continue
        lines.append(_line(text, record))
    return lines


def _line(text: bytes, record: Any) -> Line:
    bare = [name for name in _JSON if isinstance(getattr(record, name, None), str)]
    if bare:
        text = _wrapped(text, bare)
    for name in _JSON:
        if hasattr(record, name):
            setattr(record, name, None)
    return Line(text + b"\n", record)


def _wrapped(text: bytes, names: Sequence[str]) -> bytes:
    """A line whose JSON members are bare strings: the server would take off their quotes."""
    fields = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    for name in names:
        fields[name] = msgspec.Raw(msgspec.json.encode(bytes(fields[name]).decode()))
    return msgspec.json.encode(fields)
