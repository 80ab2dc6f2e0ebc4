"""Pieces that queries share: parsed templates, bound values, and what a few columns mean together."""

import math
from functools import lru_cache
from typing import Any

from sqlglot import exp, parse_one

from penstock.store.spans.columns import USAGE

__all__ = [
    "BUCKETS_PER_E",
    "FAILED",
    "HOUR",
    "MODEL",
    "MODEL_NAME",
    "MODEL_SPAN",
    "TOKENS",
    "Values",
    "bind",
    "bucket",
    "column",
    "is_scattered",
    "measure",
    "parsed",
    "scatter",
    "sql",
]

Values = dict[str, Any]
"""Values of a query's placeholders, by name. A value never becomes part of the text."""

TOKENS = " + ".join(USAGE)
"""Tokens of one span."""
_SCATTERED = "scattered"
MODEL_SPAN = "(kind IN ('llm', 'embedding', 'reranker') AND NOT covered)"
"""A span that stands for one request to a provider, which no other span tells of. Sums of usage and cost are sums over
these.
"""
FAILED = "status IN ('error', 'interrupted')"
MODEL_NAME = "coalesce(target_model, served_model, requested_model)"
MODEL = "provider || '/' || coalesce(target_model, served_model, requested_model)"
"""`provider/model` in the configuration's spelling, where the record has it. Null for a call that
reached no provider."""

HOUR = 3_600_000_000
"""Microseconds."""
BUCKETS_PER_E = 25
"""Logarithmic buckets: neighbours differ by 4 %, so a bucket's middle is within 2 % of what it holds."""


@lru_cache(maxsize=1024)
def _parsed(text: str) -> exp.Expr:
    return parse_one(text, dialect="duckdb")


def sql(text: str) -> exp.Select:
    """A copy of the query that this constant text is, in DuckDB's dialect. `$name` is a placeholder."""
    parsed = _parsed(text).copy()
    assert isinstance(parsed, exp.Select)  # noqa: S101 - the templates are constants of this package
    return parsed


def parsed(text: str) -> exp.Expr:
    """A copy of the expression that this text is, in DuckDB's dialect: to parse it takes several times longer."""
    return _parsed(text).copy()


def column(name: str) -> exp.Column:
    """A column by its name, whatever words the engine reserves."""
    return exp.column(exp.to_identifier(name, quoted=True))


def scatter(query: exp.Select) -> None:
    """Say that what a query reads lies apart, here a little and there a little: an engine may read it otherwise."""
    query.meta[_SCATTERED] = True


def is_scattered(query: exp.Select) -> bool:
    """Whether `scatter` said so."""
    return bool(query.meta.get(_SCATTERED))


def bind(values: Values, value: object) -> exp.Placeholder:
    """A placeholder of its own for the value."""
    name = f"v{len(values)}"
    values[name] = value
    return exp.Placeholder(this=name)


def bucket(measure: str) -> str:
    """Text of the expression that gives the bucket of a number: null for null, -1 for what is not positive."""
    return f"CASE WHEN {measure} <= 0 THEN -1 ELSE CAST(round(ln({measure}) * {BUCKETS_PER_E}) AS SMALLINT) END"


def measure(number: int) -> int:
    """What a bucket stands for: within 2 % of everything in it."""
    return 0 if number < 0 else round(math.exp(number / BUCKETS_PER_E))
