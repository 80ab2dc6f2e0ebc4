"""Rows of an experiment in the order of how one metric changed between two variants."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.experiments import store
from penstock.evals.experiments.table import Table, row_means
from penstock.evals.experiments.types import Row
from penstock.store.metadata import Metadata

__all__ = ["Change", "DifferenceTerms", "RowDifference", "RowDifferencePage", "difference_page"]

MAX_PAGE: Final = 200
MAX_SHOWN: Final = 300
"""Characters of a row's input in the list."""
CLOSE: Final = 1e-12
"""Differences below it are rounding."""

Change = Literal["fell", "rose", "same", "missing"]
"""Of the variant's value from the baseline's; `missing`: one of them has none."""


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


def difference_page(table: Table, experiment: str, terms: DifferenceTerms, metadata: Metadata) -> RowDifferencePage:
    """A page of rows. Blocks.

    Args:
        table: The experiment's values.
        experiment: Its id.
        terms: Which rows.
        metadata: The open store.

    Raises:
        InvalidInput: the metric or the variant is none of it, or the page does not fit.
    """
    if terms.start < 0 or not 1 <= terms.limit <= MAX_PAGE:
        raise InvalidInput(f"Expected a cursor from 0 on, and limit from 1 to {MAX_PAGE}.", field="limit")
    variant = _variant(table, terms.variant)
    means = _means(table, terms.metric)
    found = [_placed(int(row), means, variant, table.baseline) for row in _rows(means)]
    counts: dict[Change, int] = {"fell": 0, "rose": 0, "same": 0, "missing": 0}
    for one in found:
        counts[one.change] += 1
    wanted = [one for one in found if terms.change in {None, one.change}]
    wanted.sort(key=lambda one: _order(one, terms.order, variant))
    after = terms.start + terms.limit
    return RowDifferencePage(
        metric=terms.metric,
        variant=variant,
        baseline=table.baseline,
        counts=counts,
        items=_shown(wanted[terms.start : after], experiment, metadata),
        next_cursor=str(after) if after < len(wanted) else None,
    )


def _shown(page: list[RowDifference], experiment: str, metadata: Metadata) -> list[RowDifference]:
    with metadata.read() as connection:
        rows = {one.position: store.rows_from(connection, experiment, one.position, limit=1) for one in page}
    return [_named(one, rows[one.position][0]) if rows[one.position] else one for one in page]


def _variant(table: Table, named: str | None) -> str:
    names = [variant.name for variant in table.spec.variants]
    if named is None:
        return next((name for name in names if name != table.baseline), table.baseline)
    if named not in names:
        raise InvalidInput(
            f"Expected a variant of the experiment, got {named!r}; there are {', '.join(names)}.", field="variant"
        )
    return named


def _means(table: Table, metric: str) -> dict[str, dict[str, float]]:
    found = {name: table.series(name, metric) for name in table.metrics}
    # Before the first answer nothing is known of any metric, and there are no rows.
    if table.names() and all(series is None for series in found.values()):
        raise InvalidInput(
            f"Expected a metric of the experiment with numbers, got {metric!r}.",
            field="metric",
            hint=f"There are {', '.join(table.names())}.",
        )
    return {name: {} if series is None else row_means(series) for name, series in found.items()}


def _rows(means: Mapping[str, Mapping[str, float]]) -> list[str]:
    return list(dict.fromkeys(row for values in means.values() for row in values))


def _placed(row: int, means: Mapping[str, Mapping[str, float]], variant: str, baseline: str) -> RowDifference:
    values = {name: values.get(str(row)) for name, values in means.items()}
    ours, theirs = values[variant], values[baseline]
    if ours is None or theirs is None or variant == baseline:
        change: Change = "same" if variant == baseline else "missing"
        return RowDifference(position=row, id="", input="", values=values, difference=None, change=change)
    difference = ours - theirs
    change = "same" if abs(difference) < CLOSE else "rose" if difference > 0 else "fell"
    return RowDifference(position=row, id="", input="", values=values, difference=difference, change=change)


def _order(one: RowDifference, order: str, variant: str) -> tuple[bool, float, int]:
    """What has no value comes last; rows alike stay in the order of the dataset."""
    key = one.difference if one.difference is not None else one.values.get(variant)
    if order == "position":
        return (False, 0.0, one.position)
    missing = key is None or one.change == "missing"
    return (missing, 0.0 if key is None else key if order == "fall" else -key, one.position)


def _named(one: RowDifference, row: Row) -> RowDifference:
    text = _text(row.input)
    shown = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
    return msgspec.structs.replace(one, id=row.id, input=shown)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
