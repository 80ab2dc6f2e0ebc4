"""`penstock.init()`: OpenTelemetry, scores and context set up in one line."""

import atexit
import os
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from opentelemetry import trace as otel
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter

from penstock.core.clock import Clock, SystemClock
from penstock.core.errors import InvalidInput
from penstock.core.ids import Ids, RandomIds
from penstock.core.settings import Environment, process_environment
from penstock.sdk.delivery import ScoreSender
from penstock.sdk.instrument import Instrumentation, find, switch_on
from penstock.sdk.masking import Masker, Masking
from penstock.sdk.outbox import Bounds, Outbox
from penstock.sdk.propagation import Propagation, origin_of
from penstock.sdk.spans import SpanQueue
from penstock.sdk.state import Console, Delivery, NewScore, active, set_active, warn_once

__all__ = ["Client", "Statistics", "flush", "init", "shutdown", "statistics"]

TRACES_PATH = "/otlp/v1/traces"
EXPORT_SECONDS = 10.0
SCORE_BYTES = 300


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What became of what was to be sent, since `init`."""

    spans: Delivery
    scores: Delivery
    mask_failures: int
    """Texts that were dropped because the mask raised."""


class Client:
    """What `init` made. The functions of the package work with the last one."""

    def __init__(  # noqa: PLR0913 - made in one place, with what `init` was given
        self,
        *,
        spans: SpanQueue,
        console: Console | None,
        masker: Masker | None,
        propagation: Propagation,
        capture: bool,
        max_value: int,
        bounds: Bounds,
        exit_seconds: float,
        clock: Clock,
    ) -> None:
        self.console = console
        self.capture = capture
        self.max_value = max_value
        self._spans = spans
        self._sender = None if console is None else ScoreSender(console.endpoint, console.api_key)
        self._masker = masker
        self._propagation = propagation
        self._exit_seconds = exit_seconds
        self._clock = clock
        self._ids: Ids = RandomIds(clock)
        self._scores: Outbox[NewScore] = Outbox(
            self._send_scores,
            name="scores",
            weigh=_weigh,
            clock=clock,
            bounds=bounds._replace(batch=min(bounds.batch, 1000)),
        )
        self._instrumentors: list[Any] = []
        self.stopped = False

    def start(self, provider: TracerProvider, chosen: Iterable[Instrumentation]) -> None:
        """Change the clients and switch instrumentations on."""
        self._instrumentors = switch_on(chosen, provider)
        self._propagation.start()

    @property
    def statistics(self) -> Statistics:
        return Statistics(
            spans=self._spans.delivery,
            scores=self._scores.delivery,
            mask_failures=0 if self._masker is None else self._masker.failures,
        )

    def new_id(self) -> str:
        return self._ids.uuid7()

    def renew_ids(self) -> None:
        """After a fork, or parent and child would give out the same."""
        self._ids = RandomIds(self._clock)

    def now(self) -> int:
        return self._clock.now()

    def send_score(self, score: NewScore) -> bool:
        if self._sender is None:
            warn_once("scores go nowhere: penstock.init() was given no console")
            return False
        self._scores.put(score)
        return True

    def flush(self, timeout: float | None = None) -> bool:
        """Send what there is so far; False when that took longer than `timeout` seconds, by default the exit's."""
        deadline = self._clock.monotonic() + (self._exit_seconds if timeout is None else timeout)
        spans = self._spans.force_flush(_milliseconds(deadline, self._clock))
        return self._scores.flush(max(0.0, deadline - self._clock.monotonic())) and spans

    def shutdown(self) -> None:
        """Send what there is within the deadline of the exit, and undo what `init` changed. May be called twice."""
        if self.stopped:
            return
        self.stopped = True
        deadline = self._clock.monotonic() + self._exit_seconds
        for instrumentor in self._instrumentors:
            instrumentor.uninstrument()
        self._propagation.stop()
        if active() is self:
            set_active(None)
        # Both queues at once: a hanging exporter must not take the time of the scores.
        self._scores.begin_close()
        self._spans.shutdown()
        self._scores.close(max(0.0, deadline - self._clock.monotonic()))
        if self._sender is not None:
            self._sender.stop()

    def _send_scores(self, scores: list[NewScore]) -> bool:
        assert self._sender is not None  # noqa: S101 - nothing is queued without one
        return self._sender.send([self._masked(score) for score in scores])

    def _masked(self, score: NewScore) -> NewScore:
        """What people wrote, without what must not leave."""
        masker = self._masker
        if masker is None:
            return score
        return msgspec.structs.replace(
            score,
            value=masker.text(score.value) if isinstance(score.value, str) else score.value,
            comment=None if score.comment is None else masker.text(score.comment),
            metadata=None if score.metadata is None else masker.value(score.metadata),
        )


