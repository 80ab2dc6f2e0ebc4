"""Rows made of recorded traces: what was asked, and if wanted what was answered."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, Literal

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput
from penstock.evals.datasets.ports import Spans, Where
from penstock.evals.datasets.recorded import answer_of, chat_of, last_question
from penstock.evals.datasets.rows import prepared
from penstock.evals.datasets.sampling import Candidate, Sample, Sampler
from penstock.evals.datasets.types import DatasetRow
from penstock.sdk.masking import PERSONAL, Masker
from penstock.store.spans.columns import BY_NAME
from penstock.store.spans.filters import Filter
from penstock.store.spans.metrics import MetricQuery
from penstock.store.spans.queries.scores import ScoreFilter
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import Node, Or, all_of
from penstock.tracing.types import Asked

__all__ = ["TracePreview", "TraceRows", "TraceSample", "TraceSearch"]

SHOWN: Final = 10
"""Rows of a preview."""
TOGETHER: Final = 100
"""Spans whose texts are read at once."""
NEAR: Final = 60_000_000
"""Microseconds; spans that lie further apart are read by themselves."""
DAY: Final = 24 * 3600 * 1_000_000
LONG: Final = frozenset({"input", "output", "attributes", "usage_raw"})
TAGS: Final = "tags."
ROW: Final = Or((Filter(column="call", operator="eq", value=True), Filter(column="parent_id", operator="missing")))
"""A call to the gateway, or the root of a trace that came from elsewhere."""
_ABOUT: Final = (
    "trace_id", "span_id", "started", "session", "served_model", "requested_model", "prompt_name", "prompt_version",
    "tags",
)  # fmt: skip


class TraceSearch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which spans fit."""

    q: str = ""
    """In the filter language. From feedback: a condition on a score, as `score.helpful:false`."""
    from_: int | None = msgspec.field(name="from", default=None)
    """Microseconds since the epoch, inclusive; a week before `to` when left out."""
    to: int | None = None
    """Exclusive; now when left out."""
    of: Literal["calls", "spans"] = "calls"
    """`calls`: calls to the gateway and roots of traces. `spans`: every span that fits, so name its kind or name in
    `q`, as `kind:retriever`."""


