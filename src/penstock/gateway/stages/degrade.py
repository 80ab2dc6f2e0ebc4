"""What becomes of a call that limits or budgets would not let through as it is."""

import msgspec

from penstock.gateway.call import Given
from penstock.gateway.plan import Node, leaves_of
from penstock.gateway.stages.admit import Admission
from penstock.gateway.stages.dispatch.delivery import Ending
from penstock.gateway.stages.dispatch.executor import Run
from penstock.providers.canned import canned_reply
from penstock.wire.limits import Grant
from penstock.wire.routing import Degradation, OnBudget, Parameters

__all__ = ["degraded"]

DEFAULT = OnBudget()
TEXTS = frozenset({"chat", "responses", "messages"})
"""Operations that a text answers; others are refused, or served, as if the route had none."""


async def degraded(run: Run, admission: Admission, *, created: int) -> "tuple[Run, Node] | Ending":
    """Borrow for a call, and say how it is served: as it is, in the way its route has for a spent budget, or not.

    Args:
        run: The call.
        admission: Lends.
        created: Seconds since the epoch, for a text of the route's own.

    Raises:
        RateLimited: refused, and the route has no other way.
        Unavailable: `limits_unavailable`.
    """
    call, plan = run.call, run.plan
    policy = plan.route.on_budget if plan.route is not None else DEFAULT
    grant = await admission.admit(call)
    if grant is None:
        return run, plan.root
    if grant.refused is not None:
        if grant.claims[grant.refused].measure != "money":
            admission.headers(call, grant)
            raise admission.refusal(grant)
        return await _over(run, admission, grant, policy.hard, created=created)
    admission.headers(call, grant)
    if grant.soft:
        return _near(run, policy.soft, plan.soft, created=created)
    return run, plan.root


async def _over(
    run: Run, admission: Admission, refused: Grant, way: Degradation, *, created: int
) -> "tuple[Run, Node] | Ending":
    """A hard budget refuses the call."""
    call, plan = run.call, run.plan
    if way.answer is not None and call.operation in TEXTS:
        admission.headers(call, refused)
        call.degraded = "hard"
        return _text(run, way.answer, created=created)
    if way.use is None and way.max_output_tokens is None:
        admission.headers(call, refused)
        raise admission.refusal(refused)
    node = plan.hard if plan.hard is not None else plan.root
    # What was refused as too much is counted and not refused again: the route wants the call served.
    grant = await admission.admit_uncounted(call, leaves_of(node))
    if grant is not None:
        admission.headers(call, grant)
        if grant.refused is not None:
            raise admission.refusal(grant)
    call.degraded = "hard"
    return _shorter(run, way), node


def _near(run: Run, way: Degradation, node: Node | None, *, created: int) -> "tuple[Run, Node] | Ending":
    """A soft budget is over; the call is lent for all the same."""
    if way == DEFAULT.soft or (way.answer is not None and run.call.operation not in TEXTS):
        return run, run.plan.root
    run.call.degraded = "soft"
    if way.answer is not None:
        return _text(run, way.answer, created=created)
    return _shorter(run, way), node if node is not None else run.plan.root


def _shorter(run: Run, way: Degradation) -> Run:
    if way.max_output_tokens is None:
        return run
    return msgspec.structs.replace(run, parameters=Parameters(max_output_tokens=way.max_output_tokens))


def _text(run: Run, text: str, *, created: int) -> Ending:
    reply = canned_reply(run.inbound, text, answer_id=run.call.span_id, created=created)
    run.call.given = Given(answer=reply.answer)
    return Ending(stream=run.inbound.stream, body=reply.body, content_type=reply.content_type)
