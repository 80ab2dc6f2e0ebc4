"""The values of an experiment, metric by metric, as statistics and gates take them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from penstock.evals.experiments import store
from penstock.evals.experiments.store import CellRow
from penstock.evals.experiments.types import ExperimentSpec, Finding
from penstock.evals.gates.parser import parse
from penstock.evals.gates.types import Results, Series, Unit
from penstock.store.metadata import Metadata

__all__ = ["Standing", "Table", "load_table", "row_means"]

PAGE: Final = 1000
MEASURES: Final[Mapping[str, Unit]] = {"latency": "seconds", "cost": "dollars"}
"""What is known of every answer without an evaluator."""
NANO: Final = 1e9
MICRO: Final = 1e6

Standing = Callable[[str], str | None]
"""By the name of a metric: why it may not gate, None when it may."""


class _Values:
    """One metric of one variant while it is read."""

    def __init__(self, unit: Unit) -> None:
        self.unit: Unit = unit
        self.rows: list[str] = []
        self.values: list[float | None] = []
        self.reasons: dict[str, int] = {}
        self.labels: dict[str, int] = {}

    def add(self, row: str, value: float | None) -> None:
        self.rows.append(row)
        self.values.append(value)

    def missing(self, row: str, reason: str) -> None:
        self.add(row, None)
        if reason in self.reasons or len(self.reasons) < 20:
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
        else:
            self.reasons["other reasons"] = self.reasons.get("other reasons", 0) + 1


class Table:
    """All values. Rows are named by their position."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self.spec = spec
        self.metrics: dict[str, dict[str, _Values]] = {variant.name: {} for variant in spec.variants}
        self.groups: dict[str, str] = {}
        self.fields: dict[str, dict[str, str]] = {}
        self.errors: dict[str, dict[str, int]] = {variant.name: {} for variant in spec.variants}
        self.done: dict[str, int] = dict.fromkeys(self.metrics, 0)
        self.cached: dict[str, int] = dict.fromkeys(self.metrics, 0)
        self.paid: dict[str, int] = dict.fromkeys(self.metrics, 0)
        """Nano-dollars, of this experiment, judges included."""
        self.unpriced: dict[str, int] = dict.fromkeys(self.metrics, 0)

    @property
    def baseline(self) -> str:
        return self.spec.baseline or self.spec.variants[0].name

    def names(self) -> list[str]:
        """Of metrics, those of evaluators first, in the order in which they came."""
        known = [
            name
            for values in self.metrics.values()
            for name, one in values.items()
            # Where no answer has a price there is nothing to say of the cost.
            if name != "cost" or any(value is not None for value in one.values)
        ]
        seen = dict.fromkeys(known)
        return [*(name for name in seen if name not in MEASURES), *(name for name in seen if name in MEASURES)]

    def series(self, variant: str, name: str, standing: Standing | None = None) -> Series | None:
        """One metric, None where the variant has no value of it."""
        found = self.metrics[variant].get(name)
        if found is None or found.labels:
            return None
        why = None if standing is None else standing(name)
        return Series(rows=found.rows, values=found.values, unit=self._unit(name), gateable=why is None, why_not=why)

    def _unit(self, name: str) -> Unit:
        """Of a metric: what any variant's values say, since one whose calls all failed has none to tell by."""
        units: list[Unit] = [values[name].unit for values in self.metrics.values() if name in values]
        told: list[Unit] = [unit for unit in units if unit != "number"]
        return told[0] if told else "number"

    def results(self, candidate: str, standing: Standing | None = None) -> Results:
        """What a gate is asked about one variant."""
        ours, theirs = self._all(candidate, standing), None
        if candidate != self.baseline:
            theirs = self._all(self.baseline, standing)
        return Results(candidate=ours, baseline=theirs, groups=self.groups, fields=self.fields)

    def _all(self, variant: str, standing: Standing | None) -> dict[str, Series]:
        found = {name: self.series(variant, name, standing) for name in self.metrics[variant]}
        known = {name: one for name, one in found.items() if one is not None}
        if "cost" in known:
            known.setdefault("cost_per_call", known["cost"])
        return known

    # --- reading ------------------------------------------------------------------------------

    def add(
        self,
        cell: CellRow,
        measured: tuple[int | None, int] | None,
        findings: Mapping[str, Sequence[Finding]],
        names: Mapping[str, str],
    ) -> None:
        """A cell, what its answer cost and took, and its findings by evaluator, whose names are `names`."""
        if cell.variant not in self.metrics:
            return
        row, metrics = str(cell.position), self.metrics[cell.variant]
        self.paid[cell.variant] += (cell.cost or 0) + cell.judge_cost
        if cell.error is not None:
            errors = self.errors[cell.variant]
            errors[cell.error] = errors.get(cell.error, 0) + 1
            for name in {*metrics, *names.values()} - MEASURES.keys():
                self._values(metrics, name, "number").missing(row, "the call failed")
            return
        self.done[cell.variant] += 1
        self.cached[cell.variant] += cell.cached
        self.unpriced[cell.variant] += measured is None or measured[0] is None
        if measured is not None:
            cost, latency = measured
            self._values(metrics, "latency", "seconds").add(row, latency / MICRO)
            self._values(metrics, "cost", "dollars").add(row, None if cost is None else cost / NANO)
        for digest, name in names.items():
            judged = findings.get(digest)
            if judged is None:
                self._values(metrics, name, "number").missing(row, "not judged yet")
            for finding in judged or ():
                self._judged(metrics, row, finding)

    def _judged(self, metrics: dict[str, _Values], row: str, finding: Finding) -> None:
        value = finding.value
        unit: Unit = "share" if isinstance(value, bool) else "number"
        values = self._values(metrics, finding.name, unit)
        if finding.error is not None or value is None:
            values.missing(row, finding.error or "no value")
        elif isinstance(value, str):
            values.labels[value] = values.labels.get(value, 0) + 1
            values.add(row, None)
        else:
            if isinstance(value, bool):
                values.unit = "share"
            values.add(row, float(value))

    @staticmethod
    def _values(metrics: dict[str, _Values], name: str, unit: Unit) -> _Values:
        found = metrics.get(name)
        if found is None:
            found = metrics[name] = _Values(unit)
        return found


