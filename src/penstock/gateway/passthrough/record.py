"""What a pass-through call cost, and its span.

Its kind is that of its endpoint: `llm`, `embedding` or `reranker` where a model ran, since these are the
kinds whose tokens and money are summed and compared by model; `tool` where none did, which is an action
upon something at the provider.
"""

import hashlib
from typing import Any, Final, Protocol

import msgspec

from penstock.core.errors import PenstockError
from penstock.gateway.passthrough.body import Body
from penstock.gateway.passthrough.exchange import Relay
from penstock.gateway.passthrough.paths import template_of
from penstock.gateway.passthrough.types import Endpoint, Resolved
from penstock.gateway.ports import Pricing
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.metering import Metered, is_free
from penstock.wire.snapshot import GatewaySettings, KeyEntry
from penstock.wire.span import Kind, Span, Status
from penstock.wire.usage import Usage

__all__ = ["OPERATION", "Passage", "settle_passage", "span_of"]

OPERATION: Final = "passthrough"

_encode = msgspec.json.Encoder().encode
_KINDS: Final[dict[str, Kind]] = {"embeddings": "embedding", "rerank": "reranker"}


class CallerContext(Protocol):
    """What the caller's headers say; `penstock.gateway.call.Context` is one."""

    @property
    def parent_id(self) -> str | None: ...

    @property
    def session(self) -> str | None: ...

    @property
    def user(self) -> str | None: ...

    @property
    def tags(self) -> dict[str, str]: ...


class Passage(msgspec.Struct, kw_only=True):
    """One pass-through call, as far as it came."""

    endpoint: Endpoint
    body: Body | None = None
    resolved: Resolved | None = None
    sent: bool = False
    """The request may have reached the provider: what it costs, it costs."""
    relay: Relay | None = None
    """Once the provider's answer has begun."""
    metered: Metered = Metered()
    """After `settle_passage`."""
    cost: int | None = 0
    """After `settle_passage`: nano-dollars, None unknown."""
    price_version: str | None = None
    status: Status = "ok"
    error: PenstockError | None = None

    @property
    def usage(self) -> Usage | None:
        return self.metered.usage if self.cost is None or self.price_version is not None else None


def settle_passage(passage: Passage, pricing: Pricing, *, at: int) -> None:
    """Price the call by the model it was sent for, else by the one that the answer names.

    A request that was refused or never sent costs nothing, nor does an endpoint that is free. Any other whose
    use is not known in tokens has an unknown cost (FAILURES G26).

    Args:
        passage: The call; its `metered`, `cost` and `price_version` are set.
        pricing: Of the call's snapshot.
        at: When it was sent, microseconds since the epoch.
    """
    relay, resolved = passage.relay, passage.resolved
    passage.cost, passage.price_version = 0, None
    if resolved is None or not passage.sent or (relay is not None and not 200 <= relay.status < 300):
        return
    metered = passage.metered = relay.metered() if relay is not None else Metered()
    target, endpoint = resolved.target, passage.endpoint
    kind = target.provider.kind
    if is_free(kind, endpoint.method, endpoint.path, reported=metered.usage is not None):
        return
    passage.cost = None
    if metered.usage is None:
        return
    for model in (target.model, metered.model):
        if model:
            price = pricing.price(target.provider, model, metered.usage, at)
            passage.cost, passage.price_version = price.cost, price.version
            if price.cost is not None:
                return


