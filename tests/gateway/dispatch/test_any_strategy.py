"""Strategies of any shape over providers that fail in any way: one outcome, and books that balance."""

import asyncio
from collections.abc import Callable
from random import Random

import pytest

from dispatch_harness import ask, budget, either, eventually, healthy, reports, route, serve, spent, use
from gateway_harness import Gateway, Provider, Script, delta, event
from penstock.wire.routing import (
    CachePolicy,
    Cascade,
    Choice,
    Cohort,
    Conditional,
    Fallback,
    Hedge,
    JudgeCheck,
    RegexCheck,
    Retries,
    Rule,
    Shadow,
    Sticky,
    Strategy,
    Weighted,
)

SEEDS = range(24)
CALLS = 8


def any_strategy(random: Random, depth: int) -> Strategy:
    """A tree of at most `depth` levels above its leaves."""
    if depth == 0 or random.random() < 0.2:
        return use(random.choice("ab"))

    def part() -> Strategy:
        return any_strategy(random, depth - 1)

    def split() -> tuple[Choice, ...]:
        return tuple(Choice(weight=random.random() + 0.1, use=part()) for _ in range(random.randint(1, 3)))

    def checked() -> Cascade:
        check = random.choice([RegexCheck(pattern="first"), JudgeCheck(route="p/m"), JudgeCheck(route="q/m")])
        return Cascade(steps=tuple(part() for _ in range(random.randint(2, 3))), checks=(check,))

    rule = Rule(when=random.choice(["stream", "true", "false"]), use=part())
    makers: list[Callable[[], Strategy]] = [
        lambda: Weighted(choices=split()),
        lambda: Cohort(by="user", choices=split()),
        lambda: Sticky(by="user", choices=split()),
        lambda: Conditional(rules=(rule,), otherwise=part()),
        lambda: Shadow(use=part(), to=part(), sample=random.choice([0.5, 1.0])),
        lambda: Hedge(use=part(), backup=part(), after=0.001, at_least=0.001),
        lambda: Fallback(of=tuple(part() for _ in range(random.randint(1, 3)))),
        checked,
    ]
    return random.choice(makers)()


def unreliable(provider: Provider, text: str, random: Random) -> Script:
    """Answers half of the time, and fails in some way else."""
    healthy(provider, text)
    right = provider.script
    failing = event({"error": {"message": "x", "type": "server_error"}})
    wrong = [
        provider.json({}, "500 Internal Server Error"),
        provider.json({}, "429 Too Many Requests"),
        provider.json({"error": {"message": "x", "type": "x", "code": "bad"}}, "400 Bad Request"),
        provider.json({}, "401 Unauthorized"),
        provider.raw(b"<html>", **{"content-type": "text/html"}),
        either(provider, provider.raw(b'{"id":', **{"content-type": "application/json"}), provider.stream(failing)),
        either(provider, right, provider.stream(delta("cut"), end="cut")),
        either(provider, right, provider.stream(delta("fail"), failing)),
    ]

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        chosen = right if random.random() < 0.5 else random.choice(wrong)
        await chosen(reader, writer)

    return script


@pytest.mark.parametrize("cached", [False, True], ids=["plain", "cached"])
@pytest.mark.parametrize("seed", SEEDS)
async def test_every_call_has_one_outcome_and_the_books_balance(
    gateway: Gateway, provider: Provider, second: Provider, seed: int, *, cached: bool
) -> None:
    """FAILURES G5, G6, G14, G15."""
    random = Random(seed)
    strategy = any_strategy(random, 3)
    provider.script = unreliable(provider, "first", random)
    second.script = unreliable(second, "second", random)
    serve(
        gateway,
        route(
            strategy,
            retries=Retries(attempts=random.randrange(3), base=0.001, cap=0.01),
            cache=CachePolicy(ttl=60) if cached else None,
        ),
        limits=(budget(10**9),),
    )
    asking = [
        asyncio.create_task(ask(gateway, stream=number % 2 == 0, user=f"u{number % 3}")) for number in range(CALLS)
    ]
    leaving = asking[random.randrange(CALLS)]
    if random.random() < 0.5:
        await provider_or(provider, second)
        leaving.cancel()
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    await eventually(lambda: len([span for span in gateway.journal.spans if span.call]) >= CALLS - 1)
    await eventually(lambda: not gateway.shadows.under_way and not gateway.counters.out)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            assert isinstance(outcome, asyncio.CancelledError)
            continue
        status, text = outcome
        body, _, code = text.partition("!")
        # Whole and of one answer only; or cut, with an error at its end; or an error alone.
        assert body in (("", "cut", "fail") if code else ("first", "second"))
        assert (status == 200) == bool(body)
    assert await spent(gateway) == sum(span.cost or 0 for span in gateway.journal.spans)
    assert len({span.span_id for span in gateway.journal.spans}) == len(gateway.journal.spans)
    assert not any(report.in_flight for report in reports(gateway))


async def provider_or(*providers: Provider) -> None:
    """Wait until one of them was asked."""
    waiting = [asyncio.create_task(provider.asked.wait()) for provider in providers]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
