"""Tables of judges' calibrations; see `schema` for what holds of all tables.

The same tables lie in the file of a run without a console, where the project is `local`.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table

from penstock.store.metadata.base import metadata

__all__ = ["calibrations"]

# Reports of judges that were held against people's labels. The newest of a digest and a metric counts.
calibrations = Table(
    "calibrations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), nullable=False),
    # Of the artifact, or of the evaluator in an experiment.
    Column("name", String(200), nullable=False),
    # Of the artifact; null where the definition stands in an experiment.
    Column("version", Integer),
    # Digest of the evaluator.
    Column("evaluator", String(64), nullable=False),
    # Name of the judgements.
    Column("metric", String(200), nullable=False),
    Column("calibrated", Boolean, nullable=False),
    # The report and the rule that it was held against.
    Column("body", JSON, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", String(100), nullable=False),
)
Index("ix_calibrations_evaluator", calibrations.c.project, calibrations.c.evaluator, calibrations.c.id)
Index("ix_calibrations_name", calibrations.c.project, calibrations.c.name, calibrations.c.id)
