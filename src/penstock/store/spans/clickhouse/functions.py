"""Queries in ClickHouse's words: what differs from DuckDB by the name of a function, or by what a word means."""

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, cast

from sqlglot import exp, generator, parse_one
from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.generators.clickhouse import ClickHouseGenerator

from penstock.store.spans.clickhouse.rollup_tables import BY_NAME
from penstock.store.spans.expressions import MODEL, is_scattered

__all__ = ["DIALECT", "SETTINGS", "TUNED", "bound", "message_text", "render"]

DIALECT = "clickhouse"
SETTINGS: Mapping[str, int] = {
    "aggregate_functions_null_for_empty": 1,
    "cast_keep_nullable": 1,
    "final": 1,
    "join_use_nulls": 1,
    "prefer_column_name_to_alias": 1,
    "transform_null_in": 0,
}
"""With these a query means what the SQL standard says: sums of nothing and unmatched joins are null, a name is a column
before it is an alias. Tables whose rows replace each other are read as if they had.
"""
TUNED: Mapping[str, int] = {
    # To ask each row first whether it is newer than those found reads three times what the conditions leave of it.
    "use_top_k_dynamic_filtering": 0,
    # What a long list is of lies everywhere: to ask the indexes of each granule for all of it takes longer than to
    # read on.
    "use_index_for_in_with_subqueries_max_values": 10_000,
    # A join's own condition says which rows can have others: to work that out again from those is to do it twice.
    "enable_join_runtime_filters": 0,
}
"""For servers that know them."""
_NEWEST = parse_one("SELECT max(rowid) FROM spans", dialect="duckdb")
# A maximum reads the whole column; by the index of least and most, the first of an order reads some granules.
_NEWEST_BY_INDEX = parse_one("SELECT (SELECT rowid FROM spans ORDER BY rowid DESC LIMIT 1)", dialect="duckdb")
_EXTENT = [parse_one("min(started)", dialect="duckdb"), parse_one("max(started)", dialect="duckdb")]
# What parts know of themselves tells the extent of all spans, but not by sums that are null of nothing.
_EXTENT_OF_ALL = parse_one(
    """
    SELECT if(spans = 0, NULL, low), if(spans = 0, NULL, high)
    FROM (SELECT count(*) AS spans, min(started) AS low, max(started) AS high FROM spans)
    SETTINGS aggregate_functions_null_for_empty = 0
    """,
    dialect="clickhouse",
)
_MODEL = parse_one(MODEL, dialect="duckdb")
_UNTYPED = re.compile(r"\{(\w+):\?(keys)?\}")
_KEY = re.compile(r'"((?:[^"\\]|\\.)*)"|([^."$]+)')
_INT64 = 2**63

_TOGETHER = ("merge_tree_min_rows_for_concurrent_read", "merge_tree_min_bytes_for_concurrent_read")
"""What is less is read by one thread."""
_LISTS = frozenset({"finish_reasons"})
_RENAMED = {
    "ARG_MAX": "argMax",
    "ARG_MIN": "argMin",
    "LIST_CONTAINS": "has",
    "LIST_HAS_ANY": "hasAny",
    "LIST_HAS_ALL": "hasAll",
    "MAP_KEYS": "mapKeys",
    "MAP_VALUES": "mapValues",
    "CARDINALITY": "length",
    "LEN": "length",
    "STRLEN": "length",
}


def render(query: exp.Expr) -> str:
    """SQL text of an expression in DuckDB's dialect. Placeholders stay, without a type: `{name:?}`."""
    return _GENERATOR.generate(query.transform(_translated), copy=False)


