"""What models and providers served, and how well; and the books."""

from collections import defaultdict
from typing import Any

from penstock.store.spans.engine import Engine
from penstock.store.spans.expressions import HOUR, MODEL_SPAN, TOKENS, Values, sql
from penstock.store.spans.queries.cells import Cells, ranges_of
from penstock.store.spans.queries.overview import Histogram, known_cost
from penstock.store.spans.queries.window import Window, within
from penstock.store.spans.types import Books, ModelStat, ProviderStat

__all__ = ["books", "model_stats", "provider_stats"]

_OURS = "source = 'gateway'"
_BOOKS = f"""
    SELECT count(*) FILTER (WHERE call), count(*), coalesce(sum(cost) FILTER (WHERE {_OURS}), 0),
        count(*) FILTER (WHERE {_OURS} AND {MODEL_SPAN} AND cost IS NULL),
        coalesce(sum({TOKENS}) FILTER (WHERE {_OURS}), 0)
    FROM spans
"""  # noqa: S608 - constants; values are bound


def model_stats(engine: Engine, window: Window) -> list[ModelStat]:
    """Each model of each provider that was called, the busiest first. Attempts count one by one."""
    with engine.snapshot() as read:
        cells = Cells(read, window.project, ranges_of(read, window, step=HOUR), step=HOUR)
        sums = cells.sums("model")
        durations = _by_label(cells.histogram("model"))
        ttfts = _by_label(cells.histogram("model", "ttft"))
    stats: list[ModelStat] = []
    for label, calls, errors, *rest in sums:
        tokens, _estimated, cost, known, unknown = rest[-5:]
        if label is None or not calls:
            continue
        provider, slash, model = label.partition("/")
        stats.append(
            ModelStat(
                provider=provider if slash else "",
                model=model if slash else label,
                calls=calls,
                errors=errors,
                tokens=tokens,
                cost=known_cost(cost, known=known, unknown=unknown),
                p50=durations[label].percentile(0.5),
                p95=durations[label].percentile(0.95),
                ttft_p50=ttfts[label].percentile(0.5),
            )
        )
    return sorted(stats, key=lambda stat: (-stat.calls, stat.provider, stat.model))


def _by_label(rows: list[tuple[Any, ...]]) -> defaultdict[str, Histogram]:
    found: defaultdict[str, Histogram] = defaultdict(Histogram)
    for label, bucket, calls in rows:
        found[label].add(bucket, calls)
    return found


def provider_stats(engine: Engine, window: Window) -> list[ProviderStat]:
    """Each provider that was called, with its last success and its last failure."""
    with engine.snapshot() as read:
        rows = Cells(read, window.project, ranges_of(read, window, step=HOUR), step=HOUR).providers()
    return [
        ProviderStat(
            provider=provider,
            calls=calls,
            errors=errors,
            last_success=success,
            last_error=failure,
            last_error_message=message,
        )
        for provider, calls, errors, success, failure, message in rows
    ]


def books(engine: Engine, window: Window) -> Books:
    """What is stored, counted from the spans themselves; tokens and money of the gateway alone."""
    values: Values = {}
    ((calls, spans, cost, unknown, tokens),) = engine.read(sql(_BOOKS).where(*within(window, values)), values)
    return Books(calls=calls, spans=spans, cost=int(cost), cost_unknown=unknown, tokens=int(tokens))
