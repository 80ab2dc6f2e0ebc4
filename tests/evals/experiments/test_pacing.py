"""How many calls are under way at once."""

import asyncio

import pytest

from penstock.core.errors import Unavailable
from penstock.evals.experiments.batching import GroupCommit
from penstock.evals.experiments.pacing import Pacer


async def test_it_starts_low_and_grows_while_all_is_well():
    pacer = Pacer(64)
    assert pacer.limit == 8
    for _ in range(200):
        places = [await pacer.acquire() for _ in range(pacer.limit)]
        for place in places:
            pacer.release(place)
    assert pacer.limit == 64


async def test_one_refusal_halves_it_once_for_all_calls_of_its_time():
    pacer = Pacer(64, start=32)
    places = [await pacer.acquire() for _ in range(32)]
    for place in places:
        pacer.release(place, refused=True)
    assert pacer.limit == 16


async def test_it_never_falls_below_one():
    pacer = Pacer(4, start=1)
    for _ in range(5):
        pacer.release(await pacer.acquire(), refused=True)
    assert pacer.limit == 1


async def test_nothing_starts_before_the_other_side_said():
    pacer = Pacer(4)
    pacer.release(await pacer.acquire(), refused=True, retry_after=0.02)
    began = asyncio.get_running_loop().time()
    await pacer.acquire()
    assert asyncio.get_running_loop().time() - began >= 0.019


async def test_a_place_that_is_waited_for_and_given_up_goes_to_the_next():
    pacer = Pacer(1)
    place = await pacer.acquire()
    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(pacer.acquire())
        next_ = tasks.create_task(pacer.acquire())
        await asyncio.sleep(0)
        gone.cancel()
        pacer.release(place)
        await next_
    assert pacer.active == 1


async def test_what_comes_together_is_done_in_one_batch():
    batches = []

    async def work(asked):
        batches.append(list(asked))
        return [value * 2 for value in asked]

    async with asyncio.TaskGroup() as tasks:
        commit = GroupCommit(work, tasks, seconds=0.001, most=4)
        answers = await asyncio.gather(*(commit(value) for value in range(10)))
    assert answers == [value * 2 for value in range(10)]
    assert [len(batch) for batch in batches] == [4, 4, 2]


async def test_everybody_in_a_batch_learns_that_it_failed():
    async def work(asked):
        raise Unavailable("full")

    async with asyncio.TaskGroup() as tasks:
        commit = GroupCommit(work, tasks, seconds=0.001)
        outcomes = await asyncio.gather(commit(1), commit(2), return_exceptions=True)
    assert [type(one) for one in outcomes] == [Unavailable, Unavailable]


async def test_a_defect_ends_whoever_waits():
    async def work(asked):
        raise ZeroDivisionError

    async def waiting() -> None:
        async with asyncio.TaskGroup() as tasks:
            await GroupCommit(work, tasks, seconds=0.001)(1)

    with pytest.raises(ExceptionGroup):
        await waiting()
