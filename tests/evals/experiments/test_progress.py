"""Progress of experiments while they run: over the feed, and as server-sent events."""

import asyncio

import msgspec
import pytest

from experiments_harness import Lab
from penstock.core.clock import ManualClock
from penstock.core.errors import NotFound, RateLimited, Unavailable
from penstock.evals.experiments import progress as module
from penstock.evals.experiments.progress import PERIOD, Progress, ProgressFeed
from penstock.evals.experiments.progress_routes import _events
from penstock.evals.experiments.types import Counts, Experiment


class Watching:
    """An experiment that a test moves, and a feed whose pauses move the clock."""

    def __init__(self, shown: Experiment) -> None:
        self.clock = ManualClock()
        self.shown = shown
        self.reads = 0
        self.script: list[object] = []
        self.feed = ProgressFeed(self.read, clock=self.clock, pause=self.pause)

    def read(self, project: str, experiment: str) -> Experiment:
        self.reads += 1
        if isinstance(self.shown, Exception):
            raise self.shown
        return self.shown

    async def pause(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.script:
            step = self.script.pop(0)
            if step is not None:
                self.move(step)
        await asyncio.sleep(0)

    def move(self, step) -> None:
        self.shown = step if isinstance(step, Exception | Experiment) else msgspec.structs.replace(self.shown, **step)


def counted(done: int, **more) -> Counts:
    return Counts(total=100, done=done, **more)


@pytest.fixture
def watching(lab: Lab) -> Watching:
    made = lab.made(3)
    return Watching(msgspec.structs.replace(made, state="running", counts=counted(0)))


async def test_each_move_is_told_with_rate_time_left_and_cost_until_the_run_ends(watching: Watching):
    watching.script = [None, None, {"counts": counted(10, cost=50, cached=5)}, None,
                       {"state": "done", "counts": counted(100, cost=500)}]  # fmt: skip
    told = [one async for one in watching.feed.watch("p", "e")]
    assert all(isinstance(one, Progress) for one in told)
    first, moved, last = told
    assert (first.active, first.rate, first.left, first.cost_expected) == (True, None, None, None)
    # Ten in a second and a half; five of them were paid for.
    assert (moved.rate, moved.left) == (pytest.approx(10 / 1.5), pytest.approx(90 / (10 / 1.5)))
    assert moved.cost_expected == 50 + 50 // 5 * 90
    assert (last.active, last.state, last.rate, last.cost_expected) == (False, "done", None, None)
    assert watching.feed._watched == {}


async def test_rows_that_are_asked_again_start_the_rate_anew(watching: Watching):
    watching.move({"counts": counted(50)})
    watching.script = [
        None,
        None,
        None,
        {"counts": counted(40)},
        None,
        None,
        {"counts": counted(44)},
        {"state": "paused"},
    ]
    rates = [one.rate async for one in watching.feed.watch("p", "e") if one is not None]
    assert rates == [None, None, pytest.approx(4 / 1.5), None]


async def test_the_rate_is_that_of_lately(watching: Watching):
    watching.script = [{"counts": counted(60)}, *[None] * 70, {"counts": counted(61)}, {"state": "done"}]
    told = [one async for one in watching.feed.watch("p", "e") if one is not None]
    assert told[2].rate is not None
    assert told[2].rate < 0.05


async def test_a_quiet_stream_says_so_that_no_proxy_takes_it_for_dead(watching: Watching):
    watching.script = [*[None] * round(40 / PERIOD), {"state": "cancelled"}]
    told = [one async for one in watching.feed.watch("p", "e")]
    assert told.count(None) == 2
    assert (len(told), told[-1] is not None) == (4, True)


async def test_who_comes_back_is_told_only_what_is_new(watching: Watching):
    now = await watching.feed.now("p", "e")
    watching.script = [None, {"counts": counted(1)}, {"state": "done"}]
    told = [one async for one in watching.feed.watch("p", "e", since=now.mark)]
    assert [one and one.counts.done for one in told] == [1, 1]
    again = [one async for one in watching.feed.watch("p", "e", since=told[-1] and told[-1].mark)]
    assert again == []


async def test_many_watchers_read_once(watching: Watching):
    async def watched() -> int:
        return len([one async for one in watching.feed.watch("p", "e")])

    streams = [watching.feed.watch("p", "e") for _ in range(20)]
    for stream in streams:
        assert (await anext(stream)) is not None
    assert watching.reads == 1
    for stream in streams:
        await stream.aclose()
    assert watching.feed._watched == {}
    watching.move({"state": "done"})
    assert await watched() == 1


async def test_a_store_that_is_busy_for_a_moment_ends_no_stream(watching: Watching, caplog):
    running = watching.shown
    watching.script = [Unavailable("busy"), None, running, {"state": "done"}]
    told = [one async for one in watching.feed.watch("p", "e")]
    assert [one and one.state for one in told] == ["running", "done"]
    assert "waits: busy" in caplog.text


async def test_streams_are_bounded_for_a_project_and_for_all(watching: Watching, monkeypatch):
    monkeypatch.setattr(module, "MAX_OF_PROJECT", 2)
    monkeypatch.setattr(module, "MAX_STREAMS", 3)
    streams = [watching.feed.watch(project, "e") for project in ("p", "p", "q")]
    for stream in streams[:2]:
        await anext(stream)
    watching.feed.check_room("q")
    with pytest.raises(RateLimited) as caught:
        watching.feed.check_room("p")
    assert (caught.value.code, caught.value.status) == ("too_many_streams", 429)
    await anext(streams[2])
    with pytest.raises(RateLimited):
        watching.feed.check_room("r")
    # One that was let in a moment too late ends at once.
    assert [one async for one in watching.feed.watch("r", "e")] == []
    for stream in streams:
        await stream.aclose()
    watching.feed.check_room("p")


async def test_events_carry_a_mark_and_the_last_is_named_end(watching: Watching):
    watching.script = [*[None] * round(16 / PERIOD), {"state": "done"}]
    sent = b"".join([piece async for piece in _events(watching.feed.watch("p", "e"))]).decode()
    assert sent.startswith("retry: 2000\n\nevent: progress\nid: running.0.0.0.0\ndata: {")
    assert "\n\n: keep-alive\n\n" in sent
    assert sent.split("\n\n")[-2].startswith("event: end\nid: done.0.0.0.0\n")


async def test_nothing_is_told_of_an_experiment_that_is_not_there(watching: Watching):
    watching.move(NotFound("none"))
    with pytest.raises(NotFound):
        await watching.feed.now("p", "e")
