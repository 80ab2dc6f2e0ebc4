"""Walks a plan until something answers: choices, fallback, retries (FAILURES G15, G16)."""

import asyncio
from random import Random

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import UpstreamError
from penstock.core.ids import Ids
from penstock.gateway.call import Attempt, Call, Role
from penstock.gateway.plan import (
    Leaf,
    Node,
    Ordered,
    Plan,
    Race,
    Spot,
    Steps,
    WithCopy,
    in_service,
    leaves_of,
    settled,
)
from penstock.gateway.ports import Journal
from penstock.gateway.prompts import prompted
from penstock.gateway.routing.balance import pick
from penstock.gateway.routing.registry import Health
from penstock.gateway.routing.retries import RetryBudget, next_wait
from penstock.gateway.routing.verdicts import describe, judge
from penstock.gateway.stages.admit import Admission
from penstock.gateway.stages.dispatch.attempt import Attempts
from penstock.gateway.stages.dispatch.cascade import Cascades
from penstock.gateway.stages.dispatch.delivery import Delivery, Ending
from penstock.gateway.stages.dispatch.hedge import race
from penstock.gateway.stages.dispatch.shadow import Shadows
from penstock.providers.parameters import with_parameters
from penstock.providers.types import InboundCall, Target
from penstock.wire.routing import Parameters

__all__ = ["Executor", "Run"]

NO_PARAMETERS = Parameters()


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One question on its way through a plan. A judge's question is a run of its own within the same call."""

    call: Call
    plan: Plan
    inbound: InboundCall
    role: Role = "serve"
    parameters: Parameters = NO_PARAMETERS
    """Over those of the variants: a shorter answer, once a budget is over."""
    spare: bool = False
    """Others that are in service come next: one that went out is not waited for."""


