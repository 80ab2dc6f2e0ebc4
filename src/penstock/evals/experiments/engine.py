"""The loop of an experiment, the same in the console and on the command line."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError, UpstreamError
from penstock.core.money import format_dollars
from penstock.evals.experiments.batching import GroupCommit
from penstock.evals.experiments.calls import Ask, Asked, Calls, CallSettings, Stopped
from penstock.evals.experiments.keys import digest, output_key, reference_digest
from penstock.evals.experiments.pacing import Pacer
from penstock.evals.experiments.ports import Evaluation, Ledger, Progress, Recall, Rows, Signal, Target
from penstock.evals.experiments.types import (
    CallMark,
    Cell,
    CellResult,
    Counts,
    Ending,
    Finding,
    KnownCell,
    Output,
    Row,
    VariantSpec,
)

__all__ = ["Around", "Engine", "Plan"]

WAITING: Final = 4
"""Cells that are alive for each call that may be under way: judged, recorded, or looked up."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done, with everything resolved."""

    experiment: str
    variants: Sequence[tuple[VariantSpec, Target]]
    evaluations: Sequence[Evaluation] = ()
    baseline: str | None = None
    """The variant whose answers others are compared with by judges that compare; None: the first."""
    repetitions: int = 1
    salt: str = ""
    """Set: answers of other experiments are not used."""
    concurrency: int = 64
    retries: int = 3
    patience: float = 120.0
    """Seconds for which a call of a process that was killed may still be under way."""
    max_cost: int | None = None


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a run has around it."""

    clock: Clock
    random: Random
    """Spreads retries."""
    recall: Recall | None = None
    """Looks for the answers of a process that was killed."""
    progress: Progress | None = None
    """Is told."""
    signal: Signal | None = None
    """May ask to end early."""
    clear: Callable[[Cell, Output, Mapping[str, list[Finding]]], str | None] | None = None
    """Is given each answer and its findings; a sentence once the question is answered."""
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits, seconds."""


@dataclass(frozen=True, kw_only=True)
class _Work:
    """One cell and what is around it."""

    row: Row
    variant: VariantSpec
    target: Target
    cell: Cell
    base: "asyncio.Future[Output | None] | None"
    """Where something compares: the baseline's answer to the same row, None once there will be none."""
    is_base: bool = False


