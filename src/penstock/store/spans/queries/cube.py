"""What hours sum up to, told apart by the columns that people ask for: from these, most metrics are quick.

A family is a table with a row for each hour and each combination of its columns that occurs, under the names that the
columns have in `spans`; so a condition that names no other columns reads the same from either. Those without a measure
hold sums twice over: of the spans themselves, and (`listed`) of the rows of the trace list with what these stand for;
a `brief` one holds few sums, and beside those of the spans what rows stand for besides.
The others hold histograms of a duration; `listed` says there whether the span is such a row. `asked` tells requests
to a model.

Pairs of columns occur in so many combinations that hours of them are few rows less than the spans; for long windows
they are summed up by three hours or a `SHIFT`, and pairs of users and models by the day; all are kept up by the day.
"""

from collections.abc import Collection, Iterable
from typing import Literal

import msgspec

from penstock.store.spans.columns import USAGE
from penstock.store.spans.expressions import HOUR, MODEL_SPAN, TOKENS, bucket
from penstock.store.spans.filters import Scope
from penstock.store.spans.queries.activity import DAY
from penstock.store.spans.queries.rows import ROW

__all__ = [
    "ASKED",
    "BY_DAY",
    "BY_HOUR",
    "COMMON",
    "FAMILIES",
    "FIRST_FAMILIES",
    "SECOND_FAMILIES",
    "SHIFT",
    "THIRD_FAMILIES",
    "Family",
    "Measure",
    "family_of",
    "fill",
    "schema",
]

SHIFT = 6 * HOUR
LONG = 2 * DAY
"""From this length of a window on, what is summed up by more than the hour is read."""

Measure = Literal["duration", "ttft"]
MEASURES: tuple[Measure, ...] = ("duration", "ttft")
"""Of what there are histograms."""
COMMON = ("source", "kind", "call", "covered", "status")
"""Columns of every family."""
_BOOLEAN = {"call", "covered", "stream"}
_NEVER_NULL = (*USAGE, "duration")
_OPTIONAL = ("ttft", "cost", "saved")
"""Summed columns that may be null; beside the sum stands the number of values."""
_SUMMED = frozenset(("cost", *USAGE))
"""What means the sum over its spans on a row of the list."""
BRIEF = ("cost", "usage_total")
"""Of what a brief family holds sums. Those named `more_` are what rows of the list stand for besides."""

ASKED = f"({MODEL_SPAN} AND (provider IS NOT NULL OR source <> 'gateway'))"
"""A request that reached a model, or of which an application says so."""


class Family(msgspec.Struct, frozen=True, kw_only=True):
    table: str
    columns: tuple[str, ...]
    """Columns of a span that conditions and groupings may name."""
    histogram: bool = False
    grain: int = HOUR
    """Microseconds that a row sums up. Their start is the column `hour`, whatever their length."""
    bounded: bool = False
    """Not kept of a period in which a project's combinations are too many to pay, as `spread` says."""
    brief: bool = False
    """Holds sums of `BRIEF` only, in one row for spans and rows of the list: `listed` says whether they are such."""

    @property
    def scope(self) -> Scope:
        """How columns are named in it: a brief family holds the model beside what its name is made of."""
        return "named" if self.brief else "span"

    @property
    def period(self) -> Literal["hour", "day"]:
        """What is summed up at once, and anew when spans of it have changed: its start is the column of this name."""
        return "hour" if self.grain == HOUR else "day"

    @property
    def length(self) -> int:
        """Microseconds of the period."""
        return HOUR if self.grain == HOUR else DAY

    def sums(self, field: str, *, rows: bool) -> tuple[str, str]:
        """Expressions for how many values a summed column has in a row of the family, and for their sum.

        Args:
            field: A column, or `usage_total`.
            rows: Whether rows of the trace list are meant, with all that they stand for.
        """
        if not self.brief:
            return f"{field}_count" if field in _OPTIONAL else "spans", TOKENS if field == "usage_total" else field
        more = f" + more_{field}" if rows else ""
        known = "cost_count + more_cost_count" if rows else "cost_count"
        return known if field == "cost" else "spans", f"{field}{more}"


_MODELS = ("provider", "target_model", "served_model")
_ALL = (
    *COMMON, "service", "operation", "error_type", "http_status", "stream", "route", "variant", "change",
    *_MODELS, "requested_model", "prompt_name", "prompt_version", "cache",
)  # fmt: skip


def _shifts(table: str, *columns: str) -> Family:
    return Family(table=table, columns=(*COMMON, *columns), histogram=True, grain=SHIFT, bounded=True)


