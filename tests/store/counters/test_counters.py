"""What holds for counters, in memory and in Redis."""

import asyncio
import random
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counters_harness import Bench, Engine, claim
from penstock.core.errors import InvalidInput
from penstock.core.money import NANO_PER_DOLLAR
from penstock.wire.limits import Claim


async def test_a_limit_admits_as_many_requests_as_it_says(bench: Bench) -> None:
    one = claim(hard=3)
    grants = [await bench.counters.borrow(f"t{number}", [one], lease=60) for number in range(4)]
    assert [grant.refused for grant in grants] == [None, None, None, 0]
    assert [grant.remaining for grant in grants] == [(2,), (1,), (0,), (0,)]


async def test_a_call_without_claims_is_granted_without_asking(bench: Bench) -> None:
    grant = await bench.counters.borrow("t", (), lease=60)
    assert grant.claims == ()
    assert grant.counted
    bench.counters.give_back("t", ())
    assert bench.counters.out == 0


async def test_when_one_claim_does_not_fit_none_is_borrowed(bench: Bench) -> None:
    """FAILURES G3."""
    wide, narrow = claim(hard=10), claim("tokens", "minute", 500, 100)
    grant = await bench.counters.borrow("t", [wide, narrow], lease=60)
    assert grant.refused == 1
    assert grant.remaining == (10, 100)
    assert await bench.used(wide) == await bench.used(narrow) == 0
    assert bench.counters.out == 0


@pytest.mark.parametrize("window", ["second", "minute", "day"])
async def test_after_the_stated_wait_the_refused_call_fits_and_a_moment_earlier_it_does_not(
    bench: Bench, window: str
) -> None:
    one = claim("requests", window, hard=7)  # type: ignore[arg-type]
    for number in range(7):
        await bench.counters.borrow(f"t{number}", [one], lease=60)
    await bench.pass_time(0.3)
    refused = await bench.counters.borrow("late", [one], lease=60)
    assert refused.refused == 0
    await bench.pass_time(refused.retry_after - 0.000_01)
    assert (await bench.counters.borrow("early", [one], lease=60)).refused == 0
    await bench.pass_time(0.000_02)
    assert (await bench.counters.borrow("again", [one], lease=60)).refused is None


async def test_the_reset_says_when_a_sliding_counter_is_empty(bench: Bench) -> None:
    one = claim(hard=7)
    grant = await bench.counters.borrow("t", [one], lease=60)
    assert 60 < grant.reset[0] <= 120
    await bench.pass_time(grant.reset[0])
    assert await bench.used(one) == 0


async def test_an_estimate_of_tokens_gives_way_to_the_true_amount(bench: Bench) -> None:
    one = claim("tokens", "minute", 90, 100)
    assert (await bench.counters.borrow("a", [one], lease=60)).refused is None
    assert (await bench.counters.borrow("b", [one], lease=60)).refused == 0
    bench.counters.give_back("a", [10])
    assert await bench.used(one) == 10
    assert (await bench.counters.borrow("b", [one], lease=60)).remaining == (0,)


async def test_borrowed_money_is_out_of_reach_until_it_is_given_back(bench: Bench) -> None:
    one = claim("money", "day", 60, 100)
    await bench.counters.borrow("a", [one], lease=60)
    refused = await bench.counters.borrow("b", [one], lease=60)
    assert refused.refused == 0
    assert refused.retry_after == 1.0, "only a call in flight is in the way"
    assert await bench.used(one) == 0, "what is only borrowed is not spent"
    bench.counters.give_back("a", [25])
    assert await bench.used(one) == 25
    assert (await bench.counters.borrow("b", [one], lease=60)).remaining == (15,)


async def test_a_spent_budget_refuses_a_call_of_unknown_price_until_its_window_ends(bench: Bench) -> None:
    one = claim("money", "hour", 0, 100)
    await bench.counters.borrow("a", [one], lease=60)
    bench.counters.give_back("a", [100])
    await bench.settled()
    refused = await bench.counters.borrow("b", [one], lease=60)
    assert refused.refused == 0
    hour = 3600 * 1_000_000
    assert refused.retry_after == (hour - bench.clock.now() % hour) / 1_000_000
    await bench.pass_time(refused.retry_after)
    assert (await bench.counters.borrow("b", [one], lease=60)).refused is None


async def test_a_soft_budget_warns_and_never_refuses(bench: Bench) -> None:
    one = claim("money", "month", 30, None, 50)
    first = await bench.counters.borrow("a", [one], lease=60)
    second = await bench.counters.borrow("b", [one], lease=60)
    third = await bench.counters.borrow("c", [one], lease=60)
    assert [first.soft, second.soft, third.soft] == [(), (0,), (0,)]
    assert third.refused is None
    assert third.remaining == (None,)


