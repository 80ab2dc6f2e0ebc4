"""The simulator as an ASGI application."""

import re
from collections.abc import Mapping
from hmac import compare_digest
from typing import Final
from urllib.parse import parse_qs

import msgspec

from penstock.core.clock import Clock, SystemClock
from penstock.core.errors import InvalidInput, NotFound, PenstockError, Unauthenticated
from penstock.core.ids import Ids, RandomIds
from penstock.simulator.ask import Ask
from penstock.simulator.caller import Broken, Caller, CallerLeft, Headers, Receive, Scope, Send
from penstock.simulator.completion import Author, Completion
from penstock.simulator.config import SimulatorConfig
from penstock.simulator.control import Control
from penstock.simulator.dialects.types import Dialect, StreamStyle
from penstock.simulator.endpoints.shelf import Shelf
from penstock.simulator.endpoints.types import Asked
from penstock.simulator.faults import Fault, FaultPlan, overlay, parse_fault
from penstock.simulator.ledger import Ledger
from penstock.simulator.models import SIMULATED_MODELS, Vendor
from penstock.simulator.player import HTML_PAGE, Player, enlarge
from penstock.simulator.record import Recorder, Sighting
from penstock.simulator.routes import Route, find_route
from penstock.wire.usage import Usage

__all__ = ["Simulator"]

FAULT_HEADER: Final = b"x-sim-fault"
KEY_HEADERS: Final = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
_VENDOR_HEADERS: Final[Mapping[bytes, Vendor]] = {
    b"anthropic-version": "anthropic",
    b"x-goog-api-key": "gemini",
    b"x-goog-api-client": "gemini",
}
_PROMPT_FAULT: Final = re.compile(r"\[\[sim:([^\]]*)\]\]")
_MESSAGES: Final[Mapping[int, str]] = {
    401: "Incorrect API key provided.",
    404: "The requested resource was not found.",
    429: "Rate limit reached for requests.",
    500: "The server had an error while processing your request.",
    503: "The engine is currently overloaded, please try again later.",
    529: "Overloaded",
}


