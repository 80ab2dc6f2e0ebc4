"""Queries in ClickHouse's words: what differs from DuckDB by the name of a function, or by what a word means."""

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, cast

from sqlglot import exp, generator
from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.generators.clickhouse import ClickHouseGenerator

__all__ = ["DIALECT", "SETTINGS", "render", "with_types"]

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
_UNTYPED = re.compile(r"\{(\w+):\?\}")
_INT64 = 2**63

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
}


def render(query: exp.Expr) -> str:
    """SQL text of an expression in DuckDB's dialect. Placeholders stay, without a type: `{name:?}`."""
    return _GENERATOR.generate(query.transform(_translated))


def with_types(text: str, values: Mapping[str, Any]) -> str:
    """The text with the type of each placeholder's value in its place."""
    return _UNTYPED.sub(lambda found: f"{{{found[1]}:{_type(values[found[1]])}}}", text)


def _type(value: Any) -> str:
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
    if isinstance(node, exp.Anonymous):
        name = _RENAMED.get(node.name.upper())
        if name is not None:
            return exp.Anonymous(this=name, expressions=node.expressions)
    return node


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
    """`quantile_disc`: the value of the nearest rank from below."""
    share = self.sql(expression, "expression")
    return f"quantileExactLow({share})({self.sql(expression, 'this')})"


def _integer_division(self: generator.Generator, expression: exp.Expr) -> str:
    return f"intDiv({self.sql(expression, 'this')}, {self.sql(expression, 'expression')})"


def _placeholder(_: generator.Generator, expression: exp.Expr) -> str:
    return f"{{{expression.name}:?}}"


class _Generator(ClickHouseGenerator):
    TRANSFORMS = {  # noqa: RUF012 - as its base class has it
        **ClickHouseGenerator.TRANSFORMS,
        exp.ArrayContains: _call("has", "this", "expression"),
        exp.ArraySize: _call("length", "this"),
        exp.IntDiv: _integer_division,
        exp.LogicalAnd: _call("min", "this"),
        exp.LogicalOr: _call("max", "this"),
        exp.MapKeys: _call("mapKeys", "this"),
        exp.PercentileDisc: _quantile,
        exp.Placeholder: _placeholder,
    }


_GENERATOR = _Generator(dialect=ClickHouse())
