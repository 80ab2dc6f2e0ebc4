"""Experiments in a file, and a caller that does what a test tells it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

from penstock.core.clock import ManualClock
from penstock.core.errors import UpstreamError
from penstock.core.ids import RandomIds
from penstock.evals.evaluators.catalog import load
from penstock.evals.experiments.engine import Around, Engine, Plan
from penstock.evals.experiments.evaluations import Evaluated
from penstock.evals.experiments.places import LocalPlace
from penstock.evals.experiments.ports import Request
from penstock.evals.experiments.service import NewRow
from penstock.evals.experiments.targets import ModelTarget
from penstock.evals.experiments.types import Counts, Ending, Experiment, ExperimentSpec, Output, VariantSpec

Script = Callable[[Request, str], Awaitable[Output]]


async def echo(request: Request, _: str) -> Output:
    return Output(text=request.body["messages"][-1]["content"], cost=1_000, latency=2_000_000, model="m")


class Provider:
    """A `Caller`: keeps what it was asked, answers as its script says."""

    def __init__(self, script: Script = echo) -> None:
        self.script = script
        self.asked: list[str] = []
        self.traces: list[str] = []
        self.active = self.most = 0

    async def call(self, request: Request, *, trace_id: str, timeout: float) -> Output:  # noqa: ASYNC109 - as the port has it
        self.asked.append(request.body["messages"][-1]["content"])
        self.traces.append(trace_id)
        self.active += 1
        self.most = max(self.most, self.active)
        try:
            await asyncio.sleep(0)
            return await self.script(request, trace_id)
        finally:
            self.active -= 1


class Records:
    """A `Recall` over a dictionary."""

    def __init__(self, answers: dict[str, Output | UpstreamError] | None = None, *, alive: bool = True) -> None:
        self.answers = answers or {}
        self.living = alive
        self.looked: list[str] = []

    async def find(self, trace_id: str) -> Output | None:
        self.looked.append(trace_id)
        found = self.answers.get(trace_id)
        if isinstance(found, UpstreamError):
            raise found
        return found

    async def alive(self, started: int) -> bool:
        return self.living


class Lab:
    """A place with experiments, and engines over it."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.place = LocalPlace(folder / "evals.db", clock=self.clock, ids=RandomIds(self.clock))
        self.provider = Provider()
        self.paused: list[float] = []

    def close(self) -> None:
        self.place.close()

    def spec(self, **more: Any) -> ExperimentSpec:
        fields: dict[str, Any] = {
            "name": "test",
            "dataset": "rows.jsonl",
            "variants": [VariantSpec(name="a", model="m")],
            "evaluators": [{"type": "exact"}],
        }
        return ExperimentSpec(**{**fields, **more})

    def made(self, rows: int | list[NewRow] = 3, *, cache: bool = True, **more: Any) -> Experiment:
        made = self.place.create(self.spec(**more), cache=cache)
        new = rows if isinstance(rows, list) else [NewRow(input=f"q{n}", reference=f"q{n}") for n in range(rows)]
        self.place.add_rows(made.id, new, at=0)
        return self.place.get(made.id)

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    def engine(self, experiment: Experiment, *, runner: str = "x", take: bool = True, **around: Any) -> Engine:
        spec = experiment.spec
        evaluations = around.pop("evaluations", None) or [Evaluated(load(body)) for body in spec.evaluators]
        counts = Counts(total=experiment.counts.total)
        if take:
            names = {one.digest: one.name for one in evaluations}
            counts = self.place.take(experiment.id, runner=runner, evaluators=names, instead_of="x").counts
        plan = {name: around.pop(name) for name in ("max_cost", "patience") if name in around}
        return Engine(
            Plan(
                experiment=experiment.id,
                variants=[
                    (
                        variant,
                        ModelTarget(variant, self.provider, prompt=None, experiment=experiment.id, timeout=5),
                    )
                    for variant in spec.variants
                ],
                evaluations=evaluations,
                baseline=spec.baseline,
                repetitions=spec.repetitions,
                salt=experiment.salt,
                concurrency=spec.concurrency,
                retries=spec.retries,
                **plan,
            ),
            self.place.rows(experiment.id),
            self.place.ledger(experiment.id, runner=runner),
            counts=counts,
            around=Around(clock=self.clock, random=Random(1), pause=self.pause, **around),
        )

    async def run(self, experiment: Experiment, **around: Any) -> tuple[Ending, Experiment]:
        """Run it to its end and give it back."""
        ending = await self.engine(experiment, **around).run()
        return ending, self.place.release(experiment.id, runner=around.get("runner", "x"), ending=ending)
