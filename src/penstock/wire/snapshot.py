"""The snapshot: everything the gateway needs to know, in one immutable, versioned document.

The control plane compiles it and publishes it by replacing one file; every gateway worker reads it
and swaps it in whole. It holds references to secrets, never secrets, and hashes of keys, never keys.
"""

import hashlib
from typing import Literal

import msgspec

from penstock.core.errors import CorruptData
from penstock.wire.limits import LimitEntry, RedisSettings
from penstock.wire.prices import PriceBook
from penstock.wire.prompts import CompiledPrompt
from penstock.wire.routing import Breaker, Retries, RouteEntry

__all__ = [
    "AliasEntry",
    "ExportEntry",
    "FeedbackSettings",
    "GatewaySettings",
    "JournalSettings",
    "KeyEntry",
    "PriceEntry",
    "ProjectEntry",
    "ProviderEntry",
    "ProviderKey",
    "ProviderKind",
    "Snapshot",
    "StoreSettings",
    "TelemetrySettings",
    "Timeouts",
    "decode_snapshot",
    "encode_snapshot",
    "hash_key",
]

SCHEMA = 1
ProviderKind = Literal["openai", "azure", "anthropic", "gemini"]


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """The four upstream timers, seconds. Each names itself in the error when it runs out."""

    connect: float = 10.0
    first_byte: float = 120.0
    """From sending the request to the answer's first content byte (streams) or to its head."""
    gap: float = 60.0
    """Longest silence between two chunks of a body."""
    total: float = 900.0
    """The whole attempt."""


class ProjectEntry(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    cache_generation: int = 0
    """Answers that the cache kept under another are forgotten."""


class KeyEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual key as the gateway sees it. Revoked keys are not in the snapshot at all."""

    id: str
    name: str
    project: str
    """Project id."""
    scopes: tuple[str, ...] = ()
    """Permissions; the gateway asks for `gateway:call` and `gateway:models`."""
    models: tuple[str, ...] = ()
    """Allow-list of `provider/model` or alias names, `*` globs allowed; empty allows all."""
    expires: int | None = None
    """Microseconds since the epoch; None never."""


class ProviderKey(msgspec.Struct, frozen=True, kw_only=True):
    """One of several secrets for the same upstream."""

    name: str
    """Shown where the secret must not be."""
    secret: str
    """Reference: `env:NAME`, `file:PATH` or `secret:NAME`."""
    weight: float = 1.0
    """Share of the calls, among the keys that work."""


class ProviderEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One upstream. Its secret goes to its own `base_url` and nowhere else."""

    name: str
    kind: ProviderKind
    base_url: str
    """Without a trailing slash, version path included where the vendor has one (`https://api.openai.com/v1`)."""
    api_key: str | None = None
    """Reference, `env:NAME`, `file:PATH` or `secret:NAME`; None for servers that need none."""
    keys: tuple[ProviderKey, ...] = ()
    """Several secrets instead of one `api_key`."""
    api_version: str | None = None
    """Azure's `api-version`, or Anthropic's `anthropic-version`."""
    headers: dict[str, str] = {}
    """Extra headers; a value may be a secret reference."""
    models: tuple[str, ...] = ()
    """Models this provider serves, in its own spelling. Listed by `GET /v1/models`."""
    any_model: bool = True
    """True: `provider/anything` is forwarded even when not listed in `models`."""
    responses: Literal["native", "convert"] = "native"
    """Whether an OpenAI-compatible server has `/responses` itself, or it is converted to chat."""
    passthrough: Literal["all", "calls"] = "all"
    """Which of its other endpoints may be called: all, or those only that keep nothing at the provider."""
    breaker: Breaker = Breaker()
    """Health of each of its models is judged by itself."""
    price_as: str | None = None
    """Provider id under which prices are looked up (`openai`, `anthropic`, …); None: by `base_url`, then unknown."""
    timeouts: Timeouts = Timeouts()


class AliasEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A name an application calls. Targets are tried in order until one starts to answer."""

    name: str
    targets: tuple[str, ...]
    """`provider/model`, at least one."""


class PriceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An override of the price list. All prices in nano-dollars per million tokens; None: as `input`/`output`."""

    provider: str
    model: str
    """Exact name, or a `*` glob."""
    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True):
    max_body: int = 16 * 1024 * 1024
    """Bytes of a request body; more is refused with 413."""
    max_upload: int = 1024**3
    """Bytes of a request body that streams through to another endpoint of a provider: a file, sound, a form."""
    max_response: int = 64 * 1024 * 1024
    """Bytes of an upstream non-streaming body; more is an upstream error."""
    keepalive: float = 15.0
    """Seconds of silence on a stream after which an SSE comment is sent."""
    drain: float = 30.0
    """Seconds a stopping worker waits for its calls in flight."""
    upstream_connections: int = 1000
    """Open connections per worker and provider at most."""
    record_content: bool = True
    """False: input and output text are not recorded, only their sizes and fingerprints."""
    max_recorded: int = 1024 * 1024
    """Bytes of input, and of output, kept on a span; longer is left out, its size in `attributes`."""
    estimate_output_tokens: int = 1024
    """Output tokens that a call without a limit of its own is taken to need when it borrows from a budget."""
    cache_bytes: int = 64 * 1024 * 1024
    """Bytes of cached answers per worker, at most; the least recently used go first."""
    public_metrics: bool = False
    """True: `/metrics` is answered without a key."""
    retries: Retries = Retries(attempts=0)
    """For models and aliases that are called without a route; those are asked once unless it says otherwise."""


