"""The dashboards that every project begins with."""

from penstock.store.spans.metrics import Aggregation, Population
from penstock.tracing.dashboards.types import Box, DashboardDocument, Widget, WidgetQuery, WidgetType

__all__ = ["PRESETS"]

HALF, THIRD, QUARTER, FULL = 6, 4, 3, 12
ERRORS = "status:(error, interrupted)"


def _ask(
    aggregation: Aggregation = "count",
    field: str | None = None,
    *,
    of: str | None = None,
    q: str = "",
    by: str | None = None,
    population: Population = "calls",
    label: str = "",
    top: int = 10,
) -> WidgetQuery:
    return WidgetQuery(
        aggregation=aggregation,
        field=field,
        of=of,
        q=q,
        group_by=[] if by is None else by.split(),
        population=population,
        label=label,
        top=top,
    )


def _show(kind: WidgetType, title: str, *queries: WidgetQuery, w: int = HALF, about: str = "") -> Widget:
    height = 2 if kind == "number" else 4
    return Widget(type=kind, title=title, queries=list(queries), layout=Box(w=w, h=height), about=about)


def _page(name: str, description: str, *widgets: Widget) -> DashboardDocument:
    """Lays the widgets out in rows, left to right."""
    placed: list[Widget] = []
    x = y = height = 0
    for widget in widgets:
        box = widget.layout
        if x + box.w > FULL:
            x, y, height = 0, y + height, 0
        place = Box(x=x, y=y, w=box.w, h=box.h)
        placed.append(
            Widget(type=widget.type, title=widget.title, queries=widget.queries, layout=place, about=widget.about)
        )
        x, height = x + box.w, max(height, box.h)
    return DashboardDocument(name=name, description=description, widgets=placed)


_LATENCY = _page(
    "Latency",
    "How long calls take, where, and how it changes.",
    _show("number", "Median", _ask("p50", "duration"), w=QUARTER),
    _show("number", "95th percentile", _ask("p95", "duration"), w=QUARTER),
    _show("number", "First token, median", _ask("p50", "ttft"), w=QUARTER),
    _show("number", "First token, 95th percentile", _ask("p95", "ttft"), w=QUARTER),
    _show("percentiles", "Duration", _ask("p95", "duration")),
    _show("percentiles", "Time to first token", _ask("p95", "ttft")),
    _show("heatmap", "All calls", _ask("p95", "duration"), about="Each cell counts calls of one step and duration."),
    _show("line", "95th percentile by model", _ask("p95", "duration", by="model", population="model_calls")),
    _show("line", "Output tokens per second by model", _ask("p50", "throughput", by="model", population="model_calls")),
    _show("table", "Slowest routes", _ask("p95", "duration", by="route", label="p95"), _ask(by="route", label="calls")),
)

_TOKENS = _page(
    "Tokens",
    "What goes into models and comes out of them.",
    _show("number", "Tokens", _ask("sum", "usage_total", population="model_calls"), w=THIRD),
    _show("number", "Per call, median", _ask("p50", "usage_total"), w=THIRD),
    _show(
        "number",
        "Calls that read the provider's cache",
        _ask("share", of="usage_cache_read>0", population="model_calls"),
        w=THIRD,
    ),
    _show(
        "bar",
        "Tokens by kind",
        *(
            _ask("sum", field, population="model_calls", label=label)
            for field, label in (
                ("usage_input", "input"),
                ("usage_cache_read", "cache read"),
                ("usage_cache_write", "cache write"),
                ("usage_output", "output"),
                ("usage_reasoning", "reasoning"),
            )
        ),
        w=FULL,
    ),
    _show("line", "Tokens by model", _ask("sum", "usage_total", by="model", population="model_calls")),
    _show("histogram", "Tokens of a call", _ask("sum", "usage_total")),
    _show("table", "By key", _ask("sum", "usage_total", by="key", label="tokens"), _ask(by="key", label="calls")),
    _show("table", "By route", _ask("sum", "usage_total", by="route", label="tokens"), _ask(by="route", label="calls")),
)

_COST = _page(
    "Cost",
    "What calls cost, for whom, and what the cache saved. Calls whose cost is unknown are not in any sum.",
    _show("number", "Cost", _ask("sum", "cost", population="model_calls"), w=QUARTER),
    _show("number", "Per call, average", _ask("avg", "cost"), w=QUARTER),
    _show("number", "Saved by the cache", _ask("sum", "saved"), w=QUARTER),
    _show("number", "Cost unknown", _ask(q="missing:cost", population="model_calls"), w=QUARTER),
    _show("bar", "Cost by model", _ask("sum", "cost", by="model", population="model_calls"), w=FULL),
    _show("line", "Cost of a call by model", _ask("avg", "cost", by="model", population="model_calls")),
    _show("histogram", "Cost of a call", _ask("sum", "cost")),
    _show("table", "By key", _ask("sum", "cost", by="key", label="cost"), _ask(by="key", label="calls")),
    _show("table", "By user", _ask("sum", "cost", by="user", label="cost"), _ask(by="user", label="calls")),
)

