"""The types of penstock.yaml. The reference page and the JSON Schema are generated from this module."""

from typing import Literal

import msgspec

from penstock.registry.config.forms import BaseUrl, Dollars, Duration, HeaderValue, ModelGlob, SecretReference, Size
from penstock.registry.config.limit_types import LimitConfig, RedisConfig
from penstock.registry.config.quantities import Count, Share, SpanStore, Weight
from penstock.registry.config.route_types import RetriesConfig, RouteConfig
from penstock.wire.routing import Breaker
from penstock.wire.snapshot import (
    FeedbackSettings,
    GatewaySettings,
    JournalSettings,
    ProviderKind,
    StoreSettings,
    Timeouts,
)

__all__ = [
    "AliasConfig",
    "BreakerConfig",
    "Config",
    "ExportConfig",
    "FeedbackConfig",
    "GatewayConfig",
    "JournalConfig",
    "ModelConfig",
    "PriceConfig",
    "ProviderConfig",
    "ProviderKeyConfig",
    "StoresConfig",
    "TelemetryConfig",
    "TimeoutsConfig",
    "TokenPrices",
]


# The defaults of the file are those of the records it is compiled into.
_TIMEOUTS = Timeouts()
_GATEWAY = GatewaySettings()
_JOURNAL = JournalSettings()
_FEEDBACK = FeedbackSettings()
_STORES = StoreSettings()
_BREAKER = Breaker()


class TimeoutsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Four separate timers of one attempt. An error names the timer that ran out."""

    connect: Duration = _TIMEOUTS.connect
    """Opening the connection."""
    first_byte: Duration = _TIMEOUTS.first_byte
    """From the start of sending the request to the first content of a stream, or to the headers of a whole answer."""
    gap: Duration = _TIMEOUTS.gap
    """The longest silence between two chunks of an answer."""
    total: Duration = _TIMEOUTS.total
    """The whole attempt."""


class BreakerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """When a target, which is one model of this provider, is taken out of service, and when it is tried again."""

    error_rate: Share = _BREAKER.error_rate
    """The share of failed attempts in the window that opens it."""
    slow_rate: Share = _BREAKER.slow_rate
    """The share of attempts slower than `slow_after` that opens it."""
    slow_after: Duration | None = _BREAKER.slow_after
    """Time to first content that counts as slow; left out, slowness never opens it."""
    minimum: Count = _BREAKER.minimum
    """Attempts in the window before it is judged at all."""
    window: Duration = _BREAKER.window
    """How far back attempts count."""
    open_for: Duration = _BREAKER.open_for
    """Time until it is probed; doubled each time the probes fail."""
    open_for_at_most: Duration = _BREAKER.open_for_at_most
    """Where doubling ends."""
    probes: Count = _BREAKER.probes
    """Successes in a row that close it again."""
    ramp: Duration = _BREAKER.ramp
    """Time over which its share of the load grows back to full."""


class ProviderKeyConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One of several keys for the same provider."""

    name: str
    """Shown where the key itself must not be."""
    secret: SecretReference
    """Where the key is found."""
    weight: Weight = 1.0
    """Its share of the calls, among the keys that work."""


class TokenPrices(msgspec.Struct, frozen=True, kw_only=True):
    """Prices in US dollars per million tokens."""

    input: Dollars
    """Prompt tokens that come from no cache."""
    output: Dollars
    """Tokens of the answer."""
    cache_read: Dollars | None = None
    """Prompt tokens read from the provider's cache; as `input` when left out."""
    cache_write: Dollars | None = None
    """Prompt tokens written to the provider's cache; as `input` when left out."""
    reasoning: Dollars | None = None
    """Reasoning tokens; as `output` when left out."""
    input_audio: Dollars | None = None
    """Audio tokens of the prompt; as `input` when left out."""
    output_audio: Dollars | None = None
    """Audio tokens of the answer; as `output` when left out."""


