"""What a metric is of: where its population is found, what its fields are worth, and what can be asked at all."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from sqlglot import exp, parse_one

from penstock.core.errors import InvalidInput
from penstock.store.spans.columns import BY_NAME, COLUMNS, USAGE
from penstock.store.spans.conditions import Texts, compiled, filters_of
from penstock.store.spans.expressions import MODEL, Values, bind, column, sql
from penstock.store.spans.filters import JUDGED, SUMMED, Filter, Judged, Scope, form_of, place_of
from penstock.store.spans.metrics import Aggregation, Population
from penstock.store.spans.queries.cube import ASKED
from penstock.store.spans.queries.rows import ROW, with_totals
from penstock.store.spans.tree import Node

__all__ = [
    "Labels",
    "Source",
    "Unit",
    "check",
    "columns_of",
    "field_of",
    "grouped_by",
    "label_key",
    "label_keys",
    "one_of",
    "source_of",
    "unit_of",
]

Unit = Literal[
    "count", "per_second", "share", "microseconds", "nano_dollars", "tokens", "tokens_per_second", "score", "number"
]
Labels = tuple[str | None, ...]
_NONE = "\x00"
"""Stands for a missing label where labels are compared."""
_BETWEEN = "\x1f"
NUMERIC = ("duration", "ttft", "http_status", "cost", "saved", *USAGE, "usage_total")
THROUGHPUT = "throughput"
_TOKENS_PER_SECOND = """
    CASE WHEN stream AND ttft IS NOT NULL AND duration > ttft
        THEN (usage_output + usage_reasoning) * 1000000.0 / (duration - ttft) END
"""
_WITHOUT_FIELD = frozenset(("count", "rate", "share"))
_GROUPED = frozenset(("text", "choice", "boolean"))
_POPULATIONS: dict[Population, str] = {
    "calls": '"call"',
    "model_calls": ASKED,
    "traces": ROW,
    "spans": "TRUE",
    "scores": "TRUE",
}
_ROWS = frozenset(("calls", "traces"))
"""Populations of rows of the trace list, whose cost and usage are sums over what they stand for."""
_SPAN_COLUMNS = (
    *(each.name for each in COLUMNS if each.name not in {"project", "session", "started"}),
    *(f"{name}_bytes" for name in ("input", "output", "attributes")),
)
# A join by a span's id alone or by a trace's is quick; by the one where it is known and else by the other, it is not.
_OF_SCORES = """
    SELECT judged.project AS project, judged.created AS started, judged.name AS score_name, judged.number AS number,
        coalesce(told.session, judged.session) AS session, {columns}, {model} AS model
    FROM (SELECT * FROM scores WHERE {judged}) AS judged
    LEFT JOIN (
        SELECT * FROM spans WHERE project = $project AND {told} IN (SELECT {told} FROM scores WHERE {judged}) AND {kept}
    ) AS told ON {on}
"""


def _of_told(node: exp.Expr) -> exp.Expr:
    return exp.column(node.this, table="told") if isinstance(node, exp.Column) else node


def _of_scores(told: str, *, missing: bool, kept: str, on: str) -> str:
    judged = "project = $project AND created >= $since AND created < $until"
    return _OF_SCORES.format(
        columns=", ".join(f'told."{name}" AS "{name}"' for name in _SPAN_COLUMNS),
        model=parse_one(MODEL, dialect="duckdb").transform(_of_told).sql("duckdb"),
        judged=f"{judged} AND span_id IS {'NULL' if missing else 'NOT NULL'}",
        told=told,
        kept=kept,
        on=on,
    )


_SAME_TRACE = "told.trace_id = judged.trace_id"
_BY_SPAN = _of_scores("span_id", missing=False, kept="TRUE", on=f"told.span_id = judged.span_id AND {_SAME_TRACE}")
_BY_TRACE = _of_scores("trace_id", missing=True, kept="parent_id IS NULL", on=_SAME_TRACE)
_SCORES = "SELECT 1 FROM ({}) AS spans"
_JUDGED = """
    SELECT {keys}, sum(number) AS {prefix}_sum, count(number) AS {prefix}_count
    FROM scores
    WHERE project = $project AND name = $score AND trace_id IS NOT NULL AND number IS NOT NULL AND {kept}
    GROUP BY {groups}
