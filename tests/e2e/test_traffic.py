"""Limits and budgets through real processes: races, a Redis that dies, two gateways, restarts."""

import asyncio
import contextlib
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import duckdb
import httpx
import pytest

from e2e_harness import Control, Plane, chat, children, eventually
from penstock.core.home import Home
from penstock.testing.server import PenstockServer
from penstock.testing.simulator import SimulatorServer
from redis_harness import SERVER, RedisServer

needs_redis = pytest.mark.skipif(SERVER is None, reason="no redis-server here")

CLIENTS = 64
SECONDS = 2.0
"""Within which a change is in force everywhere."""
ONE_CALL = 10_000_000
"""Nano-dollars that a call may cost at most: 100 tokens of output at $100 per million."""
BUDGET = 1_000_000_000
CONFIG = """\
version: 1
providers:
  sim: {{kind: openai, base_url: "{url}/v1", models: [gpt-4o-mini, gpt-4o]}}
aliases: {{fast: sim/gpt-4o-mini}}
prices:
  - {{provider: sim, model: "gpt-4o*", input: 0, output: 100}}
journal: {{segment_seconds: 200ms}}
limits:
{limits}
{redis}"""
MONEY = "  - {name: purse, on: project, budget: {month: '$1'}}"

Start = Callable[..., PenstockServer]


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def start(tmp_path: Path, penstock_simulator: SimulatorServer) -> Iterator[Start]:
    """A Penstock with these limits; it is stopped after the test."""
    started: list[PenstockServer] = []

    def begin(limits: str, *, redis: str = "", workers: int = 1) -> PenstockServer:
        config = tmp_path / "penstock.yaml"
        config.write_text(CONFIG.format(url=penstock_simulator.url, limits=limits, redis=redis))
        server = PenstockServer(tmp_path, config=config, workers=workers)
        started.append(server)
        server.start()
        return server

    yield begin
    for server in started:
        server.stop()


def section(redis: RedisServer, on_lost: str = "closed") -> str:
    return f"redis: {{url: '{redis.url}', on_lost: {on_lost}}}\n"


def recorded(server: PenstockServer) -> int:
    """Nano-dollars of all records of a Penstock that is stopped."""
    with duckdb.connect(str(Home(server.home).spans), read_only=True) as connection:
        (cost,) = connection.execute("select sum(cost)::bigint from spans").fetchone() or (0,)
    assert not list(Home(server.home).journal.glob("*.ndjson")), "everything is stored"
    return int(cost)


def reconciled(control: Control) -> Any:
    """The comparison of counters and records, as soon as they agree and nothing moves."""

    def settled() -> Any:
        answer = control.ask("GET", "/reconciliation")
        return answer if answer["settled"] and answer["equal"] else None

    return eventually(settled, seconds=8) or control.ask("GET", "/reconciliation")


