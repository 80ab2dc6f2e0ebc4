"""Statements on experiments. Every function runs in the transaction of the connection it is given, decides nothing."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, cast

import msgspec
from sqlalchemy import Connection, Select, and_, case, func, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from penstock.evals.experiments.types import Cell, Counts, Finding, Output, Row
from penstock.store.metadata.schema import (
    experiment_calls,
    experiment_cells,
    experiment_judgements,
    experiment_outputs,
    experiment_rows,
    experiments,
)

__all__ = [
    "CellRow",
    "ExperimentRow",
    "add_rows",
    "bodies_from",
    "cells",
    "counts",
    "find",
    "insert_experiment",
    "judgements",
    "listed",
    "mark_calls",
    "measured_cells",
    "outputs",
    "put_cells",
    "put_judgements",
    "put_outputs",
    "rows_at",
    "rows_from",
    "same_inputs",
    "unmark_calls",
    "update_experiment",
    "with_leases",
]

AT_ONCE: Final = 1000
"""Keys of one statement: SQLite bounds the number of bound values."""
STREAMED: Final = 1000
"""Rows of a long answer that are held at a time."""
_encode = msgspec.json.Encoder().encode
_decode_output = msgspec.json.Decoder(Output).decode
_decode_row = msgspec.json.Decoder(Row).decode


class ExperimentRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    project: str
    name: str
    state: str
    reason: str | None
    wanted: str | None
    spec: dict[str, Any]
    hosted: bool
    salt: str
    rows: int
    evaluators: dict[str, str]
    runner: str | None
    lease: int | None
    created: int
    created_by: str
    started: int | None
    finished: int | None


class CellRow(msgspec.Struct, frozen=True, kw_only=True):
    """A cell as it was recorded."""

    position: int
    variant: str
    repetition: int
    key: str
    reference: str
    error: str | None
    cached: bool
    attempts: int
    cost: int | None
    judge_cost: int
    unscored: int
    finished: int


CELL_COLUMNS: Final = CellRow.__struct_fields__


# --- experiments ------------------------------------------------------------------------------


def insert_experiment(connection: Connection, row: ExperimentRow) -> None:
    connection.execute(experiments.insert().values(msgspec.structs.asdict(row)))


def update_experiment(connection: Connection, id_: str, **values: Any) -> None:
    connection.execute(experiments.update().where(experiments.c.id == id_).values(**values))


def find(connection: Connection, id_: str) -> ExperimentRow | None:
    row = connection.execute(select(experiments).where(experiments.c.id == id_)).mappings().one_or_none()
    return None if row is None else ExperimentRow(**row)


def listed(connection: Connection, project: str, *, before: str | None, limit: int) -> list[ExperimentRow]:
    """Newest first, older than `before`."""
    query = select(experiments).where(experiments.c.project == project)
    if before is not None:
        query = query.where(experiments.c.id < before)
    found = connection.execute(query.order_by(experiments.c.id.desc()).limit(limit))
    return [ExperimentRow(**row) for row in found.mappings()]


def with_leases(connection: Connection, *, now: int) -> list[ExperimentRow]:
    """Those that the console is to run and nobody runs, oldest first."""
    free = or_(experiments.c.lease.is_(None), experiments.c.lease < now)
    query = select(experiments).where(
        experiments.c.hosted, or_(experiments.c.state == "waiting", and_(experiments.c.state == "running", free))
    )
    return [ExperimentRow(**row) for row in connection.execute(query.order_by(experiments.c.id)).mappings()]


# --- rows -------------------------------------------------------------------------------------


def same_inputs(connection: Connection, experiment: str, digests: Iterable[str]) -> dict[str, int]:
    """How many rows there are of each input."""
    digest = experiment_rows.c.digest
    found: dict[str, int] = {}
    for some in _pieces(list(set(digests))):
        query = (
            select(digest, func.count())
            .where(experiment_rows.c.experiment == experiment, digest.in_(some))
            .group_by(digest)
        )
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


def add_rows(connection: Connection, experiment: str, rows: Sequence[tuple[Row, str]]) -> None:
    """Rows with the digests of their inputs."""
    values = [
        {"experiment": experiment, "position": row.position, "digest": digest, "body": _encode(row)}
        for row, digest in rows
    ]
    if values:
        connection.execute(experiment_rows.insert(), values)


def rows_from(connection: Connection, experiment: str, position: int, *, limit: int) -> list[Row]:
    """Rows in order, from a position on."""
    return [_decode_row(body) for body in bodies_from(connection, experiment, position, limit=limit)]


def bodies_from(connection: Connection, experiment: str, position: int, *, limit: int) -> Sequence[bytes]:
    """As `rows_from`, as JSON."""
    query = (
        select(experiment_rows.c.body)
        .where(experiment_rows.c.experiment == experiment, experiment_rows.c.position >= position)
        .order_by(experiment_rows.c.position)
        .limit(limit)
    )
    return connection.execute(query).scalars().all()


def rows_at(connection: Connection, experiment: str, positions: Sequence[int]) -> dict[int, Row]:
    """Rows by position."""
    c = experiment_rows.c
    found: dict[int, Row] = {}
    for start in range(0, len(positions), AT_ONCE):
        query = select(c.position, c.body).where(
            c.experiment == experiment, c.position.in_(list(positions[start : start + AT_ONCE]))
        )
        found |= {row[0]: _decode_row(row[1]) for row in connection.execute(query)}
    return found


# --- calls ------------------------------------------------------------------------------------


def mark_calls(
    connection: Connection, experiment: str, calls: Sequence[tuple[str, bool]], *, now: int
) -> list[tuple[int, int, bool]]:
    """Attempt, start and freshness of each call, as `Ledger.begin` says."""
    c = experiment_calls.c
    known: dict[str, tuple[int, int]] = {}
    for some in _pieces([key for key, _ in calls]):
        query = select(c.key, c.attempt, c.started).where(c.experiment == experiment, c.key.in_(some))
        known |= {row[0]: (row[1], row[2]) for row in connection.execute(query)}
    marks: list[tuple[int, int, bool]] = []
    written: list[dict[str, Any]] = []
    for key, again in calls:
        before = known.get(key)
        if before is not None and not again:
            marks.append((*before, False))
            continue
        attempt = 1 if before is None else before[0] + 1
        marks.append((attempt, now, True))
        written.append({"experiment": experiment, "key": key, "attempt": attempt, "started": now})
    _upsert(connection, experiment_calls, written, changes=("attempt", "started"))
    return marks


def unmark_calls(connection: Connection, experiment: str, keys: Sequence[str]) -> None:
    c = experiment_calls.c
    for some in _pieces(keys):
        connection.execute(experiment_calls.delete().where(c.experiment == experiment, c.key.in_(some)))


# --- cells, answers, judgements ---------------------------------------------------------------


def put_cells(connection: Connection, experiment: str, values: Sequence[CellRow]) -> None:
    """Record cells, in the place of what was recorded of them."""
    changes = ("key", "reference", "error", "cached", "attempts", "cost", "judge_cost", "unscored", "finished")
    rows = [{"experiment": experiment, **msgspec.structs.asdict(value)} for value in values]
    _upsert(connection, experiment_cells, rows, changes=changes)


def cells(
    connection: Connection,
    experiment: str,
    *,
    positions: Sequence[int] | None = None,
    after: tuple[int, str, int] | None = None,
    variant: str | None = None,
    failed: bool | None = None,
    limit: int | None = None,
) -> list[CellRow]:
    """Recorded cells in the order of rows, variants, repetitions."""
    c = experiment_cells.c
    query: Select[Any] = select(*(c[name] for name in CELL_COLUMNS)).where(c.experiment == experiment)
    if positions is not None:
        query = query.where(c.position >= min(positions), c.position <= max(positions))
    if after is not None:
        query = query.where(tuple_(c.position, c.variant, c.repetition) > tuple_(*after))
    if variant is not None:
        query = query.where(c.variant == variant)
    if failed is not None:
        query = query.where(c.error.is_not(None) if failed else c.error.is_(None))
    query = query.order_by(c.position, c.variant, c.repetition)
    if limit is not None:
        query = query.limit(limit)
    return [_cell(row) for row in connection.execute(query)]


def measured_cells(
    connection: Connection, project: str, experiment: str, evaluators: Sequence[str]
) -> Iterator[tuple[CellRow, tuple[int | None, int] | None, dict[str, list[Finding]]]]:
    """Each cell in order, cost and latency of its answer, and its findings by evaluator; without their reasons."""
    cell, output, judged = experiment_cells.c, experiment_outputs.c, experiment_judgements.c
    answered = and_(output.project == project, output.key == cell.key, cell.error.is_(None))
    judges = and_(
        judged.project == project,
        judged.key == output.key,
        judged.reference == cell.reference,
        judged.evaluator.in_(list(evaluators)),
    )
    finding = (judged.evaluator, judged.name, judged.kind, judged.number, judged.label, judged.error)
    query = (
        select(*(cell[name] for name in CELL_COLUMNS), output.cost, output.latency, *finding)
        .select_from(experiment_cells.outerjoin(experiment_outputs, answered).outerjoin(experiment_judgements, judges))
        .where(cell.experiment == experiment)
        .order_by(cell.position, cell.variant, cell.repetition, judged.name)
        .execution_options(yield_per=STREAMED)
    )
    width = len(CELL_COLUMNS)
    recorded = cast("Iterable[Sequence[Any]]", connection.execute(query))
    for _, some in groupby(recorded, key=itemgetter(0, 1, 2)):
        rows = list(some)
        cost, latency = rows[0][width : width + 2]
        found: dict[str, list[Finding]] = {}
        for row in rows:
            evaluator, name, kind, number, label, error = row[width + 2 :]
            if evaluator is not None:
                value = _value(kind, number, label)
                found.setdefault(evaluator, []).append(Finding(name=name, value=value, error=error))
        yield _cell(rows[0][:width]), None if latency is None else (cost, latency), found


def put_outputs(connection: Connection, project: str, values: Sequence[tuple[str, Output]], *, now: int) -> None:
    """Keep answers. One that is there stays: it was paid for, and judged."""
    rows = [
        {
            "project": project,
            "key": key,
            "body": _encode(output),
            "cost": output.cost,
            "latency": output.latency,
            "created": now,
        }
        for key, output in {key: (key, output) for key, output in values}.values()
    ]
    _upsert(connection, experiment_outputs, rows, changes=())


def outputs(connection: Connection, project: str, keys: Sequence[str]) -> dict[str, Output]:
    c = experiment_outputs.c
    found: dict[str, Output] = {}
    for some in _pieces(list(dict.fromkeys(keys))):
        query = select(c.key, c.body).where(c.project == project, c.key.in_(some))
        found |= {row[0]: _decode_output(row[1]) for row in connection.execute(query)}
    return found


def put_judgements(
    connection: Connection, project: str, values: Sequence[tuple[Cell, str, Sequence[Finding]]], *, now: int
) -> None:
    """Record findings of a cell by an evaluator's digest."""
    rows = {
        (cell.key, cell.reference, evaluator, finding.name): {
            "project": project,
            "key": cell.key,
            "reference": cell.reference,
            "evaluator": evaluator,
            "name": finding.name,
            **_stored(finding),
            "reason": finding.reason,
            "error": finding.error,
            "cost": finding.cost,
            "created": now,
        }
        for cell, evaluator, findings in values
        for finding in findings
    }
    # What could not be scored before may have other names than what can be now.
    c = experiment_judgements.c
    evaluators = list({evaluator for _, evaluator, _ in values})
    for some in _pieces(list({cell.key for cell, _, _ in values})):
        connection.execute(
            experiment_judgements.delete().where(
                c.project == project, c.key.in_(some), c.evaluator.in_(evaluators), c.error.is_not(None)
            )
        )
    changes = ("kind", "number", "label", "reason", "error", "cost", "created")
    _upsert(connection, experiment_judgements, list(rows.values()), changes=changes)