"""


class Source(NamedTuple):
    """Where a population is found."""

    query: exp.Select
    """Over something that has the columns of a span; without anything selected yet."""
    scope: Scope


def check(
    *,
    population: Population,
    aggregation: Aggregation | None,
    field: str | None,
    of: Node | None = None,
    group_by: tuple[str, ...] = (),
) -> None:
    """Raise `InvalidInput` (`invalid_metric`) for what cannot be asked; `aggregation` None asks for a distribution."""
    _known("population", population, get_args(Population))
    if aggregation is not None:
        _known("aggregation", aggregation, get_args(Aggregation))
    if aggregation == "share" and of is None:
        raise _refusal("A share needs `of`: what must hold of those that count.", "Give a condition.")
    if aggregation in _WITHOUT_FIELD:
        if field is not None:
            raise _refusal(f"The aggregation {aggregation!r} takes no field, got {field[:64]!r}.", "Leave it out.")
    elif aggregation == "distinct":
        if field is None or form_of(field) in {None, "json", "tags", "list", "score"}:
            raise _refusal(f"Distinct values of {_shown(field)} cannot be counted.", _columns_hint())
    elif field is None or not _is_numeric(field):
        raise _refusal(
            f"There is no number {_shown(field)} to aggregate.",
            f"Use one of {', '.join(NUMERIC)}, {THROUGHPUT}, score.NAME, attributes.NAME.",
        )
    if len(group_by) > 2:
        raise _refusal(f"A metric is grouped by two columns at most, got {len(group_by)}.", None)
    for name in group_by:
        if form_of(name) not in {*_GROUPED, "attribute"} and name != "http_status":
            raise _refusal(f"A metric cannot be grouped by {_shown(name)}.", _columns_hint())


def _known(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise _refusal(f"There is no {what} {value[:64]!r}.", f"There are {', '.join(known)}.")


def _is_numeric(field: str) -> bool:
    return field in {*NUMERIC, THROUGHPUT} or form_of(field) in {"score", "attribute"}


def _columns_hint() -> str:
    names = [each.name for each in COLUMNS if each.form in _GROUPED]
    return f"Use one of {', '.join([*names, 'http_status'])}, model, tags.NAME, attributes.NAME."


def _shown(name: str | None) -> str:
    return "without a name" if name is None else repr(name[:64])


def _refusal(message: str, hint: str | None) -> InvalidInput:
    return InvalidInput(message, field="metric", hint=hint, code="invalid_metric")


def unit_of(aggregation: Aggregation | None, field: str | None) -> Unit:
    """What the values of an answer are."""
    by_aggregation: dict[str, Unit] = {
        "count": "count", "distinct": "count", "rate": "per_second", "share": "share"
    }  # fmt: skip
    if aggregation in by_aggregation:
        return by_aggregation[aggregation]
    if field in {"duration", "ttft"}:
        return "microseconds"
    if field in {"cost", "saved"}:
        return "nano_dollars"
    if field == THROUGHPUT:
        return "tokens_per_second"
    if field is not None and field.startswith("usage_"):
        return "tokens"
    return "score" if field is not None and form_of(field) == "score" else "number"


def columns_of(*nodes: Node | None, fields: tuple[str | None, ...] = ()) -> set[str]:
    """Names of what is asked for; a search for text counts as the column `input`."""
    found = {field for field in fields if field is not None}
    for node in nodes:
        found |= {leaf.column if isinstance(leaf, Filter) else "input" for leaf in filters_of(node)}
    return found


def source_of(
    population: Population,
    where: Node | None,
    values: Values,
    *,
    columns: set[str],
    field: str | None,
    time: Sequence[exp.Expr],
    texts: Texts = Texts(),  # noqa: B008 - immutable
    judged: Judged = JUDGED,
) -> Source:
    """The population of spans, held to a project, a time, and what must hold.

    Args:
        population: What is counted.
        where: What must hold.
        values: Collects what placeholders stand for; has `project`; `since` and `until` for scores.
        columns: All names that are asked for, to join no more than is needed.
        field: What is aggregated.
        time: What holds of `started`.
        texts: How texts are looked for.
        judged: What there are scores of in the time, when scores are counted.
    """
    scope: Scope = "row" if population in _ROWS else "span"
    if population == "scores":
        parts = [_BY_SPAN] if "span" in judged or not judged else []
        parts += [_BY_TRACE] if judged - {"span"} else []
        query = sql(_SCORES.format(" UNION ALL ".join(parts)))
        scope = "named"
        if field is not None and form_of(field) == "score":
            name = bind(values, field.partition(".")[2])
            query = query.where(exp.EQ(this=column("score_name"), expression=name))
    else:
        summed = scope == "row" and bool(columns & SUMMED)
        query = with_totals(exp.select("1").from_("spans"), needed=summed, time=time)
        query = query.where(_POPULATIONS[population], dialect="duckdb")
        if field is not None and form_of(field) == "score":
            query = _with_scores(query, field, values)
    query = query.where(exp.EQ(this=column("project"), expression=exp.Placeholder(this="project")), *time)
    if where is not None:
        query = query.where(compiled(where, values, scope=scope, texts=texts))
    return Source(query, scope)


def _with_scores(query: exp.Select, field: str, values: Values) -> exp.Select:
    """The sums of a span's judgements beside it: those of its own and of its trace; at a root, of all its spans."""
    values["score"] = field.partition(".")[2]
    for prefix, keys, kept in (
        ("all_", ("trace_id",), "TRUE"),
        ("trace_", ("trace_id",), "span_id IS NULL"),
        ("span_", ("trace_id", "span_id"), "span_id IS NOT NULL"),
    ):
        judged = _JUDGED.format(
            prefix=f"{prefix}score",
            keys=", ".join(f"{key} AS {prefix}{key}" for key in keys),
            groups=", ".join(keys),
            kept=kept,
        )
        on = " AND ".join(f"{key} = {prefix}{key}" for key in keys)
        query = query.join(sql(judged).subquery(f"{prefix}scores"), on=on, join_type="left")
    return query


