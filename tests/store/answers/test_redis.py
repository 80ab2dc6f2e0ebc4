"""What only the shared cache does: it may be lost, and other workers share it."""

import asyncio
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput, Unavailable
from penstock.store.answers.envelope import pack, unpack
from penstock.store.answers.redis import AWAY, WAITING_BYTES
from penstock.wire.answers import CachedAnswer
from penstock.wire.limits import RedisSettings


def cli(server, *words):
    run = subprocess.run(["redis-cli", "-s", str(server.socket), *words], capture_output=True, text=True, check=True)
    return run.stdout.strip()


async def test_what_one_worker_put_another_is_given(redis, settings, answer):
    async with redis(settings) as one, redis(settings) as other:
        await one.put("p/1", answer())
        assert await other.cache.get("p/1") == answer()


async def test_redis_itself_forgets_an_answer_after_its_time(redis, settings, answer, server):
    async with redis(settings) as it:
        await it.put("p/1", answer(), ttl=30)
    assert 0 < int(cli(server, "PTTL", f"{{{settings.prefix}}}:answers:v:p/1")) <= 30_000


async def test_a_long_answer_takes_less_room_than_it_has_bytes(redis, settings, answer, server):
    async with redis(settings) as it:
        await it.put("p/1", answer(b"the same again " * 10_000))
        found = await it.cache.get("p/1")
    assert found is not None
    assert len(found.body) == 150_000
    assert int(cli(server, "STRLEN", f"{{{settings.prefix}}}:answers:v:p/1")) < 5_000


async def test_a_lost_redis_makes_misses_and_is_not_asked_again_at_once(redis, answer, own_server, clock, caplog):
    """FAILURES G7"""
    settings = RedisSettings(url=own_server.url, timeout=5.0)
    caplog.set_level("INFO")
    async with redis(settings) as it:
        await it.put("p/1", answer())
        own_server.kill()
        assert await it.cache.get("p/1") is None
        await it.put("p/2", answer())
        own_server.start()
        assert await it.cache.get("p/1") is None, "within the pause"
        clock.advance(AWAY)
        assert await it.cache.get("p/1") is not None
        assert await it.cache.get("p/2") is None
    told = [record.message for record in caplog.records if record.name.startswith("penstock.store.answers")]
    assert len(told) == 2
    assert "cannot be reached" in told[0]
    assert "can be reached again" in told[1]


async def test_a_put_while_redis_is_away_is_given_up(redis, answer, own_server, clock):
    settings = RedisSettings(url=own_server.url, timeout=5.0)
    own_server.kill()
    async with redis(settings) as it:
        await it.put("p/1", answer())
        clock.advance(AWAY)
        own_server.start()
        assert await it.cache.get("p/1") is None
        await it.put("p/1", answer())
        assert await it.cache.get("p/1") is not None


async def test_a_silent_redis_is_a_miss_within_the_time_limit(redis, answer, own_server):
    settings = RedisSettings(url=own_server.url, timeout=0.05)
    async with redis(settings) as it:
        own_server.freeze()
        try:
            assert await it.cache.get("p/1") is None
        finally:
            own_server.thaw()


async def test_forgetting_says_when_redis_cannot_be_reached(redis, own_server):
    own_server.kill()
    async with redis(RedisSettings(url=own_server.url, timeout=5.0)) as it:
        with pytest.raises(Unavailable, match="could not be forgotten"):
            await it.cache.clear()


async def test_forgetting_includes_what_is_still_to_be_written(redis, settings, answer):
    async with redis(settings) as it:
        it.cache.put("p/1", answer(), ttl=60)
        await it.cache.clear("p")
        await it.settled()
        assert await it.cache.get("p/1") is None


async def test_what_waits_to_be_written_is_bounded(redis, settings, answer):
    """FAILURES G9"""
    big = answer(bytes(WAITING_BYTES // 3))
    async with redis(settings, 1 << 30) as it:
        for number in range(5):
            it.cache.put(f"p/{number}", big, ttl=60)
            it.cache.put(f"p/{number}", big, ttl=60)
            assert it.cache._waiting_bytes <= WAITING_BYTES
        assert list(it.cache._waiting) == ["p/3", "p/4"]
        await it.settled()
        assert it.cache._waiting_bytes == 0


async def test_closing_does_not_wait_for_a_silent_redis_for_ever(redis, answer, own_server, monkeypatch):
    monkeypatch.setattr("penstock.store.answers.redis.CLOSE_SECONDS", 0.05)
    async with redis(RedisSettings(url=own_server.url, timeout=30.0)) as it:
        own_server.freeze()
        try:
            it.cache.put("p/1", answer(), ttl=60)
            await asyncio.sleep(0)
            await it.cache.close()
        finally:
            own_server.thaw()


async def test_an_address_that_is_none_is_refused(redis):
    with pytest.raises(BaseExceptionGroup) as caught:
        async with redis(RedisSettings(url="ftp://x")):
            pass
    assert caught.value.subgroup(InvalidInput)


async def test_values_of_another_version_or_broken_ones_are_misses(redis, settings, answer, server):
    async with redis(settings) as it:
        for value in ("\x03later", "\x01broken", "\x02broken"):
            cli(server, "SET", f"{{{settings.prefix}}}:answers:v:p/1", value)
            assert await it.cache.get("p/1") is None


async def test_a_lost_index_starts_the_count_again(redis, settings, answer, server, clock):
    base = f"{{{settings.prefix}}}:answers:"
    async with redis(settings, 10_000) as it:
        await it.put("p/1", answer())
        cli(server, "SET", f"{base}total", "999999")
        clock.advance(1)
        await it.put("p/2", answer())
        assert it.cache.bytes == 0
        await it.put("p/3", answer())
        assert it.cache.entries == 1
        assert 0 < it.cache.bytes < 10_000


@given(data=st.binary(max_size=200), now=st.integers(0, 1 << 60))
def test_no_bytes_break_the_reader(data, now):
    for form in (b"", b"\x01", b"\x02"):
        assert unpack(form + data, now=now) is None


@given(body=st.binary(max_size=9000), repeat=st.integers(1, 5), expires=st.integers(1, 1 << 60), cut=st.integers(1, 50))
def test_an_envelope_is_read_as_it_was_written_until_it_is_over(body, repeat, expires, cut):
    kept = CachedAnswer(operation="chat", body=body * repeat, created=1, provider="p", model="m")
    data = pack(kept, expires=expires)
    assert unpack(data, now=expires - 1) == kept
    assert unpack(data, now=expires) is None
    assert unpack(data[:-cut], now=0) is None