class Simulator:
    """Speaks OpenAI, Anthropic and Gemini on one port, and misbehaves on order.

    Args:
        config: What it is told.
        clock: Times of answers and faults.
        ids: Names of answers; by default the same sequence for the same seed.

    Raises:
        InvalidInput: a distribution, a trace or a replay file is not valid.
    """

    def __init__(
        self, config: SimulatorConfig | None = None, *, clock: Clock | None = None, ids: Ids | None = None
    ) -> None:
        self._config = config or SimulatorConfig()
        self._clock = clock or SystemClock()
        self._ids = ids or RandomIds(self._clock, seed=self._config.seed)
        self._author = Author(self._config, clock=self._clock, ids=self._ids)
        self._recorder = Recorder(self._config.history)
        self._ledger = Ledger()
        self._shelf = Shelf()
        self._faults = FaultPlan(self._config.faults, seed=self._config.seed)
        self._since = self._clock.monotonic()
        self._control = Control(self, self._recorder)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The standing faults."""
        return self._faults.faults

    @property
    def ledger(self) -> Ledger:
        """What it would bill for."""
        return self._ledger

    def set_faults(self, faults: tuple[Fault, ...]) -> None:
        """Replace the standing faults. Their windows and dice start anew."""
        self._faults = FaultPlan(faults, seed=self._config.seed)
        self._since = self._clock.monotonic()

    def reset(self) -> None:
        """Back to the start: the configured faults, no history, no counts, no files."""
        self.set_faults(self._config.faults)
        self._author = Author(self._config, clock=self._clock, ids=self._ids)
        self._shelf = Shelf()
        self._recorder.reset()
        self._ledger = Ledger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        caller = Caller(scope, receive, send)
        path: str = scope["path"]
        if path.startswith("/sim/") or path == "/":
            await self._control.answer(caller, scope)
            return
        headers: Headers = scope["headers"]
        vendor: Vendor | None = next((_VENDOR_HEADERS[name] for name, _ in headers if name in _VENDOR_HEADERS), None)
        route = find_route(scope["method"], path, caller=vendor)
        if route is None:
            route = Route(label="(unknown)", dialect=_fallback(path, vendor), plain=_not_here)
        sighting = Sighting(
            method=scope["method"],
            path=path,
            route=route.label,
            query=scope["query_string"],
            headers=headers,
            received=self._clock.now(),
        )
        self._recorder.start(sighting)
        try:
            await self._serve(caller, route, sighting)
        except CallerLeft:
            self._recorder.end(sighting, "cancelled")
        except BaseException as error:
            self._recorder.end(sighting, "broken")
            if not isinstance(error, Broken):
                raise
        else:
            self._recorder.end(sighting, "finished")

    async def _serve(self, caller: Caller, route: Route, sighting: Sighting) -> None:
        exchange = _Exchange(caller, route, sighting, self._ids)
        try:
            body = await caller.body(self._config.max_body)
            self._recorder.received(sighting, body)
            self._authenticate(sighting)
            ask, failure = self._parse(route, body)
            fault = self._fault(route, sighting, ask)
        except PenstockError as error:
            await exchange.fail(error)
            return
        player = Player(caller, fault, clock=self._clock, events_per_write=self._config.events_per_write)
        if ask is not None and failure is None and fault.silent and fault.reset != -1 and not fault.drop:
            # It was accepted, and whoever asked will never know what it took.
            self._ledger.bill(ask.model, Usage(input=ask.input_tokens), reported=False)
        if await exchange.preempted(player, fault):
            return
        try:
            if failure is not None:
                raise failure
            if route.other is not None:
                asked = self._asked(route, sighting, body)
                reply = route.other.endpoint(asked)
                sighting.status = 200
                await player.whole(200, exchange.headers(reply.content_type, fault), reply.body)
                return
            if ask is None:
                assert route.plain is not None  # noqa: S101 - a route without a chat is plain
                _, answer = route.plain(body, route.model, self._config)
                await player.whole(200, exchange.headers("application/json", fault), answer)
                return
            self._check_model(ask, route.dialect)
            completion = self._author.write(ask, route.dialect.vendor, fault)
        except PenstockError as error:
            await exchange.fail(error)
            return
        if fault.huge is not None:
            completion = enlarge(completion, fault.huge)
        sighting.status = 200
        try:
            await self._play(player, exchange, ask, completion)
        finally:
            told = player.told or (player.given > 0 and _grows(fault, route.dialect))
            usage = completion.usage if player.told else _so_far(completion.usage, player.given)
            self._ledger.bill(ask.model, usage, reported=told)

    async def _play(self, player: Player, exchange: "_Exchange", ask: Ask, completion: Completion) -> None:
        dialect, fault = exchange.dialect, player.fault
        if ask.stream:
            sse = dialect.vendor != "gemini" or b"alt=sse" in exchange.sighting.query
            kind = "text/event-stream; charset=utf-8" if sse else "application/json; charset=utf-8"
            style = StreamStyle(self._config.chunk_tokens, fault.usage, sse)
            await player.stream(exchange.headers(kind, fault), dialect, ask, completion, style=style)
            return
        whole = dialect.whole(ask, completion)
        after = completion.pace.whole(completion.usage.total_output)
        await player.whole(200, exchange.headers("application/json", fault), whole, after=after)

    def _asked(self, route: Route, sighting: Sighting, body: bytes) -> Asked:
        """The request of an endpoint that is no chat."""
        assert route.other is not None  # noqa: S101 - the caller looked
        return Asked(
            body=body,
            content_type=dict(sighting.headers).get(b"content-type", b"").decode("latin-1"),
            config=self._config,
            ids=self._ids,
            now=self._clock.now() // 1_000_000,
            shelf=self._shelf,
            model=route.model,
            id=route.other.id,
            query=sighting.query,
            run=self._run,
        )

    def _run(self, path: str, body: bytes) -> tuple[int, bytes]:
        """One line of a batch: the status and the JSON that a request of its own would get."""
        route = find_route("POST", path, caller=None)
        if route is None or route.other is not None:
            raise InvalidInput(f"Invalid value: '{path}'. A batch is of chats, responses or embeddings.")
        try:
            if route.plain is not None:
                return 200, route.plain(body, route.model, self._config)[1]
            ask = route.dialect.parse(body, model=route.model, stream=False)
            self._check_model(ask, route.dialect)
            return 200, route.dialect.whole(ask, self._author.write(ask, route.dialect.vendor, Fault()))
        except PenstockError as error:
            return error.status, route.dialect.error(error.status, error.message)

    def _parse(self, route: Route, body: bytes) -> tuple[Ask | None, PenstockError | None]:
        """The request, or why it is none; neither for what is no chat."""
        if route.plain is not None or route.other is not None:
            return None, None
        try:
            return route.dialect.parse(body, model=route.model, stream=route.stream), None
        except InvalidInput as error:
            return None, error

    def _fault(self, route: Route, sighting: Sighting, ask: Ask | None) -> Fault:
        """What befalls a request: the standing faults, over them its header's, over them its prompt's."""
        standing = self._faults.choose(
            sighting.path,
            ask.model if ask is not None else route.model or "",
            stream=ask is not None and ask.stream,
            elapsed=self._clock.monotonic() - self._since,
        )
        layers = [standing, _header_fault(sighting.headers)]
        if self._config.prompt_faults and ask is not None and "[[sim:" in ask.question:
            layers.extend(parse_fault(order) for order in _PROMPT_FAULT.findall(ask.question))
        return overlay(layers)

    def _authenticate(self, sighting: Sighting) -> None:
        if not self._config.api_keys:
            return
        given = [value.rpartition(b" ")[2] for name, value in sighting.headers if name in KEY_HEADERS]
        given += [key.encode() for key in parse_qs(sighting.query.decode("latin-1")).get("key", [])]
        if not any(compare_digest(key, known.encode()) for key in given for known in self._config.api_keys):
            raise Unauthenticated(_MESSAGES[401])

    def _check_model(self, ask: Ask, dialect: Dialect) -> None:
        if self._config.only_listed_models and ask.model not in SIMULATED_MODELS[dialect.vendor]:
            raise NotFound(f"The model `{ask.model}` does not exist or you do not have access to it.")


class _Exchange:
    """The answers to one request that are no completion."""

    def __init__(self, caller: Caller, route: Route, sighting: Sighting, ids: Ids) -> None:
        self._caller = caller
        self.dialect = route.dialect
        self.sighting = sighting
        self._request_id = f"req_{ids.span_id()}".encode()

    def headers(self, content_type: str, fault: Fault) -> Headers:
        kind = (fault.content_type or content_type).encode("latin-1", "replace")
        name = b"request-id" if self.dialect.vendor == "anthropic" else b"x-request-id"
        return [(b"content-type", kind), (name, self._request_id)]

    async def fail(self, error: PenstockError) -> None:
        """Answer with an error of the vendor's."""
        self.sighting.status = error.status
        body = self.dialect.error(error.status, error.message)
        await self._caller.answer(error.status, self.headers("application/json", Fault()), body)

    async def preempted(self, player: Player, fault: Fault) -> bool:
        """Play a fault that takes the place of the whole answer. False when there is none."""
        if fault.reset == -1:
            await self._caller.wait(fault.delay or 0.0)
            await self._caller.reset()
        if fault.drop:
            await self._caller.wait(fault.delay or 0.0)
            await self._caller.close()
        if fault.silent:
            await self._caller.wait(None)
        if fault.html:
            self.sighting.status = fault.status or 200
            headers = self.headers("text/html; charset=utf-8", fault)
            await player.whole(self.sighting.status, headers, HTML_PAGE)
            return True
        if fault.status is None:
            return False
        self.sighting.status = fault.status
        message = fault.message or _MESSAGES.get(fault.status, f"Simulated error {fault.status}.")
        headers = self.headers("application/json", fault)
        if fault.retry_after is not None:
            headers.append((b"retry-after", f"{fault.retry_after:g}".encode()))
        await player.whole(fault.status, headers, self.dialect.error(fault.status, message))
        return True


