"""Experiments of a project: made, filled with rows, run, looked at."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn

import msgspec
from sqlalchemy import Connection

from penstock.core.clock import Clock
from penstock.core.errors import Conflict, InvalidInput, NotFound, PenstockError, PermissionDenied
from penstock.core.ids import Ids
from penstock.evals.experiments import store
from penstock.evals.experiments.check import CheckEvaluator, check_spec, needs_process
from penstock.evals.experiments.keys import digest
from penstock.evals.experiments.records import LEASE_SECONDS, Records
from penstock.evals.experiments.references import FoundEvaluator, pinned, without_registry
from penstock.evals.experiments.store import ExperimentRow
from penstock.evals.experiments.types import Counts, Ending, Experiment, ExperimentSpec, Row, State
from penstock.store.metadata import Metadata
from penstock.tracing.actor import Actor, note

__all__ = ["FILES", "DatasetRows", "Experiments", "NewRow"]

MAX_PAGE: Final = 1000
FILES: Final = (".jsonl", ".ndjson", ".csv")
"""A dataset that ends so is a file of whoever makes the experiment, who sends its rows."""
MAX_ROWS: Final = 10_000_000
OPEN: Final = frozenset({"draft", "paused", "stopped", "cancelled", "failed", "done"})
"""States from which an experiment can be started."""


class NewRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row as it is sent; its position is where it comes."""

    input: Any
    id: str | None = None
    reference: Any = None
    context: list[str] = []
    metadata: dict[str, Any] = {}
    group: str | None = None


DatasetRows = Callable[[str, str], Iterable[list[NewRow]]]
"""Rows of a project's dataset, by a reference, some at a time. Raises `NotFound`."""