class TraceSample(TraceSearch, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which spans become rows, and how."""

    sample: Sample = Sample()
    input: Literal["messages", "question"] = "messages"
    """All that was asked, as the messages of a chat completion; or the text of the user's last message."""
    reference: str = "none"
    """`none`; `output`: what was answered; `score:<name>`: the newest score of this name, as a corrected answer."""
    group: Literal["session", "trace", "none"] = "session"
    """What rows have in common that belong together; a span without a session is in a group of its own trace."""
    metadata: list[str] = []
    """Columns and `tags.<name>` that rows have as metadata, beside trace, span, time, model and prompt."""
    distinct: bool = True
    """Of spans that ask the same, one becomes a row."""
    mask: bool = True
    """E-mail addresses, telephone and card numbers and keys are replaced by what they are, in brackets."""


class TracePreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a search would give."""

    matching: int
    """Spans that fit."""
    rows: list[DatasetRow]
    """Of the newest of them, the newest first, as they would be saved."""
    from_: int = msgspec.field(name="from")
    to: int


class _Span(msgspec.Struct):
    """A span as it is exported, as far as it is asked for."""

    trace_id: str
    span_id: str
    started: int
    fingerprint: str | None = None
    session: str | None = None
    served_model: str | None = None
    requested_model: str | None = None
    prompt_name: str | None = None
    prompt_version: str | None = None
    tags: dict[str, str] = {}
    input: Any = None
    output: Any = None


_decode_span = msgspec.json.Decoder(_Span).decode
_decode_columns = msgspec.json.Decoder(dict[str, Any]).decode


class TraceRows:
    """Makes rows of what was recorded. Methods block.

    Args:
        spans: The store of spans.
        where: Reads searches.
        clock: Now, for searches without an end.
    """

    def __init__(self, spans: Spans, where: Where, *, clock: Clock) -> None:
        self._spans = spans
        self._where = where
        self._clock = clock

    def check(self, project: str, wanted: TraceSample) -> None:
        """Raise `InvalidInput` unless the search and the sample can be understood."""
        self.window(project, wanted)
        self.conditions(project, wanted)
        Sampler(wanted.sample, distinct=wanted.distinct)
        if not (wanted.reference in {"none", "output"} or (wanted.reference.startswith("score:"))):
            raise InvalidInput(
                f"Expected none, output or score:<name>, got {wanted.reference[:60]!r}.", field="reference"
            )
        named = [("metadata", name) for name in wanted.metadata]
        named += [("sample.by", wanted.sample.by)] if wanted.sample.by is not None else []
        for field, name in named:
            if not name.startswith(TAGS) and (name not in BY_NAME or name in LONG or name == "project"):
                raise InvalidInput(
                    f"There is no column {name[:60]!r} to take.",
                    field=field,
                    hint="Name a column such as route, or tags.<name>.",
                    code="invalid_column",
                )

    def preview(self, project: str, wanted: TraceSample) -> TracePreview:
        """How many spans fit, and the newest of them as rows. Raises `InvalidInput`."""
        self.check(project, wanted)
        window = self.window(project, wanted)
        begin, end = window.from_ or 0, window.to or 0
        query = MetricQuery(
            project=project,
            from_=begin,
            to=end,
            population="traces" if wanted.of == "calls" else "spans",
            where=self.conditions(project, wanted),
        )
        matching = sum(series.total.count for series in self._spans.measure(query).series)
        # Some of them may have recorded no input, or ask the same.
        ask = self._spans.list_calls if wanted.of == "calls" else self._spans.list_spans
        newest = ask(window, where=query.where, limit=3 * SHOWN).rows
        found = sorted(Candidate(row.started, row.span_id, row.trace_id) for row in newest)
        rows = list(self._once(self._rows(project, found, wanted), wanted))[-SHOWN:]
        return TracePreview(matching=matching, rows=rows[::-1], from_=begin, to=end)

    def rows(
        self, project: str, wanted: TraceSample, *, looked: Callable[[int], None] | None = None
    ) -> Iterator[DatasetRow]:
        """The rows of a sample, the oldest first; spans that recorded no input are left out.

        Args:
            project: Whose.
            wanted: Which.
            looked: Is told from time to time how many spans were looked at.

        Raises:
            InvalidInput: as `check`, or the sample is too large.
        """
        self.check(project, wanted)
        chosen = self._chosen(self.window(project, wanted), wanted, looked=looked)
        yield from self._once(self._rows(project, chosen, wanted), wanted)

    def window(self, project: str, wanted: TraceSearch) -> Window:
        """The time of a search. Raises `InvalidInput` where it is empty."""
        to = self._clock.now() if wanted.to is None else wanted.to
        from_ = to - 7 * DAY if wanted.from_ is None else wanted.from_
        if from_ >= to:
            raise InvalidInput("The window is empty: expected from < to.", field="from")
        return Window(project=project, from_=from_, to=to)

    def conditions(self, project: str, wanted: TraceSearch) -> Node | None:
        """What must hold of a span. Raises `InvalidInput`."""
        own = self._where(project, Asked(q=wanted.q))
        return all_of(ROW if wanted.of == "calls" else None, own)

    @staticmethod
    def _once(rows: Iterator[DatasetRow], wanted: TraceSample) -> Iterator[DatasetRow]:
        """Spans of applications have no fingerprint, and masking makes some alike: told by the rows themselves."""
        seen: set[str] = set()
        for row in rows:
            id_ = prepared(DatasetRow(input=row.input), field="rows")[0].id
            if not wanted.distinct or id_ not in seen:
                seen.add(id_)
                yield row

    # --- parts --------------------------------------------------------------------------------

    def _chosen(self, window: Window, wanted: TraceSample, *, looked: Callable[[int], None] | None) -> list[Candidate]:
        sampler = Sampler(wanted.sample, distinct=wanted.distinct)
        by = wanted.sample.by
        columns = list(dict.fromkeys(["trace_id", "span_id", "started", "fingerprint", *_columns([by] if by else [])]))
        where = self.conditions(window.project, wanted)
        count = 0
        for line in _lines(self._spans.export(window, where=where, columns=columns)):
            span = _decode_span(line)
            stratum = None if by is None else _named(_decode_columns(line), by)
            sampler.add(
                Candidate(span.started, span.span_id, span.trace_id),
                question=span.fingerprint,
                stratum=None if stratum is None else str(stratum),
            )
            count += 1
            if looked is not None and count % 1000 == 0:
                looked(count)
        if looked is not None:
            looked(count)
        return sampler.chosen()

    def _rows(self, project: str, chosen: Sequence[Candidate], wanted: TraceSample) -> Iterator[DatasetRow]:
        masker = Masker(PERSONAL) if wanted.mask else None
        extra = [*wanted.metadata, *([wanted.sample.by] if wanted.sample.by else [])]
        columns = list(dict.fromkeys([*_ABOUT, "input", "output", *_columns(extra)]))
        for some in _together(chosen):
            ids = {one.span_id for one in some}
            traces = {one.trace_id for one in some}
            window = Window(project=project, from_=some[0].started, to=some[-1].started + 1)
            where = Filter(column="span_id", operator="in", value=sorted(ids))
            for line in _lines(self._spans.export(window, where=where, columns=columns)):
                span = _decode_span(line)
                if span.trace_id in traces:
                    named = {name: _named(_decode_columns(line), name) for name in extra}
                    row = self._row(project, span, wanted, named)
                    if row is not None:
                        yield row if masker is None else _masked(row, masker)

    def _row(self, project: str, span: _Span, wanted: TraceSample, named: Mapping[str, Any]) -> DatasetRow | None:
        input_ = last_question(span.input) if wanted.input == "question" else chat_of(span.input)
        if input_ is None or input_ in ("", {}, []):
            return None
        group = {"session": span.session or span.trace_id, "trace": span.trace_id, "none": None}[wanted.group]
        about: dict[str, Any] = {
            "trace_id": span.trace_id,
            "span_id": span.span_id,
            "started": span.started,
            "model": span.served_model or span.requested_model,
            "prompt": f"{span.prompt_name}@{span.prompt_version}" if span.prompt_name else None,
            **named,
        }
        return DatasetRow(
            input=input_,
            reference=self._reference(project, span, wanted.reference),
            metadata={name: value for name, value in about.items() if value is not None},
            group=group,
        )

    def _reference(self, project: str, span: _Span, reference: str) -> Any:
        if reference == "output":
            return answer_of(span.output)
        if reference == "none":
            return None
        wanted = ScoreFilter(project=project, trace_id=span.trace_id, name=reference.removeprefix("score:"))
        for score in self._spans.list_scores(wanted, limit=50):
            if score.span_id in {None, span.span_id}:
                return bool(score.number) if score.type == "boolean" else score.label or score.number
        return None


def _columns(names: Sequence[str]) -> list[str]:
    return ["tags" if name.startswith(TAGS) else name for name in names]


def _named(columns: Mapping[str, Any], name: str) -> Any:
    if name.startswith(TAGS):
        return columns["tags"].get(name.removeprefix(TAGS))
    return columns[name]


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Each piece ends with a line."""
    for piece in pieces:
        yield from piece.splitlines()


def _together(chosen: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    """Those that lie near to each other in time."""
    group: list[Candidate] = []
    for one in chosen:
        if group and (len(group) >= TOGETHER or one.started - group[-1].started > NEAR):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _masked(row: DatasetRow, masker: Masker) -> DatasetRow:
    """The row without personal data. A group's name that holds any is replaced by a hash: groups stay apart."""
    group = row.group
    if group is not None and masker.text(group) != group:
        group = blake2b(group.encode(), digest_size=16).hexdigest()
    # What the records made up themselves is not masked: ids and times look like numbers of cards.
    own = {name: row.metadata[name] for name in ("trace_id", "span_id", "started") if name in row.metadata}
    return msgspec.structs.replace(
        row,
        input=masker.value(row.input),
        reference=masker.value(row.reference),
        metadata={**masker.value(row.metadata), **own},
        group=group,
    )