class Racers:
    """Clients that spend as fast as they may, until told that the budget is gone for good."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key
        self.outcomes: Counter[str] = Counter()
        self.happened = asyncio.Condition()
        self._number = itertools.count()

    async def ask(self, client: aiohttp.ClientSession) -> str:
        """What became of one call; a refusal for the moment is no end."""
        body = {
            "model": "fast",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": f"{next(self._number)} [[sim: tokens=100]]"}],
        }
        headers = {"authorization": f"Bearer {self.key}"}
        try:
            async with client.post(f"{self.url}/v1/chat/completions", json=body, headers=headers) as answer:
                content = await answer.json()
        except aiohttp.ClientError as error:
            return type(error).__name__
        return "ok" if answer.status == 200 else str(content["error"]["code"])

    async def race(self, client: aiohttp.ClientSession, over: asyncio.Event) -> None:
        while not over.is_set():
            outcome = await self.ask(client)
            async with self.happened:
                self.outcomes[outcome] += 1
                self.happened.notify_all()
            # A caller that is refused comes back later; this one does so in the next turn but a few.
            await asyncio.sleep(0 if outcome == "ok" else 0.05)

    async def until(self, wanted: Callable[[Counter[str]], bool]) -> None:
        async with asyncio.timeout(60), self.happened:
            await self.happened.wait_for(lambda: wanted(self.outcomes))

    async def run(self, meanwhile: Callable[["Racers"], Any] | None = None) -> None:
        """All of them at once. Ends when a refusal stands although nothing is in flight."""
        over = asyncio.Event()
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as client:
            async with asyncio.TaskGroup() as group:
                for _ in range(CLIENTS):
                    group.create_task(self.race(client, over))
                await self.until(lambda seen: seen["ok"] >= 20)
                if meanwhile is not None:
                    await meanwhile(self)
                await self.until(lambda seen: seen["budget_exceeded"] >= 4 * CLIENTS)
                over.set()
            # What was in flight has come back: this is what is left.
            while (last := await self.ask(client)) == "ok":
                self.outcomes["ok"] += 1
            assert last == "budget_exceeded"


async def test_64_racing_clients_cannot_overspend_a_budget(start: Start) -> None:
    """FAILURES G3, G5: nor is it said to be spent before it is."""
    server = start(MONEY)
    racers = Racers(server.gateway_url, server.admin_key)
    await racers.run()
    assert reconciled(Control(server.console_url, server.admin_key))["equal"]
    server.stop()
    spent = recorded(server)
    assert BUDGET - ONE_CALL < spent <= BUDGET
    assert spent == racers.outcomes["ok"] * ONE_CALL
    assert set(racers.outcomes) == {"ok", "budget_exceeded"}


@needs_redis
async def test_64_racing_clients_cannot_overspend_through_a_redis_that_is_killed_and_restarted(
    start: Start, redis: RedisServer
) -> None:
    """FAILURES G3, G12."""
    server = start(MONEY, redis=section(redis), workers=2)

    async def accident(racers: Racers) -> None:
        await asyncio.to_thread(redis.kill)
        await racers.until(lambda seen: seen["limits_unavailable"] >= CLIENTS)
        await asyncio.to_thread(redis.start)

    racers = Racers(server.gateway_url, server.admin_key)
    await racers.run(accident)
    assert set(racers.outcomes) == {"ok", "budget_exceeded", "limits_unavailable"}
    found = reconciled(Control(server.console_url, server.admin_key))
    assert found["equal"], found
    server.stop()
    spent = recorded(server)
    assert spent <= BUDGET
    assert spent == racers.outcomes["ok"] * ONE_CALL
    # Estimates of calls that were refused while Redis died stay borrowed until their leases end.
    assert spent > BUDGET - (CLIENTS + 1) * ONE_CALL


def test_a_budget_survives_the_death_of_its_gateway_and_equals_the_records(start: Start) -> None:
    """FAILURES G5: counters in memory."""
    server = start(MONEY)
    control = Control(server.console_url, server.admin_key)

    def ask() -> int:
        text = "[[sim: tokens=100]]"
        return chat(server.gateway_url, server.admin_key, "fast", text, max_tokens=100).status_code

    outcomes: Counter[int] = Counter(ask() for _ in range(60))
    (worker,) = children(server.pid, "gateway_worker")
    worker.kill()
    worker.wait()
    assert eventually(lambda: children(server.pid, "gateway_worker"), seconds=10)
    assert eventually(lambda: _answers(server), seconds=10)
    outcomes += Counter(ask() for _ in range(60))
    assert outcomes == {200: 100, 429: 20}
    assert reconciled(control)["equal"]
    server.stop()
    assert recorded(server) == BUDGET
    server.start()
    assert ask() == 429, "nor does a new start forget"


def _answers(server: PenstockServer) -> bool:
    """Whether the gateway serves again: it knows that this is no key."""
    with contextlib.suppress(httpx.HTTPError):
        return chat(server.gateway_url, "psk_none", "fast").status_code == 401
    return False


@needs_redis
class TestTwoGateways:
    """Two gateways on one home and one Redis."""

    @pytest.fixture
    def both(self, start: Start, redis: RedisServer, tmp_path: Path) -> Iterator[tuple[PenstockServer, Plane]]:
        # Of a day: a minute that ends in the middle of the calls lets three more through with each second.
        limit = "  - {name: pace, on: key, requests_per_day: 200}"
        server = start(limit, redis=section(redis))
        second = Plane("gateway", tmp_path / "second", home=server.home)
        second.start()
        yield server, second
        second.stop()

    def test_a_limit_holds_over_both_within_a_hundredth(self, both: tuple[PenstockServer, Plane]) -> None:
        """FAILURES G12."""
        server, second = both
        outcomes: list[int] = []

        def calls(url: str) -> None:
            outcomes.extend(chat(url, server.admin_key, "fast").status_code for _ in range(40))

        threads = [threading.Thread(target=calls, args=(url,)) for url in (server.gateway_url, second.url) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen = Counter(outcomes)
        assert set(seen) == {200, 429}
        assert 198 <= seen[200] <= 202

    def test_a_revoked_key_and_a_new_configuration_are_live_on_both_within_2_seconds(
        self, both: tuple[PenstockServer, Plane], tmp_path: Path
    ) -> None:
        """FAILURES G21, G22."""
        server, second = both
        urls = (server.gateway_url, second.url)
        control = Control(server.console_url, server.admin_key)
        key = control.new_key("short-lived")

        def all_answer(secret: str, model: str, status: int) -> bool:
            return all(chat(url, secret, model).status_code == status for url in urls)

        assert eventually(lambda: all_answer(key["secret"], "fast", 200), seconds=SECONDS)
        control.ask("DELETE", f"/keys/{key['id']}")
        assert eventually(lambda: all_answer(key["secret"], "fast", 401), seconds=SECONDS)

        config = tmp_path / "penstock.yaml"
        aside = config.with_suffix(".aside")
        aside.write_text(config.read_text().replace("aliases: {", "aliases: {slow: sim/gpt-4o, "))
        aside.rename(config)
        assert eventually(lambda: all_answer(server.admin_key, "slow", 200), seconds=SECONDS)
        aside.write_text(config.read_text().replace("slow: sim/gpt-4o, ", ""))
        aside.rename(config)
        assert eventually(lambda: all_answer(server.admin_key, "slow", 404), seconds=SECONDS)


@needs_redis
class TestLostRedis:
    """FAILURES G12."""

    TAGGED = "  - {name: tagged, on: tag, match: team=a, budget: {month: '$1'}}"

    def ask(self, server: PenstockServer, *, tagged: bool) -> tuple[int, str | None]:
        headers = {"authorization": f"Bearer {server.admin_key}"} | ({"x-penstock-tags": "team=a"} if tagged else {})
        text = "[[sim: tokens=100]]"
        body = {"model": "fast", "max_tokens": 100, "messages": [{"role": "user", "content": text}]}
        answer = httpx.post(
            f"{server.gateway_url}/v1/chat/completions", json=body, headers=headers, timeout=20, trust_env=False
        )
        error = answer.json().get("error") or {}
        return answer.status_code, error.get("code")

    def test_closed_refuses_what_is_limited_and_serves_the_rest(self, start: Start, redis: RedisServer) -> None:
        server = start(self.TAGGED, redis=section(redis))
        assert self.ask(server, tagged=True) == (200, None)
        redis.kill()
        assert self.ask(server, tagged=True) == (503, "limits_unavailable")
        assert self.ask(server, tagged=False) == (200, None)
        redis.start()
        assert eventually(lambda: self.ask(server, tagged=True) == (200, None), seconds=10)

    def test_open_serves_and_hands_in_afterwards(self, start: Start, redis: RedisServer) -> None:
        server = start(self.TAGGED, redis=section(redis, "open"))
        assert self.ask(server, tagged=True) == (200, None)
        redis.kill()
        # More than the budget: policy says that calls matter more than it.
        assert {self.ask(server, tagged=True) for _ in range(110)} == {(200, None)}
        redis.start()
        assert eventually(lambda: self.ask(server, tagged=True) == (429, "budget_exceeded"), seconds=10)
        assert self.ask(server, tagged=False) == (200, None)
        found = reconciled(Control(server.console_url, server.admin_key))
        assert found["equal"], found