_SCORE_OF_SPAN = """
    CASE WHEN parent_id IS NULL THEN all_score_sum / all_score_count
    ELSE (coalesce(trace_score_sum, 0) + coalesce(span_score_sum, 0))
        / nullif(coalesce(trace_score_count, 0) + coalesce(span_score_count, 0), 0) END
"""


def field_of(field: str, population: Population, values: Values, *, scope: Scope) -> exp.Expr:
    """What is aggregated, null where a span has none."""
    if field == THROUGHPUT:
        return exp.paren(parse_one(_TOKENS_PER_SECOND, dialect="duckdb"))
    if form_of(field) == "score":
        return column("number") if population == "scores" else exp.paren(parse_one(_SCORE_OF_SPAN, dialect="duckdb"))
    place = place_of(field, values, scope=scope)
    return exp.TryCast(this=place, to=exp.DataType.build("DOUBLE")) if form_of(field) == "attribute" else place


def grouped_by(names: tuple[str, ...], values: Values, *, scope: Scope) -> list[exp.Expr]:
    """Labels of groups, as text."""
    return [_label(name, values, scope) for name in names]


def _label(name: str, values: Values, scope: Scope) -> exp.Expr:
    place = place_of(name, values, scope=scope)
    plain = name in BY_NAME and BY_NAME[name].form in {"text", "choice"}
    return place if plain else exp.cast(place, "VARCHAR")


def label_key(labels: Labels) -> str:
    """Labels as one text, as `label_keys` makes it of a row's."""
    return _BETWEEN.join(_NONE if label is None else label for label in labels)


def label_keys(labels: Sequence[exp.Expr]) -> exp.Expr:
    """The labels as one text, a missing one marked."""
    marked = [exp.func("coalesce", label.copy(), exp.func("chr", exp.Literal.number(0))) for label in labels]
    if len(marked) == 1:
        return marked[0]
    return exp.DPipe(
        this=exp.DPipe(this=marked[0], expression=exp.func("chr", exp.Literal.number(31))), expression=marked[1]
    )


def one_of(text: exp.Expr, name: str) -> exp.In:
    """That a text is one of those of the placeholder, a list."""
    unnested = exp.select(f"unnest(${name})", dialect="duckdb").subquery(copy=False)
    return exp.In(this=text.copy(), query=unnested)
