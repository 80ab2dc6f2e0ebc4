"""Results of experiments, as they are looked at: pages, single rows, files, the summary."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from penstock.core.errors import InvalidInput, NotFound
from penstock.evals.experiments import store
from penstock.evals.experiments.differences import DifferenceTerms, RowDifferencePage, difference_page
from penstock.evals.experiments.service import Experiments
from penstock.evals.experiments.store import CellRow
from penstock.evals.experiments.summary import Summary, summarize
from penstock.evals.experiments.table import Standing, Table, load_table
from penstock.evals.experiments.types import Experiment, Finding, Output, Row
from penstock.evals.experiments.worst import WorstRows, worst_rows
from penstock.evals.gates.parser import parse
from penstock.evals.gates.types import GateResult, GateSettings, Rule, RuleError, RuleResult
from penstock.evals.gates.types import Results as GateInput

__all__ = ["CellPage", "CellView", "Results", "RowComparison"]

MAX_PAGE = 1000
EXPORT_PAGE = 500


class CellView(msgspec.Struct, frozen=True, kw_only=True):
    """One answer and what was said of it."""

    position: int
    variant: str
    repetition: int
    error: str | None
    cached: bool
    attempts: int
    cost: int | None
    """Nano-dollars that the answer cost when it was paid for."""
    output: Output | None
    findings: list[Finding]


class CellPage(msgspec.Struct, frozen=True, kw_only=True):
    """Answers in the order of rows, variants, repetitions."""

    items: list[CellView]
    next_cursor: str | None


class RowComparison(msgspec.Struct, frozen=True, kw_only=True):
    """One row, and every answer to it."""

    row: Row
    cells: list[CellView]


class Results:
    """Results of all experiments. Methods block.

    Args:
        experiments: The service.
        standing: By experiment: why a metric may not gate.
        font: Of PDF reports, before those of the system.
    """

    def __init__(
        self,
        experiments: Experiments,
        *,
        standing: Callable[[Experiment], Standing] | None = None,
        font: Path | None = None,
    ) -> None:
        self._experiments = experiments
        self._standing = standing
        self.font = font

    def summary(self, project: str, id_: str) -> Summary:
        """All figures."""
        return self.both(project, id_)[1]

    def both(self, project: str, id_: str) -> tuple[Experiment, Summary]:
        """The experiment and all figures."""
        shown = self._experiments.get(project, id_)
        table = self.table(shown)
        return shown, summarize(table, gates=gate(table, None if self._standing is None else self._standing(shown)))

    def reported(self, project: str, id_: str) -> tuple[Experiment, Summary, list[WorstRows]]:
        """What a report holds: as `both`, and the rows to name."""
        shown, summary = self.both(project, id_)
        return shown, summary, worst_rows(lambda terms: self.differences(project, id_, terms), summary)

    def experiment(self, project: str, id_: str) -> Experiment:
        """What the results are of. Raises `NotFound`."""
        return self._experiments.get(project, id_)

    def differences(self, project: str, id_: str, terms: DifferenceTerms) -> RowDifferencePage:
        """Rows in the order of how a metric changed. Raises as `difference_page`."""
        return difference_page(self._experiments.metadata, self.experiment(project, id_), terms)

    def table(self, experiment: Experiment) -> Table:
        """All values."""
        return load_table(
            self._experiments.metadata,
            project=experiment.project,
            experiment=experiment.id,
            spec=experiment.spec,
            evaluators=experiment.evaluators,
        )

    def cells(
        self,
        project: str,
        id_: str,
        *,
        variant: str | None = None,
        failed: bool | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> CellPage:
        """A page of answers.

        Raises:
            InvalidInput: the cursor or the limit is none.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(f"limit: Expected 1 to {MAX_PAGE}, got {limit}.", field="limit")
        shown = self._experiments.get(project, id_)
        after = None if cursor is None else _place(cursor)
        with self._experiments.metadata.read() as connection:
            cells = store.cells(connection, id_, after=after, variant=variant, failed=failed, limit=limit + 1)
        items = self._views(shown, cells[:limit])
        last = cells[limit - 1] if len(cells) > limit else None
        return CellPage(
            items=items,
            next_cursor=None if last is None else f"{last.position}.{last.repetition}.{last.variant}",
        )

    def row(self, project: str, id_: str, position: int) -> RowComparison:
        """One row with all its answers.

        Raises:
            NotFound: it has no such row.
        """
        shown = self._experiments.get(project, id_)
        with self._experiments.metadata.read() as connection:
            rows = store.rows_from(connection, id_, position, limit=1)
            cells = store.cells(connection, id_, positions=(position, position))
        if not rows or rows[0].position != position:
            raise NotFound(f"This experiment has no row {position}.", code="row_not_found")
        return RowComparison(row=rows[0], cells=self._views(shown, cells))

    def export(self, project: str, id_: str, *, form: Literal["jsonl", "csv"]) -> Iterator[bytes]:
        """All answers, each with its row, piece by piece."""
        shown = self._experiments.get(project, id_)
        return self._jsonl(shown) if form == "jsonl" else self._csv(shown)

    def _jsonl(self, shown: Experiment) -> Iterator[bytes]:
        for pairs in self._pages(shown):
            lines = [
                msgspec.json.encode({"row": msgspec.to_builtins(row), **msgspec.to_builtins(cell)})
                for row, cell in pairs
            ]
            yield b"\n".join(lines) + b"\n"

    def _csv(self, shown: Experiment) -> Iterator[bytes]:
        names = list(dict.fromkeys(shown.evaluators.values()))
        head = ["position", "row", "variant", "repetition", "input", "reference", "output", "error", "cost", "latency"]
        yield _line([*head, *names])
        for pairs in self._pages(shown):
            yield b"".join(_line(_values(row, cell, names)) for row, cell in pairs)

    def _pages(self, shown: Experiment) -> Iterator[list[tuple[Row, CellView]]]:
        after: tuple[int, str, int] | None = None
        while True:
            with self._experiments.metadata.read() as connection:
                cells = store.cells(connection, shown.id, after=after, limit=EXPORT_PAGE)
                if not cells:
                    return
                first, last = cells[0], cells[-1]
                count = last.position - first.position + 1
                rows = store.rows_from(connection, shown.id, first.position, limit=count)
            by_position = {row.position: row for row in rows}
            yield [(by_position[view.position], view) for view in self._views(shown, cells)]
            after = (last.position, last.variant, last.repetition)

    def _views(self, shown: Experiment, cells: list[CellRow]) -> list[CellView]:
        keys = [cell.key for cell in cells if cell.error is None]
        names = shown.evaluators
        with self._experiments.metadata.read() as connection:
            outputs = store.outputs(connection, shown.project, keys)
            judged = store.judgements(connection, shown.project, keys, list(names)) if names else {}
        return [
            CellView(
                position=cell.position,
                variant=cell.variant,
                repetition=cell.repetition,
                error=cell.error,
                cached=cell.cached,
                attempts=cell.attempts,
                cost=output.cost if (output := outputs.get(cell.key)) is not None else None,
                output=output if cell.error is None else None,
                findings=[one for some in judged.get((cell.key, cell.reference), {}).values() for one in some],
            )
            for cell in cells
        ]


