"""A trace as text: spans as a tree, and the conversation of one span.

Messages are OpenTelemetry's GenAI form: `{"role", "parts": [{"type", …}], "finish_reason"}`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from penstock.cli.output import clean, format_count, format_duration, format_time, json_lines, one_line
from penstock.cli.records import SpanRow
from penstock.core.money import format_dollars

__all__ = ["conversation", "summary", "tree"]

BUCKETS = ("input", "cache_read", "cache_write", "output", "reasoning")


def tree(spans: Sequence[SpanRow]) -> Iterator[str]:
    """One line per span, children indented below their parents, each level in order of time."""
    ordered = sorted(spans, key=lambda row: (row.started, row.span_id))
    known = {span.span_id for span in spans}
    children: dict[str | None, list[SpanRow]] = {}
    for span in ordered:
        children.setdefault(span.parent_id if span.parent_id in known else None, []).append(span)
    shown: set[str] = set()
    # Roots first; then what no root leads to, because its parents form a ring.
    for start in [*children.get(None, []), *ordered]:
        waiting = [(0, start)]
        while waiting:
            depth, span = waiting.pop()
            if span.span_id in shown:
                continue
            shown.add(span.span_id)
            yield f"{'  ' * depth}{_line(span)}"
            waiting.extend((depth + 1, child) for child in reversed(children.get(span.span_id, [])))


def _line(span: SpanRow) -> str:
    status = span.status if span.error_type is None else f"{span.status} ({span.error_type})"
    cost = "" if span.cost is None else f"  {format_dollars(span.cost)}"
    return f"{one_line(span.name)}  [{span.kind}]  {status}  {format_duration(span.duration)}{cost}"


def summary(span: SpanRow) -> Iterator[tuple[str, str]]:
    """What is known of one span, as label and value; what it has not is left out."""
    model = span.served_model or span.requested_model
    if span.requested_model and span.served_model and span.served_model != span.requested_model:
        model = f"{span.requested_model} (served {span.served_model})"
    yield "started", format_time(span.started)
    yield "duration", format_duration(span.duration)
    if span.ttft is not None:
        yield "first token", format_duration(span.ttft)
    yield "status", span.status if span.http_status is None else f"{span.status}, HTTP {span.http_status}"
    optional = {
        "error": ": ".join(part for part in (span.error_type, span.error_message) if part),
        "model": model,
        "provider": span.provider,
        "route": span.route,
        "key": span.key_name,
        "session": span.session,
        "user": span.user,
        "tags": ", ".join(f"{name}={value}" for name, value in sorted(span.tags.items())),
    }
    yield from ((label, one_line(value)) for label, value in optional.items() if value)
    yield "tokens", _tokens(span)
    version = f" ({span.price_version})" if span.price_version else ""
    yield "cost", format_dollars(span.cost) + version


def _tokens(span: SpanRow) -> str:
    counts = {name: cast("int", getattr(span, f"usage_{name}")) for name in BUCKETS}
    parts = [f"{format_count(count)} {name.replace('_', ' ')}" for name, count in counts.items() if count]
    text = ", ".join(parts) or "none"
    return f"{text} (estimated)" if span.usage_estimated else text


def conversation(messages: Any) -> Iterator[str]:
    """The messages of a span's input or output, line by line; unknown shapes are shown as JSON."""
    if not isinstance(messages, list):
        if messages is not None:
            yield from _indent(json_lines(messages))
        return
    for message in cast("list[Any]", messages):
        if not isinstance(message, Mapping):
            yield from _indent(json_lines(message))
            continue
        entry = cast("Mapping[str, Any]", message)
        reason = entry.get("finish_reason")
        yield f"{one_line(str(entry.get('role', 'unknown')))}{f'  ({one_line(str(reason))})' if reason else ''}:"
        for part in _parts(entry.get("parts")):
            yield from _indent(_part(part))


def _parts(parts: Any) -> Iterable[Any]:
    return cast("list[Any]", parts) if isinstance(parts, list) else []


def _part(part: Any) -> str:
    if not isinstance(part, Mapping):
        return json_lines(part)
    entry = cast("Mapping[str, Any]", part)
    content = entry.get("content")
    match entry.get("type"):
        case "text" if isinstance(content, str):
            text = content
        case "reasoning" | "refusal" as kind if isinstance(content, str):
            text = f"[{kind}] {content}"
        case "tool_call":
            text = f"[calls {entry.get('name')}] {_text(entry.get('arguments'))}"
        case "tool_call_response":
            text = f"[tool answers] {_text(entry.get('response', entry.get('result')))}"
        case "blob" | "uri" | "file" as kind:
            words = (entry.get("modality") or kind, entry.get("mime_type"), entry.get("uri"))
            text = f"[{' '.join(str(word) for word in words if word)}]"
        case _:
            text = json_lines(part)
    return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json_lines(value)


def _indent(text: str) -> Iterator[str]:
    yield from (f"  {clean(line)}" for line in text.splitlines() or [""])
