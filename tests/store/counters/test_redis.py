"""What only counters in Redis must hold: they are shared, and Redis may go away, come back, and forget."""

import asyncio
import random
import sys
from collections.abc import Mapping

import pytest

from counters_harness import PATIENCE, Bench, claim, redis_counters
from penstock.core.clock import ManualClock
from penstock.core.errors import InvalidInput, MissingExtra, PenstockError, Unavailable
from penstock.core.money import NANO_PER_DOLLAR
from penstock.store.counters import returns as returns_module
from penstock.store.counters.ledger import Ledger
from penstock.store.counters.link import Link, Lost, Script
from penstock.store.counters.redis import RedisCounters
from penstock.wire.limits import RedisSettings
from redis_harness import Cutter, RedisServer

MONEY = claim("money", "day", 10, 1000)


async def ask(server: RedisServer, *command: object) -> object:
    from redis.asyncio import Redis  # noqa: PLC0415 - the whole module is of an extra

    async with Redis.from_url(server.url) as client:
        return await client.execute_command(*command)


async def lost(counters: RedisCounters) -> None:
    """Return when the loss was noticed."""
    async with asyncio.timeout(PATIENCE):
        while counters.state != "lost":
            counters._flush(idle=True)
            counters._idle.clear()
            await counters._idle.wait()


def redis_of(bench: Bench) -> RedisCounters:
    assert isinstance(bench.counters, RedisCounters)
    return bench.counters


async def back(bench: Bench) -> None:
    await asyncio.wait_for(redis_of(bench).ready(), PATIENCE)
    await redis_of(bench).drained()


async def spend(bench: Bench, ticket: str, amount: int) -> None:
    grant = await bench.counters.borrow(ticket, [MONEY], lease=60)
    assert grant.refused is None
    bench.counters.give_back(ticket, [amount])
    await bench.settled()


async def test_two_gateways_hold_one_limit_together(shared_redis: RedisServer, prefix: str) -> None:
    """FAILURES G12."""
    clock = ManualClock()
    one = claim("requests", "minute", 1, 1000)
    async with (
        redis_counters(shared_redis.url, prefix=prefix, clock=clock) as left,
        redis_counters(shared_redis.url, prefix=prefix, clock=clock) as right,
    ):
        admitted = []
        for _ in range(3):
            clock.advance(60)
            grants = await asyncio.gather(
                *(
                    bench.counters.borrow(f"{clock.now()}-{number}", [one], lease=60)
                    for number in range(800)
                    for bench in (left, right)
                )
            )
            admitted.append(sum(grant.refused is None for grant in grants))
    # Each burst comes 20 s into its minute, when two thirds of the minute before still weigh.
    assert admitted == [1000, 1000 - 667, 1000 - 222]


async def test_a_steady_stream_gets_what_the_limit_says_within_a_percent(
    shared_redis: RedisServer, prefix: str
) -> None:
    clock = ManualClock(1_700_000_040_000_000)
    one = claim("requests", "minute", 1, 200)
    async with (
        redis_counters(shared_redis.url, prefix=prefix, clock=clock) as left,
        redis_counters(shared_redis.url, prefix=prefix, clock=clock) as right,
    ):
        admitted = 0
        for number in range(5 * 600):
            if number == 600:
                admitted = 0
            clock.advance(0.1)
            bench = (left, right)[number % 2]
            admitted += (await bench.counters.borrow(str(number), [one], lease=60)).refused is None
    assert abs(admitted - 4 * 200) <= 8


async def test_clocks_a_second_apart_do_not_double_a_limit(shared_redis: RedisServer, prefix: str) -> None:
    fast, slow = ManualClock(1_700_000_000_900_000), ManualClock(1_700_000_000_000_000)
    one = claim("requests", "second", 1, 100)
    async with (
        redis_counters(shared_redis.url, prefix=prefix, clock=fast) as left,
        redis_counters(shared_redis.url, prefix=prefix, clock=slow) as right,
    ):
        fast.advance(0.1)
        grants = [
            await bench.counters.borrow(f"{number}", [one], lease=60)
            for number in range(100)
            for bench in (left, right)
        ]
    assert sum(grant.refused is None for grant in grants) == 100


async def test_borrows_of_one_turn_travel_together(shared_redis: RedisServer, prefix: str) -> None:
    async with redis_counters(shared_redis.url, prefix=prefix) as bench:
        counters = redis_of(bench)
        before = counters._turns
        await asyncio.gather(*(counters.borrow(str(number), [MONEY], lease=60) for number in range(100)))
        assert counters._turns == before + 1