class Executor:
    """Runs plans.

    Args:
        attempts: Asks one target.
        admission: Asked before each attempt but the first: it costs, too.
        health: What is known of targets, keys and retries.
        journal: Keeps what copies gave.
        random: Where chance comes from.
        clock: Time of records.
        ids: Names attempts and copies.
    """

    def __init__(
        self,
        attempts: Attempts,
        admission: Admission,
        health: Health,
        journal: Journal,
        *,
        random: Random,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._attempts = attempts
        self._health = health
        self._admission = admission
        self._random = random
        self._clock = clock
        self._ids = ids
        self._now = asyncio.get_running_loop().time
        self._cascades = Cascades(self.run, admission)
        self.shadows = Shadows(self.run, admission, journal, random=random, clock=clock, ids=ids)

    async def run(self, run: Run, node: Node, delivery: Delivery) -> Ending:
        """Have a node answer.

        Raises:
            PenstockError: nothing answered; the last attempt's error. `run.call.attempts` tells of all.
        """
        node = settled(node, run.call.known, self._random)
        if isinstance(node, Leaf):
            return await self._leaf(run, node, delivery)
        if isinstance(node, Ordered):
            return await self._ordered(run, node, delivery)
        if isinstance(node, Steps):
            return await self._cascades.run(run, node, delivery)
        if isinstance(node, Race):
            return await self._race(run, node, delivery)
        assert isinstance(node, WithCopy)  # noqa: S101 - choices are settled, so nothing else is left
        self.shadows.start(run, node)
        return await self.run(run, node.use, delivery)

    async def _leaf(self, run: Run, leaf: Leaf, delivery: Delivery) -> Ending:
        """A variant: the better of two replicas, again where that can help."""
        if leaf.unusable is not None:
            error = leaf.unusable()
            raise error
        if not any(attempt.role == run.role for attempt in run.call.attempts):
            self._budget(run).called()
        tried = nth = 0
        while True:
            now = self._now()
            # With nothing in service the least bad one is asked: a breaker moves load, it refuses nobody.
            index = pick(leaf.health, now, self._random, tried=tried)
            if index is None:
                tried = 0
                continue
            try:
                return await self._ask(run, leaf, index, delivery)
            except UpstreamError as error:
                nth += 1
                now = self._now()
                tried |= 1 << index
                if delivery.given:
                    raise
                wait = self._wait(run, leaf, error, nth, out=not leaf.health[index].available(now))
                if wait is None:
                    raise
                if not await self._admission.more(run.call):
                    raise
            if wait:
                await asyncio.sleep(wait)

    def _wait(self, run: Run, leaf: Leaf, error: UpstreamError, nth: int, *, out: bool) -> float | None:
        """Seconds until this variant is asked for the n-th time again, or None when it is not.

        `out` says that the replica that was asked last went out of service.
        """
        retries, now = run.plan.retries, self._now()
        if nth < len(leaf.health):
            # A replica has not been asked yet: no need to wait, nor to spare it what the first one had coming.
            # One that is out comes last, and yet before giving up.
            return 0.0 if nth <= retries.attempts and judge(error).elsewhere else None
        if out and run.spare:
            return None
        return next_wait(retries, nth, error, budget=self._budget(run), random=self._random, now=now)

    def _budget(self, run: Run) -> RetryBudget:
        """Copies have one of their own: their failures must not use up the retries of calls."""
        name = f"{run.plan.name} (copies)" if run.role == "shadow" else run.plan.name
        return self._health.budget(name, run.plan.retries)

    async def _ask(self, run: Run, leaf: Leaf, index: int, delivery: Delivery) -> Ending:
        """One replica, with one of its provider's keys after another while the key is at fault."""
        spot = leaf.spots[index]
        ring = spot.ring
        if ring is None:
            return await self._try(run, leaf, spot.target, spot, delivery)
        tried = 0
        while True:
            began = self._now()
            chosen = ring.pick(began, self._random, tried=tried)
            tried |= 1 << chosen
            try:
                ending = await self._try(run, leaf, spot.targets[chosen], spot, delivery)
            except UpstreamError as error:
                now = self._now()
                if (
                    delivery.given
                    or not judge(error).key
                    or not ring.has_another(now, tried=tried)
                    or not await self._admission.more(run.call)
                ):
                    raise
            else:
                ring.succeeded(chosen, began=began)
                return ending

    async def _try(self, run: Run, leaf: Leaf, target: Target, spot: Spot, delivery: Delivery) -> Ending:
        inbound, health = run.inbound, spot.health
        if run.plan.prompted:
            inbound = prompted(leaf.prompt, inbound, target)
        if leaf.parameters != NO_PARAMETERS:
            inbound = with_parameters(inbound, leaf.parameters, target)
        if run.parameters is not NO_PARAMETERS:
            inbound = with_parameters(inbound, run.parameters, target)
        call = run.call
        attempt = Attempt(
            # The first attempt of a call has no span of its own as long as it stays the only one.
            span_id=self._ids.span_id() if call.attempts else "",
            target=target,
            variant=leaf.name,
            prompt=leaf.prompt,
            role=run.role,
            inbound=inbound,
            started=self._clock.now(),
        )
        call.attempts.append(attempt)
        ticket = health.begin(self._now())
        if inbound.stream:
            attempt.on_content = lambda: health.answering(ticket, self._now())
        try:
            ending = await self._attempts.run(call, attempt, inbound, delivery)
        except UpstreamError as error:
            now = self._now()
            if spot.ring is not None:
                spot.ring.failed(spot.targets.index(target), error, now)
            if spot.ring is not None and judge(error).key and spot.ring.has_another(now, tried=0):
                # The key is at fault, and others of the target work.
                health.failed(ticket, now, describe(error), counts=False)
            else:
                health.failed(ticket, now, describe(error), counts=judge(error).counts, retry_after=error.retry_after)
            raise
        except BaseException:
            health.abandoned(ticket)
            raise
        ttft = attempt.ttft if attempt.ttft is not None else attempt.duration
        health.succeeded(ticket, self._now(), ttft=ttft / 1_000_000)
        return ending

    async def _ordered(self, run: Run, node: Ordered, delivery: Delivery) -> Ending:
        """In order; those that are out of service come last."""
        now = self._now()
        children = node.of
        if not all(in_service(child, now) for child in children):
            children = tuple(sorted(children, key=lambda child: not in_service(child, now)))
        error: UpstreamError | None = None
        for place, child in enumerate(children, start=1):
            if error is not None and not await self._admission.more(run.call):
                raise error
            asked = run
            if not run.spare and place < len(children) and in_service(children[place], self._now()):
                asked = msgspec.structs.replace(run, spare=True)
            try:
                return await self.run(asked, child, delivery)
            except UpstreamError as failure:
                if delivery.given or not judge(failure).elsewhere:
                    raise
                error = failure
        assert error is not None  # noqa: S101 - there is at least one child
        raise error

    async def _race(self, run: Run, node: Race, delivery: Delivery) -> Ending:
        now = self._now()
        first, second = node.use, node.backup
        if not in_service(first, now) and in_service(second, now):
            first, second = second, first
        delay = node.after
        if delay is None:
            known = [one.p95 for one in leaves_of(first)[0].health]
            measured = [seconds for seconds in known if seconds is not None]
            delay = max(measured) if measured else None
        return await race(
            lambda lane: self.run(run, first, lane),
            lambda lane: self.run(run, second, lane),
            delivery,
            delay=None if delay is None else max(delay, node.at_least),
            may_start=lambda: self._admission.more(run.call),
        )
