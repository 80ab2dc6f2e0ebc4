"""A cache in another process is asked while limits are: one wait serves both."""

import asyncio
from typing import Any

import pytest

from dispatch_harness import ask, budget, healthy, route, serve, spent, use
from gateway_harness import Gateway, Provider
from penstock.core.clock import SystemClock
from penstock.core.errors import Unavailable
from penstock.store.answers.memory import MemoryAnswers
from penstock.wire.answers import CachedAnswer
from penstock.wire.routing import CachePolicy, Degradation, OnBudget

CACHE = CachePolicy(ttl=3600)


class Distant(MemoryAnswers):
    """Answers of another process, as far as the gateway can tell."""

    def __init__(self) -> None:
        super().__init__(budget=1_000_000, clock=SystemClock())
        self.asked: list[str] = []
        self.was_asked = asyncio.Event()

    @property
    def distant(self) -> bool:
        return True

    async def get(self, key: str) -> CachedAnswer | None:
        self.asked.append(key)
        self.was_asked.set()
        return await super().get(key)


@pytest.fixture(autouse=True)
def two_providers(provider: Provider, second: Provider) -> None:
    healthy(provider, "first")
    healthy(second, "second")


@pytest.fixture
async def cache(gateway: Gateway) -> Distant:
    gateway.reuser.cache = distant = Distant()
    return distant


async def test_the_cache_is_asked_before_the_limits_have_answered(
    gateway: Gateway, cache: Distant, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(gateway, route(use("a"), cache=CACHE), limits=(budget(10**9),))
    borrow = gateway.counters.borrow

    async def late(*arguments: Any, **named: Any) -> Any:
        async with asyncio.timeout(5):
            await cache.was_asked.wait()
        return await borrow(*arguments, **named)

    monkeypatch.setattr(gateway.counters, "borrow", late)
    told = [(await gateway.chat("r")).headers["x-penstock-cache"] for _ in range(2)]
    assert told == ["miss", "hit"]
    assert len(cache.asked) == 2, "each call looks once"


async def test_what_limits_refuse_is_not_answered_from_the_cache(
    gateway: Gateway, cache: Distant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAILURES G12."""
    serve(gateway, route(use("a"), cache=CACHE), limits=(budget(10**9),))
    assert (await ask(gateway))[0] == 200

    async def lost(*_: object, **__: object) -> None:
        raise Unavailable("The counters cannot be reached.", code="limits_unavailable", retry_after=1)

    monkeypatch.setattr(gateway.counters, "borrow", lost)
    assert await ask(gateway) == (503, "!limits_unavailable")
    assert len(cache.asked) == 2


async def test_a_budget_that_changes_how_a_call_is_served_looks_again_for_that_answer(
    gateway: Gateway, cache: Distant, provider: Provider, second: Provider
) -> None:
    cheaper = OnBudget(soft=Degradation(use=use("b")))
    serve(gateway, route(use("a"), cache=CACHE, on_budget=cheaper), limits=(budget(soft=50_000),))
    told = [await ask(gateway, max_tokens=8) for _ in range(3)]
    assert told == [(200, "first"), (200, "second"), (200, "second")]
    assert (len(provider.requests), len(second.requests)) == (1, 1)
    assert len(set(cache.asked)) == 2


async def test_without_limits_there_is_nothing_to_look_ahead_of(gateway: Gateway, cache: Distant) -> None:
    serve(gateway, route(use("a"), cache=CACHE))
    told = [(await gateway.chat("r")).headers["x-penstock-cache"] for _ in range(2)]
    assert told == ["miss", "hit"]
    assert len(cache.asked) == 2


async def test_a_cache_that_breaks_fails_the_call_that_asked_and_no_other(
    gateway: Gateway, cache: Distant, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(gateway, route(use("a"), cache=CACHE), limits=(budget(10**9),))

    async def broken(_: str) -> None:
        raise RuntimeError("a defect")

    with monkeypatch.context() as patched:
        patched.setattr(cache, "get", broken)
        assert (await ask(gateway))[0] == 500
    assert (await ask(gateway))[0] == 200
    assert await spent(gateway) > 0
