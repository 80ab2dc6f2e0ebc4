"""The values of a column, the most frequent first: filter menus."""

from penstock.store.spans.engine import Engine
from penstock.store.spans.expressions import MODEL, Values, sql
from penstock.store.spans.queries.window import Window, within
from penstock.store.spans.types import Facet

__all__ = ["FACET_COLUMNS", "facets"]

MOST = 50
FACET_COLUMNS: dict[str, str] = {
    **{
        name: f'"{name}"'
        for name in (
            "name", "kind", "source", "service", "status", "error_type", "http_status", "operation", "stream", "route",
            "variant", "change", "provider", "requested_model", "served_model", "prompt_name", "prompt_version",
            "session", "user", "key", "price_version", "cache", "usage_estimated",
        )
    },
    "model": MODEL,
    "tags": "unnest(map_keys(tags))",
    "finish_reasons": "unnest(finish_reasons)",
}  # fmt: skip
"""Columns with a menu of values; `tags` lists the tags' names."""


def facets(engine: Engine, window: Window, name: str) -> list[Facet]:
    """Values among calls and root spans of the window with how often they stand there, at most 50.

    `name` is one of `FACET_COLUMNS`, or `tags.<key>`.
    """
    values: Values = {}
    if name.startswith("tags."):
        values["tag"] = name.removeprefix("tags.")
        expression = "tags[$tag]"
    else:
        expression = FACET_COLUMNS[name]
    query = sql(
        f"""
        SELECT value, count(*) FROM (
            SELECT CAST({expression} AS VARCHAR) AS value FROM spans WHERE (call OR parent_id IS NULL)
        ) AS given
        GROUP BY value ORDER BY count(*) DESC, value LIMIT {MOST}
        """  # noqa: S608 - constants; values are bound
    )
    inner = query.find_all(type(query))
    source = next(select for select in inner if select is not query)
    source.where(*within(window, values), copy=False)
    return [Facet(value=value, count=count) for value, count in engine.read(query, values)]
