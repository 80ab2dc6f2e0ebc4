"""Statements on calibrations. Every function runs in the transaction of the connection it is given."""

from collections.abc import Collection
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, RowMapping, select

from penstock.evals.calibration import Calibration, CalibrationRule
from penstock.evals.experiments.calibration_types import CalibrationRecord
from penstock.store.metadata.schema import calibrations

__all__ = ["insert", "listed", "newest"]

AT_ONCE: Final = 400


class _Body(msgspec.Struct):
    report: Calibration
    rule: CalibrationRule


def insert(connection: Connection, project: str, record: CalibrationRecord) -> None:
    connection.execute(
        calibrations.insert().values(
            id=record.id,
            project=project,
            name=record.name,
            version=record.version,
            evaluator=record.evaluator,
            metric=record.metric,
            calibrated=record.report.calibrated,
            body=msgspec.to_builtins(_Body(record.report, record.rule)),
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
    )
