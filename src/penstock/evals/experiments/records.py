"""What is known of a running experiment, in the metadata store; methods block."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from penstock.core.clock import Clock
from penstock.core.errors import Conflict, NotFound
from penstock.evals.experiments import store
from penstock.evals.experiments.store import CellRow, ExperimentRow
from penstock.evals.experiments.types import CallMark, Cell, CellResult, Finding, KnownCell, Output, Row
from penstock.store.metadata import Metadata

__all__ = ["LEASE_SECONDS", "Records"]

LEASE_SECONDS: Final = 30
"""How long a runner that is not heard of keeps others away."""


class Records:
    """Reads and writes of one experiment's runner.

    Args:
        metadata: The open store.
        experiment: Its id.
        project: Whose it is; another's is not there.
        runner: Who runs it; None only reads.
        clock: Where time comes from.
    """

    def __init__(self, metadata: Metadata, experiment: str, *, project: str, runner: str | None, clock: Clock) -> None:
        self._metadata = metadata
        self._experiment = experiment
        self._project = project
        self._runner = runner
        self._clock = clock

    def rows(self, position: int, *, limit: int) -> list[Row]:
        """Rows in order, from a position on."""
        with self._metadata.read() as connection:
            return store.rows_from(connection, self._experiment, position, limit=limit)

    def look(self, cells: Sequence[Cell], evaluators: Sequence[str]) -> list[KnownCell]:
        """As `Ledger.look`."""
        if not cells:
            return []
        positions = [cell.position for cell in cells]
        keys = [cell.key for cell in cells]
        with self._metadata.read() as connection:
            recorded = store.cells(connection, self._experiment, positions=(min(positions), max(positions)))
            outputs = store.outputs(connection, self._project, keys)
            judged = store.judgements(connection, self._project, keys, evaluators) if evaluators else {}
        by_place = {(one.position, one.variant, one.repetition): one for one in recorded}
        found: list[KnownCell] = []
        for cell in cells:
            before = by_place.get((cell.position, cell.variant, cell.repetition))
            findings = judged.get((cell.key, cell.reference), {})
            same = before is not None and before.key == cell.key
            found.append(
                KnownCell(
                    done=same and before is not None and before.error is None,
                    failed=before is not None and before.error is not None,
                    output=outputs.get(cell.key),
                    # What could not be scored is tried again.
                    findings={name: some for name, some in findings.items() if all(one.error is None for one in some)},
                )
            )
        return found

    def begin(self, calls: Sequence[tuple[str, bool]]) -> list[CallMark]:
        """As `Ledger.begin`.

        Raises:
            Conflict: somebody else runs it now (`lease_lost`).
        """
        now = self._clock.now()
        with self._metadata.write() as connection:
            self._hold(connection, now)
            marks = store.mark_calls(connection, self._experiment, calls, now=now)
        return [
            CallMark(key=key, attempt=attempt, started=started, fresh=fresh)
            for (key, _), (attempt, started, fresh) in zip(calls, marks, strict=True)
        ]

    def finish(self, results: Sequence[CellResult]) -> None:
        """As `Ledger.finish`. Raises as `begin`."""
        now = self._clock.now()
        with self._metadata.write() as connection:
            self._hold(connection, now)
            answered = [(one.cell.key, one.output) for one in results if one.output is not None]
            store.put_outputs(connection, self._project, answered, now=now)
            store.unmark_calls(connection, self._experiment, [key for key, _ in answered])
            judged = [(one.cell, digest, some) for one in results for digest, some in one.findings.items()]
            store.put_judgements(connection, self._project, judged, now=now)
            self._put_cells(connection, results, now=now)

    def keep(self, outputs: Sequence[tuple[str, Output]]) -> None:
        """As `Ledger.keep`. Raises as `begin`."""
        now = self._clock.now()
        with self._metadata.write() as connection:
            self._hold(connection, now)
            store.put_outputs(connection, self._project, outputs, now=now)
            store.unmark_calls(connection, self._experiment, [key for key, _ in outputs])

    def kept(self, keys: Sequence[str]) -> list[Output | None]:
        """As `Ledger.kept`."""
        with self._metadata.read() as connection:
            found = store.outputs(connection, self._project, keys)
        return [found.get(key) for key in keys]

    def renew(self) -> str | None:
        """Keep the lease, and say what somebody wants: `pause`, `cancel` or nothing. Raises as `begin`."""
        now = self._clock.now()
        with self._metadata.write() as connection:
            row = self._hold(connection, now)
            store.update_experiment(connection, self._experiment, lease=now + LEASE_SECONDS * 1_000_000)
            return row.wanted

    def _hold(self, connection: Connection, now: int) -> ExperimentRow:
        row = store.find(connection, self._experiment)
        if row is None or row.project != self._project:
            raise NotFound("There is no such experiment.", code="experiment_not_found")
        if row.runner != self._runner or row.state != "running":
            raise Conflict(
                f"This experiment is {row.state}, and {row.runner or 'nobody'} runs it: {self._runner} does not.",
                hint="Resume it to run it here.",
                code="lease_lost",
            )
        del now  # a lease that ran out is still held until somebody takes it
        return row

    def _put_cells(self, connection: Connection, results: Sequence[CellResult], *, now: int) -> None:
        positions = [one.cell.position for one in results]
        before = {
            (one.position, one.variant, one.repetition): one
            for position in set(positions)
            for one in store.cells(connection, self._experiment, positions=(position, position))
        }
        merged: dict[tuple[int, str, int], CellRow] = {}
        for one in results:
            cell = one.cell
            place = (cell.position, cell.variant, cell.repetition)
            merged[place] = _merged(merged.get(place) or before.get(place), one, now=now)
        store.put_cells(connection, self._experiment, list(merged.values()))


def _merged(before: CellRow | None, result: CellResult, *, now: int) -> CellRow:
    """A cell with what is new of it; judgements that come later add to what the answer cost."""
    cell = result.cell
    findings: list[Finding] = [one for some in result.findings.values() for one in some]
    same = before is not None and before.key == cell.key and before.error is None
    if result.output is not None:
        cost = result.output.cost
    elif same and before is not None:
        cost = before.cost
    else:
        cost = 0
    return CellRow(
        position=cell.position,
        variant=cell.variant,
        repetition=cell.repetition,
        key=cell.key,
        reference=cell.reference,
        error=result.error,
        cached=before.cached if same and before is not None else result.cached,
        attempts=max(result.attempts, before.attempts if before is not None else 0),
        cost=cost,
        judge_cost=sum(one.cost or 0 for one in findings) + (before.judge_cost if before is not None else 0),
        unscored=sum(one.error is not None for one in findings)
        + (before.unscored if same and before is not None and result.output is None and not result.cached else 0),
        finished=now,
    )
