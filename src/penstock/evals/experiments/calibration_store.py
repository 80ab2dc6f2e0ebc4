"""Statements on calibrations. Every function runs in the transaction of the connection it is given."""

from collections.abc import Collection
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, RowMapping, func, select

from penstock.evals.calibration import Calibration, CalibrationRule
from penstock.evals.experiments.calibration_types import (
    CalibrationDetail,
    CalibrationRecord,
    CalibrationSource,
    Disagreement,
)
from penstock.store.metadata.schema import calibrations

__all__ = ["found", "insert", "listed", "names", "newest", "of_names"]

AT_ONCE: Final = 400


class _Body(msgspec.Struct):
    report: Calibration
    rule: CalibrationRule
    source: CalibrationSource = CalibrationSource()


class _Whole(_Body):
    disagreements: list[Disagreement] = []
    disagreed: int = 0


def insert(connection: Connection, project: str, record: CalibrationDetail) -> None:
    connection.execute(
        calibrations.insert().values(
            id=record.id,
            project=project,
            name=record.name,
            version=record.version,
            evaluator=record.evaluator,
            metric=record.metric,
            calibrated=record.report.calibrated,
            body=msgspec.to_builtins(
                _Whole(record.report, record.rule, record.source, record.disagreements, record.disagreed)
            ),
            at=record.at,
            by=record.by,
        )
    )


def listed(
    connection: Connection, project: str, name: str, *, before: str | None, limit: int
) -> list[CalibrationRecord]:
    """Those of a name, newest first, older than `before`."""
    c = calibrations.c
    query = select(calibrations).where(c.project == project, c.name == name)
    if before is not None:
        query = query.where(c.id < before)
    return [_record(row) for row in connection.execute(query.order_by(c.id.desc()).limit(limit)).mappings()]


def found(connection: Connection, project: str, name: str, id_: str) -> CalibrationDetail | None:
    """One of a name, with where judge and people differ."""
    c = calibrations.c
    query = select(calibrations).where(c.project == project, c.name == name, c.id == id_)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    body = msgspec.convert(row["body"], _Whole)
    return CalibrationDetail(
        **msgspec.structs.asdict(_record(row)), disagreements=body.disagreements, disagreed=body.disagreed
    )


def names(connection: Connection, project: str, *, after: str, limit: int) -> list[str]:
    """Names that have a report of a definition within an experiment, in order."""
    c = calibrations.c
    query = select(c.name).distinct().where(c.project == project, c.version.is_(None), c.name > after)
    return list(connection.execute(query.order_by(c.name).limit(limit)).scalars())


def of_names(connection: Connection, project: str, wanted: Collection[str]) -> list[CalibrationRecord]:
    """The newest report of each name, version, digest and metric."""
    c = calibrations.c
    newest_ids = (
        select(func.max(c.id))
        .where(c.project == project, c.name.in_(list(wanted)))
        .group_by(c.name, c.version, c.evaluator, c.metric)
    )
    query = select(calibrations).where(c.id.in_(newest_ids)).order_by(c.id.desc())
    return [_record(row) for row in connection.execute(query).mappings()]


def newest(
    connection: Connection, project: str, evaluators: Collection[str]
) -> dict[tuple[str, str], CalibrationRecord]:
    """The newest of each digest and metric."""
    c = calibrations.c
    query = select(calibrations).where(c.project == project, c.evaluator.in_(list(evaluators)[:AT_ONCE]))
    found = connection.execute(query.order_by(c.id)).mappings()
    return {(row["evaluator"], row["metric"]): _record(row) for row in found}


def _record(row: RowMapping) -> CalibrationRecord:
    body: Any = msgspec.convert(row["body"], _Body)
    return CalibrationRecord(
        id=row["id"],
        name=row["name"],
        version=row["version"],
        evaluator=row["evaluator"],
        metric=row["metric"],
        report=body.report,
        rule=body.rule,
        at=row["at"],
        by=row["by"],
        source=body.source,
    )