def bound(text: str, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The text with the types of its placeholders, and their values as ClickHouse is given them."""
    given: dict[str, Any] = {}

    def typed(found: re.Match[str]) -> str:
        name = found[1]
        given[name] = _keys(values[name]) if found[2] else values[name]
        return f"{{{name}:{_type(given[name])}}}"

    return _UNTYPED.sub(typed, text), given


def _keys(path: str) -> list[str]:
    """The names that a path into JSON leads through: `$."a.b".c`."""
    return [re.sub(r"\\(.)", r"\1", found[1]) if found[1] is not None else found[2] for found in _KEY.finditer(path)]


def _type(value: Any) -> str:  # noqa: PLR0911 - one for each type
    match value:
        case None:
            return "Nullable(Nothing)"
        case bool():
            return "Bool"
        case int():
            return "Int64" if value < _INT64 else "UInt64"
        case float():
            return "Float64"
        case uuid.UUID():
            return "UUID"
        case list() | tuple():
            return f"Array({_element(cast('list[Any]', value))})"
        case _:
            return "String"


def _element(values: list[Any]) -> str:
    kinds = {_type(value) for value in values}
    if kinds == {"Int64", "UInt64"}:
        return "UInt64"
    return kinds.pop() if kinds else "Nothing"


def _translated(node: exp.Expr) -> exp.Expr:
    """One node as ClickHouse has it."""
    if isinstance(node, exp.Bracket) and _is_map(node.this):
        return _member(node.this, node.expressions[0])
    if isinstance(node, exp.In) and (listed := _listed(node)) is not None:
        # In place: what is put for a node is not translated any further.
        node.set("query", None)
        node.set("field", listed)
    if node == _NEWEST:
        return _NEWEST_BY_INDEX.copy()
    if isinstance(node, exp.Select):
        if node.expressions == _EXTENT and (extent := _extent(node)) is not None:
            return extent
        _name_models(node)
        _find_judgements(node)
        _group_in_order(node)
        _read_side_by_side(node)
    if isinstance(node, exp.Anonymous):
        name = _RENAMED.get(node.name.upper())
        if name is not None:
            return exp.Anonymous(this=name, expressions=node.expressions)
    return node


def _listed(node: exp.In) -> exp.Placeholder | None:
    """The list of `x IN (SELECT unnest($list))`: by a list that stands there an index finds more than by a query."""
    query = node.args.get("query")
    found = query.unnest() if isinstance(query, exp.Subquery) else None
    if not isinstance(found, exp.Select) or found.args.get("from_") is not None or len(found.expressions) != 1:
        return None
    (unnested,) = found.expressions
    values = unnested.expressions[0] if isinstance(unnested, exp.Unnest) else unnested.this
    is_unnested = isinstance(unnested, exp.Unnest | exp.Explode)
    return values.copy() if is_unnested and isinstance(values, exp.Placeholder) else None


def _extent(query: exp.Select) -> exp.Expr | None:
    """When the first and the last of some spans started, by the order they lie in rather than from each of them."""
    where = query.args.get("where")
    source = query.args.get("from_")
    if source is None or source.this != exp.to_table("spans") or query.args.get("joins") or query.args.get("group"):
        return None
    if where is None:
        return _EXTENT_OF_ALL.copy()
    found = exp.select("started").from_("spans").where(where.this.copy()).limit(1)
    ends = (found.order_by(order, dialect=DIALECT).subquery(copy=False) for order in ("started", "started DESC"))
    return exp.select(*ends)


def _name_models(query: exp.Select) -> None:
    """Read the model of spans where it is stored, rather than put it together of four columns."""
    source = query.args.get("from_")
    if source is None:
        return
    of_spans = isinstance(source.this, exp.Table) and source.this.name == "spans"
    for node in [*query.find_all(exp.DPipe)]:
        table = next((column.table for column in node.find_all(exp.Column)), "")
        if node.find_ancestor(exp.Select) is query and (table or of_spans) and _unqualified(node) == _MODEL:
            node.replace(exp.column("model", table=table or None))


def _unqualified(node: exp.Expr) -> exp.Expr:
    return node.transform(_without_table)


def _without_table(node: exp.Expr) -> exp.Expr:
    return exp.column(node.this) if isinstance(node, exp.Column) else node


def _find_judgements(query: exp.Select) -> None:
    """Let scores of some traces be found by their bloom filter first, as if none replaced another.

    Only those are then read as they count. What replaces a score has its id, though not always its trace.
    """
    source, where = query.args.get("from_"), query.args.get("where")
    if source is None or where is None or query.args.get("joins") or query.args.get("settings"):
        return
    if not isinstance(source.this, exp.Table) or source.this.name != "scores":
        return
    terms = [term.unnest() for term in where.this.flatten()] if isinstance(where.this, exp.And) else [where.this]
    of_traces = [term for term in terms if isinstance(term, exp.In | exp.EQ) and _names_traces(term)]
    if not of_traces:
        return
    within = [*of_traces, *(term for term in terms if isinstance(term, exp.EQ) and _is_named(term.this, "project"))]
    unmerged = exp.EQ(this=exp.var("final"), expression=exp.Literal.number(0))
    found = exp.select("id").from_("scores").where(*(term.copy() for term in within))
    found.set("settings", [unmerged])
    query.where(exp.In(this=exp.column("id"), query=found.subquery()), copy=False)


def _group_in_order(query: exp.Select) -> None:
    """Let what lies together by name be put together as it is read, rather than in a table of all groups."""
    source = query.args.get("from_")
    if source is None or not isinstance(source.this, exp.Table) or source.this.name not in BY_NAME:
        return
    if query.args.get("group") and not query.args.get("settings"):
        query.set("settings", [exp.EQ(this=exp.var("optimize_aggregation_in_order"), expression=exp.Literal.number(1))])


def _read_side_by_side(query: exp.Select) -> None:
    """Let what lies apart be read by more than one thread, though it is little: a row is a granule of each column."""
    if is_scattered(query) and not query.args.get("settings"):
        query.set("settings", [exp.EQ(this=exp.var(name), expression=exp.Literal.number(1)) for name in _TOGETHER])


def _names_traces(term: exp.In | exp.EQ) -> bool:
    """Whether this asks for traces by their ids; not for what another query finds, which would be asked twice."""
    columns = sum(1 for _ in term.find_all(exp.Column))
    return _is_named(term.this, "trace_id") and columns == 1 and term.find(exp.Table) is None


def _is_named(node: exp.Expr, name: str) -> bool:
    return isinstance(node, exp.Column) and node.name == name


def _is_map(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name == "tags"


def _member(map_: exp.Expr, key: exp.Expr) -> exp.Expr:
    """A value of a map; null, not the empty text, for a key that it has not."""
    held = exp.Anonymous(this="mapContains", expressions=[map_.copy(), key.copy()])
    value = exp.Anonymous(this="arrayElement", expressions=[map_.copy(), key.copy()])
    return exp.Anonymous(this="if", expressions=[held, value, exp.null()])


def _call(name: str, *arguments: str) -> Callable[[generator.Generator, exp.Expr], str]:
    """The function of this name, with these parts of the expression as its arguments."""

    def text(self: generator.Generator, expression: exp.Expr) -> str:
        return f"{name}({', '.join(self.sql(expression, argument) for argument in arguments)})"

    return text


def _quantile(self: generator.Generator, expression: exp.Expr) -> str:
    return _nearest_rank(self.sql(expression, "this"), self.sql(expression, "expression"))


def _nearest_rank(value: str, share: str) -> str:
    """`quantile_disc`. Of ClickHouse's exact quantiles only the weighted one takes the nearest rank."""
    return f"quantileExactWeighted({share})({value}, 1)"


def _integer_division(self: generator.Generator, expression: exp.Expr) -> str:
    return f"intDiv({self.sql(expression, 'this')}, {self.sql(expression, 'expression')})"


def _counted(text: str, parent: exp.Expr | None) -> str:
    """A count in the type of all other numbers: unions of signed and unsigned ones are neither."""
    return text if isinstance(parent, exp.Filter | exp.Window) else f"toInt64({text})"


def _count(self: generator.Generator, expression: exp.Expr) -> str:
    distinct = expression.this
    text = f"count({self.sql(distinct)})" if not isinstance(distinct, exp.Star) else "count()"
    return _counted(text, expression.parent)


def _filter(self: generator.Generator, expression: exp.Expr) -> str:
    text = generator.Generator.filter_sql(self, cast("exp.Filter", expression))
    return _counted(text, expression.parent) if isinstance(expression.this, exp.Count) else text


def _window(self: generator.Generator, expression: exp.Expr) -> str:
    text = generator.Generator.window_sql(self, cast("exp.Window", expression))
    return f"toInt64({text})" if expression.find(exp.Count) is not None else text


def _length(self: generator.Generator, expression: exp.Expr) -> str:
    lists = isinstance(expression.this, exp.Column) and expression.this.name in _LISTS
    return f"{'length' if lists else 'lengthUTF8'}({self.sql(expression, 'this')})"


_PART_TEXTS = ("content", "arguments", "response", "result", "name")
_PARTS = f"Array(Tuple(parts Array(Tuple({', '.join(f'{name} String' for name in _PART_TEXTS)}))))"
_JOINED = ", '\\n', ".join(f"tupleElement(part, '{name}')" for name in _PART_TEXTS)
_MESSAGE_TEXT = f"""lowerUTF8(if(JSONHas(ifNull({{0}}, ''), 1, 'parts'),
    arrayStringConcat(arrayMap(part -> concat({_JOINED}),
        arrayFlatten(tupleElement(JSONExtract(ifNull({{0}}, ''), '{_PARTS}'), 'parts'))), '\\n'), {{0}}))"""
"""The texts of a recorded message in lower case; of what is no message, all of it."""
_JSON_TEXT = """arrayMap(found -> if(found IN ('', 'null'), NULL, if(startsWith(found, '"'), JSONExtractString(found),
    found)), [arrayFold((found, name) -> JSONExtractRaw(found, name), {1}, ifNull({0}, ''))])[1]"""
"""What a path leads to, as text; null when there is nothing."""


def message_text(message: str) -> str:
    """Text of the expression that gives the texts of a recorded message."""
    return _MESSAGE_TEXT.format(message)


def _json_text(self: generator.Generator, expression: exp.Expr) -> str:
    path = expression.expression
    if not isinstance(path, exp.Placeholder):
        return generator.Generator.function_fallback_sql(self, cast("exp.Func", expression))
    return _JSON_TEXT.format(self.sql(expression, "this"), f"{{{path.name}:?keys}}")


def _anonymous(self: generator.Generator, expression: exp.Expr) -> str:
    if expression.name.lower() == "message_text":
        return message_text(self.sql(expression.expressions[0]))
    if expression.name.lower() == "json_extract_string" and isinstance(expression.expressions[1], exp.Placeholder):
        document, path = expression.expressions
        return _JSON_TEXT.format(self.sql(document), f"{{{path.name}:?keys}}")
    if expression.name.lower() == "md5_number_lower":
        return f"reinterpretAsUInt64(substring(MD5({self.sql(expression.expressions[0])}), 9, 8))"
    if expression.name.lower() == "quantile_disc":
        return _nearest_rank(*(self.sql(argument) for argument in expression.expressions))
    return generator.Generator.anonymous_sql(self, cast("exp.Anonymous", expression))


def _cast(self: generator.Generator, expression: exp.Expr) -> str:
    """What is rounded may be infinite in rows that do not count, where a plain cast would be an error."""
    if isinstance(expression.this, exp.Round):
        return _try_cast(self, expression)
    return ClickHouseGenerator.cast_sql(cast("ClickHouseGenerator", self), cast("exp.Cast", expression))


def _try_cast(self: generator.Generator, expression: exp.Expr) -> str:
    kind = self.sql(expression, "to").removeprefix("Nullable(").removesuffix(")")
    return f"accurateCastOrNull({self.sql(expression, 'this')}, '{kind}')"


def _placeholder(_: generator.Generator, expression: exp.Expr) -> str:
    return f"{{{expression.name}:?}}"


class _Generator(ClickHouseGenerator):
    TRANSFORMS = {  # noqa: RUF012 - as its base class has it
        **ClickHouseGenerator.TRANSFORMS,
        exp.Anonymous: _anonymous,
        exp.ArrayContains: _call("has", "this", "expression"),
        exp.ArraySize: _call("length", "this"),
        exp.ArrayToString: _call("arrayStringConcat", "this", "expression"),
        exp.BitwiseAnd: _call("bitAnd", "this", "expression"),
        exp.Cast: _cast,
        exp.Count: _count,
        exp.Filter: _filter,
        exp.Window: _window,
        exp.Length: _length,
        exp.IntDiv: _integer_division,
        exp.JSONExtractScalar: _json_text,
        exp.LogicalAnd: _call("min", "this"),
        exp.LogicalOr: _call("max", "this"),
        exp.Lower: _call("lowerUTF8", "this"),
        exp.MapKeys: _call("mapKeys", "this"),
        exp.PercentileDisc: _quantile,
        exp.Placeholder: _placeholder,
        exp.TryCast: _try_cast,
    }


_GENERATOR = _Generator(dialect=ClickHouse())