def span_of(
    passage: Passage,
    *,
    key: KeyEntry,
    context: CallerContext,
    ids: tuple[str, str],
    time: tuple[int, int],
    http_status: int,
    settings: GatewaySettings,
    salt: bytes,
) -> Span:
    """The one span of the call.

    Args:
        passage: The call, after `settle_passage`.
        key: The caller's.
        context: What the caller's headers say of the trace.
        ids: Trace and span id.
        time: When the call came, microseconds since the epoch, and how long it took, microseconds.
        http_status: What the caller was given.
        settings: Of the call's snapshot: whether and how much content is kept.
        salt: Key of the hash that hides end users.
    """
    endpoint, resolved, body, relay = passage.endpoint, passage.resolved, passage.body, passage.relay
    user = context.user or (body.user if body is not None else None)
    attributes = _attributes(passage)
    model = resolved.target.model if resolved is not None else ""
    span = Span(
        project=key.project,
        trace_id=ids[0],
        span_id=ids[1],
        parent_id=context.parent_id,
        name=f"{endpoint.method} {template_of(endpoint)}",
        kind=_kind(endpoint, model),
        call=True,
        started=time[0],
        duration=time[1],
        status=passage.status,
        http_status=http_status or None,
        operation=OPERATION,
        stream=relay.is_event_stream if relay is not None else body is not None and body.stream,
        session=context.session,
        user=hashlib.blake2b(user.encode(), key=salt[:64], digest_size=16).hexdigest() if user else None,
        key=key.id,
        tags=context.tags,
        requested_model=endpoint.model or (body.model if body is not None else None),
    )
    if passage.error is not None:
        span.error_type, span.error_message = passage.error.code, str(passage.error)
    if resolved is not None:
        span.route = resolved.alias
        span.provider = resolved.target.provider.name
        span.variant = f"{resolved.target.provider.name}/{model}" if model else None
        span.target_model = model or None
        span.requested_model = resolved.requested_model
    if body is not None and body.json:
        span.fingerprint = hashlib.blake2b(body.json, digest_size=16).hexdigest()
        span.input = _content("input", body.json, attributes, settings)
    if relay is not None and relay.output:
        span.output = _content("output", relay.output, attributes, settings)
    _bill(span, passage)
    span.attributes = msgspec.Raw(_encode(attributes))
    return span


def _kind(endpoint: Endpoint, model: str) -> Kind:
    if not model:
        return "tool"
    last = endpoint.path.rpartition("/")[2]
    if last.endswith((":embedContent", ":batchEmbedContents")):
        return "embedding"
    return _KINDS.get(last, "llm")


def _bill(span: Span, passage: Passage) -> None:
    metered, usage = passage.metered, passage.usage
    span.cost, span.price_version = passage.cost, passage.price_version
    span.served_model = metered.model
    if usage is None and passage.cost is not None:
        # What was read again, or is free, was not used now.
        return
    span.usage_raw = msgspec.Raw(metered.usage_raw) if metered.usage_raw is not None else None
    if usage is not None:
        span.usage_input = usage.input
        span.usage_cache_read = usage.cache_read
        span.usage_cache_write = usage.cache_write
        span.usage_output = usage.output
        span.usage_reasoning = usage.reasoning
        span.usage_input_audio = usage.input_audio
        span.usage_output_audio = usage.output_audio
        span.usage_input_image = usage.input_image
        span.usage_output_image = usage.output_image


def _attributes(passage: Passage) -> dict[str, Any]:
    """Sizes and types of bodies, which are kept in place of what is binary. No query: it may hold signatures."""
    endpoint, body, relay, metered = passage.endpoint, passage.body, passage.relay, passage.metered
    attributes: dict[str, Any] = {"http.request.method": endpoint.method, "url.path": f"/{endpoint.path}"}
    if body is not None and body.size:
        attributes["http.request.body.size"] = body.size
        attributes["http.request.header.content-type"] = body.content_type[:200]
    if relay is not None:
        attributes["http.response.status_code"] = relay.status
        attributes["http.response.body.size"] = relay.size
        attributes["http.response.header.content-type"] = relay.content_type[:200]
        if relay.request_id:
            attributes["gen_ai.response.id"] = relay.request_id[:200]
    if metered.seconds is not None:
        attributes["penstock.usage.seconds"] = metered.seconds
    if metered.searches is not None:
        attributes["penstock.usage.search_units"] = metered.searches
    return attributes


def _content(name: str, data: bytes, attributes: dict[str, Any], settings: GatewaySettings) -> msgspec.Raw | None:
    """JSON as one message with one part of type `json`; what is left out is said in `attributes`."""
    if not settings.record_content or len(data) > settings.max_recorded:
        attributes[f"penstock.{name}.bytes_not_recorded"] = len(data)
        return None
    try:
        # What a provider calls JSON must be, or it would break the journal's line.
        msgspec.json.decode(data)
    except JSON_ERRORS:
        attributes[f"penstock.{name}.bytes_not_recorded"] = len(data)
        return None
    role = "user" if name == "input" else "assistant"
    message = {"role": role, "parts": [{"type": "json", "content": msgspec.Raw(data)}]}
    if name == "output":
        message["finish_reason"] = ""
    return msgspec.Raw(_encode([message]))
