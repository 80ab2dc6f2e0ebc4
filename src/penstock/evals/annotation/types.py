"""Records of annotation that the control API takes and gives."""

from typing import Any, Final, Literal

import msgspec

from penstock.evals.datasets.traces import TraceSample
from penstock.evals.statistics.types import Estimate
from penstock.wire.scoring import Value

__all__ = [
    "AddItems",
    "Agreement",
    "AnnotationItem",
    "AnnotatorProgress",
    "GoldenResult",
    "ItemLabel",
    "ItemSource",
    "LabelledItem",
    "NewItem",
    "NewLabel",
    "NewQueue",
    "Only",
    "OutputsWanted",
    "Question",
    "Queue",
    "QueueReport",
    "RowsWanted",
    "Task",
]

LEASE: Final = 900
Answers = dict[str, Value]
"""By name of the question."""
Only = Literal["disagreements", "golden"]
"""Items on which people disagree; items with known answers."""


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question of a rubric. Its answers become scores of its name."""

    name: str
    """1 to 64 letters, digits, dots, dashes and underscores."""
    type: Literal["boolean", "category", "number", "text"]
    guidance: str = ""
    """What to look at, and what counts as what."""
    categories: list[str] = []
    """Of a category: what may be answered, 2 to 50."""
    least: float | None = None
    most: float | None = None
    """Of a number."""
    required: bool = True


class NewQueue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked of people, and of whom."""

    name: str
    description: str = ""
    questions: list[Question]
    annotators: list[str] = []
    """Ids or names of people or keys, who take turns; empty: whoever may label takes what comes next."""
    doubled: float = 0.1
    """Share of items that two people label, 0 to 1, to measure how far they agree."""
    lease_seconds: int = LEASE
    """How long an item is kept for whoever took it, 60 to 86,400."""
    evaluator: str | None = None
    """Name of the evaluator that these labels calibrate."""


class Queue(NewQueue, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A queue as it is kept."""

    id: str
    created: int
    """Microseconds since the epoch."""
    created_by: str
    items: int
    """Without golden ones."""
    done: int
    """Items that have all their labels."""
    skipped: int
    """Items that nobody could label."""


class ItemSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where an item comes from. Labels of an item with a trace become scores of it."""

    trace_id: str | None = None
    span_id: str | None = None
    dataset: str | None = None
    version: int | None = None
    row: str | None = None
    """Id of the dataset's row, or position of the experiment's."""
    experiment: str | None = None
    variant: str | None = None


class NewItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing to be judged."""

    # A factory: a value would be every source's default in the API's document, in some processes and not in others.
    source: ItemSource = msgspec.field(default_factory=ItemSource)
    input: Any = None
    output: Any = None
    reference: Any = None
    context: list[str] = []
    golden: Answers | None = None
    """The right answers: the item is shown to every annotator, to check them, and its labels are no scores."""


class RowsWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows of a dataset."""

    dataset: str
    version: str = "latest"
    split: str | None = None
    limit: int = 1000
    golden: str | None = None
    """Name of the question whose right answer the row's reference is."""


class OutputsWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers of an experiment."""

    experiment: str
    variant: str | None = None
    limit: int = 1000


class AddItems(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be judged: any of these, at most 5,000 items. What is in the queue already is left out."""

    items: list[NewItem] = []
    traces: TraceSample | None = None
    """Their outputs are shown, whatever `reference` says."""
    rows: RowsWanted | None = None
    outputs: OutputsWanted | None = None


class ItemLabel(msgspec.Struct, frozen=True, kw_only=True):
    """What one person said of an item."""

    annotator: str
    answers: Answers
    skipped: str | None
    """Why it was skipped; null: it was not."""
    comment: str
    created: int


class AnnotationItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item as it is kept."""

    id: str
    queue: str
    position: int
    state: Literal["open", "done", "skipped"]
    source: ItemSource
    input: Any
    output: Any
    reference: Any
    context: list[str]
    golden: Answers | None
    wanted: int
    """How many people are to label it."""
    assigned: list[str]
    """Who is to; empty: anybody."""
    passed: list[str]
    """Annotators of the queue who skipped it."""
    created: int


class LabelledItem(msgspec.Struct, frozen=True, kw_only=True):
    item: AnnotationItem
    labels: list[ItemLabel]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """An item for whoever asked for one. It does not tell whether it is a golden one."""

    item: str
    queue: str
    input: Any
    output: Any
    context: list[str]
    questions: list[Question]
    until: int
    """It is kept until then: microseconds since the epoch. 0: it was labelled, and is not kept."""
    label: ItemLabel | None
    """What the annotator said of it before."""
    left: int
    """Items that wait for this annotator, this one included, and without the one it was asked for beside."""


class NewLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers, or why there are none."""

    answers: Answers = {}
    skip: str | None = None
    """Why the item cannot be judged; it goes to somebody else."""
    comment: str = ""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far people agree on one question, on items that several labelled."""

    question: str
    items: int
    same: float | None
    """Share of pairs of labels that are the same."""
    alpha: Estimate | None
    """Krippendorff's: nominal, or of intervals for numbers. Null where it cannot be told, as for texts."""


class GoldenResult(msgspec.Struct, frozen=True, kw_only=True):
    """How often an annotator was right on golden items."""

    annotator: str
    question: str
    right: int
    answered: int
    accuracy: Estimate


class AnnotatorProgress(msgspec.Struct, frozen=True, kw_only=True):
    annotator: str
    labelled: int
    skipped: int
    last: int | None
    median_seconds: float | None
    """From one label to the next; pauses above ten minutes are none. Null with fewer than two labels."""


class QueueReport(msgspec.Struct, frozen=True, kw_only=True):
    """How far a queue is, and how good its labels are."""

    queue: Queue
    names: dict[str, str]
    """Of annotators, by id, who are people or keys."""
    disagreements: int
    """Items on which people disagree; texts do not count."""
    golden_items: int
    annotators: list[AnnotatorProgress]
    agreement: list[Agreement]
    golden: list[GoldenResult]
    """The least accurate first."""
