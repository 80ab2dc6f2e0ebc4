"""Writes the tables of `docs/search.md` and `docs/dashboards.md`: `python -m penstock.tracing.reference`."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from penstock.core.errors import InvalidInput
from penstock.tracing.metrics.checks import catalog
from penstock.tracing.query.fields import FIELDS

__all__ = ["fields_table", "metrics_table", "update"]

PIPE = "\\|"
"""A bar within a table's cell."""


def fields_table() -> str:
    """Markdown: a row per field."""
    rows = [
        (
            f"`{field.name}`",
            ", ".join(f"`{alias}`" for alias in field.aliases),
            field.values,
            _about(field.about, field.choices),
        )
        for field in sorted(FIELDS.values(), key=lambda field: field.name)
    ]
    return _table(("field", "also", "values", ""), rows)


def metrics_table() -> str:
    """Markdown: a row per field that can be aggregated."""
    return _table(("field", "unit", ""), [(f"`{one.name}`", one.unit, one.about) for one in catalog().fields])


def update(page: str, *, name: str, table: str) -> str:
    """The page with the part of this name written anew.

    Raises:
        InvalidInput: the page has no place for it.
    """
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    found = re.search(f"{re.escape(start)}.*{re.escape(end)}", page, re.DOTALL)
    if found is None:
        raise InvalidInput(f"The page has no lines {start!r} and {end!r} to write between.")
    return f"{page[: found.start()]}{start}\n\n{table}\n{end}{page[found.end() :]}"


def _about(about: str, choices: Sequence[str]) -> str:
    return f"{about}: {', '.join(f'`{choice}`' for choice in choices)}" if choices else about


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', PIPE) for cell in line)} |\n" for line in lines)


def main(folder: Path) -> None:
    """Write both pages of the folder."""
    for file, name, table in (
        ("search.md", "fields", fields_table()),
        ("dashboards.md", "metrics", metrics_table()),
    ):
        page = folder / file
        page.write_text(update(page.read_text(encoding="utf-8"), name=name, table=table), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
