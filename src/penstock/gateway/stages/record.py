"""Spans → journal, before the last byte goes to the caller."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError
from penstock.gateway.call import Attempt, Call, Given
from penstock.gateway.limits.claims import hash_user
from penstock.gateway.plan import Leaf
from penstock.gateway.ports import Journal
from penstock.gateway.prompts import ServedPrompt
from penstock.providers.dialects import record_input, request_attributes
from penstock.providers.prompts import VARIABLES
from penstock.providers.types import InboundCall
from penstock.wire.snapshot import GatewaySettings, KeyEntry
from penstock.wire.span import Kind, Span, Status

__all__ = ["begin", "record", "record_soon", "spans_of"]

_encode = msgspec.json.Encoder().encode

OTEL_OPERATION = {
    "chat": "chat",
    "responses": "chat",
    "messages": "chat",
    "embeddings": "embeddings",
    "count_tokens": "count_tokens",
}


def begin(call: Call, journal: Journal, clock: Clock) -> None:
    """Note a streamed call before it is sent, so that a killed gateway leaves a record of it."""
    if call.key is not None:
        call.status = "interrupted"
        span, attributes = _base(call, call.key, clock)
        call.status = "ok"
        span.attributes = _raw(attributes)
        journal.begin(span)


def record(call: Call, journal: Journal, clock: Clock) -> None:
    """Write the call's spans, once.

    Raises:
        Unavailable: the journal is full and policy is to refuse what cannot be recorded.
    """
    if call.recorded or call.key is None:
        return
    call.recorded = True
    journal.record(spans_of(call, call.key, clock))


def record_soon(call: Call, journal: Journal, clock: Clock, then: Callable[[PenstockError | None], None]) -> None:
    """Write the spans of a call that was answered, and call `then` before anything else happens."""
    assert call.key is not None  # noqa: S101 - a call that was answered has a key
    call.recorded = True
    journal.record_soon(spans_of(call, call.key, clock), then)


def spans_of(call: Call, key: KeyEntry, clock: Clock) -> list[Span]:
    """One span for a call with one attempt or none; else a root span and one for each attempt."""
    settings = call.catalog.snapshot.gateway
    root, attributes = _base(call, key, clock)
    last = call.served or _last(call)
    if last is not None:
        _answer(root, attributes, last, settings)
        if last.ttft is not None:
            root.ttft = last.started - call.started + last.ttft
    elif call.given is not None:
        _given(root, attributes, call.given, settings)
    root.attributes = _raw(attributes)
    if not call.attempts:
        return [root]
    if len(call.attempts) == 1:
        _bill(root, call.attempts[0])
        return [root]
    root.kind = "gateway"
    return [root, *(_child(root, attempt, number) for number, attempt in enumerate(call.attempts, start=1))]


def _last(call: Call) -> Attempt | None:
    """The last that was made for the caller, when none answered."""
    return next((attempt for attempt in reversed(call.attempts) if attempt.role != "judge"), None)


def _base(call: Call, key: KeyEntry, clock: Clock) -> tuple[Span, dict[str, Any]]:
    """The span of the call without what its attempts gave, and its attributes as a dictionary."""
    inbound = call.inbound
    model = inbound.model if inbound is not None else None
    operation = OTEL_OPERATION[call.operation]
    user = call.context.user
    session = call.context.session
    if inbound is not None:
        user = user or inbound.user
        session = session or inbound.session
    span = Span(
        project=key.project,
        trace_id=call.trace_id,
        span_id=call.span_id,
        parent_id=call.context.parent_id,
        name=f"{operation} {model}" if model else operation,
        kind="embedding" if call.operation == "embeddings" else "llm",
        call=call.role == "serve",
        started=call.started,
        duration=clock.now() - call.started,
        http_status=(call.responder.status or None) if call.role == "serve" else None,
        operation=call.operation,
        stream=inbound is not None and inbound.stream,
        route=call.plan.alias if call.plan is not None else None,
        requested_model=model,
        session=session,
        user=hash_user(user, call.catalog.salt) if user else None,
        key=key.id,
        tags=call.context.tags,
        cost=0,
        cache=call.cache,
        saved=call.saved,
    )
    _outcome(span, call.status, call.error)
    if call.context.prompt is not None:
        span.prompt_name, span.prompt_version = call.context.prompt
    attributes: dict[str, Any] = {}
    if inbound is not None:
        if call.plan is not None and call.plan.prompted:
            inbound = _rendered(span, attributes, call, inbound)
        attributes |= request_attributes(inbound)
        if call.role != "serve":
            attributes["penstock.role"] = call.role
        if call.degraded is not None:
            attributes["penstock.degraded"] = call.degraded
        if call.recorded_input is None:
            call.recorded_input = record_input(inbound)
        data = call.recorded_input
        span.fingerprint = hashlib.blake2b(data, digest_size=16).hexdigest()
        span.input = _content("input", data, attributes, call.catalog.snapshot.gateway)
    return span, attributes


def _rendered(span: Span, attributes: dict[str, Any], call: Call, inbound: InboundCall) -> InboundCall:
    """The call as the attempt that is told of was sent it; notes which prompt made it, and of what."""
    settings = call.catalog.snapshot.gateway
    variables = inbound.fields.get(VARIABLES)
    if variables is not None:
        if settings.record_content and len(variables) <= settings.max_recorded:
            attributes["penstock.prompt.variables"] = variables
        else:
            attributes["penstock.prompt.variables.bytes_not_recorded"] = len(variables)
    attempt = call.served or _last(call)
    if attempt is not None:
        call.recorded_input = None
        _prompt(span, attempt.prompt)
        if attempt.prompt is not None:
            attributes["penstock.prompt.digest"] = attempt.prompt.digest
        return attempt.inbound
    leaf = _leaf_of(call)
    if leaf is None or leaf.prompt is None or not leaf.spots:
        return inbound
    _prompt(span, leaf.prompt)
    try:
        rendered = leaf.prompt.applied(inbound, leaf.spots[0].target)
    except PenstockError:
        return inbound
    call.recorded_input = None
    attributes["penstock.prompt.digest"] = leaf.prompt.digest
    return rendered


def _leaf_of(call: Call) -> Leaf | None:
    """The variant whose kept answer the caller was given; or the only one there is."""
    leaves = () if call.plan is None else call.plan.leaves
    if call.given is None:
        return leaves[0] if len(leaves) == 1 else None
    name = call.given.variant
    return next((leaf for leaf in leaves if leaf.name == name), None)


def _prompt(span: Span, prompt: ServedPrompt | None) -> None:
    if prompt is not None:
        span.prompt_name, span.prompt_version = prompt.name, prompt.version


def _child(root: Span, attempt: Attempt, number: int) -> Span:
    """The span of one attempt among several. The text stands on the root, once."""
    operation = attempt.inbound.operation
    kind: Kind = "embedding" if operation == "embeddings" else "llm"
    attributes: dict[str, Any] = {"penstock.attempt": number}
    if attempt.role != "serve":
        attributes["penstock.role"] = attempt.role
    if attempt.note is not None:
        attributes["penstock.note"] = attempt.note
    span = Span(
        project=root.project,
        trace_id=root.trace_id,
        # The first had no id of its own; this one differs from its parent's in one bit.
        span_id=attempt.span_id or f"{int(root.span_id, 16) ^ 1:016x}",
        parent_id=root.span_id,
        name=f"{OTEL_OPERATION[operation]} {attempt.target.model}",
        kind=kind,
        started=attempt.started,
        duration=attempt.duration,
        ttft=attempt.ttft,
        operation=operation,
        stream=attempt.inbound.stream,
        route=root.route,
        provider=attempt.target.provider.name,
        variant=attempt.variant,
        target_model=attempt.target.model,
        requested_model=attempt.target.model,
        served_model=attempt.answer.served_model,
        session=root.session,
        user=root.user,
        key=root.key,
        tags=root.tags,
        finish_reasons=attempt.answer.finish_reasons,
        attributes=_raw(attributes),
    )
    _prompt(span, attempt.prompt)
    if isinstance(getattr(attempt.error, "upstream_status", None), int):
        span.http_status = attempt.error.upstream_status  # type: ignore[union-attr]
    _outcome(span, attempt.status, attempt.error)
    _bill(span, attempt)
    return span


def _answer(span: Span, attributes: dict[str, Any], attempt: Attempt, settings: GatewaySettings) -> None:
    answer = attempt.answer
    span.provider = attempt.target.provider.name
    span.variant = attempt.variant
    span.target_model = attempt.target.model
    span.served_model = answer.served_model
    span.finish_reasons = answer.finish_reasons
    if answer.response_id:
        attributes["gen_ai.response.id"] = answer.response_id
    span.output = _content("output", answer.output, attributes, settings)


def _given(span: Span, attributes: dict[str, Any], given: Given, settings: GatewaySettings) -> None:
    """What the caller got without an attempt of its own."""
    span.provider = given.provider
    span.variant = given.variant
    span.target_model = given.model
    span.served_model = given.answer.served_model
    span.finish_reasons = given.answer.finish_reasons
    if given.answer.response_id:
        attributes["gen_ai.response.id"] = given.answer.response_id
    span.output = _content("output", given.answer.output, attributes, settings)


def _bill(span: Span, attempt: Attempt) -> None:
    span.cost = attempt.cost
    span.price_version = attempt.price_version
    if attempt.answer.usage_raw is not None:
        span.usage_raw = msgspec.Raw(attempt.answer.usage_raw)
    usage = attempt.usage
    if usage is None:
        return
    span.usage_input = usage.input
    span.usage_cache_read = usage.cache_read
    span.usage_cache_write = usage.cache_write
    span.usage_output = usage.output
    span.usage_reasoning = usage.reasoning
    span.usage_input_audio = usage.input_audio
    span.usage_output_audio = usage.output_audio
    span.usage_input_image = usage.input_image
    span.usage_output_image = usage.output_image
    span.usage_estimated = usage.estimated


def _outcome(span: Span, status: Status, error: PenstockError | None) -> None:
    span.status = status
    if error is not None:
        span.error_type = error.code
        span.error_message = str(error)


def _content(name: str, data: bytes, attributes: dict[str, Any], settings: GatewaySettings) -> msgspec.Raw | None:
    """Text for the record, unless it is not to be kept; what is left out is said in `attributes`."""
    if data == b"[]":
        return None
    if not settings.record_content or len(data) > settings.max_recorded:
        attributes[f"penstock.{name}.bytes_not_recorded"] = len(data)
        return None
    return msgspec.Raw(data)


def _raw(attributes: dict[str, Any]) -> msgspec.Raw | None:
    return msgspec.Raw(_encode(attributes)) if attributes else None
