"""The one record of Penstock: a span, flat, the same in the journal and in every store."""

from typing import Literal

import msgspec

__all__ = ["Kind", "Source", "Span", "Status", "decode_span", "encode_span"]

Kind = Literal[
    "llm", "embedding", "retriever", "reranker", "tool", "agent", "chain", "guardrail", "evaluator", "gateway", "span"
]
"""`span` is any other work that an application reports: an HTTP request, a query to a database."""
Source = Literal["gateway", "otlp"]
Status = Literal["ok", "error", "interrupted", "blocked"]


class Span(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What happened, once. Field names are the column names of both engines.

    A call with one attempt is one span of kind `llm` or `embedding`. A call with several attempts
    is a span of kind `gateway` that carries input, output and outcome but no usage, and one child
    per attempt that carries that attempt's usage and cost. So usage and cost are sums over all
    rows, and calls are the rows with `call` set.

    An application may report a model call that a span below it tells of too: the gateway's record of the
    same call. The store keeps usage and cost of such a span out of all sums; see `covered`.
    """

    project: str
    """Project id (UUIDv7)."""
    trace_id: str
    span_id: str
    parent_id: str | None = None
    """Span id of the parent, which may lie in the caller's own trace store."""
    name: str
    """OpenTelemetry's form: `chat gpt-4o-mini`."""
    kind: Kind
    call: bool = False
    """True on the one span that stands for a call to the gateway."""
    source: Source = "gateway"
    """Who wrote it: the gateway, or an application that sent it."""
    service: str | None = None
    """OpenTelemetry's `service.name` of the application that sent it."""
    covered: bool = False
    """True on a model call that spans below it tell of: its usage buckets are zero and its cost is unknown, and
    neither counts. What its sender reported stays in `usage_raw`. Set by the store, never by a writer.
    """
    started: int
    """Microseconds since the epoch, UTC."""
    duration: int = 0
    """Microseconds."""
    ttft: int | None = None
    """Microseconds to the first content byte of a stream, measured at the gateway."""
    status: Status = "ok"
    error_type: str | None = None
    error_message: str | None = None
    http_status: int | None = None
    """The status that the caller was given."""
    operation: str = ""
    """Inbound operation: `chat`, `responses`, `embeddings`, `messages`, `count_tokens`."""
    stream: bool = False
    route: str | None = None
    """The alias or route the caller named, when it named one."""
    variant: str | None = None
    """The route's variant that answered; `provider/model` for a call without a route."""
    change: str | None = None
    provider: str | None = None
    target_model: str | None = None
    """The model that the provider was asked for, in the configuration's spelling."""
    requested_model: str | None = None
    """The caller's `model`, as it came."""
    served_model: str | None = None
    """The model the provider says it ran."""
    prompt_name: str | None = None
    prompt_version: str | None = None
    session: str | None = None
    user: str | None = None
    """Keyed hash of the end user's id; the id itself is not stored."""
    key: str | None = None
    """Id of the virtual key (not the secret, not its hash)."""
    tags: dict[str, str] = {}
    usage_input: int = 0
    usage_cache_read: int = 0
    usage_cache_write: int = 0
    usage_output: int = 0
    usage_reasoning: int = 0
    usage_input_audio: int = 0
    usage_output_audio: int = 0
    usage_input_image: int = 0
    usage_output_image: int = 0
    usage_estimated: bool = False
    usage_raw: msgspec.Raw | None = None
    """The provider's own usage object (JSON object)."""
    cost: int | None = None
    """Nano-dollars; None is unknown, and shown as such."""
    price_version: str | None = None
    cache: str | None = None
    """Outcome of Penstock's own cache: `hit`, `miss` or `joined` (to an identical call in flight); None: not asked."""
    saved: int | None = None
    """Nano-dollars that a hit or a joined call would have cost; None unknown, or not a hit."""
    fingerprint: str | None = None
    """BLAKE2b-128, hex, of the canonical input."""
    finish_reasons: list[str] = []
    """OpenTelemetry's `gen_ai.response.finish_reasons`."""
    input: msgspec.Raw | None = None
    """JSON array of OpenTelemetry GenAI messages: `[{"role", "parts": [{"type", …}]}]`."""
    output: msgspec.Raw | None = None
    """JSON array of OpenTelemetry GenAI messages, one per choice, with `finish_reason`."""
    attributes: msgspec.Raw | None = None
    """JSON object of what has no column (request parameters, upstream ids, attempt number)."""


_JSON_FIELDS = ("usage_raw", "input", "output", "attributes")
_NULL = b"null"
_encoder = msgspec.json.Encoder()
# msgspec reads `Raw | None` as null and nothing else; a line is read with fields of plain Raw instead.
_Line = msgspec.defstruct(
    "_Line", [(name, msgspec.Raw, msgspec.Raw(_NULL)) for name in _JSON_FIELDS], bases=(Span,), kw_only=True
)
_decoder = msgspec.json.Decoder(_Line)


def encode_span(span: Span) -> bytes:
    """One journal line, without its newline. Defaults are left out."""
    line = _encoder.encode(span)
    # Raw members hold what a vendor sent, and some vendors print JSON over several lines. Inside a JSON
    # string a newline is always escaped, so a bare one is whitespace.
    return line if b"\n" not in line and b"\r" not in line else msgspec.json.format(line, indent=-1)


def decode_span(line: bytes) -> Span:
    """The span of one journal line.

    Raises:
        msgspec.ValidationError: a field has the wrong type.
        msgspec.DecodeError: not JSON.
    """
    read = _decoder.decode(line)
    fields = {name: getattr(read, name) for name in Span.__struct_fields__}
    for name in _JSON_FIELDS:
        if bytes(fields[name]) == _NULL:
            fields[name] = None
    return Span(**fields)