def init(  # noqa: PLR0913 - one call with everything that can be chosen, all of it by name
    *,
    endpoint: str | None = None,
    api_key: str | None = None,
    service_name: str | None = None,
    environment: str | None = None,
    gateway: str | Iterable[str] | None = None,
    exporter: SpanExporter | None = None,
    tracer_provider: TracerProvider | None = None,
    instrument: bool | Iterable[str] = (),
    mask: Masking | None = None,
    capture: bool = True,
    max_value: int = 32 * 1024,
    max_queue: int = 8192,
    flush_seconds: float = 1.0,
    exit_seconds: float = 5.0,
) -> Client:
    """Send this process's spans and scores to Penstock.

    A tracer provider that is there already is kept, and is given one more processor; without one a provider is made
    and set. Called again, it replaces what the call before set up.

    Args:
        endpoint: Address of the console, as `http://127.0.0.1:4180`; by default `PENSTOCK_CONSOLE_URL`.
        api_key: A key with `traces:write` and `scores:write`; by default `PENSTOCK_API_KEY`.
        service_name: `service.name` of the spans; by default `OTEL_SERVICE_NAME`, or OpenTelemetry's own.
        environment: `deployment.environment.name` of the spans: `production`.
        gateway: Address of the gateway, or several; by default `PENSTOCK_GATEWAY_URL`. Calls to it by httpx or
            requests, and so by the SDKs of OpenAI and Anthropic, carry the trace, session, user and tags.
        exporter: Where spans go instead of the console: any exporter of OpenTelemetry.
        tracer_provider: The provider to use instead of the global one.
        instrument: True switches on all installed instrumentations of libraries for models; or names: `["openai"]`.
        mask: A function from text to text, or patterns (`penstock.masking`), for every text of every span and score.
        capture: False keeps arguments, results, inputs and outputs off the spans of `trace` and `span`.
        max_value: Characters of one captured value.
        max_queue: Spans, and scores, that wait to be sent; further ones are dropped and counted.
        flush_seconds: How long they wait at most before they are sent.
        exit_seconds: How long `shutdown`, and the end of the process, wait for what is still to be sent.

    Raises:
        InvalidInput: no console and no exporter is given, an address is none, the mask or an instrumentation is
            unknown, or the global provider takes no processors.
    """
    variables = process_environment()
    endpoint = endpoint or variables.get("PENSTOCK_CONSOLE_URL")
    api_key = api_key or variables.get("PENSTOCK_API_KEY")
    if endpoint is None and exporter is None:
        raise InvalidInput(
            "There is nowhere to send to.",
            field="endpoint",
            hint="Give endpoint= or PENSTOCK_CONSOLE_URL, or an exporter.",
            code="endpoint_missing",
        )
    if endpoint is not None:
        origin_of(endpoint, field="endpoint")
    _check_limits(max_value=max_value, max_queue=max_queue, flush_seconds=flush_seconds, exit_seconds=exit_seconds)
    masker = None if mask is None else Masker(mask)
    chosen = find(instrument)
    propagation = Propagation([origin_of(url, field="gateway") for url in _gateways(gateway, variables)])
    resource = _resource(service_name, environment)
    provider, is_ours = _provider(tracer_provider, resource)
    bounds = Bounds(items=max_queue, batch=min(512, max_queue), seconds=flush_seconds)
    clock = SystemClock()
    previous = active()
    if isinstance(previous, Client):
        previous.shutdown()
    spans = SpanQueue(
        exporter or _otlp(endpoint or "", api_key),
        clock=clock,
        masker=masker,
        resource=None if is_ours else resource,
        bounds=bounds,
        exit_seconds=exit_seconds,
    )
    client = Client(
        spans=spans,
        console=None if endpoint is None else Console(endpoint, api_key),
        masker=masker,
        propagation=propagation,
        capture=capture,
        max_value=max_value,
        bounds=bounds,
        exit_seconds=exit_seconds,
        clock=clock,
    )
    client.start(provider, chosen)
    provider.add_span_processor(spans)
    if is_ours:
        otel.set_tracer_provider(provider)
    set_active(client)
    _clients.add(client)
    return client


