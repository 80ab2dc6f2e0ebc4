"""What the span store answers with; the control API sends these as they are.

Times are microseconds since the epoch, durations microseconds, money nano-dollars or None for unknown.
"""

from typing import Any

import msgspec

from penstock.wire.score import ScoreSource, ScoreType
from penstock.wire.span import Kind, Source, Status

__all__ = [
    "Activity",
    "Books",
    "Facet",
    "Facets",
    "GroupRow",
    "Groups",
    "Measures",
    "ModelStat",
    "Overview",
    "Point",
    "ProviderStat",
    "RouteStats",
    "SpanView",
    "Top",
    "Tops",
    "Totals",
    "TraceOutline",
    "TraceRow",
    "TraceTotals",
    "TraceView",
    "UsageView",
    "VariantStat",
]


class UsageView(msgspec.Struct, kw_only=True):
    """Tokens in disjoint buckets; `total` counts all buckets, those of audio and images included."""

    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    total: int
    estimated: bool
    """True when any of it was counted by Penstock because the provider reported nothing."""


class TraceRow(msgspec.Struct, kw_only=True):
    """One call, or the root of a trace. Usage and cost are sums over the spans that it stands for: the attempts of
    a call, all spans of a trace. In a list of spans they are the span's own.
    """

    trace_id: str
    span_id: str
    parent_id: str | None = None
    name: str
    kind: Kind
    call: bool = True
    source: Source = "gateway"
    service: str | None = None
    started: int
    duration: int
    ttft: int | None
    status: Status
    error_type: str | None
    http_status: int | None
    operation: str
    stream: bool
    route: str | None
    variant: str | None = None
    provider: str | None
    requested_model: str | None
    served_model: str | None
    prompt_name: str | None = None
    prompt_version: str | None = None
    session: str | None
    user: str | None
    key: str | None
    key_name: str | None
    tags: dict[str, str] = {}
    cache: str | None = None
    finish_reasons: list[str] = []
    usage: UsageView
    cost: int | None
    spans: int = 1
    """How many spans the row stands for, itself included."""
    failed: int = 0
    """How many of them ended as `error` or `interrupted`."""
    scores: dict[str, float | str] = {}
    """The newest judgement of each name, number or label. The root of a trace has those of all its spans."""
    input_preview: str
    """The beginning, plain text, at most 72 characters."""
    output_preview: str


class ScoreRow(msgspec.Struct, kw_only=True):
    """A judgement, as it is stored; see `wire.score.Score`."""

    id: str
    name: str
    type: ScoreType
    number: float | None
    """Of a `number`; of a `boolean` 0 or 1."""
    label: str | None
    """Of a `category` or a `text`."""
    trace_id: str | None
    span_id: str | None
    session: str | None
    source: ScoreSource
    author: str | None
    comment: str | None
    created: int
    """Microseconds since the epoch, UTC."""
    metadata: msgspec.Raw | None
    """JSON object."""


class SpanView(msgspec.Struct, kw_only=True):
    """One span with everything that is known of it."""

    project: str
    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: Kind
    call: bool
    source: Source
    service: str | None
    covered: bool
    """True on a model call whose usage spans below it tell of."""
    started: int
    duration: int
    ttft: int | None
    status: Status
    error_type: str | None
    error_message: str | None
    http_status: int | None
    operation: str
    stream: bool
    route: str | None
    variant: str | None
    change: str | None
    provider: str | None
    target_model: str | None
    """The model that the provider was asked for, in the configuration's spelling."""
    requested_model: str | None
    served_model: str | None
    prompt_name: str | None
    prompt_version: str | None
    session: str | None
    user: str | None
    key: str | None
    key_name: str | None
    tags: dict[str, str]
    usage_input: int
    usage_cache_read: int
    usage_cache_write: int
    usage_output: int
    usage_reasoning: int
    usage_input_audio: int
    usage_output_audio: int
    usage_input_image: int
    usage_output_image: int
    usage_estimated: bool
    usage_raw: Any
    """The provider's own usage object."""
    cost: int | None
    price_version: str | None
    cache: str | None
    saved: int | None
    """Nano-dollars that a cache hit would have cost."""
    fingerprint: str | None
    finish_reasons: list[str]
    input: Any
    """OpenTelemetry GenAI messages."""
    output: Any
    attributes: Any
    input_preview: str = ""
    """The beginning, plain text, at most 72 characters."""
    output_preview: str = ""


class TraceTotals(msgspec.Struct, kw_only=True):
    duration: int
    """From the first start to the last end."""
    cost: int | None
    usage: UsageView