def gate(
    table: Table, standing: Standing | None = None, *, settings: GateSettings | None = None
) -> dict[str, GateResult]:
    """What the rules of an experiment say of each variant but the baseline, or of the only one."""
    if not table.spec.gate:
        return {}
    rules = [parse(text, field=f"gate[{index}]") for index, text in enumerate(table.spec.gate)]
    candidates = [variant.name for variant in table.spec.variants if variant.name != table.baseline]
    asked = candidates or [table.baseline]
    # Who may stop early has looked often: the last answer needs the intervals that allow for it.
    given = settings or GateSettings(always_valid=table.spec.stop_when_clear)
    return {name: _answer(rules, table.results(name, standing), given) for name in asked}


def _answer(rules: list[Rule], results: GateInput, settings: GateSettings) -> GateResult:
    """The gate's answer; INCONCLUSIVE where a rule fits nothing that was measured, so that the rest is shown."""
    from penstock.evals.gates.decide import decide  # noqa: PLC0415 - its tables take time; most consoles start without

    try:
        return decide(rules, results, settings)
    except RuleError as error:
        reason = f"{error.message} {error.hint}" if error.hint else error.message
        undecided = [
            RuleResult(
                rule=rule.text,
                verdict="INCONCLUSIVE",
                reason=reason,
                unit="number",
                value=None,
                baseline=None,
                compared=None,
                limit=rule.limit.offset,
                interval=None,
                n=0,
                groups=None,
                unscored=0,
                unmatched=0,
                p_pass=None,
                p_fail=None,
                rows_needed=None,
            )
            for rule in rules
        ]
        return GateResult(verdict="INCONCLUSIVE", reason=reason, rules=undecided, settings=settings)


def _place(cursor: str) -> tuple[int, str, int]:
    parts = cursor.split(".", 2)
    if len(parts) != 3 or not parts[0].isdecimal() or not parts[1].isdecimal():
        raise InvalidInput("cursor: Expected the next_cursor of a page.", field="cursor")
    return int(parts[0]), parts[2], int(parts[1])


def _line(values: list[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue().encode()


def _values(row: Row, cell: CellView, names: list[str]) -> list[Any]:
    found = {one.name: one.value if one.error is None else None for one in cell.findings}
    output = cell.output
    return [
        cell.position,
        row.id,
        cell.variant,
        cell.repetition,
        _text(row.input),
        _text(row.reference),
        _text(output.text) if output is not None else "",
        _text(cell.error),
        "" if cell.cost is None else cell.cost,
        "" if output is None else output.latency,
        *("" if (value := found.get(name)) is None else value for name in names),
    ]


def _text(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
