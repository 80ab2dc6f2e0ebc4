"""A trace of thousands of spans, column by column: what a tree, a graph and a comparison show of each."""

from collections.abc import Sequence
from typing import Any

from penstock.store.spans.columns import BY_NAME, USAGE
from penstock.store.spans.engine import Read, prepare
from penstock.store.spans.expressions import column, sql
from penstock.store.spans.queries.overview import known_cost
from penstock.store.spans.types import TraceOutline, TraceTotals, UsageView

__all__ = ["outline"]

_MODEL_KINDS = {"llm", "embedding", "reranker"}
_PLACES = ("span_id", "parent_id", "started")
_SHOWN = (
    "name", "kind", "call", "covered", "source", "service", "duration", "ttft", "status", "error_type",
    "operation", "route", "variant", "provider", "target_model", "requested_model", "served_model", "session", "user",
    "cache", "saved", "cost", "usage_estimated", *USAGE,
)  # fmt: skip
"""Columns that are sent as they are stored."""
_OUTLINE = prepare(
    sql("SELECT 1 FROM spans WHERE project = $project AND trace_id = $trace ORDER BY started, span_id").select(
        *(column(name) for name in (*_PLACES, *_SHOWN)), append=False
    )
)


def outline(read: Read, values: dict[str, Any]) -> tuple[TraceOutline, TraceTotals]:
    """The spans of a trace that is there, and their sums.

    Args:
        read: Asks a snapshot of the store.
        values: `project`, and `trace` as a UUID.
    """
    ids, parents, starts, *others = zip(*read(_OUTLINE, values), strict=True)
    shown: dict[str, Sequence[Any]] = dict(zip(_SHOWN, others, strict=True))
    place = {span: at for at, span in enumerate(ids)}
    made = TraceOutline(
        start=starts[0],
        span_id=[f"{span:016x}" for span in ids],
        parent=[place.get(parent) for parent in parents],
        started=[started - starts[0] for started in starts],
        **{name: _packed(name, found) for name, found in shown.items()},
    )
    return made, _totals(starts, shown)


def _packed(name: str, values: Sequence[Any]) -> list[Any]:
    """Once what all of them share; nothing when that is what a span has anyway."""
    first = values[0]
    if values.count(first) < len(values):
        return list(values)
    return [] if first == BY_NAME[name].default else [first]


def _totals(starts: Sequence[int], shown: dict[str, Sequence[Any]]) -> TraceTotals:
    models = [
        cost
        for kind, covered, cost in zip(shown["kind"], shown["covered"], shown["cost"], strict=True)
        if kind in _MODEL_KINDS and not covered
    ]
    used = {name: sum(shown[name]) for name in USAGE}
    unknown = models.count(None)
    return TraceTotals(
        duration=max(start + duration for start, duration in zip(starts, shown["duration"], strict=True)) - starts[0],
        cost=known_cost(
            sum(cost for cost in shown["cost"] if cost is not None), known=len(models) - unknown, unknown=unknown
        ),
        usage=UsageView(
            input=used["usage_input"],
            cache_read=used["usage_cache_read"],
            cache_write=used["usage_cache_write"],
            output=used["usage_output"],
            reasoning=used["usage_reasoning"],
            total=sum(used.values()),
            estimated=any(shown["usage_estimated"]),
        ),
    )
