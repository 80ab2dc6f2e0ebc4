"""Tables of experiments; see `schema` for what holds of all tables.

The same tables lie in the file of a run without a console, where the project is `local`.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from penstock.store.metadata.base import metadata

__all__ = [
    "experiment_calls",
    "experiment_cells",
    "experiment_judgements",
    "experiment_outputs",
    "experiment_rows",
    "experiments",
]

experiments = Table(
    "experiments",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), nullable=False),
    Column("name", String(200), nullable=False),
    # `draft`, `waiting`, `running`, `paused`, `stopped`, `cancelled`, `done` or `failed`.
    Column("state", String(10), nullable=False),
    Column("reason", Text),
    # What somebody wants of whoever runs it: `pause` or `cancel`.
    Column("wanted", String(8)),
    Column("spec", JSON, nullable=False),
    # Whether the console runs it, or a process of the user's.
    Column("hosted", Boolean, nullable=False),
    # Set: answers of other experiments are not used.
    Column("salt", String(36), nullable=False),
    Column("rows", BigInteger, nullable=False),
    # Names of its evaluators by digest, once somebody has run it.
    Column("evaluators", JSON, nullable=False),
    # Who runs it, and until when nobody else may.
    Column("runner", String(100)),
    Column("lease", BigInteger),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("started", BigInteger),
    Column("finished", BigInteger),
)
Index("ix_experiments_project_id", experiments.c.project, experiments.c.id)
Index("ix_experiments_state", experiments.c.state)

# The rows as they were when it was made: what a file held then, or a version of a dataset.
experiment_rows = Table(
    "experiment_rows",
    metadata,
    Column("experiment", String(36), ForeignKey("experiments.id"), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    # Of the input, to count rows that ask the same.
    Column("digest", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
)
Index("ix_experiment_rows_digest", experiment_rows.c.experiment, experiment_rows.c.digest)

# Calls that were about to be sent, written before they were. A call that was answered has none any more.
experiment_calls = Table(
    "experiment_calls",
    metadata,
    Column("experiment", String(36), ForeignKey("experiments.id"), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("started", BigInteger, nullable=False),
)

experiment_cells = Table(
    "experiment_cells",
    metadata,
    Column("experiment", String(36), ForeignKey("experiments.id"), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("variant", String(100), primary_key=True),
    Column("repetition", Integer, primary_key=True, autoincrement=False),
    # Of the answer, and of what judgements depend on beside it.
    Column("key", String(64), nullable=False),
    Column("reference", String(64), nullable=False),
    # Null once there is an answer.
    Column("error", Text),
    Column("cached", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    # Nano-dollars that this experiment paid for the answer: 0 where it was cached, null where it is unknown.
    Column("cost", BigInteger),
    # Of its judges.
    Column("judge_cost", BigInteger, nullable=False),
    Column("unscored", Integer, nullable=False),
    Column("finished", BigInteger, nullable=False),
)

# Answers by content, for all experiments of a project.
experiment_outputs = Table(
    "experiment_outputs",
    metadata,
    Column("project", String(36), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    # What the answer cost when it was paid for, nano-dollars; microseconds it took.
    Column("cost", BigInteger),
    Column("latency", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
)

# Judgements by content: of an answer, given a reference, by an evaluator.
experiment_judgements = Table(
    "experiment_judgements",
    metadata,
    Column("project", String(36), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("reference", String(64), primary_key=True),
    Column("evaluator", String(64), primary_key=True),
    Column("name", String(200), primary_key=True),
    # `boolean`, `number` or `category`; null where it could not be scored.
    Column("kind", String(8)),
    # Of a boolean, 1 or 0.
    Column("number", Float),
    Column("label", Text),
    Column("reason", Text),
    # Set: it could not be scored.
    Column("error", Text),
    Column("cost", BigInteger),
    Column("created", BigInteger, nullable=False),
)
