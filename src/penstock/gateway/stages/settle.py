"""Provider usage → disjoint buckets → cost, attempt by attempt."""

from penstock.gateway.call import Attempt, Call
from penstock.providers.estimate import estimate_usage

__all__ = ["may_cost", "settle"]

UNBILLED = frozenset({"count_tokens"})


def settle(call: Call) -> None:
    """Price every attempt.

    A provider bills an attempt that it accepted, whether or not its answer arrived whole. Where it
    reported no usage, what was received is counted and marked estimated (FAILURES G1, G6). An
    attempt that was refused or never arrived costs nothing.
    """
    for attempt in call.attempts:
        _settle(call, attempt)


def may_cost(attempt: Attempt) -> bool:
    """Whether a provider bills an attempt, or may do so once it has ended. Asked before `settle`."""
    return attempt.answered or attempt.status == "ok" or _abandoned(attempt)


def _settle(call: Call, attempt: Attempt) -> None:
    usage = attempt.answer.usage
    if usage is None:
        if not attempt.answered and not _abandoned(attempt):
            return
        if attempt.inbound.operation in UNBILLED:
            return
        usage = estimate_usage(attempt.inbound, attempt.answer)
    attempt.usage = usage
    provider = attempt.target.provider
    served = attempt.answer.served_model
    pricing = call.catalog.pricing
    price = pricing.price(provider, attempt.target.model, usage, attempt.started)
    if price.cost is None and served and served != attempt.target.model:
        price = pricing.price(provider, served, usage, attempt.started)
    attempt.cost = price.cost
    attempt.price_version = price.version


def _abandoned(attempt: Attempt) -> bool:
    """Sent, and then given up without an answer: the provider goes on and bills at least the prompt."""
    return (
        attempt.sent
        and (
            attempt.status == "interrupted"
            or (attempt.error is not None and attempt.error.code.startswith("upstream_timeout_"))
        )
        and (attempt.error is None or attempt.error.code != "upstream_timeout_connect")
    )
