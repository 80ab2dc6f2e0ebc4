"""What cannot be run, and the job of the console."""

import asyncio
from collections.abc import Iterator
from random import Random

import pytest

from experiments_harness import Lab
from penstock.core.errors import Conflict, InvalidInput, Unavailable
from penstock.core.ids import RandomIds
from penstock.evals.evaluators.catalog import load
from penstock.evals.experiments.check import check_spec, max_cost_of, needs_process
from penstock.evals.experiments.jobs import ExperimentJob
from penstock.evals.experiments.places import check_evaluator
from penstock.evals.experiments.types import Experiment, VariantSpec
from penstock.evals.gates.parser import parse
from penstock.testing.simulator import SimulatorServer

A = VariantSpec(name="a", model="m")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"name": " "}, "name"),
        ({"variants": []}, "variants"),
        ({"variants": [A, A]}, "variants[1].name"),
        ({"variants": [VariantSpec(name="", model="m")]}, "variants[0].name"),
        ({"variants": [VariantSpec(name="a")]}, "variants[0]"),
        ({"variants": [VariantSpec(name="a", python="m:f", parameters={"x": 1})]}, "variants[0]"),
        ({"variants": [VariantSpec(name="a", model="m", prompt="p", messages=[])]}, "variants[0]"),
        (
            {"variants": [VariantSpec(name="a", model="m", parameters={"stream": True})]},
            "variants[0].parameters.stream",
        ),
        ({"baseline": "b"}, "baseline"),
        ({"evaluators": [{"type": "exact"}] * 51}, "evaluators"),
        ({"evaluators": [{"type": "exakt"}]}, "evaluators[0].type"),
        ({"evaluators": [{"type": "latency", "most": 2}]}, "evaluators[0].name"),
        ({"evaluators": [{"type": "exact"}, {"type": "exact", "name": "cost"}]}, "evaluators[1].name"),
        ({"gate": ["exact >= 50%", "exact >>= 1"]}, "gate[1]"),
        ({"max_cost": "much"}, "max_cost"),
        ({"max_cost": "-1"}, "max_cost"),
        ({"retries": 21}, "retries"),
    ],
)
def test_what_cannot_be_run_is_refused_by_its_field(lab: Lab, more, field):
    with pytest.raises(InvalidInput) as caught:
        check_spec(lab.spec(**more), evaluator=check_evaluator, rule=parse)
    assert caught.value.field == field


def test_what_needs_a_process_of_the_users_is_named(lab: Lab):
    assert needs_process(lab.spec()) is None
    assert "m:f" in str(needs_process(lab.spec(evaluators=[{"python": "m:f"}])))
    assert max_cost_of(lab.spec(max_cost="$2.50")) == 2_500_000_000


def test_pages_and_states_that_do_not_fit_are_refused(lab: Lab):
    service, user = lab.place._experiments, lab.place._user
    made = lab.made(3)
    for ask in (
        lambda: service.listed("local", cursor=None, limit=0),
        lambda: service.rows("local", made.id, cursor=None, limit=0),
        lambda: service.rows("local", made.id, cursor="x", limit=1),
        lambda: lab.place._results.cells("local", made.id, limit=0),
        lambda: lab.place._results.cells("local", made.id, cursor="x"),
    ):
        with pytest.raises(InvalidInput):
            ask()
    rows, after = service.rows("local", made.id, cursor=None, limit=2)
    assert ([row.position for row in rows], after) == ([0, 1], "2")
    with pytest.raises(Conflict):
        service.take(user, "local", lab.made([]).id, runner="x", evaluators={})
    assert service.want(user, "local", made.id, what="cancel").state == "cancelled"
    with pytest.raises(Conflict):
        service.want(user, "local", made.id, what="pause")
    lab.place.take(made.id, runner="x", evaluators={}, instead_of=None)
    assert service.want(user, "local", made.id, what="pause").state == "running"
    assert lab.place.renew(made.id, runner="x") == "pause"
    assert [one.id for one in lab.place.listed(limit=9)][-1] == made.id


class Access:
    """What the job of the console is given: `refused` is why there is no way to the gateway."""

    def __init__(self, url: str, problem: Exception | None = None, *, refused: Exception | None = None) -> None:
        self.url = url
        self.gateway = self
        self._problem = problem
        self._refused = refused

    async def key(self, project: str) -> str:
        if self._refused is not None:
            raise self._refused
        return f"key of {project}"

    def trace(self, project: str, trace_id: str) -> bytes:
        return b'{"spans": []}'

    def resolve(self, project: str) -> "Access":
        if self._problem is not None:
            raise self._problem
        return self

    def evaluator(self, definition, services, field):
        return load(definition, services, field=field)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with SimulatorServer(tmp_path_factory.mktemp("sim")) as simulator:
        yield simulator.url


async def worked(lab: Lab, access: Access) -> Experiment:
    service, made = lab.place._experiments, lab.made(4)
    service.start(lab.place._user, "local", made.id)
    job = the_job(lab, access)
    async with asyncio.TaskGroup() as tasks:
        await job.step(tasks)
    return service.get("local", made.id)


def the_job(lab: Lab, access: Access) -> ExperimentJob:
    service, ids = lab.place._experiments, RandomIds(lab.clock)
    return ExperimentJob(service, access, clock=lab.clock, ids=ids, random=Random(1), pause=lab.pause)


async def test_the_job_runs_what_waits_to_its_end(lab: Lab, gateway: str):
    ended = await worked(lab, Access(gateway))
    assert (ended.state, ended.counts.done, ended.runner is not None) == ("done", 4, True)


async def test_a_job_that_cannot_ask_says_why(lab: Lab):
    refused = Unavailable("The console was not told where the gateway is.", code="gateway_unknown")
    ended = await worked(lab, Access("", refused=refused))
    assert (ended.state, ended.reason) == ("failed", str(refused))


async def test_a_job_waits_for_a_gateway_that_is_starting_and_says_so(lab: Lab, gateway: str):
    refused = Unavailable("The gateway's workers did not take the newest snapshot.", code="gateway_behind")
    ended = await worked(lab, Access(gateway, refused=refused))
    assert (ended.state, ended.reason, ended.finished) == ("waiting", str(refused), None)
    job = the_job(lab, Access(gateway))
    async with asyncio.TaskGroup() as tasks:
        await job.step(tasks)
    shown = lab.place.get(ended.id)
    assert (shown.state, shown.reason, shown.counts.done) == ("done", None, 4)


@pytest.mark.parametrize(
    ("problem", "state", "said"),
    [
        (InvalidInput("There is no such prompt."), "failed", "no such prompt"),
        (RuntimeError("x"), "failed", "unexpected error"),
        (Conflict("taken", code="lease_lost"), "running", ""),
    ],
)
async def test_an_error_of_one_experiment_ends_that_one_only(lab: Lab, gateway: str, problem, state, said):
    ended = await worked(lab, Access(gateway, problem))
    assert (ended.state, said in (ended.reason or "")) == (state, True)


async def test_the_job_looks_again_and_again_and_outlives_a_store_that_cannot_be_read(lab: Lab, gateway: str):
    service, made = lab.place._experiments, lab.made(2)
    service.start(lab.place._user, "local", made.id)
    job = the_job(lab, Access(gateway))
    take, looks = service.take_next, []

    def take_next(*, runner: str):
        looks.append(runner)
        if len(looks) == 1:
            raise Unavailable("The disk reports an error.")
        return take(runner=runner)

    service.take_next = take_next
    running = asyncio.create_task(job.run())
    while service.get("local", made.id).state != "done":
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (len(looks) > 1, lab.paused[0]) == (True, 1.0)
