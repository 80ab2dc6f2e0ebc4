import asyncio

import msgspec
import pytest

from penstock.core.errors import Unavailable
from penstock.store.spans.deletion import Selection
from penstock.testing.journal import FIRST
from penstock.tracing.retention.jobs import DAY, DeletionJob, RetentionJob, selections
from penstock.tracing.retention.types import RetentionPolicy
from penstock.wire.score import Score


def test_without_a_policy_everything_is_kept(service, keeping, project):
    assert service.policy(project).policy == RetentionPolicy()
    assert selections("p", RetentionPolicy(), FIRST) == []
    assert keeping.look() == 0


def test_a_kind_that_is_named_has_a_time_of_its_own():
    policy = RetentionPolicy(default=30, kinds={"tool": 7, "agent": None}, scores=1)

    assert selections("p", policy, 100 * DAY) == [
        Selection(project="p", kinds=("tool",), before=93 * DAY, scores=False),
        Selection(project="p", other_kinds=("agent", "tool"), before=70 * DAY, scores=False),
        Selection(project="p", before=99 * DAY, spans=False),
    ]


@pytest.mark.parametrize("body", [{"default": 0}, {"kinds": {"nonsense": 3}}, {"scores": -1}, {"other": 3}])
def test_a_policy_that_makes_no_sense_is_refused(body):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, RetentionPolicy)


async def test_what_is_older_than_the_policy_is_deleted_and_nothing_else(
    service, keeping, deleting, store, journal, home, admin, project, clock
):
    ages = {"llm": 31, "tool": 8, "agent": 400}
    old = [journal.span(project=project, kind=kind, started=clock.now() - days * DAY) for kind, days in ages.items()]
    young = [journal.span(project=project, kind="llm", started=clock.now() - 29 * DAY)]
    store.load([journal.write(*old, *young)])
    given = Score(
        id="s", project=project, name="n", type="number", number=1, session="x", source="code", created=FIRST - 3 * DAY
    )
    path = journal.seal(b'{"record":"score",' + msgspec.json.encode(given)[1:] + b"\n")
    store.load_scores([path])
    path.unlink()
    service.set_policy(admin, project, RetentionPolicy(default=30, kinds={"tool": 7, "agent": None}, scores=1))

    assert keeping.look() == 3
    assert keeping.look() == 0
    while await deleting.step():
        pass

    assert store.count_spans() == 2
    done = service.listed(project).items
    assert {(one.requested_by, one.state, one.verified, one.what) for one in done} == {
        ("retention", "done", True, None)
    }
    assert (sum(one.spans for one in done), sum(one.scores for one in done)) == (2, 1)
    assert keeping.look() == 0


def test_a_policy_tells_who_set_it_and_when(service, admin, project, clock):
    policy = RetentionPolicy(default=90, kinds={"tool": None})
    service.set_policy(admin, project, RetentionPolicy(default=1))
    service.set_policy(admin, project, policy)

    state = service.policy(project)

    assert (state.policy, state.updated, state.updated_by) == (policy, clock.now(), "penstock")


async def test_retention_outlives_a_store_that_is_down(
    service, store, metadata, admin, project, clock, ids, monkeypatch
):
    service.set_policy(admin, project, RetentionPolicy(default=1))
    looked = asyncio.Event()

    def down(selection):
        raise Unavailable("The store is down.")

    async def pause(seconds):
        if looked.is_set():
            await asyncio.Event().wait()
        looked.set()

    monkeypatch.setattr(store, "remaining", down)
    job = RetentionJob(store, metadata, clock=clock, ids=ids, pause=pause)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(job.run())
        await looked.wait()
        task.cancel()


async def test_the_deleting_job_runs_until_it_is_cancelled(store, metadata, home, clock):
    paused = []
    second = asyncio.Event()

    async def pause(seconds):
        paused.append(seconds)
        if len(paused) == 2:
            second.set()
            await asyncio.Event().wait()

    job = DeletionJob(store, metadata, home=home, clock=clock, pause=pause)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(job.run())
        await second.wait()
        task.cancel()

    assert paused == [1.0, 1.0]
