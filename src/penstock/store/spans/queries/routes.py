"""What a route served: its variants side by side, and what it saved and tried again."""

from sqlglot import exp

from penstock.store.spans.engine import Engine
from penstock.store.spans.expressions import FAILED, MODEL_SPAN, TOKENS, Values, column, sql
from penstock.store.spans.queries.overview import known_cost
from penstock.store.spans.queries.window import Window, within
from penstock.store.spans.types import RouteStats, VariantStat

__all__ = ["route_stats"]

# An answer out of the cache is a call and no attempt.
_ATTEMPTS = f"""
    SELECT variant, count(*), count(*) FILTER (WHERE {FAILED}), quantile_disc(duration, 0.5),
        quantile_disc(duration, 0.95), quantile_disc(ttft, 0.5), coalesce(sum({TOKENS}), 0), coalesce(sum(cost), 0),
        count(cost), count(*) FILTER (WHERE cost IS NULL)
    FROM spans
    WHERE {MODEL_SPAN} AND coalesce(cache, 'miss') = 'miss'
    GROUP BY variant
"""  # noqa: S608 - constants; values are bound
_CALLS = f"""
    SELECT variant, count(*), count(*) FILTER (WHERE {FAILED}), count(*) FILTER (WHERE cache = 'hit'),
        count(*) FILTER (WHERE cache = 'joined'), coalesce(sum(saved), 0)
    FROM spans
    WHERE call
    GROUP BY variant
"""  # noqa: S608 - as above
_FURTHER = f"""
    SELECT coalesce(sum(attempts - variants), 0), coalesce(sum(greatest(variants - 1, 0)), 0)
    FROM (
        SELECT count(*) AS attempts, count(DISTINCT variant) AS variants
        FROM spans
        WHERE {MODEL_SPAN} AND NOT call
        GROUP BY trace_id, parent_id
    ) AS of_one_call
"""  # noqa: S608 - as above


def route_stats(engine: Engine, window: Window, route: str) -> RouteStats:
    """A route's calls in a window, and its variants, the one that answered most first."""
    values: Values = {"route": route}
    with engine.snapshot() as read:
        attempts = {row[0]: row[1:] for row in read(_of_route(_ATTEMPTS, window, values), values)}
        calls = {row[0]: row[1:] for row in read(_of_route(_CALLS, window, values), values)}
        ((retries, further),) = read(_of_route(_FURTHER, window, values), values)
    total = sum(row[0] for row in calls.values())
    variants = [
        _variant(name, attempts.get(name), answered=calls[name][0] if name in calls else 0, total=total)
        for name in {*attempts, *calls}
        if name is not None
    ]
    return RouteStats(
        calls=total,
        errors=sum(row[1] for row in calls.values()),
        hits=sum(row[2] for row in calls.values()),
        joined=sum(row[3] for row in calls.values()),
        saved=int(sum(row[4] for row in calls.values())),
        retries=int(retries),
        further=int(further),
        variants=sorted(variants, key=lambda one: (-one.calls, -one.attempts, one.variant)),
    )


def _of_route(template: str, window: Window, values: Values) -> exp.Select:
    query = sql(template)
    innermost = list(query.find_all(exp.Select))[-1]
    is_route = exp.EQ(this=column("route"), expression=exp.Placeholder(this="route"))
    innermost.where(is_route, *within(window, values), copy=False)
    return query


def _variant(name: str, row: tuple[int, ...] | None, *, answered: int, total: int) -> VariantStat:
    attempts, errors, p50, p95, ttft, tokens, cost, known, unknown = row or (0, 0, None, None, None, 0, 0, 0, 0)
    return VariantStat(
        variant=name,
        calls=answered,
        share=answered / total if total else 0.0,
        attempts=attempts,
        errors=errors,
        p50=p50,
        p95=p95,
        ttft_p50=ttft,
        tokens=int(tokens),
        cost=known_cost(int(cost), known=known, unknown=unknown),
    )
