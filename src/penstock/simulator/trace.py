"""Workload traces: a CSV of requests with arrival time and token counts, such as Azure's public LLM traces."""

import csv
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from penstock.core.errors import InvalidInput

__all__ = ["DEFAULT_COLUMNS", "TraceRow", "read_trace"]

DEFAULT_COLUMNS: Mapping[str, str] = {
    "arrival": "TIMESTAMP",
    "input": "ContextTokens",
    "output": "GeneratedTokens",
    "ttft": "TTFT",
    "latency": "Latency",
}
"""Field → column. `input` and `output` must be there; the rest may be absent."""


class TraceRow(msgspec.Struct, frozen=True, kw_only=True):
    arrival: float
    """Seconds after the first row's; 0 when the file has no arrival times."""
    input_tokens: int
    output_tokens: int
    ttft: float | None = None
    """Seconds."""
    latency: float | None = None
    """Seconds of the whole answer."""


def read_trace(path: Path, *, columns: Mapping[str, str] | None = None) -> list[TraceRow]:
    """All rows of a trace, in order of arrival.

    Args:
        path: CSV with a header line.
        columns: Field → column where they differ from `DEFAULT_COLUMNS`.

    Raises:
        InvalidInput: the file cannot be read, a column is missing, or a value is no number or time.
    """
    names = {**DEFAULT_COLUMNS, **(columns or {})}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(_rows(csv.DictReader(file), names, str(path)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"The trace {path} cannot be read: {error}.") from error
    if not rows:
        raise InvalidInput(f"The trace {path} has no rows.")
    rows.sort(key=lambda row: row.arrival)
    first = rows[0].arrival
    return [msgspec.structs.replace(row, arrival=row.arrival - first) for row in rows]


def _rows(reader: "csv.DictReader[str]", names: Mapping[str, str], file: str) -> Iterator[TraceRow]:
    present = set(reader.fieldnames or ())
    for field in ("input", "output"):
        if names[field] not in present:
            raise InvalidInput(
                f"The trace {file} has no column {names[field]!r} for {field!r}; it has {', '.join(sorted(present))}.",
                hint="Map the columns: input=COLUMN,output=COLUMN,arrival=COLUMN.",
            )
    for row in reader:
        try:
            yield TraceRow(
                arrival=_seconds(row.get(names["arrival"]) or "0"),
                input_tokens=max(0, int(float(row[names["input"]]))),
                output_tokens=max(1, int(float(row[names["output"]]))),
                ttft=_optional(row.get(names["ttft"])),
                latency=_optional(row.get(names["latency"])),
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidInput(f"{file}:{reader.line_num}: expected numbers and a time, got {error}.") from error


def _optional(text: str | None) -> float | None:
    return max(0.0, float(text)) if text else None


def _seconds(text: str) -> float:
    """Seconds of a number or of an ISO 8601 time; digits beyond microseconds are dropped."""
    try:
        return float(text)
    except ValueError:
        head, dot, fraction = text.strip().partition(".")
        moment = datetime.fromisoformat(f"{head}.{fraction[:6]:0<6}" if dot and fraction.isdigit() else text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