class Experiments:
    """All experiments. Methods block.

    Args:
        metadata: The open store.
        clock: Where time comes from.
        ids: Where ids come from.
        evaluator: Checks definitions of evaluators.
        rule: Parses a rule of a gate.
        datasets: Gives the rows of a dataset of the registry, some at a time.
        find: A version of an evaluator of a project's registry; None where there is none.
        on_created: Is told of each new experiment, with the actor that `create` was given.
    """

    def __init__(
        self,
        metadata: Metadata,
        *,
        clock: Clock,
        ids: Ids,
        evaluator: CheckEvaluator,
        rule: Callable[[str], object] | None = None,
        datasets: DatasetRows | None = None,
        find: Callable[[str, str, str], FoundEvaluator] | None = None,
        on_created: Callable[[Any, Experiment], None] | None = None,
    ) -> None:
        self.metadata = metadata
        self.clock = clock
        self._ids = ids
        self._evaluator = evaluator
        self._rule = rule
        self._datasets = datasets
        self._find = find
        self._on_created = on_created

    # --- reading ------------------------------------------------------------------------------

    def listed(self, project: str, *, cursor: str | None, limit: int) -> tuple[list[Experiment], str | None]:
        """Newest first, and the cursor of what follows."""
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(f"limit: Expected 1 to {MAX_PAGE}, got {limit}.", field="limit")
        with self.metadata.read() as connection:
            rows = store.listed(connection, project, before=cursor, limit=limit + 1)
            shown = [_shown(connection, row) for row in rows[:limit]]
        return shown, rows[limit - 1].id if len(rows) > limit else None

    def get(self, project: str, id_: str) -> Experiment:
        """One of a project's.

        Raises:
            NotFound: it has none of this id.
        """
        with self.metadata.read() as connection:
            return _shown(connection, found(connection, project, id_))

    def row_of(self, project: str, id_: str) -> ExperimentRow:
        """As `get`, as it is stored."""
        with self.metadata.read() as connection:
            return found(connection, project, id_)

    def rows(self, project: str, id_: str, *, cursor: str | None, limit: int) -> tuple[list[Row], str | None]:
        """Rows in order, and the cursor of what follows."""
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(f"limit: Expected 1 to {MAX_PAGE}, got {limit}.", field="limit")
        if cursor is not None and not cursor.isdecimal():
            raise InvalidInput("cursor: Expected the next_cursor of a page.", field="cursor")
        position = int(cursor or 0)
        with self.metadata.read() as connection:
            row = found(connection, project, id_)
            rows = store.rows_from(connection, id_, position, limit=limit)
        after = rows[-1].position + 1 if rows else position
        return rows, str(after) if rows and after < row.rows else None

    # --- making -------------------------------------------------------------------------------

    def create(self, actor: Actor, project: str, spec: ExperimentSpec, *, cache: bool = True) -> Experiment:
        """Make one that has no rows yet.

        Raises:
            InvalidInput: it cannot be run; `field` says why.
            NotFound: it refers to an evaluator that is not there.
            PermissionDenied: it refers to one that the caller may not read.
        """
        spec = self._pinned(actor, project, spec)
        check_spec(spec, evaluator=self._evaluator, rule=self._rule)
        id_ = self._ids.uuid7()
        row = ExperimentRow(
            id=id_,
            project=project,
            name=spec.name,
            state="draft",
            reason=None,
            wanted=None,
            spec=msgspec.to_builtins(spec),
            hosted=False,
            salt="" if cache else id_,
            rows=0,
            evaluators={},
            runner=None,
            lease=None,
            created=self.clock.now(),
            created_by=actor.name,
            started=None,
            finished=None,
        )
        with self.metadata.write() as connection:
            store.insert_experiment(connection, row)
            self._note(connection, actor, row, "create")
        if self._datasets is not None and not spec.dataset.lower().endswith(FILES):
            self._fill(self._datasets, row, spec)
        made = self.get(project, id_)
        if self._on_created is not None:
            self._on_created(actor, made)
        return made

    def add_rows(self, project: str, id_: str, rows: Sequence[NewRow], *, at: int | None = None) -> int:
        """Add rows at the end; how many there are now.

        Args:
            project: Whose.
            id_: Of the experiment.
            rows: In order.
            at: How many there must be before, so that a repeated request adds nothing twice.

        Raises:
            Conflict: it takes no rows any more, or there are not `at`.
        """
        with self.metadata.write() as connection:
            row = found(connection, project, id_)
            if row.state != "draft":
                raise Conflict("This experiment has been started: its rows are fixed.", code="experiment_started")
            if at is not None and at != row.rows:
                raise Conflict(f"Rows from {at} on were sent, and there are {row.rows}.", code="rows_out_of_order")
            if row.rows + len(rows) > MAX_ROWS:
                raise InvalidInput(f"An experiment has at most {MAX_ROWS:,} rows.", field="rows")
            digests = [digest(new.input) for new in rows]
            seen = store.same_inputs(connection, id_, digests)
            added: list[tuple[Row, str]] = []
            for offset, (new, name) in enumerate(zip(rows, digests, strict=True)):
                position = row.rows + offset
                occurrence = seen.get(name, 0)
                seen[name] = occurrence + 1
                added.append((_row(new, position, occurrence), name))
            store.add_rows(connection, id_, added)
            total = row.rows + len(rows)
            store.update_experiment(connection, id_, rows=total)
            return total

    def _pinned(self, actor: Actor, project: str, spec: ExperimentSpec) -> ExperimentSpec:
        def find(name: str, version: str) -> FoundEvaluator:
            if self._find is None:
                without_registry(name)
            if not actor.may("evaluators:read", project):
                raise PermissionDenied(f"To use the evaluator {name} takes the permission evaluators:read.")
            return self._find(project, name, version)

        return pinned(spec, find)

    def _fill(self, datasets: DatasetRows, row: ExperimentRow, spec: ExperimentSpec) -> None:
        """Take the rows of a dataset as they are now."""
        left = MAX_ROWS if spec.limit is None else spec.limit
        try:
            for rows in datasets(row.project, spec.dataset):
                self.add_rows(row.project, row.id, rows[:left])
                left -= len(rows)
                if left <= 0:
                    break
        except PenstockError as error:
            with self.metadata.write() as connection:
                store.update_experiment(connection, row.id, state="failed", reason=str(error))
            raise

    # --- running ------------------------------------------------------------------------------

    def start(self, actor: Actor, project: str, id_: str) -> Experiment:
        """Have the console run it, from where it stands.

        Raises:
            Conflict: it runs, has no rows, or needs a process of the user's.
            PermissionDenied: the caller may not call models.
        """
        if not actor.may("gateway:call", project):
            raise PermissionDenied(
                "An experiment calls models, and that needs the permission gateway:call.", hint="Ask an admin."
            )
        with self.metadata.write() as connection:
            row = found(connection, project, id_)
            self._check_startable(row)
            local = needs_process(msgspec.convert(row.spec, ExperimentSpec))
            if local is not None:
                raise Conflict(
                    f"The console cannot run this: {local}, and it runs only in a process of yours.",
                    hint="Run it with `penstock eval run`.",
                    code="needs_process",
                )
            changed = msgspec.structs.replace(
                row, state="waiting", hosted=True, wanted=None, reason=None, finished=None
            )
            self._update(connection, changed)
            self._note(connection, actor, changed, "start")
            return _shown(connection, changed)

    def take(
        self,
        actor: Actor,
        project: str,
        id_: str,
        *,
        runner: str,
        evaluators: Mapping[str, str],
        instead_of: str | None = None,
    ) -> Experiment:
        """Run it in the caller's process: nobody else does for the time of a lease.

        Args:
            actor: Who does it.
            project: Whose.
            id_: Of the experiment.
            runner: A name that no other runner has.
            evaluators: Names by digest.
            instead_of: A runner that is known to be gone; its lease does not count.

        Raises:
            Conflict: somebody else runs it (`experiment_running`), or it has no rows.
        """
        with self.metadata.write() as connection:
            row = found(connection, project, id_)
            self._check_startable(row, runner=instead_of or runner)
            row = msgspec.structs.replace(row, evaluators=dict(evaluators))
            return _shown(connection, self._taken(connection, row, runner=runner, hosted=False, actor=actor))

    def take_next(self, *, runner: str) -> ExperimentRow | None:
        """The next one that the console is to run, taken; None when there is none."""
        with self.metadata.write() as connection:
            rows = store.with_leases(connection, now=self.clock.now())
            return self._taken(connection, rows[0], runner=runner, hosted=True) if rows else None

    def name_evaluators(self, project: str, id_: str, evaluators: Mapping[str, str]) -> Experiment:
        """Note what the digests of its evaluators are called."""
        with self.metadata.write() as connection:
            row = msgspec.structs.replace(found(connection, project, id_), evaluators=dict(evaluators))
            store.update_experiment(connection, id_, evaluators=row.evaluators)
            return _shown(connection, row)

    def release(self, project: str, id_: str, *, runner: str, ending: Ending) -> Experiment:
        """The run of this runner is over.

        Raises:
            Conflict: somebody else runs it.
        """
        with self.metadata.write() as connection:
            row = found(connection, project, id_)
            if row.runner != runner or row.state != "running":
                raise Conflict(f"{runner} does not run this experiment.", code="lease_lost")
            changed = msgspec.structs.replace(
                row,
                state=ending.state,
                reason=ending.reason,
                wanted=None,
                lease=None,
                hosted=row.hosted and ending.state in {"waiting", "running"},
                finished=self.clock.now() if ending.state not in {"waiting", "running"} else None,
            )
            self._update(connection, changed)
            return _shown(connection, changed)

    def want(self, actor: Actor, project: str, id_: str, *, what: str) -> Experiment:
        """Ask whoever runs it to `pause` or `cancel`; calls under way are finished first.

        Raises:
            Conflict: nobody runs it.
        """
        state: State = "paused" if what == "pause" else "cancelled"
        with self.metadata.write() as connection:
            row = found(connection, project, id_)
            now = self.clock.now()
            running = row.state == "running" and row.lease is not None and row.lease >= now
            if running:
                changed = msgspec.structs.replace(row, wanted=what)
            elif row.state in {"waiting", "running"} or (
                what == "cancel" and row.state in {"draft", "paused", "stopped"}
            ):
                changed = msgspec.structs.replace(row, state=state, wanted=None, lease=None, hosted=False, finished=now)
            else:
                raise Conflict(f"This experiment is {row.state}.", code="experiment_not_running")
            self._update(connection, changed)
            self._note(connection, actor, changed, what)
            return _shown(connection, changed)

    def records(self, project: str, id_: str, *, runner: str | None) -> Records:
        """What a runner reads and writes of it."""
        return Records(self.metadata, id_, project=project, runner=runner, clock=self.clock)

    # --- parts --------------------------------------------------------------------------------

    def _check_startable(self, row: ExperimentRow, *, runner: str | None = None) -> None:
        now = self.clock.now()
        held = row.state == "running" and row.lease is not None and row.lease >= now and row.runner != runner
        if held or row.state == "waiting":
            raise Conflict(
                f"This experiment is {row.state}{f', {row.runner} runs it' if row.runner else ''}.",
                hint="Pause it, or wait until it has ended.",
                code="experiment_running",
            )
        if row.rows == 0:
            raise Conflict("This experiment has no rows.", hint="Add rows first.", code="experiment_empty")

    def _taken(
        self, connection: Connection, row: ExperimentRow, *, runner: str, hosted: bool, actor: Actor | None = None
    ) -> ExperimentRow:
        now = self.clock.now()
        changed = msgspec.structs.replace(
            row,
            state="running",
            runner=runner,
            lease=now + LEASE_SECONDS * 1_000_000,
            hosted=hosted,
            wanted=None,
            reason=None,
            started=row.started or now,
            finished=None,
        )
        self._update(connection, changed)
        if actor is not None:
            self._note(connection, actor, changed, "run")
        return changed

    def _update(self, connection: Connection, row: ExperimentRow) -> None:
        values = {name: value for name, value in msgspec.structs.asdict(row).items() if name not in {"id", "rows"}}
        store.update_experiment(connection, row.id, **values)

    def _note(self, connection: Connection, actor: Actor, row: ExperimentRow, action: str) -> None:
        note(
            connection,
            actor,
            id_=self._ids.uuid7(),
            at=self.clock.now(),
            action=f"experiment.{action}",
            target=row.id,
            project=row.project,
            details={"name": row.name},
        )


