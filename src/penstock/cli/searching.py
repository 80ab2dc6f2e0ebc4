"""What commands that look through spans share: the search, its age, its pages."""

from typing import Annotated, Any

import typer

from penstock.cli.client import ControlClient, Query, path_of
from penstock.cli.output import parse_duration
from penstock.cli.records import Page, decode
from penstock.core.clock import SystemClock

__all__ = ["QueryArgument", "SinceOption", "SortOption", "collect", "joined", "start_of"]

PAGE = 200
"""Rows that the control API gives at once."""

QueryArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="QUERY", show_default=False, help="In the filter language; words beginning with - come after a --."
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="DURATION", show_default=False, help="Not older than, as 15m, 1h, 7d."),
]
SortOption = Annotated[
    str | None,
    typer.Option(
        "--sort", metavar="FIELD", show_default=False, help="As duration, or -duration for the largest first."
    ),
]


def joined(words: list[str] | None, option: str | None = None) -> str | None:
    """The search of a command line: its words, and what `--query` says too."""
    parts = [" ".join(words or ()), option or ""]
    given = [part for part in parts if part.strip()]
    return " ".join(f"({part})" for part in given) if len(given) > 1 else next(iter(given), None)


def start_of(since: str | None) -> int | None:
    """Microseconds since the epoch of `--since`.

    Raises:
        InvalidInput: it is no duration.
    """
    return None if since is None else SystemClock().now() - parse_duration(since, option="--since")


def collect(client: ControlClient, path: str, asked: Query, limit: int) -> tuple[list[Any], str | None]:
    """Up to `limit` rows of a list over as many pages as it takes, and the cursor after them."""
    rows: list[Any] = []
    cursor: str | None = None
    while len(rows) < limit:
        size = min(PAGE, limit - len(rows))
        data = client.get(path_of(path), {**asked, "limit": size, "cursor": cursor})
        page = decode(data, Page[dict[str, Any]])
        rows.extend(page.items)
        cursor = page.next_cursor
        # A search may send an empty page and go on: only a missing cursor is the end.
        if cursor is None:
            break
    return rows, cursor