class JournalSettings(msgspec.Struct, frozen=True, kw_only=True):
    on_full: Literal["block", "shed"] = "block"
    """Disk or `max_bytes` full: refuse new calls with 503, or serve them unrecorded and count the loss."""
    max_bytes: int = 20 * 1024**3
    """Bytes of segments that may wait for ingestion."""
    segment_bytes: int = 16 * 1024 * 1024
    segment_seconds: float = 0.5
    """A segment is sealed and fsynced when it is this old: how fresh the console is, and what a power cut may lose."""


class FeedbackSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Feedback of end users, by tokens that stand for one trace each."""

    tokens: bool = False
    """Each answer of the gateway carries a token in `x-penstock-feedback-token`."""
    expires: float = 7 * 24 * 3600.0
    """Seconds for which a token holds."""
    origins: tuple[str, ...] = ()
    """Pages from which a browser may send feedback, as `https://app.example`; `*` is any."""
    per_minute: int = 30
    """Feedback taken for one token within a minute."""


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the console keeps what it stores. The gateway does not look at it."""

    spans: str = "duckdb"
    """`duckdb`: in a file of the home; or the address of a ClickHouse server, with user and database."""
    spans_password: str | None = None
    """Reference to the password of that user."""
    spans_ca: str | None = None
    """File of the certificates to trust for that address; None: those of the system."""


class ExportEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Another backend that spans are sent on to."""

    url: str
    """Where it takes traces by OTLP over HTTP, in full: `https://otlp.example.com/v1/traces`."""
    headers: dict[str, str] = {}
    """A value may be a secret reference."""
    filter: str | None = None
    """A search; only spans that fit it are sent."""
    content: bool = True
    """Input and output are sent, too."""


class TelemetrySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the console tells others of what it stores. The gateway does not look at it."""

    export: tuple[ExportEntry, ...] = ()


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    schema: int = SCHEMA
    version: int
    """Grows by one with each publication."""
    created: int
    """Microseconds since the epoch."""
    projects: dict[str, ProjectEntry] = {}
    """By project id."""
    keys: dict[str, KeyEntry] = {}
    """By `hash_key(secret)`."""
    providers: dict[str, ProviderEntry] = {}
    aliases: dict[str, AliasEntry] = {}
    routes: dict[str, RouteEntry] = {}
    """By name, or by `project id/name` for a route of one project, which hides one of that name for all."""
    prompts: dict[str, CompiledPrompt] = {}
    """What variants serve, by `compiled_key`."""
    limits: tuple[LimitEntry, ...] = ()
    redis: RedisSettings | None = None
    """None: limits and cache are held in the one worker's memory."""
    prices: tuple[PriceEntry, ...] = ()
    """First match wins; then `price_book`."""
    price_book: PriceBook | None = None
    """List prices of the configured providers; None: the pricer compiles its own when first asked."""
    sealed_secrets: dict[str, str] = {}
    """Stored secrets that providers refer to as `secret:NAME`, by name, each sealed (`penstock.core.secrets`)."""
    user_salt: str = ""
    """Hex key of the keyed hash that hides end-user ids."""
    gateway: GatewaySettings = GatewaySettings()
    journal: JournalSettings = JournalSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    stores: StoreSettings = StoreSettings()
    telemetry: TelemetrySettings = TelemetrySettings()


def hash_key(secret: str) -> str:
    """What is stored of a key: SHA-256, hex. Keys carry 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


class _Envelope(msgspec.Struct):
    sha256: str
    snapshot: msgspec.Raw


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_snapshot = msgspec.json.Decoder(Snapshot).decode


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """The snapshot with its checksum, as it lies on disk."""
    body = msgspec.json.encode(snapshot)
    return msgspec.json.encode(_Envelope(sha256=hashlib.sha256(body).hexdigest(), snapshot=msgspec.Raw(body)))


def decode_snapshot(data: bytes) -> Snapshot:
    """Read a snapshot and check it.

    Raises:
        CorruptData: not JSON, wrong checksum, wrong shape, or a schema this version does not know.
    """
    try:
        envelope = _decode_envelope(data)
    except msgspec.MsgspecError as error:
        raise CorruptData(f"The snapshot is not readable: {error}.", code="snapshot_corrupt") from error
    body = bytes(envelope.snapshot)
    if hashlib.sha256(body).hexdigest() != envelope.sha256:
        raise CorruptData("The snapshot's checksum does not match its content.", code="snapshot_corrupt")
    try:
        snapshot = _decode_snapshot(body)
    except msgspec.MsgspecError as error:
        raise CorruptData(f"The snapshot has the wrong shape: {error}.", code="snapshot_corrupt") from error
    if snapshot.schema != SCHEMA:
        raise CorruptData(
            f"The snapshot has schema {snapshot.schema}, this version reads {SCHEMA}.", code="snapshot_corrupt"
        )
    return snapshot
