"""What the command line prints: data on stdout, everything said to a person on stderr."""

import re
import shutil
import sys
from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import msgspec

from penstock.core.clock import to_datetime
from penstock.core.errors import InvalidInput, PenstockError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "Exit",
    "exit_code",
    "format_count",
    "format_duration",
    "format_time",
    "make_console",
    "one_line",
    "parse_duration",
    "print_data",
    "print_json",
    "print_table",
    "say",
]

WIDE = 200
"""Columns of a table that is piped: nothing is cut for want of a terminal."""


class Exit(IntEnum):
    """What a command's exit code means."""

    DONE = 0
    NO = 1
    """The question was understood and the answer is no: not found, not allowed, a check failed."""
    UNKNOWN = 2
    """Could not tell: not reachable, broken, or not a valid question."""


def exit_code(error: PenstockError) -> Exit:
    """`NO` when something answered no; `UNKNOWN` when nothing could be told."""
    return Exit.NO if error.status in {401, 403, 404, 409} else Exit.UNKNOWN


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """Recorded text without control characters: what a model wrote must not steer the terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str | None) -> str:
    """Text for a cell of a table."""
    return clean(" ".join((text or "").split()))


def make_console() -> "Console":
    """A rich console on stdout that neither wraps what is piped nor reads markup into data."""
    from rich.console import Console  # noqa: PLC0415 - takes 50 ms, and --json needs none of it

    width = None if sys.stdout.isatty() else WIDE
    return Console(markup=False, highlight=False, emoji=False, width=width, soft_wrap=False)


def print_data(text: str) -> None:
    """One line of data."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_json(data: bytes | object, *, lines: bool = False) -> None:
    """JSON on stdout: indented, or on one line for streams (`lines`)."""
    encoded = data if isinstance(data, bytes) else msgspec.json.encode(data)
    text = msgspec.json.format(encoded, indent=0 if lines else 2)
    print_data(text.decode())


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """A plain table; `right` names the columns of numbers. An empty one prints nothing.

    Columns are as wide as their widest cell. On a terminal the last one is cut at its edge; what is piped is whole.
    """
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415 - rich takes 50 ms, and --json needs none of it

    if not rows:
        return
    widths = [max(cell_len(cell) for cell in cells) for cells in zip(columns, *rows, strict=True)]
    edge = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for row in (columns, *rows):
        cells: list[str] = []
        for name, cell, width in zip(columns, row, widths, strict=True):
            gap = " " * (width - cell_len(cell))
            cells.append(gap + cell if name in right else cell + gap)
        line = "  ".join(cells).rstrip()
        print_data(line if edge is None or cell_len(line) <= edge else set_cell_size(line, edge - 1) + "…")


def say(text: str) -> None:
    """A message to the person, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def format_time(microseconds: int | None) -> str:
    """`2026-03-01 12:00:00Z`, a dash for None."""
    return "-" if microseconds is None else f"{to_datetime(microseconds):%Y-%m-%d %H:%M:%S}Z"


def format_duration(microseconds: int | None) -> str:
    """`950 µs`, `12.3 ms`, `4.56 s`, `2m 03s`; a dash for None."""
    if microseconds is None:
        return "-"
    if microseconds < 1_000:
        return f"{microseconds} µs"
    if microseconds < 1_000_000:
        return f"{microseconds / 1_000:.1f} ms"
    if microseconds < 60_000_000:
        return f"{microseconds / 1_000_000:.2f} s"
    minutes, seconds = divmod(round(microseconds / 1_000_000), 60)
    return f"{minutes}m {seconds:02d}s"


def format_count(number: int | None) -> str:
    """`12,345`, a dash for None."""
    return "-" if number is None else f"{number:,}"


_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}
_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d|w)")


def parse_duration(text: str, *, option: str) -> int:
    """Microseconds of `90s`, `15m`, `1h`, `30d`, `2w`.

    Raises:
        InvalidInput: anything else.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise InvalidInput(f"{option} expects a duration like 90s, 15m, 1h or 30d, got {text!r}.", field=option)
    return int(found[1]) * _UNITS[found[2]]


def json_lines(value: Any) -> str:
    """A JSON value as indented text, for a person."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
