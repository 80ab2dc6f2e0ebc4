"""What a caller is told of its limits: the vendors' headers, and the error of a refused call."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal
from urllib.parse import quote

from penstock.core.clock import to_datetime
from penstock.core.errors import RateLimited
from penstock.core.money import format_dollars
from penstock.wire.limits import Claim, Grant, Measure

__all__ = ["BUDGET_WARNING", "limit_headers", "refusal"]

BUDGET_WARNING = b"x-penstock-budget-warning"
Header = tuple[bytes, bytes]

REPORTED: tuple[Measure, ...] = ("requests", "tokens")


def limit_headers(grant: Grant, dialect: Literal["openai", "anthropic"], *, now: int) -> list[Header]:
    """Headers of an answer, granted or refused.

    Of each measure the limit with the least room is shown, in the form the caller's vendor uses: OpenAI's
    `x-ratelimit-remaining-requests` with durations like `6m0s`, Anthropic's
    `anthropic-ratelimit-requests-remaining` with times of RFC 3339. A budget over its soft limit is named in
    `x-penstock-budget-warning`.

    Args:
        grant: Of the call.
        dialect: The caller's.
        now: Microseconds since the epoch.
    """
    headers: list[Header] = []
    for measure in REPORTED:
        index = _tightest(grant, measure)
        if index is None:
            continue
        limit, left = str(grant.claims[index].hard), str(grant.remaining[index])
        if dialect == "anthropic":
            name, reset = f"anthropic-ratelimit-{measure}-%s", _rfc3339(now, grant.reset[index])
        else:
            name, reset = f"x-ratelimit-%s-{measure}", _duration(grant.reset[index])
        for what, value in (("limit", limit), ("remaining", left), ("reset", reset)):
            headers.append(((name % what).encode(), value.encode()))
    if grant.soft:
        headers.append((BUDGET_WARNING, _names(grant.claims[index].limit for index in grant.soft)))
    return headers


def refusal(grant: Grant) -> RateLimited:
    """The error of a refused grant: `rate_limited`, `parallel_limited` or `budget_exceeded`.

    Raises:
        ValueError: nothing was refused.
    """
    if grant.refused is None:
        raise ValueError("the grant refused nothing")
    claim = grant.claims[grant.refused]
    code, bound = _bound(claim)
    back = f"Try again in {_duration(max(1, -int(-grant.retry_after // 1)))}."
    need = claim.amount
    if claim.hard is not None and need > claim.hard:
        needed = format_dollars(need) if claim.measure == "money" else f"{need:,} {claim.measure}"
        message = f"The call may need {needed}, and the limit {claim.limit!r} allows {bound}."
        back = "Ask for fewer output tokens or send less, or have the limit raised."
    elif claim.measure == "money":
        left = grant.remaining[grant.refused] if grant.remaining else None
        message = (
            f"The budget {claim.limit!r} of {bound} has {format_dollars(left or 0)} left, "
            f"and the call may cost {format_dollars(need)}."
        )
    else:
        message = f"The limit {claim.limit!r} of {bound} is reached."
    return RateLimited(message, limit=claim.limit, retry_after=grant.retry_after, hint=back, code=code)


def _bound(claim: Claim) -> tuple[str, str]:
    hard = claim.hard or 0
    if claim.measure == "parallel":
        code = "parallel_limited"
        return code, f"{hard:,} parallel call{'' if hard == 1 else 's'}"
    if claim.measure == "money":
        code = "budget_exceeded"
        return code, f"{format_dollars(hard)} per {claim.window}"
    code = "rate_limited"
    return code, f"{hard:,} {claim.measure} per {claim.window}"


def _tightest(grant: Grant, measure: Measure) -> int | None:
    tightest, least = None, 0
    for index, left in enumerate(grant.remaining):
        if left is not None and grant.claims[index].measure == measure and (tightest is None or left < least):
            tightest, least = index, left
    return tightest


def _names(names: Iterable[str]) -> bytes:
    # Each once, in order; whatever does not belong in a header is URL-encoded.
    return ", ".join(quote(name, safe=" !#$&'()*+/:;=?@[]") for name in dict.fromkeys(names)).encode()


def _duration(seconds: float) -> str:
    """As Go prints a duration, which is OpenAI's form: `0s`, `250ms`, `1.5s`, `6m0s`, `24h0m0s`."""
    milliseconds = -int(-seconds * 1000 // 1)
    if 0 < milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    text = f"{rest / 1000:g}s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}"
    return text


def _rfc3339(now: int, seconds: float) -> str:
    return (to_datetime(now) + timedelta(seconds=-int(-seconds // 1))).strftime("%Y-%m-%dT%H:%M:%SZ")
