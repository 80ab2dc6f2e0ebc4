"""What only counters in memory must hold: they are bounded, and forget nothing that counts."""

import logging

import pytest

from counters_harness import claim
from penstock.core.clock import ManualClock
from penstock.store.counters.ledger import Ledger
from penstock.store.counters.memory import MemoryCounters
from penstock.wire.limits import Claim, Measure, Window

DAY = 86_400


async def visit(counters: MemoryCounters, ticket: str, one: Claim, amount: int = 0) -> None:
    assert (await counters.borrow(ticket, [one], lease=60)).refused is None
    counters.give_back(ticket, [amount])


@pytest.mark.parametrize(
    ("measure", "window", "seconds"),
    [("requests", "second", 2), ("requests", "day", 2 * DAY), ("money", "hour", 3600), ("parallel", "now", 0)],
)
async def test_counters_whose_windows_are_over_are_dropped(measure: Measure, window: Window, seconds: int) -> None:
    """FAILURES G9."""
    clock = ManualClock(1_699_920_000_000_000)  # a midnight
    counters = MemoryCounters(clock)
    for user in range(5000):
        await visit(counters, f"t{user}", claim(measure, window, whose=f"user:{user}"))
    assert counters.size == 5000
    for moved in (seconds - 1, 1):
        clock.advance(max(0, moved))
        for _ in range(5):
            counters.tick()
        if measure != "parallel" and moved != 1:
            assert counters.size == 5000, "they count until the last second"
    assert counters.size == 0


async def test_a_slot_in_use_is_not_dropped() -> None:
    counters = MemoryCounters(ManualClock())
    one = claim("parallel", "now", 1, 1)
    await counters.borrow("t", [one], lease=60)
    counters.tick()
    assert (await counters.borrow("u", [one], lease=60)).refused == 0


async def test_too_many_live_counters_lose_the_least_used_loudly(caplog: pytest.LogCaptureFixture) -> None:
    """FAILURES G8, G9."""
    counters = MemoryCounters(ManualClock(), max_counters=100)
    for user in range(110):
        await visit(counters, f"t{user}", claim("money", "month", 1, 1000, whose=f"user:{user}"), user + 1)
    kept = claim("money", "month", 1, 1000, whose="user:0")
    await counters.borrow("flying", [kept], lease=60)
    counters.tick()
    assert counters.size == 90
    assert "20 least used are forgotten" in caplog.text
    first = claim("money", "month", whose="user:1")
    last = claim("money", "month", whose="user:109")
    found = await counters.read([kept.counter, first.counter, last.counter])
    assert found == {kept.counter: 1, first.counter: 0, last.counter: 110}


async def test_a_clock_that_is_set_back_neither_frees_nor_breaks_a_limit() -> None:
    clock = ManualClock()
    counters = MemoryCounters(clock)
    one = claim("requests", "minute", 1, 3)
    for number in range(3):
        await visit(counters, str(number), one)
    clock.advance(-90)
    refused = await counters.borrow("x", [one], lease=60)
    assert refused.refused == 0
    assert refused.retry_after > 0


async def test_what_was_booked_before_the_start_counts() -> None:
    clock = ManualClock(1_699_920_000_000_000)
    day = clock.now()
    counters = MemoryCounters(clock)
    money, tokens = claim("money", "day", 10, 100), claim("tokens", "day", 10, 1000)
    counters.load(
        {
            (money.counter, day): 95,
            (money.counter, day - DAY * 1_000_000): 50,
            (tokens.counter, day): 200,
            (tokens.counter, day - DAY * 1_000_000): 400,
        }
    )
    assert await counters.read([money.counter, tokens.counter]) == {money.counter: 95, tokens.counter: 600}
    clock.advance(DAY / 2)
    assert await counters.read([tokens.counter]) == {tokens.counter: 400}
    assert (await counters.borrow("t", [money], lease=60)).refused == 0


async def test_the_ledger_knows_what_lasts_and_forgets_it_when_it_is_written_and_over() -> None:
    clock = ManualClock(1_699_920_000_000_000)
    ledger = Ledger()
    counters = MemoryCounters(clock, ledger)
    claims = [
        claim(),
        claim("tokens", "minute", 5, 100),
        claim("tokens", "day", 5, 100),
        claim("money", "hour", 5, 100),
    ]
    await counters.borrow("t", claims, lease=60)
    counters.give_back("t", [1, 6, 7, 8])
    start = clock.now()
    assert sorted(ledger.take_changes()) == [(claims[3].counter, start, 8), (claims[2].counter, start, 7)]
    assert ledger.take_changes() == []
    clock.advance(3600)
    counters.tick()
    assert ledger.entries(clock.now()) == [(claims[2].counter, start, 7)]
    ledger.book(claims[3].counter, start, 1)
    clock.advance(3 * DAY)
    ledger.prune(clock.now())
    assert ledger.take_changes() == [(claims[3].counter, start, 1)], "a late return of a dropped amount is itself"
    ledger.prune(clock.now())
    assert ledger.empty


async def test_settings_mean_nothing_and_closing_ends_all_tickets(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    counters = MemoryCounters(ManualClock())
    counters.configure(None)
    await counters.borrow("t", [claim()], lease=60)
    await counters.close()
    assert counters.out == 0
    assert counters.state == "memory"
    assert caplog.text == ""


async def test_what_is_spent_is_the_money_of_current_windows_the_largest_first() -> None:
    """FAILURES G5."""
    clock = ManualClock(1_699_920_000_000_000)
    counters = MemoryCounters(clock)
    start = clock.now()
    for number in (1, 3, 2):
        await visit(counters, f"t{number}", claim("money", "day", 9, 100, whose=f"key:{number}"), number)
    await visit(counters, "hour", claim("money", "hour", 9, 100), 50)
    await visit(counters, "tokens", claim("tokens", "day", 9, 100), 70)
    await counters.borrow("flying", [claim("money", "day", 9, 100, whose="key:4")], lease=60)
    assert counters.spent(10) == (
        [
            ("limit-a/project:p/money/hour", start, 50),
            *[(f"limit-a/key:{number}/money/day", start, number) for number in (3, 2, 1)],
        ],
        False,
    )
    assert counters.spent(1) == ([("limit-a/project:p/money/hour", start, 50)], True)
    clock.advance(3600)
    assert [counter for counter, _, _ in counters.spent(10)[0]] == [
        f"limit-a/key:{number}/money/day" for number in (3, 2, 1)
    ]
    for _ in range(3):
        clock.advance(DAY)
        counters.tick()
    assert counters.spent(10) == ([], False)


async def test_a_correction_adds_and_is_booked_so_that_it_survives() -> None:
    """FAILURES G5."""
    clock = ManualClock(1_699_920_000_000_000)
    ledger = Ledger()
    counters = MemoryCounters(clock, ledger)
    one = claim("money", "day", 10, 100)
    await visit(counters, "t", one, 30)
    assert counters.correct([(one.counter, clock.now(), -10), ("limit-a/key:new/money/day", clock.now(), 5)]) == 2
    assert await counters.read([one.counter]) == {one.counter: 20}
    assert sorted(ledger.take_changes()) == [
        ("limit-a/key:new/money/day", clock.now(), 5),
        (one.counter, clock.now(), 20),
    ]
