"""The rows that a report names: where a variant fell furthest behind the baseline."""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from penstock.evals.experiments.differences import DifferenceTerms, RowDifference, RowDifferencePage
from penstock.evals.experiments.summary import Summary
from penstock.evals.gates.types import Unit

__all__ = ["WorstRows", "less_is_better", "worst_rows"]

SHOWN: Final = 5
MAX_TABLES: Final = 6
_LESS: Final = re.compile(r"^(cost|latency|tokens)(_|$)|(^|_)(errors?|distance|toxicity)$")


class WorstRows(msgspec.Struct, frozen=True, kw_only=True):
    """Of one metric and variant, the worst first."""

    metric: str
    variant: str
    baseline: str
    unit: Unit
    count: int
    """Rows that got worse."""
    rows: list[RowDifference]


def less_is_better(metric: str) -> bool:
    """Told by its name, as the console tells it."""
    return _LESS.search(metric) is not None


def worst_rows(asked: Callable[[DifferenceTerms], RowDifferencePage], summary: Summary) -> list[WorstRows]:
    """Of each compared metric of an evaluator. Cost and latency are left to their figures.

    Args:
        asked: Gives a page of rows of the experiment.
        summary: Its figures.
    """
    found: list[WorstRows] = []
    for one in summary.comparisons:
        less = less_is_better(one.metric)
        worse = one.wins if less else one.losses
        if one.metric in {"cost", "latency"} or worse == 0:
            continue
        if len(found) == MAX_TABLES:
            break
        page = asked(
            DifferenceTerms(
                metric=one.metric,
                variant=one.variant,
                order="rise" if less else "fall",
                change="rose" if less else "fell",
                limit=SHOWN,
            )
        )
        count = page.counts["rose" if less else "fell"]
        if page.items:
            found.append(
                WorstRows(
                    metric=one.metric,
                    variant=one.variant,
                    baseline=one.baseline,
                    unit=one.unit,
                    count=count,
                    rows=page.items,
                )
            )
    return found
