"""What an experiment is, and what becomes of it. Times are microseconds since the epoch, money is nano-dollars."""

from typing import Any, Literal

import msgspec

__all__ = [
    "CallMark",
    "Cell",
    "CellResult",
    "Columns",
    "Counts",
    "Ending",
    "Experiment",
    "ExperimentSpec",
    "Finding",
    "KnownCell",
    "Output",
    "Row",
    "State",
    "VariantSpec",
]

State = Literal["draft", "waiting", "running", "paused", "stopped", "cancelled", "done", "failed"]
"""`draft` still takes rows; `waiting` is for the console to run; `stopped` ended by its own rule (budget, or a clear
answer) and can go on; `failed` met an error that concerns all of it."""


class Columns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which fields of a file's rows are what. Dots lead into nested objects; a missing field is None."""

    input: str | None = None
    """None: the field `input`, or the whole row where there is none."""
    reference: str = "reference"
    context: str = "context"
    id: str = "id"
    group: str = "group"
    """Rows of one group are not independent, such as turns of one conversation."""
    metadata: str = "metadata"


class VariantSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One of the things that are compared."""

    name: str
    model: str | None = None
    """A route, or `provider/model`."""
    prompt: str | None = None
    """`name`, `name@label` or `name@version` of the registry: rendered with the row's input as its variables."""
    messages: list[dict[str, Any]] | None = None
    """Templates in the place of a prompt of the registry; `{{ input }}` is the row's input, or its fields by name."""
    parameters: dict[str, Any] = {}
    """Fields of the request: `temperature`, `max_tokens`, `tools`, …"""
    python: str | None = None
    """`module:function` in the place of a model; runs in the process of whoever runs the experiment."""


class ExperimentSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What `penstock eval run` reads, and what the control API is sent."""

    name: str
    dataset: str
    """A file (`.jsonl`, `.csv`), or `name@version` of the registry."""
    variants: list[VariantSpec]
    evaluators: list[dict[str, Any]] = []
    """Definitions, `{"type": "numeric", …}`; `{"ref": "quality@3"}` is a version of the registry's, whose `definition`
    stands beside it once the experiment is made; `{"python": "module:function"}` runs in the user's process."""
    description: str = ""
    columns: Columns = Columns()
    baseline: str | None = None
    """The variant that others are compared with; None: the first."""
    repetitions: int = 1
    """How often each row is asked, 1 to 100."""
    limit: int | None = None
    """The first so many rows only."""
    gate: list[str] = []
    """Rules that all must hold: `accuracy >= baseline - 1pt`."""
    calibration: str | None = None
    """A file with the calibrations of its judges, for runs without a console, where else they show and do not gate."""
    slices: list[str] = []
    """Fields of `metadata` by whose values results are also shown."""
    confidence: float = 0.95
    concurrency: int = 64
    """Calls under way at most; how many really are adapts to what the other side takes."""
    timeout: float = 120.0
    """Seconds that one call may take."""
    retries: int = 3
    """How often a call that failed, and may succeed, is tried again."""
    max_cost: str | None = None
    """Dollars. No call is started that would likely go beyond."""
    stop_when_clear: bool = False
    """Stop as soon as an always-valid interval of each gated difference lies on one side of its limit."""


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One case of a dataset."""

    position: int
    """From 0."""
    id: str
    input: Any
    reference: Any = None
    context: list[str] = []
    metadata: dict[str, Any] = {}
    group: str | None = None
    occurrence: int = 0
    """How many rows with the same input come before it."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One answer that is wanted: a row, a variant, a repetition."""

    position: int
    variant: str
    repetition: int
    key: str
    """Digest of all that the answer depends on."""
    reference: str
    """Digest of all else that judgements depend on."""


class Output(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer, as it is kept and used again."""

    text: str | None = None
    tool_calls: list[dict[str, Any]] = []
    """In OpenAI's form."""
    finish_reason: str | None = None
    model: str | None = None
    """That answered, as the provider calls it."""
    usage: dict[str, Any] = {}
    """As it was reported, in OpenAI's form."""
    cost: int | None = None
    """None is unknown."""
    latency: int = 0
    """Microseconds."""
    trace_id: str | None = None
    data: Any = None
    """What a Python function returned that is no text."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One judgement of one answer. With `error` it is unscored: neither pass nor fail."""

    name: str
    value: float | bool | str | None = None
    reason: str | None = None
    error: str | None = None
    cost: int | None = None


class KnownCell(msgspec.Struct, frozen=True, kw_only=True):
    """What is already there when a cell's turn comes."""

    done: bool = False
    """It was recorded in this experiment."""
    failed: bool = False
    """It was recorded as an error, and is tried again."""
    output: Output | None = None
    findings: dict[str, list[Finding]] = {}
    """By digest of the evaluator."""


class CallMark(msgspec.Struct, frozen=True, kw_only=True):
    """That a call was about to be sent: written before it is."""

    key: str
    attempt: int
    """From 1."""
    started: int
    fresh: bool
    """False: an earlier process wrote the mark and did not live to write the answer."""


class CellResult(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be recorded of a cell."""

    cell: Cell
    output: Output | None = None
    """None with an error, or when it is recorded already."""
    error: str | None = None
    findings: dict[str, list[Finding]] = {}
    """By digest of the evaluator; what failed to score is kept with its reason."""
    cached: bool = False
    attempts: int = 0


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How far an experiment is."""

    total: int = 0
    """Cells in all."""
    done: int = 0
    errors: int = 0
    cached: int = 0
    """Of those done: whose answer was there from another run."""
    unscored: int = 0
    """Judgements that could not be made."""
    cost: int = 0
    """Of the calls of this experiment, as far as it is known."""
    unpriced: int = 0
    """Answers whose cost is unknown."""


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended."""

    state: State
    reason: str | None = None


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """As the control API shows it."""

    id: str
    project: str
    name: str
    state: State
    reason: str | None
    spec: ExperimentSpec
    counts: Counts
    rows: int
    salt: str
    """Set: answers of other experiments are not used."""
    evaluators: dict[str, str]
    """Names by digest, once it was run."""
    runner: str | None
    """Who runs it, or ran it last."""
    lease: int | None
    """Until when; after that, another may."""
    created: int
    created_by: str
    started: int | None
    finished: int | None
