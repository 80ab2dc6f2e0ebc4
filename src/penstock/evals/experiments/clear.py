"""Stopping when the question is answered, without being fooled by looking often."""

from collections.abc import Mapping
from typing import Final

from penstock.evals.experiments.results import gate
from penstock.evals.experiments.store import CellRow
from penstock.evals.experiments.table import Table
from penstock.evals.experiments.types import Cell, ExperimentSpec, Finding, Output
from penstock.evals.gates.types import GateSettings

__all__ = ["Clarity"]

FIRST: Final = 100
"""Answers before the first look."""
GROWTH: Final = 1.15
"""Each look takes place when there are so many times as many."""


class Clarity:
    """Holds the rules against always-valid intervals (FAILURES E9) while answers come in.

    It knows the answers of this run; those of an earlier one do not bring it nearer to its end.

    Args:
        spec: With rules.
        names: Of the evaluators by digest.
    """

    def __init__(self, spec: ExperimentSpec, names: Mapping[str, str]) -> None:
        self._table = Table(spec)
        self._names = names
        self._seen = 0
        self._next = float(FIRST * len(spec.variants))

    def add(self, cell: Cell, output: Output, findings: Mapping[str, list[Finding]]) -> str | None:
        """Take one answer; a sentence once all rules of all variants are decided."""
        row = CellRow(
            position=cell.position,
            variant=cell.variant,
            repetition=cell.repetition,
            key=cell.key,
            reference=cell.reference,
            error=None,
            cached=False,
            attempts=1,
            cost=output.cost,
            judge_cost=0,
            unscored=0,
            finished=0,
        )
        self._table.add(row, (output.cost, output.latency), findings, self._names)
        self._seen += 1
        if self._seen < self._next:
            return None
        self._next = self._seen * GROWTH
        answers = gate(self._table, settings=GateSettings(always_valid=True))
        if not answers or any(answer.verdict == "INCONCLUSIVE" for answer in answers.values()):
            return None
        told = ", ".join(f"{name} {answer.verdict}" for name, answer in answers.items())
        return f"The answer is clear after {self._seen:,} answers: {told}."
