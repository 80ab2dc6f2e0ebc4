"""One suite over both caches of answers."""

import random

import pytest

from penstock.store.answers.envelope import COMPRESS_FROM
from penstock.wire.answers import OVERHEAD


def noise(seed, size):
    """Bytes that do not compress, the same in every run."""
    return random.Random(seed).randbytes(size)


async def test_an_answer_is_given_again_as_it_was(opened, answer):
    kept = answer(b'{"text":"\xc3\xa9"}', usage_raw=b"{}", finish_reasons=("stop",), served_model="m-1", output=b"[1]")
    async with opened() as it:
        await it.put("p/1", kept)
        assert await it.cache.get("p/1") == kept
        assert it.cache.entries == 1
        assert it.cache.bytes > 0


async def test_a_key_that_was_never_put_is_a_miss(opened):
    async with opened() as it:
        assert await it.cache.get("p/1") is None


async def test_a_long_answer_that_does_not_compress_is_given_again(opened, answer):
    kept = answer(noise(1, COMPRESS_FROM * 50))
    async with opened() as it:
        await it.put("p/1", kept)
        assert await it.cache.get("p/1") == kept


async def test_an_answer_is_over_after_its_time(opened, answer, clock):
    async with opened() as it:
        await it.put("p/1", answer(), ttl=10.0)
        clock.advance(9.9)
        assert await it.cache.get("p/1") is not None
        clock.advance(0.1)
        assert await it.cache.get("p/1") is None


@pytest.mark.parametrize("ttl", [0.0, -1.0])
async def test_an_answer_with_no_time_is_not_kept(ttl, opened, answer):
    async with opened() as it:
        await it.put("p/1", answer(), ttl=ttl)
        assert await it.cache.get("p/1") is None


async def test_a_later_answer_takes_the_place_of_an_earlier_one(opened, answer):
    async with opened() as it:
        await it.put("p/1", answer(b"1" * 3000))
        await it.put("p/1", answer(b"2"))
        found = await it.cache.get("p/1")
        assert found is not None
        assert found.body == b"2"
        assert it.cache.entries == 1
        assert it.cache.bytes < 3000


async def test_the_least_recently_used_answers_go_first(opened, answer, clock):
    body = noise(2, 3000)
    size = len(body) + OVERHEAD + 100
    async with opened(budget=size * 3) as it:
        for name in "abc":
            clock.advance(1)
            await it.put(f"p/{name}", answer(body))
        if it.cache.entries < 3:
            pytest.fail("three answers fit")
        clock.advance(1)
        assert await it.cache.get("p/a") is not None
        for name in "de":
            clock.advance(1)
            await it.put(f"p/{name}", answer(body))
        kept = {name for name in "abcde" if await it.cache.get(f"p/{name}") is not None}
        assert {"a", "d", "e"} <= kept
        assert "b" not in kept
        assert it.cache.bytes <= size * 3


async def test_the_budget_holds_whatever_is_put(opened, answer, clock):
    """FAILURES G9"""
    chance = random.Random(3)
    async with opened(budget=20_000) as it:
        for number in range(60):
            clock.advance(1)
            await it.put(f"p/{chance.randrange(20)}", answer(chance.randbytes(chance.randrange(9000))), ttl=30)
            assert it.cache.bytes <= 20_000, number
            assert (it.cache.entries == 0) == (it.cache.bytes == 0)


async def test_an_answer_larger_than_the_budget_is_not_kept(opened, answer):
    async with opened(budget=5000) as it:
        await it.put("p/1", answer(b"1"))
        await it.put("p/2", answer(noise(4, 6000)))
        assert await it.cache.get("p/2") is None
        assert await it.cache.get("p/1") is not None


async def test_a_project_forgets_its_own_answers_and_no_others(opened, answer):
    """FAILURES G23"""
    async with opened() as it:
        for number in range(700):
            it.cache.put(f"p/{number}", answer(), ttl=60)
        await it.settled()
        await it.put("pq/1", answer())
        assert await it.cache.clear("p") == 700
        assert await it.cache.get("p/1") is None
        assert await it.cache.get("pq/1") is not None
        await it.put("p/1", answer())
        assert it.cache.entries == 2
        assert await it.cache.clear() == 2
        assert await it.cache.get("pq/1") is None


async def test_answers_that_are_over_make_room_before_others_do(opened, answer, clock):
    async with opened(budget=3 * (OVERHEAD + 1500)) as it:
        await it.put("p/short", answer(noise(5, 1400)), ttl=5)
        clock.advance(1)
        await it.put("p/long", answer(noise(6, 1400)), ttl=500)
        clock.advance(10)
        await it.put("p/new", answer(noise(7, 1400)), ttl=500)
        assert await it.cache.get("p/short") is None
        assert await it.cache.get("p/long") is not None
        assert it.cache.entries == 2
