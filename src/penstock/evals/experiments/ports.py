"""What the engine needs from outside."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

import msgspec

from penstock.evals.experiments.types import (
    CallMark,
    Cell,
    CellResult,
    Counts,
    Finding,
    KnownCell,
    Output,
    Row,
    VariantSpec,
)

__all__ = [
    "Caller",
    "Evaluation",
    "Ledger",
    "ModelAccess",
    "Progress",
    "Recall",
    "Request",
    "Rows",
    "Signal",
    "Target",
]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One call that is to be made."""

    key: str
    body: dict[str, Any]
    """OpenAI's chat completions dialect."""
    headers: dict[str, str] = {}


class Rows(Protocol):
    """Where rows come from, a bounded number at a time."""

    def chunks(self) -> AsyncIterator[Sequence[Row]]: ...


class Target(Protocol):
    """What is asked for an answer: a model behind a gateway, or a function of the user's."""

    @property
    def paid(self) -> bool:
        """Whether an answer costs something, so that its call is marked before it is sent."""
        ...

    @property
    def digest(self) -> str:
        """Of everything that answers depend on, but the row."""
        ...

    async def answer(self, row: Row, *, key: str, mark: CallMark | None) -> Output:
        """Ask once.

        Raises:
            UpstreamError: no answer; `retryable` says whether another try may help, `retry_after` when.
        """
        ...


class Caller(Protocol):
    """Makes one call."""

    async def call(self, request: Request, *, trace_id: str, timeout: float) -> Output:  # noqa: ASYNC109 - the other side's time, not the task's
        """Raises `UpstreamError`, as `Target.answer`."""
        ...


class ModelAccess(Protocol):
    """The console's own way to models."""

    @property
    def url(self) -> str:
        """Of the gateway. Raises `Unavailable` where the console was not told."""
        ...

    async def key(self, project: str) -> str:
        """A key of this project that every worker takes. Raises `Unavailable`: `gateway_behind` while one does not."""
        ...


class Recall(Protocol):
    """Looks for the answers of calls whose caller did not live to see them."""

    async def find(self, trace_id: str) -> Output | None:
        """The recorded answer; None while there is none.

        Raises:
            UpstreamError: the call ended without an answer.
        """
        ...

    async def alive(self, started: int) -> bool:
        """Whether what took a call at that moment (microseconds) can still be working on it."""
        ...


class Ledger(Protocol):
    """What is known of an experiment, durable. Every method takes many at once."""

    async def look(self, cells: Sequence[Cell], evaluators: Sequence[str]) -> list[KnownCell]:
        """What is there of each cell, in the order of `cells`."""
        ...

    async def begin(self, calls: Sequence[tuple[str, bool]]) -> list[CallMark]:
        """Mark calls as started, before they are sent; returns once the marks are durable.

        A call is a key, and whether this is a new attempt. Without that, a mark that an earlier process left is given
        back as it is, not `fresh`.
        """
        ...

    async def finish(self, results: Sequence[CellResult]) -> None:
        """Record outcomes; returns once they are durable."""
        ...

    async def keep(self, outputs: Sequence[tuple[str, Output]]) -> None:
        """Record answers of calls that are no cell's, such as those of judges."""
        ...

    async def kept(self, keys: Sequence[str]) -> list[Output | None]:
        """Answers of such calls."""
        ...


class Evaluation(Protocol):
    """One evaluator of the experiment."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str:
        """Of its definition: judgements of different digests are never mixed."""
        ...

    @property
    def paid(self) -> bool:
        """Whether it makes calls."""
        ...

    @property
    def compares(self) -> bool:
        """Whether it is given the baseline's answer to the same row too."""
        ...

    async def judge(
        self, row: Row, variant: VariantSpec, output: Output, *, key: str, other: Output | None = None
    ) -> list[Finding]:
        """Judgements of one answer. What goes wrong is a finding with `error`, never an exception.

        Args:
            row: What was asked.
            variant: Whose answer it is.
            output: The answer.
            key: Under which it is kept.
            other: The baseline's answer, for one that compares; the same object where this is the baseline.
        """
        ...


class Progress(Protocol):
    """Is told how far the run is."""

    def update(self, counts: Counts) -> None: ...


class Signal(Protocol):
    """Whether the run may go on."""

    def asked(self) -> str | None:
        """`pause` or `cancel` once somebody wants that, else None."""
        ...
