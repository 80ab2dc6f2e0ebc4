"""Spans, traces and scores as the control API answers with them. Fields that a newer console adds are passed over.

Times are microseconds since the epoch, UTC; durations microseconds; costs nano-dollars, None when unknown.
"""

from typing import Any

import msgspec

__all__ = ["ScoreRow", "SpanView", "TraceRow", "TraceTotals", "TraceView", "UsageView"]


class UsageView(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens in disjoint buckets, and their total."""

    input: int
    """What no cache held."""
    cache_read: int
    cache_write: int
    output: int
    """What can be seen of the answer."""
    reasoning: int
    total: int
    estimated: bool
    """Counted by Penstock, for the provider reported none."""


class TraceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A call, the root of what an application sent, or a span, as lists show it."""

    trace_id: str
    span_id: str
    parent_id: str | None = None
    name: str
    kind: str
    call: bool = True
    source: str = "gateway"
    service: str | None = None
    started: int
    duration: int
    ttft: int | None
    status: str
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
    """Of a trace: all that belong to it."""
    failed: int = 0
    """Of these: how many failed."""
    scores: dict[str, float | str] = {}
    """By name: the mean of numbers, the most frequent label."""
    input_preview: str
    output_preview: str


class ScoreRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    type: str
    number: float | None
    label: str | None
    trace_id: str | None
    span_id: str | None
    session: str | None
    source: str
    author: str | None
    comment: str | None
    created: int
    metadata: Any


class SpanView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of a span."""

    project: str
    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    call: bool
    source: str
    service: str | None
    covered: bool
    """A model call that spans below it tell of: its usage and cost do not count."""
    started: int
    duration: int
    ttft: int | None
    status: str
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
    fingerprint: str | None
    finish_reasons: list[str]
    input: Any
    """OpenTelemetry GenAI messages: `[{"role", "parts": [{"type", …}]}]`."""
    output: Any
    attributes: Any
    """What has no field of its own."""
    input_preview: str = ""
    output_preview: str = ""


class TraceTotals(msgspec.Struct, frozen=True, kw_only=True):
    duration: int
    cost: int | None
    usage: UsageView


class TraceView(msgspec.Struct, frozen=True, kw_only=True):
    """A trace: its spans in order of start, their sums, and what was thought of it."""

    trace_id: str
    spans: list[SpanView]
    totals: TraceTotals
    scores: list[ScoreRow] = []
    complete: bool = True
    """False while spans lack their long fields; never of what `penstock.get_trace` gives."""