class TraceOutline(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The spans of a large trace in order of start, column by column.

    A column has one value for each span; one value, when all spans share it; and is left out when that is what
    a span has unless told otherwise (null, 0, false, `ok`, `gateway`, no text).
    """

    start: int
    """When the first span started."""
    span_id: list[str]
    parent: list[int | None]
    """Place of the parent in these columns; null when it is not in this trace."""
    started: list[int]
    """Microseconds after `start`."""
    name: list[str] = []
    kind: list[Kind] = []
    call: list[bool] = []
    covered: list[bool] = []
    source: list[Source] = []
    service: list[str | None] = []
    duration: list[int] = []
    ttft: list[int | None] = []
    status: list[Status] = []
    error_type: list[str | None] = []
    operation: list[str] = []
    route: list[str | None] = []
    variant: list[str | None] = []
    provider: list[str | None] = []
    target_model: list[str | None] = []
    requested_model: list[str | None] = []
    served_model: list[str | None] = []
    session: list[str | None] = []
    user: list[str | None] = []
    cache: list[str | None] = []
    saved: list[int | None] = []
    cost: list[int | None] = []
    usage_estimated: list[bool] = []
    usage_input: list[int] = []
    usage_cache_read: list[int] = []
    usage_cache_write: list[int] = []
    usage_output: list[int] = []
    usage_reasoning: list[int] = []
    usage_input_audio: list[int] = []
    usage_output_audio: list[int] = []
    usage_input_image: list[int] = []
    usage_output_image: list[int] = []


class TraceView(msgspec.Struct, kw_only=True):
    """A trace: its spans in order of start, and their sums."""

    trace_id: str
    spans: list[SpanView]
    totals: TraceTotals
    scores: list[ScoreRow] = []
    """The newest first, at most a thousand."""
    complete: bool = True
    """False when the spans come without their long columns (`input`, `output`, `attributes`, `usage_raw`) because
    there are many, or much text; each span by itself has them."""
    outline: TraceOutline | None = None
    """Instead of `spans`, when it was asked for and there are many."""


class Facet(msgspec.Struct, kw_only=True):
    value: str | None
    count: int
    margin: int = 0
    """Of an estimate: the true count lies within so many of it, in 95 of 100 cases."""


class Facets(msgspec.Struct, kw_only=True):
    """Values of columns among the same rows."""

    columns: dict[str, list[Facet]]
    sample: float = 1.0
    """The share of the spans that were asked; below 1 the counts are estimates."""


class GroupRow(msgspec.Struct, kw_only=True):
    """Rows of the trace list, or spans, that have these labels in common."""

    labels: tuple[str | None, ...]
    calls: int
    errors: int
    p50: int | None
    """Microseconds, within 2 % of the exact value."""
    p95: int | None
    tokens: int
    cost: int | None
    margin: int = 0
    """Of an estimate: the true number of calls lies within so many of it, in 95 of 100 cases. 0 where they, errors,
    tokens and cost were counted."""


class Groups(msgspec.Struct, kw_only=True):
    """The largest groups, the largest first."""

    rows: list[GroupRow]
    sample: float = 1.0
    """The share of the spans that were asked; below 1 all that has a margin is scaled up from it, and the latencies are
    those of the sample."""


class Activity(msgspec.Struct, kw_only=True):
    """What a session, or an end user, did in a window."""

    id: str
    other: str | None
    """The last user of a session; the last session of a user."""
    first: int
    """When its first span started."""
    last: int
    """When its last span ended."""
    calls: int
    """Rows of the trace list."""
    errors: int
    """How many of these ended as `error` or `interrupted`."""
    spans: int
    tokens: int
    cost: int | None
    cost_unknown: int
    """Model calls whose cost is unknown; `cost` does not count them."""


class Measures(msgspec.Struct, kw_only=True):
    """Calls of a window. Percentiles are within 2 % of the exact value; None when there is nothing to rank."""

    calls: int
    errors: int
    """Calls that ended as `error` or `interrupted`."""
    p50: int | None
    p95: int | None
    p99: int | None
    ttft_p50: int | None
    ttft_p95: int | None
    cost: int | None
    """Sum of what is known; None when calls were made and no cost is known."""


class Totals(Measures, kw_only=True):
    error_rate: float
    """0 to 1."""
    usage: UsageView
    cost_unknown_calls: int
    """Model calls whose cost is unknown; `cost` does not count them."""


class Point(Measures, kw_only=True):
    """One step of the series."""

    t: int
    """Start of the step."""
    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int


class Top(msgspec.Struct, kw_only=True):
    name: str
    id: str
    """What to filter by: the key's id; for a model and a route, their name."""
    calls: int
    errors: int
    cost: int | None
    tokens: int
    p95: int | None


class Tops(msgspec.Struct, kw_only=True):
    """The ten with most calls of each kind."""

    routes: list[Top]
    models: list[Top]
    keys: list[Top]


class Overview(msgspec.Struct, kw_only=True):
    from_: int = msgspec.field(name="from")
    to: int
    step: int
    totals: Totals
    previous: Totals
    """The same for the window of equal length before."""
    series: list[Point]
    top: Tops


class ModelStat(msgspec.Struct, kw_only=True):
    """What one model at one provider served in a window, attempts counted one by one."""

    provider: str
    model: str
    calls: int
    errors: int
    tokens: int
    cost: int | None
    p50: int | None
    p95: int | None
    ttft_p50: int | None


class ProviderStat(msgspec.Struct, kw_only=True):
    """How one provider did in a window, attempts counted one by one."""

    provider: str
    calls: int
    errors: int
    last_success: int | None
    last_error: int | None
    last_error_message: str | None


class VariantStat(msgspec.Struct, kw_only=True):
    """One variant of a route in a window."""

    variant: str
    calls: int
    """Calls that it answered, out of the cache included."""
    share: float
    """Of the route's calls, 0 to 1."""
    attempts: int
    """Requests to a provider, those of calls that another variant answered included."""
    errors: int
    """Failed attempts."""
    p50: int | None
    p95: int | None
    ttft_p50: int | None
    tokens: int
    cost: int | None
    """Of its attempts, as far as it is known; None when none is."""


class RouteStats(msgspec.Struct, kw_only=True):
    """What a route served in a window."""

    calls: int
    errors: int
    hits: int
    """Calls answered out of the cache."""
    joined: int
    """Calls answered with an identical one in flight."""
    saved: int
    """Nano-dollars that these would have cost, as far as it is known."""
    retries: int
    """Attempts at a variant that the same call had tried before."""
    further: int
    """Attempts at another variant for the same call: fallbacks, escalations, hedges, shadows."""
    variants: list[VariantStat]


class Books(msgspec.Struct, kw_only=True):
    """What is stored of a project in a window, for reconciliation with what was served and billed."""

    calls: int
    spans: int
    cost: int
    """Sum over all spans whose cost is known."""
    cost_unknown: int
    """Model spans whose cost is unknown."""
    tokens: int
