"""The statement behind rows in the order of how a metric changed: the engine counts and orders, a page is read."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, Float, Subquery, and_, case, cast, func, literal, select
from sqlalchemy.sql.elements import ColumnElement

from penstock.store.metadata.schema import experiment_cells, experiment_judgements, experiment_outputs

__all__ = ["Change", "Place", "Terms", "change_counts", "changed_rows", "metric_names"]

Change = Literal["fell", "rose", "same", "missing"]
"""Of the variant's value from the baseline's; `missing`: one of them has none."""
MEASURES: Final[Mapping[str, tuple[ColumnElement[Any], float]]] = {
    "latency": (experiment_outputs.c.latency, 1e6),
    "cost": (experiment_outputs.c.cost, 1e9),
}
"""Columns of answers, and how many of their unit make one of the metric's."""
CLOSE: Final = 1e-12
"""Differences below it are rounding."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Of which experiment, and what is compared."""

    project: str
    experiment: str
    evaluators: Sequence[str]
    """Digests."""
    variants: Sequence[str]
    """Whose values are given, the two that are compared among them."""
    variant: str
    baseline: str
    metric: str


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One row: what each variant has."""

    position: int
    values: dict[str, float | None]
    """By variant: the mean of its repetitions."""
    difference: float | None
    change: Change


def changed_rows(
    connection: Connection,
    terms: Terms,
    *,
    order: Literal["fall", "rise", "position"],
    change: Change | None,
    start: int,
    limit: int,
) -> list[Place]:
    """Rows with any value, `limit` of them from `start` on: what cannot be compared last, else alike by position."""
    found = _compared(terms)
    c = found.c
    query = select(found)
    if change is not None:
        query = query.where(c.change == change)
    if order != "position":
        # A variant beside itself has no differences: its own values are what can be ordered.
        last = case((and_(c.ours.is_not(None), c.change != "missing"), 0), else_=1)
        key = func.coalesce(c.difference, c.ours, 0.0)
        query = query.order_by(last, key if order == "fall" else key.desc())
    rows = connection.execute(query.order_by(c.position).offset(start).limit(limit)).mappings()
    return [
        Place(
            position=row["position"],
            values={name: row[f"value_{index}"] for index, name in enumerate(terms.variants)},
            difference=row["difference"],
            change=row["change"],
        )
        for row in rows
    ]


def change_counts(connection: Connection, terms: Terms) -> dict[Change, int]:
    """How many rows with any value there are of each change."""
    found = _compared(terms)
    counted = connection.execute(select(found.c.change, func.count()).group_by(found.c.change))
    return {row[0]: row[1] for row in counted}


def metric_names(connection: Connection, terms: Terms) -> list[str]:
    """Metrics of an experiment that have values; all of its answers are looked at."""
    cells, judged = experiment_cells.c, experiment_judgements
    query = (
        select(judged.c.name)
        .distinct()
        .select_from(experiment_cells.join(judged, _judges(terms)))
        .where(cells.experiment == terms.experiment, judged.c.number.is_not(None))
        .order_by(judged.c.name)
    )
    named = list(connection.execute(query).scalars())
    outputs = experiment_outputs.c
    measured = connection.execute(
        select(func.count(outputs.latency), func.count(outputs.cost))
        .select_from(experiment_cells.join(experiment_outputs, _answers(terms)))
        .where(cells.experiment == terms.experiment, cells.error.is_(None))
    ).one()
    return [*named, *(name for name, count in zip(MEASURES, measured, strict=True) if count)]


# --- parts ------------------------------------------------------------------------------------


def _compared(terms: Terms) -> Subquery:
    """Rows with any value, their values side by side, the difference and what it is called."""
    each = _means(terms)
    values = [func.max(case((each.c.variant == name, each.c.value))) for name in terms.variants]
    wide = (
        select(each.c.position, *(value.label(f"value_{index}") for index, value in enumerate(values)))
        .group_by(each.c.position)
        .having(func.count(each.c.value) > 0)
        .subquery()
    )
    ours = wide.c[f"value_{terms.variants.index(terms.variant)}"]
    theirs = wide.c[f"value_{terms.variants.index(terms.baseline)}"]
    if terms.variant == terms.baseline:
        none = literal(None, Float).label("difference")
        return select(wide, ours.label("ours"), none, literal("same").label("change")).subquery()
    difference = ours - theirs
    called = case(
        (difference.is_(None), "missing"),
        (func.abs(difference) < CLOSE, "same"),
        (difference > 0, "rose"),
        else_="fell",
    )
    return select(wide, ours.label("ours"), difference.label("difference"), called.label("change")).subquery()


def _means(terms: Terms) -> Subquery:
    """The mean of each variant's repetitions of each row."""
    cells = experiment_cells.c
    measure = MEASURES.get(terms.metric)
    if measure is None:
        value: ColumnElement[Any] = experiment_judgements.c.number
        joined = experiment_cells.join(
            experiment_judgements, and_(_judges(terms), experiment_judgements.c.name == terms.metric)
        )
    else:
        column, divisor = measure
        value = cast(column, Float) / divisor
        joined = experiment_cells.join(experiment_outputs, _answers(terms))
    return (
        select(cells.position, cells.variant, func.avg(value).label("value"))
        .select_from(joined)
        .where(cells.experiment == terms.experiment, cells.error.is_(None))
        .group_by(cells.position, cells.variant)
        .subquery()
    )


def _judges(terms: Terms) -> ColumnElement[bool]:
    cells, judged = experiment_cells.c, experiment_judgements.c
    return and_(
        judged.project == terms.project,
        judged.key == cells.key,
        judged.reference == cells.reference,
        judged.evaluator.in_(list(terms.evaluators)),
    )


def _answers(terms: Terms) -> ColumnElement[bool]:
    cells, outputs = experiment_cells.c, experiment_outputs.c
    return and_(outputs.project == terms.project, outputs.key == cells.key)