def flush(timeout: float | None = None) -> bool:
    """Send the spans and scores so far; False when that took longer than `timeout` seconds. True without `init`."""
    client = active()
    return client.flush(timeout) if isinstance(client, Client) else True


def shutdown() -> None:
    """Send what there is, within `exit_seconds`, and undo `init`. Happens by itself when the process ends."""
    client = active()
    if isinstance(client, Client):
        client.shutdown()


def statistics() -> Statistics | None:
    """What became of the spans and scores; None without `init`."""
    client = active()
    return client.statistics if isinstance(client, Client) else None


def _check_limits(*, max_value: int, max_queue: int, flush_seconds: float, exit_seconds: float) -> None:
    wrong = {
        "max_value": not 0 <= max_value <= 10_000_000,
        "max_queue": not 1 <= max_queue <= 1_000_000,
        "flush_seconds": not 0 < flush_seconds <= 3600,
        "exit_seconds": not 0 <= exit_seconds <= 3600,
    }
    for name, is_wrong in wrong.items():
        if is_wrong:
            raise InvalidInput(f"{name} is out of its range.", field=name, hint="See penstock.init.")


def _gateways(gateway: str | Iterable[str] | None, variables: Environment) -> list[str]:
    if gateway is None:
        gateway = variables.get("PENSTOCK_GATEWAY_URL") or ()
    return [gateway] if isinstance(gateway, str) else list(gateway)


def _resource(service_name: str | None, environment: str | None) -> Resource | None:
    given: Mapping[str, str | None] = {"service.name": service_name, "deployment.environment.name": environment}
    attributes = {name: value for name, value in given.items() if value}
    return Resource(attributes) if attributes else None


def _provider(given: TracerProvider | None, resource: Resource | None) -> tuple[TracerProvider, bool]:
    """The provider to add to, and whether it was made here and is to become the global one."""
    if given is not None:
        return given, False
    current = otel.get_tracer_provider()
    if isinstance(current, TracerProvider):
        return current, False
    if not isinstance(current, otel.ProxyTracerProvider):
        raise InvalidInput(
            f"The global tracer provider is a {type(current).__name__}, which takes no processors.",
            field="tracer_provider",
            hint="Give tracer_provider= one of opentelemetry.sdk.",
            code="provider_invalid",
        )
    merged = Resource.create() if resource is None else Resource.create().merge(resource)
    # The end of the process is this module's: the provider's own way there knows no deadline.
    return TracerProvider(resource=merged, shutdown_on_exit=False), True


def _otlp(endpoint: str, api_key: str | None) -> SpanExporter:
    return OTLPSpanExporter(
        endpoint=endpoint.rstrip("/") + TRACES_PATH,
        headers={"authorization": f"Bearer {api_key}"} if api_key else None,
        timeout=EXPORT_SECONDS,
        compression=Compression.Gzip,
    )


def _milliseconds(deadline: float, clock: Clock) -> int:
    return max(0, int((deadline - clock.monotonic()) * 1000))


def _weigh(score: NewScore) -> int:
    return SCORE_BYTES + len(score.comment or "") + (len(score.value) if isinstance(score.value, str) else 0)


_clients: "weakref.WeakSet[Client]" = weakref.WeakSet()


def _after_fork() -> None:
    for client in list(_clients):
        client.renew_ids()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def _at_exit() -> None:
    for client in list(_clients):
        client.shutdown()
