"""A report as a PDF: the tables of `report`, and the picture of quality and price. Needs the extra `report`."""

from collections.abc import Sequence
from pathlib import Path

from penstock.core.errors import MissingExtra
from penstock.evals.experiments.summary import Summary
from penstock.evals.experiments.types import Experiment
from penstock.evals.experiments.worst import WorstRows

__all__ = ["as_pdf"]


def as_pdf(
    experiment: Experiment, summary: Summary, *, worst: Sequence[WorstRows] = (), font: Path | None = None
) -> bytes:
    """A file that can be printed. Blocks; about a millisecond for each row of a table.

    Args:
        experiment: What it is of.
        summary: Its figures.
        worst: Rows to name.
        font: A TrueType font that goes before those of the system, for scripts that they lack.

    Raises:
        InvalidInput: `font_unusable`.
        MissingExtra: reportlab is not installed.
    """
    try:
        from penstock.evals.experiments.paper import write_pdf  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise MissingExtra("reportlab", extra="report") from error
    return write_pdf(experiment, summary, worst=worst, font=font)
