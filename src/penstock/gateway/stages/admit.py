"""Limits and budgets: borrowed before a call is sent, given back with the true amounts (FAILURES G3, G4)."""

from collections.abc import Sequence

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import RateLimited
from penstock.gateway.call import Call
from penstock.gateway.catalog import Catalog
from penstock.gateway.limits.claims import hash_user
from penstock.gateway.limits.headers import limit_headers, refusal
from penstock.gateway.limits.ports import Counters
from penstock.gateway.plan import Leaf
from penstock.gateway.stages.settle import may_cost
from penstock.providers.parameters import asked_output_tokens
from penstock.providers.types import InboundCall, Target
from penstock.wire.limits import Claim, Grant
from penstock.wire.usage import Usage

__all__ = ["Admission"]

SLACK_SECONDS = 60.0
"""A lease outlives the longest attempt by this."""
OVERHEAD_TOKENS = 16
"""What providers add to a prompt for its form."""
SPENDABLE = frozenset({"tokens", "money"})


class Admission:
    """Borrows for calls and gives back.

    The estimate is conservative: the prompt as counted, and the longest answer that was asked for, at the
    price of the dearest variant that may serve the call.
    """

    def __init__(self, counters: Counters, *, clock: Clock) -> None:
        self._counters = counters
        self._clock = clock

    async def admit(self, call: Call) -> Grant | None:
        """Borrow what a call may need; None when nothing limits it. A grant may be a refusal.

        Raises:
            Unavailable: `limits_unavailable`.
        """
        claims = self._claims(call, call.plan.leaves if call.plan is not None else ())
        return await self._borrow(call, claims)

    async def admit_uncounted(self, call: Call, leaves: Sequence[Leaf]) -> Grant | None:
        """As `admit`, for what was refused already and is served in another way all the same.

        What it costs counts, and no budget refuses it.

        Raises:
            Unavailable: `limits_unavailable`.
        """
        claims = self._claims(call, leaves)
        return await self._borrow(call, tuple(_unbounded(claim) for claim in claims))

    async def admit_copy(self, call: Call, leaves: Sequence[Leaf]) -> bool:
        """Borrow tokens and money for a copy that nobody waits for. A copy is no request of its caller's."""
        claims = tuple(claim for claim in self._claims(call, leaves) if claim.measure in SPENDABLE)
        grant = await self._borrow(call, claims)
        return grant is None or grant.refused is None

    async def more(self, call: Call) -> bool:
        """Borrow once more what one attempt may need, before a further one. False: there is no room for it.

        What was borrowed for an attempt that was refused, or never arrived, serves the next one.
        """
        grant = call.grant
        if grant is None or not grant.counted:
            return True
        if sum(map(may_cost, call.attempts)) < call.lent:
            return True
        further = tuple(claim for claim in grant.claims if claim.measure in SPENDABLE)
        if not further:
            return True
        if (await self._counters.extend(call.span_id, further)).refused is not None:
            return False
        call.lent += 1
        return True

    def give_back(self, call: Call) -> None:
        """Return what was borrowed, with what the call's attempts used. Once; later calls do nothing."""
        grant, call.grant = call.grant, None
        if grant is None or grant.refused is not None:
            return
        tokens = sum(attempt.usage.total for attempt in call.attempts if attempt.usage is not None)
        money = sum(attempt.cost or 0 for attempt in call.attempts)
        self._counters.give_back(
            call.span_id, [money if claim.measure == "money" else tokens for claim in grant.claims]
        )

    async def _borrow(self, call: Call, claims: tuple[Claim, ...]) -> Grant | None:
        if not claims:
            return None
        lease = _longest(call) + SLACK_SECONDS
        grant = await self._counters.borrow(call.span_id, claims, lease=lease, at=call.started)
        if grant.refused is None:
            call.grant = grant
            call.lent = 1
        return grant

    def headers(self, call: Call, grant: Grant) -> None:
        """Tell the caller, in its vendor's form, what is left."""
        call.responder.add_headers(limit_headers(grant, call.dialect, now=self._clock.now()))

    def refusal(self, grant: Grant) -> RateLimited:
        return refusal(grant)

    def _claims(self, call: Call, leaves: Sequence[Leaf]) -> tuple[Claim, ...]:
        catalog, key, inbound = call.catalog, call.key, call.inbound
        limiter = catalog.limiter
        if limiter is None or key is None or inbound is None:
            return ()
        user = call.context.user or inbound.user
        tokens, money = _estimate(call, inbound, leaves)
        return limiter.claims(
            key.project,
            key.id,
            user=hash_user(user, catalog.salt) if user else None,
            tags=call.context.tags,
            tokens=tokens,
            money=money,
        )


def _estimate(call: Call, inbound: InboundCall, leaves: Sequence[Leaf]) -> tuple[int, int]:
    """Tokens and nano-dollars that one attempt may take at most, near enough."""
    if call.operation == "count_tokens":
        return 0, 0
    # Half as much again: the count is an estimate, and what is not used is given back in a moment.
    given = call.known().tokens() * 3 // 2 + OVERHEAD_TOKENS
    made = 0
    if call.operation != "embeddings":
        made = asked_output_tokens(inbound) or call.catalog.snapshot.gateway.estimate_output_tokens
    usage = Usage(input=given, output=made, estimated=True)
    dearest = max(
        (_price(call.catalog, spot.target, usage, call.started) for leaf in leaves for spot in leaf.spots), default=0
    )
    return given + made, dearest


def _price(catalog: Catalog, target: Target, usage: Usage, at: int) -> int:
    """Nano-dollars; 0 where no price is known, which no budget can count."""
    return catalog.pricing.price(target.provider, target.model, usage, at).cost or 0


def _longest(call: Call) -> float:
    targets = call.plan.targets if call.plan is not None else ()
    return max((target.provider.timeouts.total for target in targets), default=0.0)


def _unbounded(claim: Claim) -> Claim:
    return msgspec.structs.replace(claim, hard=None) if claim.measure == "money" else claim