FAMILIES: tuple[Family, ...] = (
    Family(table="cube_keys", columns=(*COMMON, "key")),
    Family(table="cube", columns=_ALL),
    Family(table="cube_shifts", columns=(*COMMON, "route", *_MODELS, "key"), grain=SHIFT // 2, bounded=True),
    Family(table="cube_keys_tags", columns=(*COMMON, "key", "tags"), bounded=True),
    Family(table="cube_tags", columns=(*_ALL, "tags"), bounded=True),
    Family(table="latency_routes", columns=(*COMMON, "route"), histogram=True),
    Family(table="latency_keys", columns=(*COMMON, "key"), histogram=True),
    Family(table="latency_models", columns=(*COMMON, *_MODELS), histogram=True),
    Family(table="latency_tags", columns=(*COMMON, "tags"), histogram=True, bounded=True),
    _shifts("latency_models_tags", *_MODELS, "tags"),
    _shifts("latency_routes_tags", "route", "tags"),
    _shifts("latency_routes_models", "route", *_MODELS),
    _shifts("latency_keys_tags", "key", "tags"),
    _shifts("latency_models_keys", *_MODELS, "key"),
    _shifts("latency_routes_keys", "route", "key"),
    Family(table="cube_users", columns=(*COMMON, "user", *_MODELS), grain=DAY, bounded=True, brief=True),
)
"""The smaller first."""
FIRST_FAMILIES = tuple(family for family in FAMILIES if not family.bounded)
"""Those of the first version of the schema that has any; the others came later."""
SECOND_FAMILIES = tuple(family for family in FAMILIES if family.bounded and not family.brief)
THIRD_FAMILIES = tuple(family for family in FAMILIES if family.brief)
BY_HOUR = tuple(family for family in FAMILIES if family.period == "hour")
BY_DAY = tuple(family for family in FAMILIES if family.period == "day")


def family_of(
    columns: Iterable[str],
    *,
    histogram: bool,
    summed: Collection[str] = (),
    step: int | None = None,
    length: int | None = None,
) -> Family | None:
    """The smallest family that has these columns; `model` is that of `expressions.MODEL`, `tags.<key>` is in `tags`.

    Args:
        columns: Their names.
        histogram: Whether histograms are wanted, or sums.
        summed: Of what sums are wanted; none, to count.
        step: Microseconds; what is summed up must fit into it.
        length: Microseconds of the window; in a short one nothing is read by shift.
    """
    wanted = {"tags" if name.startswith("tags.") else name for name in columns}
    for family in FAMILIES:
        known = {*family.columns, *(["model"] if {*_MODELS} <= {*family.columns} else [])}
        fits = (step or family.grain) % family.grain == 0
        fits &= not family.brief or {*summed} <= {*BRIEF}
        short = family.grain > HOUR and length is not None and length < LONG
        if family.histogram == histogram and wanted <= known and fits and not short:
            return family
    return None


def schema(families: Iterable[Family]) -> str:
    """Statements that make the tables."""
    return "\n".join(_table(family) for family in families)


def _table(family: Family) -> str:
    dimensions = [f'"{name}" {_type(name)}' for name in (*family.columns, *_told(family))]
    if family.histogram:
        measured = ["measure VARCHAR NOT NULL", "bucket SMALLINT", "spans BIGINT NOT NULL"]
    elif family.brief:
        measured = [f"{name} BIGINT NOT NULL" for name in ("spans", "cost_count", "more_cost_count")]
        measured += [f"{more}{name} BIGINT NOT NULL" for name in BRIEF for more in ("", "more_")]
    else:
        measured = ["spans BIGINT NOT NULL", "estimated BOOLEAN NOT NULL"]
        measured += [f"{name} BIGINT NOT NULL" for name in _NEVER_NULL]
        measured += [f"{name} BIGINT, {name}_count BIGINT NOT NULL" for name in _OPTIONAL]
    head = ["day BIGINT NOT NULL"] if family.period == "day" else []
    head += ["hour BIGINT NOT NULL", "project VARCHAR NOT NULL", "listed BOOLEAN NOT NULL", "asked BOOLEAN NOT NULL"]
    return f"CREATE TABLE {family.table} ({', '.join([*head, *dimensions, *measured])});"


def _type(name: str) -> str:
    if name == "tags":
        return "MAP(VARCHAR, VARCHAR)"
    return "BOOLEAN" if name in _BOOLEAN else "INTEGER" if name == "http_status" else "VARCHAR"


def _told(family: Family) -> tuple[str, ...]:
    """The name that a call asked for, of a family of models: it stands for the model where no other is known."""
    return ("requested_model",) if "served_model" in family.columns and "requested_model" not in family.columns else ()


def _selected(family: Family, source: str) -> str:
    """Its columns, of the table of spans by this name."""
    names = [f'{source}."{name}"' for name in family.columns]
    unknown = f"{source}.target_model IS NULL AND {source}.served_model IS NULL"
    names += [f"CASE WHEN {unknown} THEN {source}.{name} END AS {name}" for name in _told(family)]
    hour = f"{source}.started // {family.grain} * {family.grain} AS hour"
    day = f"{source}.started // {DAY} * {DAY} AS day, " if family.period == "day" else ""
    return f"{day}{hour}, {source}.project, {', '.join(names)}"


def fill(family: Family) -> list[str]:
    """Queries for the rows of a family out of the spans that started in `[$first, $last)`."""
    if family.histogram:
        return [_histogram(family, measure) for measure in MEASURES]
    if family.brief:
        return [_brief(family)]
    return [_sums(family, listed=False), _sums(family, listed=True)]


_STARTED = "own.started >= $first AND own.started < $last"
_OWN_ROW = ROW.replace("call", "own.call").replace("parent_id", "own.parent_id")
_WITH_TOTALS = (
    " LEFT JOIN (SELECT * FROM totals WHERE started >= $first AND started < $last) AS summed"
    " ON CASE WHEN own.summed THEN own.span_id END = summed.span_id AND summed.trace_id = own.trace_id"
    " AND summed.project = own.project"
)


def _sums(family: Family, *, listed: bool) -> str:
    def summed(name: str) -> str:
        if not listed or name not in _SUMMED:
            return f"own.{name}"
        return f"CASE WHEN summed.span_id IS NULL THEN own.{name} ELSE summed.{name} END"

    estimated = "coalesce(summed.usage_estimated, own.usage_estimated)" if listed else "own.usage_estimated"
    sums = [f"count(*) AS spans, bool_or({estimated}) AS estimated"]
    sums += [f"sum({summed(name)}) AS {name}" for name in _NEVER_NULL]
    sums += [f"sum({summed(name)}) AS {name}, count({summed(name)}) AS {name}_count" for name in _OPTIONAL]
    source = "spans AS own"
    where = _STARTED
    if listed:
        source += _WITH_TOTALS
        where += f" AND {_OWN_ROW}"
    return (
        f"SELECT {_selected(family, 'own')}, {listed} AS listed, {ASKED} AS asked, {', '.join(sums)} "  # noqa: S608 - constants; values are bound
        f"FROM {source} WHERE {where} GROUP BY ALL"
    )


def _brief(family: Family) -> str:
    stands = f"{_OWN_ROW} AND summed.span_id IS NOT NULL"
    tokens = " + ".join(f"own.{name}" for name in USAGE)

    def known(whose: str) -> str:
        return f"count(CASE WHEN {stands} THEN {whose}.cost END)"

    def more(whole: str, own: str) -> str:
        return f"CAST(sum(CASE WHEN {stands} THEN {whole} - {own} ELSE 0 END) AS BIGINT)"

    sums = (
        "count(*) AS spans",
        "count(own.cost) AS cost_count",
        "CAST(sum(coalesce(own.cost, 0)) AS BIGINT) AS cost",
        f"CAST(sum({tokens}) AS BIGINT) AS usage_total",
        f"{known('summed')} - {known('own')} AS more_cost_count",
        f"{more('coalesce(summed.cost, 0)', 'coalesce(own.cost, 0)')} AS more_cost",
        f"{more('summed.usage_total', f'({tokens})')} AS more_usage_total",
    )
    return (
        f"SELECT {_selected(family, 'own')}, {_OWN_ROW} AS listed, {ASKED} AS asked, {', '.join(sums)} "  # noqa: S608 - constants; values are bound
        f"FROM spans AS own{_WITH_TOTALS} WHERE {_STARTED} GROUP BY ALL"
    )


def _histogram(family: Family, measure: Measure) -> str:
    return (
        f"SELECT {_selected(family, 'spans')}, {ROW} AS listed, {ASKED} AS asked, "  # noqa: S608 - constants; values are bound
        f"'{measure}' AS measure, {bucket(measure)} AS bucket, count(*) AS spans "
        "FROM spans WHERE started >= $first AND started < $last GROUP BY ALL"
    )
