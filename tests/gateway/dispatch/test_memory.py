"""What failures leave behind: nothing that only the cyclic collector could free (FAILURES G9)."""

import asyncio
import gc
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import penstock
from dispatch_harness import ask, fails, healthy, provider_with, route, serve, use
from gateway_harness import Gateway, Provider, Script
from penstock.wire.routing import Breaker, Fallback, Hedge, Retries, Shadow, Strategy
from penstock.wire.snapshot import Timeouts

CALLS = 10
BOTH = Fallback(of=(use("a"), use("b")))
OURS = "penstock."
SOURCE = str(Path(penstock.__file__).parent)


@pytest.fixture
def collected() -> Iterator[None]:
    """The collector is off, and keeps what it finds. It looks only at what the test makes: all else takes a second."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()
    gc.unfreeze()


def garbage() -> Counter[str]:
    """What the collector finds of the gateway's own, by type; frames by their function."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    found: Counter[str] = Counter()
    for one in gc.garbage:
        kind = type(one)
        if kind.__name__ == "frame" and SOURCE in one.f_code.co_filename:
            found[one.f_code.co_qualname] += 1
        elif kind.__module__.startswith(OURS) or (isinstance(one, BaseException) and passed_us(one)):
            found[kind.__qualname__] += 1
    gc.set_debug(0)
    gc.garbage.clear()
    return found


def passed_us(error: BaseException) -> bool:
    """Whether the gateway met it. The provider of the test has errors of its own: a reset reaches both ends."""
    return any(SOURCE in frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__))


def refusing(provider: Provider) -> Script:
    fails(provider)
    return provider.script


def closing(_: Provider) -> Script:
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    return script


def silent(provider: Provider) -> Script:
    return provider.silence


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("way", [refusing, closing, silent])
@pytest.mark.parametrize(
    "strategy",
    [BOTH, use("a"), Shadow(use=use("b"), to=use("a"), sample=1.0)],
    ids=["fallback", "alone", "shadow"],
)
async def test_a_failed_attempt_leaves_nothing_for_the_collector(
    gateway: Gateway, provider: Provider, second: Provider, strategy: Strategy, way, collected: None, *, stream: bool
) -> None:
    healthy(second, "second")
    provider.script = way(provider)
    await failing(gateway, strategy, stream=stream)


async def test_the_loser_of_a_race_leaves_nothing_for_the_collector(
    gateway: Gateway, provider: Provider, second: Provider, collected: None
) -> None:
    healthy(second, "second")
    provider.script = provider.silence
    await failing(gateway, Hedge(use=use("a"), backup=use("b"), after=0.005, at_least=0.005), stream=False)


async def test_the_first_of_a_race_that_failed_leaves_nothing_for_the_collector(
    gateway: Gateway, provider: Provider, second: Provider, collected: None
) -> None:
    healthy(second, "second")
    provider.script = provider.silence
    await failing(gateway, Hedge(use=use("a"), backup=use("b"), after=60), stream=False)


async def failing(gateway: Gateway, strategy: Strategy, *, stream: bool) -> None:
    """Calls whose first target fails; asserts that they leave nothing."""
    providers = provider_with(
        gateway,
        "p",
        breaker=Breaker(minimum=1_000_000, error_rate=1.0),
        timeouts=Timeouts(connect=1, first_byte=0.02, gap=0.02, total=5),
    )
    serve(gateway, route(strategy, retries=Retries(attempts=0)), providers=providers)
    await ask(gateway, stream=stream)
    gc.collect()
    for _ in range(CALLS):
        await ask(gateway, stream=stream)
    for _ in range(20):
        await asyncio.sleep(0)
    assert garbage() == {}
