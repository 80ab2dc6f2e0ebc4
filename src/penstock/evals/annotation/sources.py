"""Where items come from: given ones, recorded traces, rows of datasets, answers of experiments."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from penstock.core.errors import InvalidInput, NotFound
from penstock.evals.annotation.ports import Outputs
from penstock.evals.annotation.questions import check_answers
from penstock.evals.annotation.types import AddItems, ItemSource, NewItem, Question, RowsWanted
from penstock.evals.datasets.service import Datasets
from penstock.evals.datasets.traces import TraceRows, TraceSample
from penstock.registry.artifacts.types import Ref
from penstock.wire.scoring import check_target

__all__ = ["MAX_ITEMS", "Sources"]

MAX_ITEMS: Final = 5000
"""Of one request."""
MAX_BODY: Final = 1024 * 1024
"""Bytes of an item's JSON."""


class Sources:
    """Gives items. Methods block.

    Args:
        datasets: Rows.
        traces: What was recorded; None where nothing is.
        outputs: Answers of experiments; None where there are none.
    """

    def __init__(self, datasets: Datasets, traces: TraceRows | None, outputs: Outputs | None) -> None:
        self._datasets = datasets
        self._traces = traces
        self._outputs = outputs

    def items(self, project: str, wanted: AddItems, questions: Sequence[Question]) -> list[tuple[NewItem, bytes]]:
        """The items, each with its JSON.

        Raises:
            NotFound: a dataset, an experiment, or anything recorded is not there.
            InvalidInput: nothing is wanted or too much, an item shows nothing, or golden answers do not fit.
        """
        found: list[tuple[NewItem, bytes]] = []
        for number, item in enumerate(islice(self._all(project, wanted), MAX_ITEMS + 1)):
            if number >= MAX_ITEMS:
                raise InvalidInput(f"At most {MAX_ITEMS} items are added at once.", hint="Take fewer, or a sample.")
            field = f"items[{number}]"
            if item.input is None and item.output is None:
                raise InvalidInput("An item shows an input, an output, or both.", field=field)
            if item.golden is not None:
                golden = check_answers(
                    [msgspec.structs.replace(one, required=False) for one in questions],
                    item.golden,
                    field=f"{field}.golden",
                )
                item = msgspec.structs.replace(item, golden=golden)
            if item.source.trace_id is not None:
                check_target(item.source.trace_id, item.source.span_id, None)
            data = msgspec.json.encode(item)
            if len(data) > MAX_BODY:
                raise InvalidInput(f"An item has at most {MAX_BODY} bytes of JSON, got {len(data)}.", field=field)
            found.append((item, data))
        if not found:
            raise InvalidInput("Nothing was found to add.", field="items", code="nothing_fits")
        return found

    def _all(self, project: str, wanted: AddItems) -> Iterator[NewItem]:
        yield from wanted.items
        if wanted.traces is not None:
            yield from self._recorded(project, wanted.traces)
        if wanted.rows is not None:
            yield from self._rows(project, wanted.rows)
        if wanted.outputs is not None:
            if self._outputs is None:
                raise NotFound("There are no experiments here.", code="experiment_not_found")
            yield from islice(self._outputs(project, wanted.outputs), max(0, wanted.outputs.limit))

    def _recorded(self, project: str, wanted: TraceSample) -> Iterator[NewItem]:
        if self._traces is None:
            raise NotFound("Nothing is recorded here that could be judged.", code="no_traces")
        for row in self._traces.rows(project, msgspec.structs.replace(wanted, reference="output")):
            source = ItemSource(trace_id=row.metadata["trace_id"], span_id=row.metadata["span_id"])
            yield NewItem(source=source, input=row.input, output=row.reference)

    def _rows(self, project: str, wanted: RowsWanted) -> Iterator[NewItem]:
        ref = Ref(project, "dataset", wanted.dataset.replace("/", ":"))
        start: int | None = 0
        left = wanted.limit
        while start is not None and left > 0:
            page = self._datasets.rows(ref, wanted.version, split=wanted.split, start=start, limit=min(left, 500))
            for row in page.items:
                golden = None if wanted.golden is None or row.reference is None else {wanted.golden: row.reference}
                yield NewItem(
                    source=ItemSource(dataset=wanted.dataset, version=page.version, row=row.id),
                    input=row.input,
                    reference=row.reference,
                    context=row.context,
                    golden=golden,
                )
            left -= len(page.items)
            start = page.next