def found(connection: Connection, project: str, id_: str) -> ExperimentRow:
    """The experiment of a project.

    Raises:
        NotFound: it has none of this id.
    """
    row = store.find(connection, id_)
    return row if row is not None and row.project == project else _missing(id_)


def _missing(id_: str) -> NoReturn:
    raise NotFound(
        f"There is no experiment {id_[:64]!r} in this project.",
        hint="GET /api/v1/experiments lists them.",
        code="experiment_not_found",
    )


def _row(new: NewRow, position: int, occurrence: int) -> Row:
    return Row(
        position=position,
        id=new.id if new.id is not None else str(position),
        input=new.input,
        reference=new.reference,
        context=new.context,
        metadata=new.metadata,
        group=new.group,
        occurrence=occurrence,
    )


def _shown(connection: Connection, row: ExperimentRow) -> Experiment:
    spec = msgspec.convert(row.spec, ExperimentSpec)
    total = row.rows * len(spec.variants) * spec.repetitions
    counted = store.counts(connection, row.id, total=total) if row.started is not None else Counts(total=total)
    return Experiment(
        id=row.id,
        project=row.project,
        name=row.name,
        state=row.state,  # pyright: ignore[reportArgumentType] - written by this service only
        reason=row.reason,
        spec=spec,
        counts=counted,
        rows=row.rows,
        salt=row.salt,
        evaluators=row.evaluators,
        runner=row.runner,
        lease=row.lease,
        created=row.created,
        created_by=row.created_by,
        started=row.started,
        finished=row.finished,
    )
