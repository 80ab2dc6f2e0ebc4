"""One attempt, at the moments that only chance brings about elsewhere."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from penstock.core.clock import SystemClock
from penstock.core.errors import DeadlineExceeded
from penstock.gateway.call import Attempt
from penstock.gateway.ports import UpstreamResponse
from penstock.gateway.stages.dispatch.attempt import Attempts
from penstock.gateway.stages.dispatch.delivery import Held
from penstock.gateway.watchdog import Watchdog
from penstock.providers.dialects import parse_call
from penstock.providers.types import Target, UpstreamRequest
from penstock.wire.snapshot import ProviderEntry

LATER = 10_000.0


class Silence:
    """A transport on which nothing ever comes."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def send(self, request: UpstreamRequest, target: Target) -> UpstreamResponse:
        del request, target
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError("nothing comes")

    def configure(self, settings: Any) -> None: ...

    async def close(self) -> None: ...


async def begun() -> tuple["asyncio.Task[Any]", Watchdog, Attempt]:
    """An attempt that waits for its provider."""
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    inbound = parse_call("chat", json.dumps(body).encode(), {})
    provider = ProviderEntry(name="p", kind="openai", base_url="http://127.0.0.1:9/v1")
    attempt = Attempt(span_id="", target=Target(provider=provider, model="m"), inbound=inbound, variant="a", started=1)
    transport, watchdog = Silence(), Watchdog()
    attempts = Attempts(transport, watchdog, clock=SystemClock())
    call: Any = SimpleNamespace(left=False)
    task = asyncio.get_running_loop().create_task(attempts.run(call, attempt, inbound, Held(10)))
    await transport.asked.wait()
    return task, watchdog, attempt


async def test_a_timer_that_runs_out_is_the_attempts_error() -> None:
    """FAILURES G17."""
    task, watchdog, attempt = await begun()
    watchdog.tick(asyncio.get_running_loop().time() + LATER)
    with pytest.raises(DeadlineExceeded, match="no content"):
        await task
    assert attempt.status == "error"


async def test_an_attempt_that_is_given_up_while_its_timer_runs_out_is_given_up() -> None:
    """FAILURES G13: else it would be tried again for nobody."""
    task, watchdog, attempt = await begun()
    watchdog.tick(asyncio.get_running_loop().time() + LATER)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert attempt.status == "interrupted"