async def test_a_lost_redis_refuses_limited_calls_at_once_and_passes_the_others(
    own_redis: RedisServer, prefix: str
) -> None:
    """FAILURES G12."""
    async with redis_counters(own_redis.url, prefix=prefix) as bench:
        await bench.counters.borrow("before", [MONEY], lease=60)
        own_redis.kill()
        await lost(redis_of(bench))
        with pytest.raises(Unavailable, match="cannot be reached") as refused:
            await bench.counters.borrow("a", [MONEY], lease=60)
        assert refused.value.code == "limits_unavailable"
        with pytest.raises(Unavailable):
            await bench.counters.extend("before", [MONEY])
        with pytest.raises(Unavailable):
            await bench.counters.read([MONEY.counter])
        assert (await bench.counters.borrow("free", (), lease=60)).counted
        soft = claim("money", "month", 5, None, 10)
        assert not (await bench.counters.borrow("soft", [soft], lease=60)).counted
        bench.counters.give_back("soft", [7])
        bench.counters.give_back("before", [30])
        bench.counters.tick()
        own_redis.start()
        await back(bench)
        assert await bench.used(MONEY) == 30
        assert await bench.used(soft) == 7


async def test_an_open_policy_serves_and_counts_afterwards(own_redis: RedisServer, prefix: str) -> None:
    """FAILURES G12."""
    requests = claim("requests", "day", 1, 1000)
    async with redis_counters(own_redis.url, prefix=prefix, on_lost="open") as bench:
        await spend(bench, "first", 5)
        own_redis.kill()
        await lost(redis_of(bench))
        for number in range(200):
            grant = await bench.counters.borrow(f"t{number}", [requests, MONEY], lease=60)
            assert not grant.counted
            assert not (await bench.counters.extend(f"t{number}", [MONEY])).counted
            bench.counters.give_back(f"t{number}", [0, 3])
        assert len(redis_of(bench)._returns._pending) == 2
        own_redis.start()
        await back(bench)
        assert await bench.used(MONEY) == 605
        assert await bench.used(requests) == 200
        assert bench.counters.out == 0


