"""What a caller is told of its limits."""

import pytest

from penstock.gateway.limits.headers import limit_headers, refusal
from penstock.wire.limits import Claim, Grant, Measure, Window

NOW = 1_700_000_000_000_000
DOLLAR = 1_000_000_000


def claim(measure: Measure, window: Window, amount: int = 1, hard: int | None = 100, limit: str = "team") -> Claim:
    return Claim(f"{limit}/project:p/{measure}/{window}", measure, window, amount, hard, None, limit)


REQUESTS = [
    claim("requests", "minute", hard=100),
    claim("requests", "second", hard=5),
    claim("requests", "day", hard=None),
]
TOKENS = claim("tokens", "minute", 10, 2000)
GRANT = Grant(
    claims=(*REQUESTS, TOKENS, claim("money", "day")),
    remaining=(80, 4, None, 1500, 7),
    reset=(90.0, 1.2001, 50.0, 360.0, 9.0),
)


def test_openai_callers_see_the_tightest_limit_of_each_measure() -> None:
    assert dict(limit_headers(GRANT, "openai", now=NOW)) == {
        b"x-ratelimit-limit-requests": b"5",
        b"x-ratelimit-remaining-requests": b"4",
        b"x-ratelimit-reset-requests": b"1.201s",
        b"x-ratelimit-limit-tokens": b"2000",
        b"x-ratelimit-remaining-tokens": b"1500",
        b"x-ratelimit-reset-tokens": b"6m0s",
    }


def test_anthropic_callers_see_them_in_their_form() -> None:
    assert dict(limit_headers(GRANT, "anthropic", now=NOW)) == {
        b"anthropic-ratelimit-requests-limit": b"5",
        b"anthropic-ratelimit-requests-remaining": b"4",
        b"anthropic-ratelimit-requests-reset": b"2023-11-14T22:13:22Z",
        b"anthropic-ratelimit-tokens-limit": b"2000",
        b"anthropic-ratelimit-tokens-remaining": b"1500",
        b"anthropic-ratelimit-tokens-reset": b"2023-11-14T22:19:20Z",
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, b"0s"),
        (0.0001, b"1ms"),
        (0.25, b"250ms"),
        (0.9999, b"1s"),
        (59.9999, b"1m0s"),
        (61.5, b"1m1.5s"),
        (86_400, b"24h0m0s"),
        (90_061, b"25h1m1s"),
    ],
)
def test_durations_are_printed_as_openai_prints_them(seconds: float, text: bytes) -> None:
    grant = Grant(claims=(TOKENS,), remaining=(0,), reset=(seconds,))
    assert limit_headers(grant, "openai", now=NOW)[2] == (b"x-ratelimit-reset-tokens", text)


def test_a_call_without_limits_gets_no_headers() -> None:
    assert limit_headers(Grant(claims=()), "openai", now=NOW) == []
    assert limit_headers(Grant(claims=(TOKENS,), counted=False), "openai", now=NOW) == []


def test_budgets_over_their_soft_limit_are_named_once_and_safely() -> None:
    claims = tuple(claim("money", "day", limit=limit) for limit in ("team a", "team a", "café\r\nx: y"))
    grant = Grant(claims=claims, remaining=(None,) * 3, reset=(0.0,) * 3, soft=(0, 1, 2))
    assert limit_headers(grant, "openai", now=NOW) == [(b"x-penstock-budget-warning", b"team a, caf%C3%A9%0D%0Ax: y")]


def refused(one: Claim, *, left: int = 0, after: float = 30.2) -> Grant:
    return Grant(claims=(TOKENS, one), remaining=(5, left), reset=(1.0, 1.0), refused=1, retry_after=after)


@pytest.mark.parametrize(
    ("one", "code", "message", "hint"),
    [
        (
            claim("requests", "minute", hard=1200),
            "rate_limited",
            "The limit 'team' of 1,200 requests per minute is reached.",
            "Try again in 31s.",
        ),
        (
            claim("parallel", "now", hard=1),
            "parallel_limited",
            "The limit 'team' of 1 parallel call is reached.",
            "Try again in 31s.",
        ),
        (
            claim("money", "month", DOLLAR, 500 * DOLLAR),
            "budget_exceeded",
            "The budget 'team' of $500.00 per month has $0.500000 left, and the call may cost $1.00.",
            "Try again in 31s.",
        ),
        (
            claim("tokens", "minute", 5000, 2000),
            "rate_limited",
            "The call may need 5,000 tokens, and the limit 'team' allows 2,000 tokens per minute.",
            "Ask for fewer output tokens or send less, or have the limit raised.",
        ),
        (
            claim("money", "hour", 2 * DOLLAR, DOLLAR),
            "budget_exceeded",
            "The call may need $2.00, and the limit 'team' allows $1.00 per hour.",
            "Ask for fewer output tokens or send less, or have the limit raised.",
        ),
    ],
)
def test_a_refusal_says_which_limit_how_much_and_when_to_come_back(
    one: Claim, code: str, message: str, hint: str
) -> None:
    error = refusal(refused(one, left=DOLLAR // 2))
    assert (error.status, error.code, error.limit, error.retry_after) == (429, code, "team", 30.2)
    assert (error.message, error.hint) == (message, hint)


def test_a_grant_that_refused_nothing_is_no_error() -> None:
    with pytest.raises(ValueError, match="refused nothing"):
        refusal(GRANT)
