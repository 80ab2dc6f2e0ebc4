"""What hours sum up to, told apart by the columns that people ask for: from these, most metrics are quick.

A family is a table with a row for each hour and each combination of its columns that occurs, under the names that the
columns have in `spans`; so a condition that names no other columns reads the same from either. `cube` and `cube_keys`
hold sums twice over: of the spans themselves, and (`listed`) of the rows of the trace list with what these stand for.
The others hold histograms of a duration; `listed` says there whether the span is such a row. `asked` tells requests
to a model.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from penstock.store.spans.columns import USAGE
from penstock.store.spans.expressions import HOUR, MODEL_SPAN, bucket
from penstock.store.spans.queries.rows import ROW

__all__ = ["ASKED", "FAMILIES", "HISTOGRAMS", "MEASURES", "Family", "Measure", "family_of", "fill", "schema"]

Measure = Literal["duration", "ttft"]
MEASURES: tuple[Measure, ...] = ("duration", "ttft")
"""Of what there are histograms."""
_COMMON = ("source", "kind", "call", "covered", "status")
_BOOLEAN = {"call", "covered", "stream"}
_NEVER_NULL = (*USAGE, "duration")
_OPTIONAL = ("ttft", "cost", "saved")
"""Summed columns that may be null; beside the sum stands the number of values."""
_SUMMED = frozenset(("cost", *USAGE))
"""What means the sum over its spans on a row of the list."""


ASKED = f"({MODEL_SPAN} AND (provider IS NOT NULL OR source <> 'gateway'))"
"""A request that reached a model, or of which an application says so."""


class Family(msgspec.Struct, frozen=True, kw_only=True):
    table: str
    columns: tuple[str, ...]
    """Columns of a span that conditions and groupings may name."""
    histogram: bool = False


FAMILIES: tuple[Family, ...] = (
    Family(table="cube_keys", columns=(*_COMMON, "key")),
    Family(
        table="cube",
        columns=(
            *_COMMON, "service", "operation", "error_type", "http_status", "stream", "route", "variant", "change",
            "provider", "target_model", "requested_model", "served_model", "prompt_name", "prompt_version", "cache",
        ),
    ),
    Family(table="latency_routes", columns=(*_COMMON, "route"), histogram=True),
    Family(table="latency_keys", columns=(*_COMMON, "key"), histogram=True),
    Family(table="latency_models", columns=(*_COMMON, "provider", "target_model", "served_model"), histogram=True),
)  # fmt: skip
"""The smaller first."""
HISTOGRAMS = tuple(family for family in FAMILIES if family.histogram)


def family_of(columns: Iterable[str], *, histogram: bool) -> Family | None:
    """The smallest family that has these columns; `model` is that of `expressions.MODEL`."""
    wanted = set(columns)
    models = {"provider", "target_model", "served_model"}
    for family in FAMILIES:
        known = {*family.columns, *(["model"] if models <= set(family.columns) else [])}
        if family.histogram == histogram and wanted <= known:
            return family
    return None


def schema() -> str:
    """Statements that make the tables."""
    return "\n".join(_table(family) for family in FAMILIES)


def _table(family: Family) -> str:
    dimensions = [f'"{name}" {_type(name)}' for name in _columns(family)]
    if family.histogram:
        measured = ["measure VARCHAR NOT NULL", "bucket SMALLINT", "spans BIGINT NOT NULL"]
    else:
        measured = ["spans BIGINT NOT NULL", "estimated BOOLEAN NOT NULL"]
        measured += [f"{name} BIGINT NOT NULL" for name in _NEVER_NULL]
        measured += [f"{name} BIGINT, {name}_count BIGINT NOT NULL" for name in _OPTIONAL]
    head = ["hour BIGINT NOT NULL", "project VARCHAR NOT NULL", "listed BOOLEAN NOT NULL", "asked BOOLEAN NOT NULL"]
    return f"CREATE TABLE {family.table} ({', '.join([*head, *dimensions, *measured])});"


def _type(name: str) -> str:
    return "BOOLEAN" if name in _BOOLEAN else "INTEGER" if name == "http_status" else "VARCHAR"


def _columns(family: Family) -> tuple[str, ...]:
    # The name that a call asked for stands for its model where no other is known.
    return (*family.columns, "requested_model") if family.table == "latency_models" else family.columns


def fill(family: Family) -> list[str]:
    """Queries for the rows of a family out of the spans that started in `[$first, $last)`."""
    if family.histogram:
        return [_histogram(family, measure) for measure in MEASURES]
    return [_sums(family, listed=False), _sums(family, listed=True)]


def _sums(family: Family, *, listed: bool) -> str:
    def summed(name: str) -> str:
        if not listed or name not in _SUMMED:
            return f"own.{name}"
        return f"CASE WHEN summed.span_id IS NULL THEN own.{name} ELSE summed.{name} END"

    columns = ", ".join(f'own."{name}"' for name in _columns(family))
    estimated = "coalesce(summed.usage_estimated, own.usage_estimated)" if listed else "own.usage_estimated"
    sums = [f"count(*) AS spans, bool_or({estimated}) AS estimated"]
    sums += [f"sum({summed(name)}) AS {name}" for name in _NEVER_NULL]
    sums += [f"sum({summed(name)}) AS {name}, count({summed(name)}) AS {name}_count" for name in _OPTIONAL]
    source = "spans AS own"
    where = "own.started >= $first AND own.started < $last"
    if listed:
        source += " LEFT JOIN (SELECT * FROM totals WHERE started >= $first AND started < $last) AS summed"
        source += " ON CASE WHEN own.summed THEN own.span_id END = summed.span_id AND summed.trace_id = own.trace_id"
        source += " AND summed.project = own.project"
        where += f" AND {ROW.replace('call', 'own.call').replace('parent_id', 'own.parent_id')}"
    return (
        f"SELECT own.started // {HOUR} * {HOUR} AS hour, own.project, {listed} AS listed, "  # noqa: S608 - constants; values are bound
        f"{ASKED} AS asked, {columns}, {', '.join(sums)} "
        f"FROM {source} WHERE {where} GROUP BY ALL"
    )


def _histogram(family: Family, measure: Measure) -> str:
    columns = ", ".join(f'"{name}"' for name in family.columns)
    if family.table == "latency_models":
        columns += (
            ", CASE WHEN target_model IS NULL AND served_model IS NULL THEN requested_model END AS requested_model"
        )
    return (
        f"SELECT started // {HOUR} * {HOUR} AS hour, project, {ROW} AS listed, {ASKED} AS asked, "  # noqa: S608 - constants; values are bound
        f"{columns}, '{measure}' AS measure, "
        f"{bucket(measure)} AS bucket, count(*) AS spans "
        "FROM spans WHERE started >= $first AND started < $last GROUP BY ALL"
    )