async def test_what_waits_for_a_lost_redis_is_bounded(
    own_redis: RedisServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAILURES G9."""
    monkeypatch.setattr(returns_module, "MAX_PENDING", 5)
    own_redis.kill()
    async with redis_counters(own_redis.url, prefix=prefix, on_lost="open", wait=False) as bench:
        for number in range(9):
            one = claim("money", "day", 1, 10, whose=f"user:{number}")
            await bench.counters.borrow(str(number), [one], lease=60)
            bench.counters.give_back(str(number), [1])
        assert len(redis_of(bench)._returns._pending) == 5
        assert redis_of(bench)._returns.dropped == 4


async def test_a_start_without_redis_refuses_and_recovers_by_itself(own_redis: RedisServer, prefix: str) -> None:
    own_redis.kill()
    async with redis_counters(own_redis.url, prefix=prefix, wait=False) as bench:
        with pytest.raises(Unavailable):
            await bench.counters.borrow("a", [MONEY], lease=60)
        own_redis.start()
        await back(bench)
        assert (await bench.counters.borrow("a", [MONEY], lease=60)).counted


async def test_a_redis_that_stands_still_counts_as_lost_after_the_time_limit(
    own_redis: RedisServer, prefix: str
) -> None:
    slot = claim("parallel", "now", 1, 1)
    async with redis_counters(own_redis.url, prefix=prefix, timeout=0.2) as bench:
        own_redis.freeze()
        try:
            with pytest.raises(Unavailable):
                await bench.counters.borrow("a", [slot], lease=60)
        finally:
            own_redis.thaw()
        await back(bench)
        await bench.pass_time(61)
        assert (await bench.counters.borrow("b", [slot], lease=60)).refused is None, "no slot leaks"


async def test_racing_clients_stay_in_a_budget_while_redis_is_killed_and_restarted(
    own_redis: RedisServer, prefix: str
) -> None:
    """FAILURES G3, G5, G12."""
    estimate = NANO_PER_DOLLAR // 100
    one, slot = claim("money", "day", estimate, NANO_PER_DOLLAR), claim("parallel", "now", 1, 64)
    chance = random.Random(11)
    spent: list[int] = []
    killed = asyncio.Event()

    async def client(bench: Bench, name: int) -> None:
        for number in range(30):
            ticket = f"{name}-{number}"
            try:
                grant = await bench.counters.borrow(ticket, [slot, one], lease=60)
            except Unavailable:
                await asyncio.wait_for(redis_of(bench).ready(), PATIENCE)
                continue
            if grant.refused is None:
                await asyncio.sleep(0)
                spent.append(chance.randint(estimate // 3, estimate))
                bench.counters.give_back(ticket, [0, spent[-1]])
            if len(spent) > 40:
                killed.set()

    async def fail() -> None:
        await killed.wait()
        own_redis.kill()
        own_redis.start()

    clock = ManualClock()
    async with (
        redis_counters(own_redis.url, prefix=prefix, clock=clock) as left,
        redis_counters(own_redis.url, prefix=prefix, clock=clock) as right,
    ):
        await asyncio.gather(fail(), *(client((left, right)[name % 2], name) for name in range(64)))
        assert killed.is_set()
        for bench in (left, right):
            await back(bench)
            assert bench.counters.out == 0
        assert await left.used(one) == sum(spent)
        assert sum(spent) <= NANO_PER_DOLLAR
        # A borrow whose answer was lost may hold its estimate until its lease ends, no longer.
        await left.pass_time(61)
        assert await left.used(slot) == 0
        left_over = claim("money", "day", NANO_PER_DOLLAR - sum(spent), NANO_PER_DOLLAR)
        assert (await left.counters.borrow("rest", [left_over], lease=60)).refused is None


async def test_a_return_whose_answer_was_lost_counts_once(own_redis: RedisServer, prefix: str) -> None:
    async with Cutter(own_redis).listening() as cutter, redis_counters(cutter.url, prefix=prefix) as bench:
        await spend(bench, "a", 100)
        await bench.counters.borrow("b", [MONEY], lease=60)
        cutter.cut = True
        bench.counters.give_back("b", [11])
        await lost(redis_of(bench))
        assert cutter.cuts >= 1
        cutter.cut = False
        await back(bench)
        assert await bench.used(MONEY) == 111


async def test_a_borrow_whose_answer_was_lost_is_released(own_redis: RedisServer, prefix: str) -> None:
    slot = claim("parallel", "now", 1, 1)
    async with Cutter(own_redis).listening() as cutter, redis_counters(cutter.url, prefix=prefix) as bench:
        await bench.counters.borrow("warm", [MONEY], lease=60)
        cutter.cut = True
        with pytest.raises(Unavailable):
            await bench.counters.borrow("a", [slot], lease=60)
        cutter.cut = False
        await back(bench)
        assert (await bench.counters.borrow("b", [slot], lease=60)).refused is None


@pytest.mark.parametrize("turns", [0, 1, 2, 4, 8])
async def test_a_caller_that_leaves_while_it_borrows_leaks_nothing(
    shared_redis: RedisServer, prefix: str, turns: int
) -> None:
    """FAILURES G12, G13."""
    slot = claim("parallel", "now", 1, 1)
    async with redis_counters(shared_redis.url, prefix=prefix) as bench:
        asking = asyncio.create_task(bench.counters.borrow("a", [slot], lease=60))  # type: ignore[arg-type,var-annotated]
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        try:
            await asking
        except asyncio.CancelledError:
            pass
        else:
            bench.counters.give_back("a", [0])
        assert await bench.used(slot) == 0
        assert bench.counters.out == 0


async def test_the_lease_of_a_worker_that_died_is_collected_by_another(shared_redis: RedisServer, prefix: str) -> None:
    """FAILURES G12."""
    slot = claim("parallel", "now", 1, 1)
    clock = ManualClock()
    async with redis_counters(shared_redis.url, prefix=prefix, clock=clock) as survivor:
        async with redis_counters(shared_redis.url, prefix=prefix, clock=clock) as dead:
            await dead.counters.borrow("a", [slot], lease=30)
        assert (await survivor.counters.borrow("b", [slot], lease=30)).refused == 0
        clock.advance(31)
        assert (await survivor.counters.borrow("b", [slot], lease=30)).refused is None


async def test_a_redis_that_lost_its_data_is_given_back_what_was_booked(own_redis: RedisServer, prefix: str) -> None:
    """FAILURES G5, G12."""
    asked = []

    async def on_fresh() -> Mapping[str, int]:
        asked.append(1)
        return {MONEY.counter: 500} if len(asked) > 1 else {}

    clock = ManualClock()
    async with (
        redis_counters(own_redis.url, prefix=prefix, clock=clock, on_fresh=on_fresh) as left,
        redis_counters(own_redis.url, prefix=prefix, clock=clock, on_fresh=on_fresh) as right,
    ):
        await spend(left, "a", 20)
        await spend(right, "b", 30)
        await left.counters.borrow("flying", [MONEY], lease=60)
        own_redis.forget()
        await asyncio.gather(lost(redis_of(left)), lost(redis_of(right)))
        left.counters.give_back("flying", [4])
        own_redis.start()
        await asyncio.gather(back(left), back(right))
        assert await left.used(MONEY) == 554
        assert len(asked) == 2, "one worker restores, the others wait for it"
        await spend(right, "c", 1)
        assert await left.used(MONEY) == 555


async def test_a_flush_under_running_workers_is_noticed_before_the_next_call(
    own_redis: RedisServer, prefix: str
) -> None:
    async with redis_counters(own_redis.url, prefix=prefix, on_lost="open") as bench:
        await spend(bench, "a", 20)
        await ask(own_redis, "FLUSHALL")
        grant = await bench.counters.borrow("b", [MONEY], lease=60)
        assert not grant.counted
        bench.counters.give_back("b", [2])
        await back(bench)
        assert await bench.used(MONEY) == 22


async def test_an_old_copy_of_the_data_is_recognised(own_redis: RedisServer, prefix: str) -> None:
    async with redis_counters(own_redis.url, prefix=prefix, on_lost="open") as bench:
        await spend(bench, "a", 20)
        counters = redis_of(bench)
        await ask(own_redis, "SET", f"{{{prefix}}}:{counters._epoch}:turns", 0)
        old = counters._epoch
        await bench.counters.borrow("b", [MONEY], lease=60)
        bench.counters.give_back("b", [3])
        await back(bench)
        assert counters._epoch != old
        assert await bench.used(MONEY) == 23


async def test_an_old_copy_is_recognised_on_the_way_back_too(own_redis: RedisServer, prefix: str) -> None:
    async with redis_counters(own_redis.url, prefix=prefix) as bench:
        await spend(bench, "a", 20)
        counters = redis_of(bench)
        old = counters._epoch
        await ask(own_redis, "SET", f"{{{prefix}}}:{old}:turns", 0)
        counters._lose("told by the test")
        await back(bench)
        assert counters._epoch != old
        assert await bench.used(MONEY) == 20


async def test_a_worker_that_starts_beside_others_adds_nothing_twice(shared_redis: RedisServer, prefix: str) -> None:
    clock = ManualClock()
    async with redis_counters(shared_redis.url, prefix=prefix, clock=clock) as first:
        await spend(first, "a", 20)
        async with redis_counters(shared_redis.url, prefix=prefix, clock=clock) as second:
            assert await second.used(MONEY) == 20


async def test_what_was_booked_in_memory_moves_into_redis(shared_redis: RedisServer, prefix: str) -> None:
    clock, ledger = ManualClock(), Ledger()
    ledger.book(MONEY.counter, clock.now() // 86_400_000_000 * 86_400_000_000, 77)
    ledger.book(MONEY.counter, 0, 5)
    async with redis_counters(shared_redis.url, prefix=prefix, clock=clock, ledger=ledger) as bench:
        assert await bench.used(MONEY) == 77


async def test_restoring_fails_as_long_as_what_was_booked_cannot_be_read(
    shared_redis: RedisServer, prefix: str
) -> None:
    answers: list[PenstockError | None] = [PenstockError("The log is locked."), None]
    tried = asyncio.Event()

    async def on_fresh() -> Mapping[str, int]:
        tried.set()
        if (error := answers.pop(0)) is not None:
            raise error
        return {MONEY.counter: 9}

    async with redis_counters(shared_redis.url, prefix=prefix, on_fresh=on_fresh, wait=False) as bench:
        await tried.wait()
        assert bench.counters.state == "lost"
        await back(bench)
        assert await bench.used(MONEY) == 9


async def test_a_redis_that_refuses_every_step_is_not_asked_without_pause(
    own_redis: RedisServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with redis_counters(own_redis.url, prefix=prefix) as bench:
        counters = redis_of(bench)
        await bench.counters.borrow("before", [MONEY], lease=60)
        pauses: list[float] = []
        closed_within = counters._closed_within

        async def pause(seconds: float) -> bool:
            pauses.append(seconds)
            return await closed_within(0)

        monkeypatch.setattr(counters, "_closed_within", pause)
        lent = f"{{{prefix}}}:{counters._epoch}:lent"
        await ask(own_redis, "SET", lent, "what does not belong here")
        bench.counters.give_back("before", [8])
        async with asyncio.timeout(PATIENCE):
            while len(pauses) < 8:
                await asyncio.sleep(0)
        assert pauses[:7] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
        await ask(own_redis, "DEL", lent)
        await back(bench)
        assert await bench.used(MONEY) == 8


async def test_reading_and_setting_do_not_believe_an_empty_redis(own_redis: RedisServer, prefix: str) -> None:
    async with redis_counters(own_redis.url, prefix=prefix) as bench:
        await spend(bench, "a", 20)
        for step in (bench.counters.read([MONEY.counter]), bench.counters.set({MONEY.counter: 3})):
            await ask(own_redis, "FLUSHALL")
            with pytest.raises(Unavailable):
                await step
            await back(bench)
        assert await bench.used(MONEY) == 20


async def test_scripts_that_redis_forgot_are_sent_again(own_redis: RedisServer, prefix: str) -> None:
    async with redis_counters(own_redis.url, prefix=prefix) as bench:
        await ask(own_redis, "SCRIPT", "FLUSH")
        assert (await bench.counters.borrow("a", [MONEY], lease=60)).counted


async def test_another_redis_is_taken_over_without_losing_what_was_booked(
    shared_redis: RedisServer, own_redis: RedisServer, prefix: str
) -> None:
    async with redis_counters(shared_redis.url, prefix=prefix) as bench:
        await spend(bench, "a", 20)
        counters = redis_of(bench)
        counters.configure(None)
        with pytest.raises(InvalidInput):
            counters.configure(RedisSettings(url="ftp://nowhere", prefix=prefix))
        assert counters.state == "redis"
        counters.configure(RedisSettings(url=own_redis.url, prefix=prefix, timeout=5.0, on_lost="open"))
        assert counters.state == "lost"
        assert not (await bench.counters.borrow("b", [MONEY], lease=60)).counted
        bench.counters.give_back("b", [1])
        await back(bench)
        shared_epoch = await ask(shared_redis, "GET", f"{{{prefix}}}:epoch")
        assert counters._epoch.encode() != shared_epoch
        assert await bench.used(MONEY) == 21


async def test_every_key_ends_by_itself(own_redis: RedisServer, prefix: str) -> None:
    """FAILURES G9."""
    claims = [
        claim(),
        claim("tokens", "minute", 5, 100),
        claim("parallel", "now", 1, 5),
        MONEY,
        claim("requests", "second"),
    ]
    async with redis_counters(own_redis.url, prefix=prefix) as bench:
        await bench.counters.borrow("a", claims, lease=60)
        await bench.counters.borrow("b", claims, lease=60)
        bench.counters.give_back("a", [0, 7, 0, 3, 0])
        await bench.settled()
        keys = await ask(own_redis, "KEYS", "*")
        assert isinstance(keys, list)
        endless = [key for key in keys if await ask(own_redis, "PTTL", key) == -1]
        assert endless == []


async def test_an_idle_worker_notices_a_loss_before_the_next_call(own_redis: RedisServer, prefix: str) -> None:
    async with redis_counters(own_redis.url, prefix=prefix) as bench:
        counters = redis_of(bench)
        own_redis.kill()
        bench.clock.advance(1.5)
        counters._idle.clear()
        counters.tick()
        await asyncio.wait_for(counters._idle.wait(), PATIENCE)
        assert counters.state == "lost"


async def test_closing_without_redis_ends_and_says_what_is_not_counted(
    own_redis: RedisServer, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with redis_counters(own_redis.url, prefix=prefix) as bench:
        await bench.counters.borrow("a", [MONEY], lease=60)
        own_redis.kill()
        await lost(redis_of(bench))
        bench.counters.give_back("a", [5])
    assert "1 returns are not counted" in caplog.text


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(MissingExtra, match=r"penstock\[redis\]"):
        Link("redis://localhost", prefix="p")


async def test_an_answer_that_cannot_be_read_counts_as_lost(shared_redis: RedisServer, prefix: str) -> None:
    link = Link(shared_redis.url, prefix=prefix)
    with pytest.raises(Lost, match="not readable"):
        await link.run(Script("return '\\193'"), timeout=5)
    with pytest.raises(Lost, match="Redis refused: "):
        await link.run(Script("return redis.call('NO-SUCH-COMMAND')"), timeout=5)
    await link.close()
    assert await link.run(Script("return cmsgpack.pack(7)"), timeout=5) == 7, "its connection is closed after it"
