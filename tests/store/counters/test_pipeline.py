"""One connection for many commands: answers stay with their questions, whatever happens to those that wait."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import hiredis
import pytest
from redis.asyncio import Redis

from counters_harness import PATIENCE, claim, redis_counters
from penstock.store.counters import redis
from penstock.store.counters.link import Link, Lost, Script
from penstock.store.counters.pipeline import Gone, Pipeline
from redis_harness import RedisServer

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


@asynccontextmanager
async def against(serve: Serve, folder: Path) -> AsyncGenerator[Pipeline]:
    """A pipeline to a server that is given."""
    path = str(folder / "redis.sock")
    served = asyncio.get_running_loop().create_future()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        await writer.wait_closed()
        served.set_result(None)

    server = await asyncio.start_unix_server(once, path)
    _, writer = await asyncio.open_unix_connection(path)
    pipeline = Pipeline(writer)
    try:
        yield pipeline
    finally:
        pipeline.abort()
        server.close()
        await asyncio.wait_for(served, PATIENCE)


def says(*answers: bytes) -> Serve:
    """A server that waits for a command and then says all that is given, in one piece or several, and stays."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        for answer in answers:
            writer.write(answer)
            await writer.drain()
        await reader.read()
        writer.close()

    return serve


async def within(answer: asyncio.Future[object]) -> object:
    async with asyncio.timeout(PATIENCE):
        return await answer


async def test_answers_come_to_their_questions_in_order(tmp_path: Path) -> None:
    async with against(says(b":1\r\n$3\r\nt", b"wo\r\n-ERR three\r\n"), tmp_path) as pipeline:
        one, two, three = (pipeline.send(b"GET", b"x") for _ in range(3))
        assert await within(one) == 1
        assert await within(two) == b"two"
        refused = await within(three)
        assert isinstance(refused, hiredis.ReplyError)
        assert str(refused) == "ERR three"


async def test_who_waits_no_longer_does_not_shift_the_answers_of_others(tmp_path: Path) -> None:
    async with against(says(b":1\r\n:2\r\n"), tmp_path) as pipeline:
        first, second = pipeline.send(b"A"), pipeline.send(b"B")
        first.cancel()
        assert await within(second) == 2
        assert pipeline.is_open


@pytest.mark.parametrize("nonsense", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b":1\r\n:2\r\n"], ids=["http", "unasked"])
async def test_what_is_no_answer_ends_the_connection(tmp_path: Path, nonsense: bytes) -> None:
    async with against(says(nonsense), tmp_path) as pipeline:
        asked = pipeline.send(b"A")
        if nonsense.startswith(b":"):
            assert await within(asked) == 1
        else:
            with pytest.raises(Gone, match="not an answer of Redis"):
                await within(asked)
        with pytest.raises(Gone):
            await within(pipeline.send(b"B"))
        assert not pipeline.is_open


async def test_all_that_wait_learn_that_the_connection_is_gone(tmp_path: Path) -> None:
    async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with against(leaves, tmp_path) as pipeline:
        for answer in [pipeline.send(b"A") for _ in range(3)]:
            with pytest.raises(Gone):
                await within(answer)


async def test_finishing_waits_for_the_answers(tmp_path: Path) -> None:
    async with against(says(b":7\r\n"), tmp_path) as pipeline:
        answer = pipeline.send(b"A")
        pipeline.finish()
        assert pipeline.is_open
        assert await within(answer) == 7
        assert not pipeline.is_open


SEVEN = Script("return cmsgpack.pack(7)")


async def test_after_a_time_limit_a_new_connection_is_made(own_redis: RedisServer, prefix: str) -> None:
    link = Link(own_redis.url, prefix=prefix)
    assert await link.run(SEVEN, timeout=5) == 7
    own_redis.freeze()
    with pytest.raises(Lost, match="no answer within"):
        await link.run(SEVEN, timeout=0.05)
    own_redis.thaw()
    assert await link.run(SEVEN, timeout=5) == 7
    await link.close()


async def test_callers_that_come_together_share_one_connection(own_redis: RedisServer, prefix: str) -> None:
    link = Link(own_redis.url, prefix=prefix)
    assert await asyncio.gather(*(link.run(SEVEN, timeout=5) for _ in range(50))) == [7] * 50
    async with Redis.from_url(own_redis.url) as other:
        assert len(await other.client_list()) == 2
    await link.close()


async def test_a_return_travels_with_the_next_borrow(shared_redis: RedisServer, prefix: str) -> None:
    one = claim("tokens", "day", 10, 10**9)
    async with redis_counters(shared_redis.url, prefix=prefix) as bench:
        counters = bench.counters
        await counters.borrow("first", [one], lease=60)
        steps = await turns(bench.counters)
        for number in range(20):
            counters.give_back("first" if number == 0 else str(number - 1), [5])
            await counters.borrow(str(number), [one], lease=60)
        assert await turns(bench.counters) - steps == 20, "one step for each call"
        await bench.settled()
        assert (await counters.read([one.counter]))[one.counter] == 20 * 5 + 10


async def test_what_is_scarce_is_back_without_waiting_for_a_borrow(
    shared_redis: RedisServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "SETTLE_SECONDS", 3600)
    slot = claim("parallel", "now", 1, 1)
    async with (
        redis_counters(shared_redis.url, prefix=prefix) as left,
        redis_counters(shared_redis.url, prefix=prefix) as right,
    ):
        for number in range(5):
            one, other = (left, right) if number % 2 else (right, left)
            assert (await one.counters.borrow(f"{number}", [slot], lease=60)).refused is None
            assert (await other.counters.borrow("more", [slot], lease=60)).refused == 0
            one.counters.give_back(f"{number}", [0])
            async with asyncio.timeout(PATIENCE):
                while (await other.counters.read([slot.counter]))[slot.counter]:
                    pass


async def turns(counters: object) -> int:
    """Steps that Redis has taken so far, as it told with the last one."""
    return counters._turns  # type: ignore[attr-defined]