def load_table(
    metadata: Metadata, *, project: str, experiment: str, spec: ExperimentSpec, evaluators: Mapping[str, str]
) -> Table:
    """Read an experiment. Blocks.

    Args:
        metadata: The open store.
        project: Whose.
        experiment: Its id.
        spec: What it is.
        evaluators: Digest of each evaluator to its name.
    """
    table = Table(spec)
    asked = {*spec.slices, *(field for rule in spec.gate for field, _ in parse(rule).slice)}
    with metadata.read() as connection:
        for rows in _row_pages(connection, experiment):
            for position, group, fields in rows:
                if group is not None:
                    table.groups[str(position)] = group
                named = {
                    name: str(fields[name])
                    for name in asked
                    if name in fields and not isinstance(fields[name], dict | list)
                }
                if named:
                    table.fields[str(position)] = named
        for cell, measured, found in store.measured_cells(connection, project, experiment, list(evaluators)):
            table.add(cell, measured, found, evaluators)
    return table


def row_means(series: Series) -> dict[str, float]:
    """The mean of each row's repetitions, of those that have a value."""
    means: dict[str, float] = {}
    again: dict[str, list[float]] = {}
    for row, value in zip(series.rows, series.values, strict=True):
        if value is None:
            continue
        if row not in means:
            means[row] = value
        else:
            again.setdefault(row, [means[row]]).append(value)
    return means | {row: sum(found) / len(found) for row, found in again.items()}


class _RowHead(msgspec.Struct):
    """What of a row decides how its values are counted."""

    position: int
    group: str | None = None
    metadata: dict[str, object] = {}


_decode_head = msgspec.json.Decoder(_RowHead).decode


def _row_pages(connection: Connection, experiment: str) -> Iterator[list[tuple[int, str | None, dict[str, object]]]]:
    position = 0
    while bodies := store.bodies_from(connection, experiment, position, limit=PAGE):
        heads = [_decode_head(body) for body in bodies]
        yield [(head.position, head.group, head.metadata) for head in heads]
        position = heads[-1].position + 1