def _so_far(usage: Usage, given: int) -> Usage:
    """What an answer took that ended early: the tokens that went out, of whatever kind.

    No more than the whole answer has: its last piece counts as a full one.
    """
    return msgspec.structs.replace(usage, output=min(given, usage.total_output), reasoning=0)


def _grows(fault: Fault, dialect: Dialect) -> bool:
    """Whether each piece of a stream told the usage so far."""
    return fault.usage == "cumulative" or (fault.usage is None and dialect.vendor == "gemini")


def _header_fault(headers: Headers) -> Fault:
    orders = [value.decode("latin-1") for name, value in headers if name == FAULT_HEADER]
    return overlay([parse_fault(order) for order in orders])


def _fallback(path: str, vendor: Vendor | None) -> Dialect:
    """Whose error object an unknown path is answered with."""
    if path.startswith("/anthropic/"):
        vendor = "anthropic"
    elif path.startswith("/v1beta/"):
        vendor = "gemini"
    known = find_route("GET", "/v1/models", caller=vendor)
    assert known is not None  # noqa: S101 - every vendor lists its models there
    return known.dialect


def _not_here(_body: bytes, _model: str | None, _config: SimulatorConfig) -> tuple[str, bytes]:
    raise NotFound("The simulator does not serve this method and path.", hint="See docs/simulator.md.")


async def _lifespan(receive: Receive, send: Send) -> None:
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