async def test_slots_are_taken_and_freed(bench: Bench) -> None:
    one = claim("parallel", "now", 1, 2)
    for ticket in "ab":
        assert (await bench.counters.borrow(ticket, [one], lease=60)).refused is None
    refused = await bench.counters.borrow("c", [one], lease=60)
    assert (refused.refused, refused.retry_after, refused.reset) == (0, 1.0, (0.0,))
    bench.counters.give_back("a", [0])
    assert await bench.used(one) == 1
    assert (await bench.counters.borrow("c", [one], lease=60)).refused is None


async def test_what_is_never_given_back_is_free_when_its_lease_ends(bench: Bench) -> None:
    """FAILURES G12."""
    claims = [claim("parallel", "now", 1, 1), claim("money", "day", 100, 100), claim("tokens", "day", 9, 9)]
    await bench.counters.borrow("lost", claims, lease=30)
    await bench.pass_time(29)
    assert (await bench.counters.borrow("next", claims, lease=30)).refused == 0
    await bench.pass_time(2)
    assert (await bench.counters.borrow("next", claims, lease=30)).refused is None


async def test_a_return_after_the_lease_is_booked_and_frees_nothing_twice(bench: Bench) -> None:
    slot, money = claim("parallel", "now", 1, 2), claim("money", "day", 50, 100)
    await bench.counters.borrow("slow", [slot, money], lease=30)
    await bench.pass_time(31)
    await bench.counters.borrow("other", [slot, money], lease=30)
    bench.counters.give_back("slow", [0, 40])
    assert await bench.used(slot) == 1
    assert await bench.used(money) == 40
    assert (await bench.counters.borrow("third", [slot, money], lease=30)).refused == 1


async def test_giving_back_twice_or_the_unknown_does_nothing(bench: Bench) -> None:
    claims = [claim("parallel", "now", 1, 5), claim("money", "day", 50, 1000)]
    await bench.counters.borrow("a", claims, lease=60)
    await bench.counters.borrow("b", claims, lease=60)
    for _ in range(2):
        bench.counters.give_back("a", [0, 7])
        bench.counters.give_back("never", [0, 7])
    assert await bench.used(claims[0]) == 1
    assert await bench.used(claims[1]) == 7


async def test_amounts_that_are_missing_are_nothing(bench: Bench) -> None:
    claims = [claim(), claim("money", "day", 50, 1000), claim("tokens", "minute", 50, 1000)]
    await bench.counters.borrow("a", claims, lease=60)
    bench.counters.give_back("a", ())
    assert [await bench.used(one) for one in claims] == [1, 0, 0]


async def test_a_further_attempt_borrows_more_under_the_same_ticket(bench: Bench) -> None:
    first, more = claim("money", "day", 40, 100), claim("money", "day", 50, 100)
    await bench.counters.borrow("a", [first], lease=30)
    await bench.pass_time(20)
    assert (await bench.counters.extend("a", [more])).remaining == (10,)
    assert (await bench.counters.extend("a", [more])).refused == 0
    await bench.pass_time(20)
    assert (await bench.counters.borrow("b", [first], lease=30)).refused == 0, "the lease was renewed"
    bench.counters.give_back("a", [70])
    assert await bench.used(first) == 70
    assert (await bench.counters.borrow("c", [claim("money", "day", 30, 100)], lease=30)).refused is None


async def test_nothing_more_is_borrowed_for_a_ticket_that_is_not_out(bench: Bench) -> None:
    one = claim("money", "day", 40, 100)
    grant = await bench.counters.extend("never", [one])
    assert not grant.counted
    assert (await bench.counters.borrow("a", [one], lease=60)).remaining == (60,)


@pytest.mark.parametrize(
    ("window", "before", "after"),
    [
        ("hour", (2024, 2, 29, 9, 59, 59), (2024, 2, 29, 10, 0, 0)),
        ("day", (2024, 2, 29, 23, 59, 59), (2024, 3, 1, 0, 0, 0)),
        ("month", (2024, 2, 29, 23, 59, 59), (2024, 3, 1, 0, 0, 0)),
        ("month", (2023, 12, 31, 23, 59, 59), (2024, 1, 1, 0, 0, 0)),
    ],
)
async def test_money_counts_from_zero_in_a_new_calendar_window(
    bench: Bench, window: str, before: tuple[int, ...], after: tuple[int, ...]
) -> None:
    at = datetime(*before, tzinfo=UTC).timestamp()  # type: ignore[arg-type,misc]
    await bench.pass_time(at - bench.clock.now() / 1_000_000)
    one = claim("money", window, 80, 100)  # type: ignore[arg-type]
    late = bench.clock.now()
    await bench.counters.borrow("old", [one], lease=600)
    bench.counters.give_back("old", [80])
    await bench.counters.borrow("flying", [claim("money", window, 20, 100)], lease=600)  # type: ignore[arg-type]
    assert (await bench.counters.borrow("x", [one], lease=60)).refused == 0
    await bench.pass_time(datetime(*after, tzinfo=UTC).timestamp() - at)  # type: ignore[arg-type,misc]
    grant = await bench.counters.borrow("new", [one], lease=60, at=late)
    assert grant.remaining == (20,), "neither what was spent nor what was borrowed before weighs on the new window"
    bench.counters.give_back("flying", [20])
    bench.counters.give_back("new", [80])
    assert await bench.used(one) == 0, "both calls started in the window before"
    assert (await bench.counters.borrow("y", [one], lease=60)).remaining == (20,)