class Engine:
    """Runs a plan until all cells are done, or something says stop. Memory does not grow with the rows.

    Args:
        plan: What.
        rows: Of the dataset.
        ledger: What was done before, and where it is recorded.
        counts: How far it is, from the ledger.
        around: Time, chance, and who is told.
    """

    def __init__(self, plan: Plan, rows: Rows, ledger: Ledger, *, counts: Counts, around: Around) -> None:
        self._plan = plan
        self._rows = rows
        self._ledger = ledger
        self._counts = msgspec.structs.asdict(counts)
        self._around = around
        self._pacer = Pacer(plan.concurrency)
        self._ending: Ending | None = None
        self._asked = 0
        """Answers that were paid for, to know what one costs."""
        self._paid = 0
        self._calls: Calls
        self._finish: GroupCommit[CellResult, None]
        self._keep: GroupCommit[tuple[str, Output], None]
        self._kept: GroupCommit[str, Output | None]

    @property
    def counts(self) -> Counts:
        return Counts(**self._counts)

    async def run(self) -> Ending:
        """Go through all rows.

        Raises:
            PenstockError: the ledger or the rows cannot be read or written.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                self._set_up(tasks)
                await self._go(tasks)
        except BaseExceptionGroup as group:
            known, other = group.split(PenstockError)
            if other is not None or known is None:
                raise
            raise _first(known) from group
        return self._ending or Ending(state="done")

    def _set_up(self, tasks: asyncio.TaskGroup) -> None:
        plan = self._plan
        begin: GroupCommit[tuple[str, bool], CallMark] = GroupCommit(self._ledger.begin, tasks)
        self._finish = GroupCommit(self._record, tasks)
        self._keep = GroupCommit(self._store, tasks)
        self._kept = GroupCommit(self._ledger.kept, tasks)
        self._calls = Calls(
            CallSettings(experiment=plan.experiment, retries=plan.retries, patience=plan.patience),
            begin,
            self._pacer,
            recall=self._around.recall,
            may_start=self._may_start,
            clock=self._around.clock,
            random=self._around.random,
            pause=self._around.pause,
        )

    async def _store(self, outputs: Sequence[tuple[str, Output]]) -> list[None]:
        await self._ledger.keep(outputs)
        return [None] * len(outputs)

    async def _record(self, results: Sequence[CellResult]) -> list[None]:
        await self._ledger.finish(results)
        return [None] * len(results)

    async def _go(self, tasks: asyncio.TaskGroup) -> None:
        digests = [evaluation.digest for evaluation in self._plan.evaluations]
        most = WAITING * max(1, self._plan.concurrency)
        room = asyncio.Semaphore(most)
        async for rows in self._rows.chunks():
            wanted = [entry for row in rows for entry in self._cells(row)]
            known = await self._ledger.look([work.cell for work in wanted], digests)
            for work, found in zip(wanted, known, strict=True):
                if found.done and found.findings.keys() >= set(digests):
                    _settle(work, found.output)
                    continue
                await room.acquire()
                if not self._may_start():
                    return
                task = tasks.create_task(self._cell(work, found))
                task.add_done_callback(lambda _: room.release())
        for _ in range(most):
            # All cells have ended, so what they cost and found is known.
            await room.acquire()

    def _cells(self, row: Row) -> list[_Work]:
        """All cells of a row, the baseline's first: who waits for it waits for one that has begun."""
        plan = self._plan
        reference = reference_digest(row)
        baseline = plan.baseline or plan.variants[0][0].name
        compares = any(evaluation.compares for evaluation in plan.evaluations)
        made: list[_Work] = []
        for repetition in range(plan.repetitions):
            base: asyncio.Future[Output | None] | None = None
            against = ""
            if compares:
                base = asyncio.get_running_loop().create_future()
                target = next(target for variant, target in plan.variants if variant.name == baseline)
                against = output_key(target.digest, row, repetition, salt=plan.salt)
            for variant, target in sorted(plan.variants, key=lambda one: one[0].name != baseline):
                is_base = variant.name == baseline
                cell = Cell(
                    position=row.position,
                    variant=variant.name,
                    repetition=repetition,
                    key=output_key(target.digest, row, repetition, salt=plan.salt),
                    # A judgement that compares holds for one answer of the baseline.
                    reference=digest([reference, "" if is_base else against]) if compares else reference,
                )
                made.append(_Work(row=row, variant=variant, target=target, cell=cell, base=base, is_base=is_base))
        return made

    async def _cell(self, work: _Work, known: KnownCell) -> None:
        try:
            await self._go_through(work, known)
        finally:
            # Whatever happened, nobody waits for the baseline's answer any more.
            _settle(work, None)

    async def _go_through(self, work: _Work, known: KnownCell) -> None:
        cell = work.cell
        if known.failed:
            self._counts["errors"] -= 1
        output, asked = known.output, None
        if output is None:
            try:
                asked = await self._answer(work.row, work.target, cell)
            except Stopped:
                self._counts["errors"] += known.failed
                return
            except UpstreamError as error:
                await self._finish(CellResult(cell=cell, error=str(error)))
                self._count(errors=1)
                return
            output = asked.output
            self._charge(output)
        _settle(work, output)
        missing = [one for one in self._plan.evaluations if one.digest not in known.findings]
        findings = {one.digest: await self._judge(one, work, output) for one in missing if not one.paid}
        paid = [one for one in missing if one.paid]
        result = CellResult(
            cell=cell,
            output=None if asked is None else output,
            findings=findings,
            cached=asked is None,
            attempts=0 if asked is None else asked.attempts,
        )
        # What was paid for is durable before more is asked for.
        await self._finish(result)
        if paid:
            try:
                judged = {one.digest: await self._judge(one, work, output) for one in paid}
            except Stopped:
                return
            await self._finish(msgspec.structs.replace(result, output=None, findings=judged))
            findings |= judged
        unscored = sum(one.error is not None for found in findings.values() for one in found)
        self._count(done=not known.done, cached=asked is None and not known.done, unscored=unscored)
        if (
            self._around.clear is not None
            and (reason := self._around.clear(cell, output, {**known.findings, **findings})) is not None
        ):
            self._end(Ending(state="stopped", reason=reason))

    async def _judge(self, evaluation: Evaluation, work: _Work, output: Output) -> list[Finding]:
        """Raises `Stopped`."""
        other: Output | None = None
        if evaluation.compares and work.base is not None:
            other = output if work.is_base else await work.base
            if other is None and self._ending is not None:
                raise Stopped  # the baseline is asked when the run goes on
        return await evaluation.judge(work.row, work.variant, output, key=work.cell.key, other=other)

    async def _answer(self, row: Row, target: Target, cell: Cell) -> Asked:
        if target.paid:
            return await self._calls.get(cell.key, lambda mark: target.answer(row, key=cell.key, mark=mark))
        place = await self._pacer.acquire()
        try:
            if not self._may_start():
                raise Stopped
            return Asked(output=await target.answer(row, key=cell.key, mark=None), attempts=1)
        finally:
            self._pacer.release(place)

    async def consult(self, key: str, ask: Ask) -> Asked:
        """The answer to a question of an evaluator's: kept from before, or asked for and kept.

        Raises:
            UpstreamError: there is none.
            Stopped: the run ends.
        """
        kept = await self._kept(key)
        if kept is not None:
            return Asked(output=kept, attempts=0, kept=True)
        asked = await self._calls.get(key, ask)
        self._charge(asked.output)
        await self._keep((key, asked.output))
        return asked

    # --- what stops it ------------------------------------------------------------------------

    def _may_start(self) -> bool:
        if self._ending is None and self._around.signal is not None:
            asked = self._around.signal.asked()
            if asked is not None:
                self._end(Ending(state="paused" if asked == "pause" else "cancelled"))
        if self._ending is None and self._plan.max_cost is not None and self._asked:
            average = self._paid / self._asked
            if self._counts["cost"] + average * self._pacer.active > self._plan.max_cost:
                spent = format_dollars(self._counts["cost"])
                limit = format_dollars(self._plan.max_cost)
                self._end(
                    Ending(state="stopped", reason=f"{spent} of {limit} is spent, and the next call may cost more.")
                )
        return self._ending is None

    def _end(self, ending: Ending) -> None:
        if self._ending is None:
            self._ending = ending

    def _charge(self, output: Output) -> None:
        if output.cost is None:
            self._counts["unpriced"] += 1
            if self._plan.max_cost is not None:
                self._end(
                    Ending(
                        state="stopped",
                        reason=f"What an answer of {output.model} costs is not known, so max_cost cannot be held.",
                    )
                )
            return
        self._asked += 1
        self._paid += output.cost
        self._counts["cost"] += output.cost

    def _count(self, *, done: int = 0, errors: int = 0, cached: int = 0, unscored: int = 0) -> None:
        self._counts["done"] += done
        self._counts["errors"] += errors
        self._counts["cached"] += cached
        self._counts["unscored"] += unscored
        if self._around.progress is not None:
            self._around.progress.update(self.counts)


def _first(group: BaseExceptionGroup[PenstockError]) -> PenstockError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - as above
    assert isinstance(error, PenstockError)  # noqa: S101 - the group was split by type
    return error


def _settle(work: _Work, output: Output | None) -> None:
    """Tell those who compare with the baseline what it answered."""
    if work.is_base and work.base is not None and not work.base.done():
        work.base.set_result(output)