def judgements(
    connection: Connection, project: str, keys: Sequence[str], evaluators: Sequence[str]
) -> dict[tuple[str, str], dict[str, list[Finding]]]:
    """By key and reference, then by evaluator."""
    c = experiment_judgements.c
    found: dict[tuple[str, str], dict[str, list[Finding]]] = {}
    for some in _pieces(list(dict.fromkeys(keys))):
        query = select(
            c.key, c.reference, c.evaluator, c.name, c.kind, c.number, c.label, c.reason, c.error, c.cost
        ).where(c.project == project, c.key.in_(some), c.evaluator.in_(list(evaluators)))
        for row in connection.execute(query.order_by(c.name)):
            key, reference, evaluator, name, kind, number, label, reason, error, cost = row
            finding = Finding(name=name, value=_value(kind, number, label), reason=reason, error=error, cost=cost)
            found.setdefault((key, reference), {}).setdefault(evaluator, []).append(finding)
    return found


def counts(connection: Connection, experiment: str, *, total: int) -> Counts:
    c = experiment_cells.c
    failed = case((c.error.is_not(None), 1), else_=0)
    unpriced = case((and_(c.cost.is_(None), c.error.is_(None)), 1), else_=0)
    row = connection.execute(
        select(
            func.count(),
            func.sum(failed),
            func.sum(case((c.cached, 1), else_=0)),
            func.sum(c.unscored),
            func.sum(c.cost),
            func.sum(c.judge_cost),
            func.sum(unpriced),
        ).where(c.experiment == experiment)
    ).one()
    all_, errors, cached, unscored, cost, judges, unknown = (int(value or 0) for value in row)
    return Counts(
        total=total,
        done=all_ - errors,
        errors=errors,
        cached=cached,
        unscored=unscored,
        cost=cost + judges,
        unpriced=unknown,
    )


# --- parts ------------------------------------------------------------------------------------


def _cell(row: Sequence[Any]) -> CellRow:
    return CellRow(**dict(zip(CELL_COLUMNS, row, strict=True)))


def _stored(finding: Finding) -> dict[str, Any]:
    value = finding.value
    if value is None or finding.error is not None:
        return {"kind": None, "number": None, "label": None}
    if isinstance(value, bool):
        return {"kind": "boolean", "number": float(value), "label": None}
    if isinstance(value, str):
        return {"kind": "category", "number": None, "label": value}
    return {"kind": "number", "number": float(value), "label": None}


def _value(kind: str | None, number: float | None, label: str | None) -> float | bool | str | None:
    if kind == "category":
        return label
    return bool(number) if kind == "boolean" else number


def _pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def _upsert(connection: Connection, table: Any, rows: Sequence[dict[str, Any]], *, changes: Sequence[str]) -> None:
    """Insert, or change these columns of what has the same primary key; none of them: leave it."""
    if not rows:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    keys = list(table.primary_key.columns)
    if changes:
        statement = statement.on_conflict_do_update(
            index_elements=keys, set_={name: statement.excluded[name] for name in changes}
        )
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    connection.execute(statement, list(rows))