class PriceConfig(TokenPrices, frozen=True, kw_only=True):
    """A price that overrides the built-in price list. US dollars per million tokens."""

    provider: str
    """The name of a provider of this file; `*` stands for any."""
    model: ModelGlob
    """The model, in the provider's spelling; `*` stands for anything: `llama-3*`."""


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one model."""

    price: TokenPrices | None = None
    """Its price; the built-in price list when left out."""


class ProviderConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One upstream: a vendor's API or a server of your own."""

    kind: ProviderKind | None = None
    """The dialect it speaks. Any OpenAI-compatible server (vLLM, Ollama, Mistral, Groq, OpenRouter, …) is `openai`.
    May be left out when the provider's name is a known one (see below)."""
    base_url: BaseUrl | None = None
    """Its address, version path included (`http://localhost:8000/v1`). The vendor's own when left out;
    `azure` has none and needs one."""
    api_key: SecretReference | None = None
    """Where its key is found; leave out for a server that needs none. The key is sent to `base_url` only."""
    keys: list[ProviderKeyConfig] | None = None
    """Several keys instead of one `api_key`. A key that fails is set aside for a while."""
    api_version: str | None = None
    """Azure's `api-version`, or Anthropic's `anthropic-version`."""
    headers: dict[str, HeaderValue] = {}
    """Headers sent with every request. A secret among them is a reference too."""
    models: list[str] | dict[str, ModelConfig | None] | None = None
    """The models it serves, in its own spelling: a list, or a mapping of names to what is said of each.
    They are what `GET /v1/models` lists. Left out: for a vendor known by name, the models of the price list."""
    any_model: bool = True
    """`provider/anything` is forwarded, listed or not. `false` serves the listed models only."""
    responses: Literal["native", "convert"] | None = None
    """Whether an OpenAI-compatible server has `/responses` itself, or a call to it becomes a chat completion.
    `native` when left out, and what is known of a vendor known by name."""
    passthrough: Literal["all", "calls"] = "all"
    """Which of its [other endpoints](passthrough.md) may be called. `calls` leaves out what reads or leaves something
    in the provider's account, which all projects share: files, batches, stored answers."""
    price_as: str | None = None
    """The provider of the built-in price list whose prices apply (`openai`, `anthropic`, `google`, `mistral`, …).
    Found by `base_url` when left out."""
    timeouts: TimeoutsConfig = TimeoutsConfig()
    """Timers of each attempt."""
    breaker: BreakerConfig = BreakerConfig()
    """When one of its models is taken out of service. Each is judged by itself."""


class AliasConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A name that applications call as their model."""

    targets: list[str]
    """`provider/model`, tried in order until one starts to answer."""


class GatewayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of the gateway, and what it records."""

    max_body: Size = _GATEWAY.max_body
    """The largest request body; more is refused with 413."""
    max_upload: Size = _GATEWAY.max_upload
    """The largest body that streams through to another endpoint of a provider (a file, sound, a form); more is refused
    with 413. See [other endpoints](passthrough.md)."""
    max_response: Size = _GATEWAY.max_response
    """The largest answer of a provider that is not streamed; more is an upstream error."""
    keepalive: Duration = _GATEWAY.keepalive
    """The silence on a stream after which a comment keeps the connection alive."""
    drain: Duration = _GATEWAY.drain
    """How long a stopping gateway waits for the calls in flight."""
    upstream_connections: int = _GATEWAY.upstream_connections
    """Open connections per worker and provider at most."""
    record_content: bool = _GATEWAY.record_content
    """Whether the text of input and output is recorded. `false` keeps sizes and fingerprints only."""
    max_recorded: Size = _GATEWAY.max_recorded
    """How much of the input, and of the output, is recorded; longer text is left out, and its size said."""
    estimate_output_tokens: Count = _GATEWAY.estimate_output_tokens
    """Output tokens that a call without a limit of its own is taken to need when it borrows from a budget."""
    cache_bytes: Size = _GATEWAY.cache_bytes
    """Cached answers per worker at most; the least recently used go first."""
    public_metrics: bool = _GATEWAY.public_metrics
    """Whether `/metrics` is answered without a key. By default Prometheus sends one with the scope `metrics:read`."""
    retries: RetriesConfig = RetriesConfig(attempts=0)
    """For models and aliases that are called without a route."""


class JournalConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The journal in which the gateway records every call before it answers."""

    on_full: Literal["block", "shed"] = _JOURNAL.on_full
    """When the disk or `max_bytes` is full: `block` refuses new calls with 503, `shed` serves them unrecorded and
    counts them."""
    max_bytes: Size = _JOURNAL.max_bytes
    """How much may wait for ingestion."""
    segment_bytes: Size = _JOURNAL.segment_bytes
    """The size at which a segment is sealed."""
    segment_seconds: Duration = _JOURNAL.segment_seconds
    """The age at which a segment is sealed and flushed to the disk: how fresh the console is, and what a power cut may
    lose. A killed process loses nothing."""


class FeedbackConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What end users think of answers, sent by their browsers. See [scores](scores.md)."""

    tokens: bool = _FEEDBACK.tokens
    """Whether each answer of the gateway carries a token in `x-penstock-feedback-token`, with which a browser may
    judge it."""
    expires: Duration = _FEEDBACK.expires
    """How long a token holds."""
    origins: list[str] = []
    """Pages from which a browser may send feedback, as `https://app.example.com`; `*` allows any page."""
    per_minute: Count = _FEEDBACK.per_minute
    """How much feedback is taken for one token within a minute."""


class StoresConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Where the console keeps what it stores. Takes effect when it starts. See [engines](engines.md)."""

    spans: SpanStore = _STORES.spans
    """`duckdb`, a file in the home folder; or a ClickHouse server, as `https://USER@HOST:8443/DATABASE`."""
    spans_password: SecretReference | None = None
    """Where the password of the user of ClickHouse is found: env:NAME or file:PATH."""
    spans_ca: str | None = None
    """A file of certificates to trust for ClickHouse; those of the system when left out."""


class ExportConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Another backend that takes OpenTelemetry's protocol over HTTP."""

    url: str
    """Its address for traces, in full: `https://otlp.example.com/v1/traces`."""
    headers: dict[str, str] = {}
    """Sent with each request. A value may be a secret reference: env:NAME or file:PATH."""
    filter: str | None = None
    """A search, as in the list of traces; only spans that fit it are sent. Left out: all."""
    content: bool = True
    """Whether input and output are sent, too."""


class TelemetryConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What is told to others. Takes effect when the console starts. See [OpenTelemetry](opentelemetry.md)."""

    export: list[ExportConfig] = []
    """Backends that spans are sent on to once they are stored."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file. Keys that begin with `x-` are ignored; they are a place for YAML anchors."""

    version: Literal[1] = 1
    """The version of this format."""
    providers: dict[str, ProviderConfig] | None = None
    """The upstreams, by name. Left out: those whose keys are in the environment (see below)."""
    aliases: dict[str, AliasConfig | str] = {}
    """Names that applications call, each for one `provider/model` or for several in order."""
    routes: dict[str, RouteConfig] = {}
    """Names that applications call, each with variants and a strategy. See [routes](routes.md)."""
    limits: list[LimitConfig] = []
    """Rate limits and budgets. All that match a call must let it through."""
    redis: RedisConfig | None = None
    """Redis or Valkey for the limits and the cache of several workers; left out, they are held in the memory of the
    one worker."""
    prices: list[PriceConfig] = []
    """Prices that override the built-in list; the first match wins."""
    gateway: GatewayConfig = GatewayConfig()
    """Limits of the gateway, and what it records."""
    journal: JournalConfig = JournalConfig()
    """The journal of calls."""
    feedback: FeedbackConfig = FeedbackConfig()
    """What end users think of answers."""
    stores: StoresConfig = StoresConfig()
    """Where the console keeps what it stores."""
    telemetry: TelemetryConfig = TelemetryConfig()
    """What is told to others."""
