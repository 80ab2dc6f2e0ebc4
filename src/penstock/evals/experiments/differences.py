"""Rows of an experiment in the order of how one metric changed between two variants."""

from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

import msgspec
from sqlalchemy import Connection

from penstock.core.errors import InvalidInput
from penstock.evals.experiments import difference_store, store
from penstock.evals.experiments.difference_store import Change, Place, Terms
from penstock.evals.experiments.types import Experiment, Row
from penstock.store.metadata import Metadata

__all__ = ["Change", "DifferenceTerms", "RowDifference", "RowDifferencePage", "difference_page"]

CHANGES: Final[tuple[Change, ...]] = get_args(Change)
MAX_PAGE: Final = 200
MAX_SHOWN: Final = 300
"""Characters of a row's input in the list."""


class DifferenceTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are asked for, and in which order."""

    metric: str
    variant: str | None = None
    """None: the first that is not the baseline."""
    order: Literal["fall", "rise", "position"] = "fall"
    """`fall`: where it fell the most first."""
    change: Change | None = None
    """Only rows of this one."""
    start: int = 0
    limit: int = 50


class RowDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One row: the metric of each variant."""

    position: int
    id: str
    input: str
    """As text, cut."""
    values: dict[str, float | None]
    """By variant: the mean of its repetitions; null where none has a value."""
    difference: float | None
    """The variant's value minus the baseline's; null where one is missing, or there is only one variant."""
    change: Change


class RowDifferencePage(msgspec.Struct, frozen=True, kw_only=True):
    metric: str
    variant: str
    baseline: str
    counts: dict[Change, int]
    """Of all rows, whatever was asked for."""
    items: list[RowDifference]
    next_cursor: str | None


def difference_page(metadata: Metadata, experiment: Experiment, terms: DifferenceTerms) -> RowDifferencePage:
    """A page of rows. Blocks.

    The store counts and orders them: what is read here is one page, however many rows there are.

    Args:
        metadata: The open store.
        experiment: Whose rows.
        terms: Which of them.

    Raises:
        InvalidInput: the metric or the variant is none of it, or the page does not fit.
    """
    if terms.start < 0 or not 1 <= terms.limit <= MAX_PAGE:
        raise InvalidInput(f"Expected a cursor from 0 on, and limit from 1 to {MAX_PAGE}.", field="limit")
    names = [variant.name for variant in experiment.spec.variants]
    baseline = experiment.spec.baseline or names[0]
    asked = Terms(
        project=experiment.project,
        experiment=experiment.id,
        evaluators=list(experiment.evaluators),
        variants=names,
        variant=_variant(names, baseline, terms.variant),
        baseline=baseline,
        metric=terms.metric,
    )
    after = terms.start + terms.limit
    with metadata.read() as connection:
        counted = difference_store.change_counts(connection, asked)
        if not counted:
            _check_metric(connection, asked)
        places = difference_store.changed_rows(
            connection, asked, order=terms.order, change=terms.change, start=terms.start, limit=terms.limit
        )
        rows = store.rows_at(connection, experiment.id, [place.position for place in places])
    counts: dict[Change, int] = {name: counted.get(name, 0) for name in CHANGES}
    wanted = sum(counts.values()) if terms.change is None else counts[terms.change]
    return RowDifferencePage(
        metric=asked.metric,
        variant=asked.variant,
        baseline=baseline,
        counts=counts,
        items=[_shown(place, rows.get(place.position)) for place in places],
        next_cursor=str(after) if after < wanted else None,
    )


def _variant(names: Sequence[str], baseline: str, named: str | None) -> str:
    if named is None:
        return next((name for name in names if name != baseline), baseline)
    if named not in names:
        raise InvalidInput(
            f"Expected a variant of the experiment, got {named!r}; there are {', '.join(names)}.", field="variant"
        )
    return named


def _check_metric(connection: Connection, asked: Terms) -> None:
    """Refuse a metric without a value; before the first answer nothing is known of any, and there are no rows."""
    known = difference_store.metric_names(connection, asked)
    if known:
        raise InvalidInput(
            f"Expected a metric of the experiment with numbers, got {asked.metric!r}.",
            field="metric",
            hint=f"There are {', '.join(known)}.",
        )


def _shown(place: Place, row: Row | None) -> RowDifference:
    text = "" if row is None else _text(row.input)
    return RowDifference(
        position=place.position,
        id="" if row is None else row.id,
        input=text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…",
        values=place.values,
        difference=place.difference,
        change=place.change,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