async def test_reconciliation_puts_money_right_and_nothing_else(bench: Bench) -> None:
    """FAILURES G5."""
    one = claim("money", "day", 10, 100)
    await bench.counters.borrow("a", [one], lease=60)
    bench.counters.give_back("a", [10])
    await bench.settled()
    await bench.counters.set({one.counter: 95})
    assert await bench.used(one) == 95
    assert sum(amount for _, _, amount in bench.ledger.entries(bench.clock.now())) == 95
    assert (await bench.counters.borrow("b", [one], lease=60)).refused == 0
    with pytest.raises(InvalidInput, match="Only money") as error:
        await bench.counters.set({claim().counter: 3})
    assert error.value.code == "counter_not_money"


async def test_a_counter_that_nobody_used_reads_as_zero(bench: Bench) -> None:
    counters = [one.counter for one in (claim(), claim("parallel", "now"), claim("money", "month"))]
    assert await bench.counters.read(counters) == dict.fromkeys(counters, 0)


async def test_sixty_four_racing_clients_cannot_overspend_a_dollar(bench: Bench) -> None:
    """FAILURES G3, G5."""
    estimate = NANO_PER_DOLLAR // 50
    one = claim("money", "day", estimate, NANO_PER_DOLLAR)
    chance = random.Random(7)
    true = 0

    async def client(name: int) -> None:
        nonlocal true
        for number in range(8):
            ticket = f"{name}-{number}"
            grant = await bench.counters.borrow(ticket, [one], lease=60)
            if grant.refused is not None:
                continue
            await asyncio.sleep(0)
            cost = chance.randint(estimate // 2, estimate)
            true += cost
            bench.counters.give_back(ticket, [cost])

    await asyncio.gather(*(client(name) for name in range(64)))
    assert await bench.used(one) == true
    assert NANO_PER_DOLLAR - estimate < true <= NANO_PER_DOLLAR
    assert bench.counters.out == 0


class Naive:
    """A limit as its definition says: every event is kept, and summed when asked."""

    def __init__(self) -> None:
        self.events: list[tuple[int, int]] = []

    def sliding(self, now: int, width: int) -> int:
        start = now // width * width
        current = sum(amount for at, amount in self.events if at >= start)
        previous = sum(amount for at, amount in self.events if start - width <= at < start)
        share = previous * (start + width - now) / width
        return current + int(share + 0.5)

    def calendar(self, now: int, width: int) -> int:
        return sum(amount for at, amount in self.events if at // width == now // width)


Steps = st.lists(st.tuples(st.floats(0, 90), st.integers(0, 40), st.integers(0, 60)), max_size=25)
MINUTE, HOUR = 60_000_000, 3_600_000_000


async def _follow(bench: Bench, steps: list[tuple[float, int, int]]) -> None:
    tokens, money = Naive(), Naive()
    for number, (seconds, estimate, true) in enumerate(steps):
        bench.clock.advance(round(seconds, 3))
        bench.counters.tick()
        now = bench.clock.now()
        claims: list[Claim] = [claim("tokens", "minute", estimate, 50), claim("money", "hour", estimate, 200)]
        grant = await bench.counters.borrow(str(number), claims, lease=1000)
        held = tokens.sliding(now, MINUTE), money.calendar(now, HOUR)
        fits = [have + (estimate or 1) <= hard for have, hard in zip(held, (50, 200), strict=True)]
        assert grant.refused == (None if all(fits) else fits.index(False))
        if grant.refused is None:
            assert grant.remaining == (50 - held[0] - estimate, 200 - held[1] - estimate)
            bench.counters.give_back(str(number), [true, true])
            tokens.events.append((now, true))
            money.events.append((now, true))
        await bench.settled()
        assert await bench.counters.read([one.counter for one in claims]) == {
            claims[0].counter: tokens.sliding(now, MINUTE),
            claims[1].counter: money.calendar(now, HOUR),
        }


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=Steps)
def test_counters_agree_with_a_naive_model(engine: Engine, steps: list[tuple[float, int, int]]) -> None:
    async def run() -> None:
        async with engine.open() as bench:
            await _follow(bench, steps)

    asyncio.run(run())