_ERRORS = _page(
    "Errors",
    "What fails, where, and why.",
    _show("number", "Part that failed", _ask("share", of=ERRORS), w=QUARTER),
    _show("number", "Failed", _ask(q=ERRORS), w=QUARTER),
    _show("number", "Cut short", _ask(q="status:interrupted"), w=QUARTER),
    _show("number", "Failed requests to models", _ask(q=ERRORS, population="model_calls"), w=QUARTER),
    _show("line", "Part that failed", _ask("share", of=ERRORS, label="calls"), w=FULL),
    _show("bar", "By kind of error", _ask(q=ERRORS, by="error_type")),
    _show("bar", "By status", _ask(q="http_status>=400", by="http_status")),
    _show("line", "Part that failed by model", _ask("share", of=ERRORS, by="model", population="model_calls")),
    _show("table", "By provider and kind", _ask(q=ERRORS, by="provider error_type", population="model_calls", top=50)),
)

_QUALITY = _page(
    "Quality",
    "What was judged, by whom, and how it turned out.",
    _show("number", "Judgements", _ask(population="scores"), w=THIRD),
    _show("number", "Calls that ended as they should", _ask("share", of="finish_reasons:(stop, tool_calls)"), w=THIRD),
    _show("number", "Cut off at the length limit", _ask("share", of="finish_reasons:length"), w=THIRD),
    _show("line", "Helpful, average", _ask("avg", "score.helpful", population="scores")),
    _show("line", "Groundedness, average", _ask("avg", "score.groundedness", population="scores")),
    _show("line", "Helpful by route", _ask("avg", "score.helpful", by="route", population="scores")),
    _show("histogram", "Helpful", _ask("avg", "score.helpful", population="scores")),
    _show("table", "By prompt", _ask(by="prompt_name prompt_version", label="calls", top=50), w=FULL),
)

_RETRIEVAL = _page(
    "Retrieval",
    "Searches and re-rankings that applications report.",
    _show("number", "Searches", _ask(q="kind:retriever", population="spans"), w=QUARTER),
    _show("number", "Median", _ask("p50", "duration", q="kind:retriever", population="spans"), w=QUARTER),
    _show(
        "number",
        "95th percentile",
        _ask("p95", "duration", q="kind:retriever", population="spans"),
        w=QUARTER,
    ),
    _show("number", "Failed", _ask("share", of=ERRORS, q="kind:retriever", population="spans"), w=QUARTER),
    _show("line", "Searches and re-rankings", _ask(q="kind:(retriever, reranker)", by="kind", population="spans")),
    _show("percentiles", "Duration of a search", _ask("p95", "duration", q="kind:retriever", population="spans")),
    _show("line", "Embeddings", _ask("sum", "usage_total", q="kind:embedding", by="model", population="model_calls")),
    _show(
        "table",
        "By name",
        _ask(q="kind:retriever", by="name", population="spans", label="searches"),
        _ask("p95", "duration", q="kind:retriever", by="name", population="spans", label="p95"),
    ),
)

_SAFETY = _page(
    "Safety",
    "What was blocked, and what guards and models refused.",
    _show("number", "Blocked", _ask(q="status:blocked"), w=THIRD),
    _show("number", "Part that was blocked", _ask("share", of="status:blocked"), w=THIRD),
    _show("number", "Ended by a content filter", _ask(q="finish_reasons:content_filter"), w=THIRD),
    _show("line", "Blocked by route", _ask(q="status:blocked", by="route")),
    _show("line", "Ended by a content filter, by model", _ask(q="finish_reasons:content_filter", by="model")),
    _show("bar", "Guards", _ask(q="kind:guardrail", by="name status", population="spans")),
    _show("percentiles", "Time a guard takes", _ask("p95", "duration", q="kind:guardrail", population="spans")),
    _show("table", "Blocked by user", _ask(q="status:blocked", by="user", label="blocked")),
)

PRESETS: dict[str, DashboardDocument] = {
    "latency": _LATENCY,
    "tokens": _TOKENS,
    "cost": _COST,
    "errors": _ERRORS,
    "quality": _QUALITY,
    "retrieval": _RETRIEVAL,
    "safety": _SAFETY,
}
"""By the name under which a project's own copy remembers where it came from; in the order of their list."""
