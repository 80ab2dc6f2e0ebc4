"""Answers given again: from the cache, or from an identical call in flight (FAILURES G23, G28)."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, NamedTuple

from penstock.core.clock import Clock
from penstock.core.errors import CorruptData, PenstockError
from penstock.gateway.call import Call, Given
from penstock.gateway.http import Responder
from penstock.gateway.plan import Node, leaves_of, settled
from penstock.gateway.reuse.fingerprint import cache_key, fingerprint, same_bytes, served_by_route
from penstock.gateway.reuse.flights import JOINS, FlightLost, Flights, Follower, Lead
from penstock.gateway.reuse.policy import NotCached, Reuse, age_of, is_fresh, reuse_of
from penstock.gateway.reuse.ports import AnswerCache
from penstock.gateway.reuse.savings import Outcome, Tally, keepable, savings
from penstock.gateway.stages.dispatch.delivery import Delivery, Ending
from penstock.gateway.stages.dispatch.executor import Run
from penstock.gateway.stages.settle import settle
from penstock.providers.replay import Assembler, for_caller, stream_of
from penstock.providers.types import Answer
from penstock.wire.answers import CachedAnswer
from penstock.wire.routing import CachePolicy

__all__ = ["Ahead", "Reuser"]

CACHE_CONTROL = "cache-control"
OUTCOME_HEADER = b"x-penstock-cache"

Dispatch = Callable[[Run, Node, Delivery], Coroutine[Any, Any, Ending]]


class _Place(NamedTuple):
    reuse: Reuse
    node: Node
    """What serves the call, once the choices that need no attempt are made."""
    key: str
    policy: CachePolicy


class Ahead(NamedTuple):
    """A look for a kept answer that has begun."""

    run: Run
    node: Node
    place: _Place
    answer: asyncio.Task[CachedAnswer | None]


class Reuser:
    """Gives answers again on routes that have a cache; any other call goes straight on.

    Args:
        dispatch: Has a node answer.
        cache: Keeps answers.
        random: Where the choices of a strategy come from.
        clock: Age of answers.
    """

    def __init__(self, dispatch: Dispatch, cache: AnswerCache, *, random: Random, clock: Clock) -> None:
        self._dispatch = dispatch
        self.cache = cache
        self._random = random
        self._clock = clock
        self._flights = Flights()
        self.tally = Tally()

    def look_ahead(self, run: Run, node: Node) -> "Ahead | None":
        """Begin to look for a kept answer while limits are asked: where both are in Redis one wait serves both.

        None where nothing is gained by it. What limits refuse has then been looked for in vain.
        """
        if not self.cache.distant:
            return None
        place = self._place(run, node)
        if place is None or not place.reuse.read:
            return None
        # Not in the worker's group of tasks: what fails here is this call's affair, which waits for it.
        look = asyncio.get_running_loop().create_task(self.cache.get(place.key))
        return Ahead(run, node, place, look)

    async def run(self, run: Run, node: Node, ahead: "Ahead | None" = None) -> Ending:
        """The answer to a call, made or given again.

        Args:
            run: The call.
            node: What serves it.
            ahead: What `look_ahead` began; of no use where limits have changed how the call is served.

        Raises:
            PenstockError: nothing answered.
        """
        call = run.call
        if ahead is not None and (ahead.run is not run or ahead.node is not node):
            ahead = None
        place = self._place(run, node) if ahead is None else ahead.place
        if place is None:
            return await self._dispatch(run, node, call.responder)
        reuse, node, key, policy = place
        if reuse.read:
            kept = self._kept(call, reuse, await (self.cache.get(key) if ahead is None else ahead.answer))
            if kept is not None:
                return kept
        if reuse.only_if_cached:
            raise NotCached(
                "only-if-cached: this call has not been answered before, or too long ago.",
                hint="Leave the directive out to have it answered.",
            )
        call.cache = "miss"
        if reuse.read and reuse.write:
            return await self._fly(run, node, key, policy)
        self._count(call, "miss")
        if not reuse.write:
            return await self._dispatch(run, node, call.responder)
        published = _Published(call, run.inbound.stream, None)
        ending = await self._dispatch(run, node, published)
        self._keep(call, key, ending, published.whole(ending), policy)
        return ending

    def _place(self, run: Run, node: Node) -> "_Place | None":
        """Where the answer to a call is kept; None for one that goes straight on."""
        call, route = run.call, run.plan.route
        policy = None if route is None else route.cache
        if policy is None and call.request.headers.get(b"cache-control") is None:
            return None
        owner = _owner(call, policy)
        reuse = reuse_of(run.inbound, policy, call.request.header(CACHE_CONTROL), owner=owner)
        if route is None or policy is None or not (reuse.read or reuse.write or reuse.only_if_cached):
            return None
        node = settled(node, call.known, self._random)
        digest = fingerprint(
            run.inbound,
            project=_project(call),
            serves=served_by_route(
                route.name, route.version, variants=[*(leaf.name for leaf in leaves_of(node)), str(run.parameters)]
            ),
            scope=policy.scope,
            owner=owner,
        )
        project = call.catalog.snapshot.projects.get(_project(call))
        key = cache_key(_project(call), digest, generation=0 if project is None else project.cache_generation)
        return _Place(reuse, node, key, policy)

    def _kept(self, call: Call, reuse: Reuse, answer: CachedAnswer | None) -> Ending | None:
        now = self._clock.now()
        if answer is None or not is_fresh(answer, reuse, now=now):
            return None
        try:
            ending = self._again(call, answer)
        except CorruptData:
            return None
        self._count(call, "hit", answer)
        call.responder.add_headers([(b"age", b"%d" % age_of(answer, now=now))])
        return ending

    async def _fly(self, run: Run, node: Node, key: str, policy: CachePolicy) -> Ending:
        """Lead a flight, or join one."""
        call = run.call
        error: PenstockError | None = None
        for _ in range(JOINS):
            seat = self._flights.join(key, same_bytes(run.inbound))
            if isinstance(seat, Lead):
                with seat:
                    return await self._lead(run, node, seat, key, policy)
            with seat:
                try:
                    return await self._follow(call, seat)
                except FlightLost as lost:
                    if lost.error is None:
                        # Its answer cannot be shared: nothing failed, and another flight would end the same way.
                        return await self._dispatch(run, node, call.responder)
                    error = lost.error
                except CorruptData:
                    return await self._dispatch(run, node, call.responder)
        assert error is not None  # noqa: S101 - every way through the loop without an answer sets it
        raise error

    async def _lead(self, run: Run, node: Node, lead: Lead, key: str, policy: CachePolicy) -> Ending:
        call = run.call
        self._count(call, "miss")
        call.request.on_disconnect = lambda: None if lead.leave(call.leave) else call.leave()
        published = _Published(call, run.inbound.stream, lead)
        ending = await self._dispatch(run, node, published)
        body = published.whole(ending)
        lead.finish(self._keep(call, key, ending, body, policy), tail=ending.body if ending.stream else b"")
        return ending

    async def _follow(self, call: Call, seat: Follower) -> Ending:
        if not seat.live or not (call.inbound is not None and call.inbound.stream):
            answer = await seat.wait()
            self._count(call, "joined", answer)
            return self._again(call, answer)
        joined = False
        async for chunk in seat.stream():
            if not joined:
                joined = True
                self._tell(call, "joined")
                call.responder.claim()
            await call.responder.write(chunk)
        answer = seat.answer
        if not joined:
            self._tell(call, "joined")
        self.tally.count("joined", answer)
        if answer is not None:
            self._credit(call, answer)
        return Ending(stream=True, body=seat.tail)

    def _again(self, call: Call, answer: CachedAnswer) -> Ending:
        """A kept answer in the form that this caller asked for.

        Raises:
            CorruptData: it cannot be read.
        """
        inbound = call.inbound
        assert inbound is not None  # noqa: S101 - a call that is dispatched was read
        body = for_caller(inbound, answer.body)
        if inbound.stream:
            body = b"".join(stream_of(inbound.operation, body, include_usage=inbound.wants_usage))
        self._credit(call, answer)
        return Ending(stream=inbound.stream, body=body, content_type=answer.content_type)

    def _credit(self, call: Call, answer: CachedAnswer) -> None:
        call.saved = savings(answer).saved
        call.given = Given(
            answer=Answer(
                served_model=answer.served_model,
                response_id=answer.response_id,
                finish_reasons=list(answer.finish_reasons),
                output=answer.output,
            ),
            provider=answer.provider,
            model=answer.model,
            variant=answer.variant,
        )

    def _keep(
        self, call: Call, key: str, ending: Ending, body: bytes | None, policy: CachePolicy
    ) -> CachedAnswer | None:
        """Put an answer into the cache where it belongs there; the answer in any case, for who flies along."""
        attempt = ending.attempt
        if attempt is None or body is None:
            return None
        settle(call)
        answer = attempt.answer
        kept = CachedAnswer(
            operation=call.operation,
            body=body,
            content_type="application/json" if ending.stream else ending.content_type,
            created=self._clock.now(),
            provider=attempt.target.provider.name,
            model=attempt.target.model,
            variant=attempt.variant,
            served_model=answer.served_model,
            response_id=answer.response_id,
            finish_reasons=tuple(answer.finish_reasons),
            usage=attempt.usage,
            usage_raw=answer.usage_raw,
            cost=attempt.cost,
            price_version=attempt.price_version,
            output=answer.output,
        )
        if keepable(call.operation, answer, body):
            self.cache.put(key, kept, ttl=policy.ttl)
        return kept

    def _count(self, call: Call, outcome: Outcome, answer: CachedAnswer | None = None) -> None:
        self.tally.count(outcome, answer)
        self._tell(call, outcome)

    def _tell(self, call: Call, outcome: Outcome) -> None:
        call.cache = outcome
        call.responder.add_headers([(OUTCOME_HEADER, outcome.encode())])


class _Published:
    """The caller, with everybody who flies along; puts a stream together as it goes by."""

    def __init__(self, call: Call, stream: bool, lead: Lead | None) -> None:
        self._responder: Responder = call.responder
        self._lead = lead
        self._call = call
        self._assembler = Assembler(call.operation) if stream else None

    @property
    def given(self) -> bool:
        return self._responder.given

    def claim(self) -> bool:
        return self._responder.claim()

    async def write(self, data: bytes) -> None:
        if self._lead is not None:
            self._lead.publish(data)
        if self._assembler is not None:
            self._assembler.feed(data)
        await self._responder.write(data)

    def whole(self, ending: Ending) -> bytes | None:
        """The whole answer; None when it is not known as one."""
        if self._assembler is None:
            return ending.body
        self._assembler.feed(ending.body)
        usage = ending.attempt.answer.usage if ending.attempt is not None else None
        return self._assembler.result(usage)


def _owner(call: Call, policy: CachePolicy | None) -> str | None:
    if policy is None or call.key is None:
        return None
    if policy.scope == "user":
        return call.context.user or (call.inbound.user if call.inbound is not None else None)
    return call.key.id


def _project(call: Call) -> str:
    assert call.key is not None  # noqa: S101 - a call that is dispatched has a key
    return call.key.project
