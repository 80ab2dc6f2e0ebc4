"""What counts mean for whoever is about to use a dataset."""

from collections.abc import Iterator
from typing import Final

from penstock.evals.datasets.checks.tally import MAX_NEAR, Tally
from penstock.evals.datasets.checks.types import Coverage, DatasetFinding

__all__ = ["findings_of"]

LEVELS: Final = ("problem", "warning", "note")
RARE: Final = 0.05
FEW: Final = 10
"""Rows of a label; with fewer, its own rate says nothing."""
LITTLE: Final = 0.7
"""Coverage below which traffic is not stood for."""
SMALL: Final = 100
"""Rows with which differences of a few points cannot be told from chance."""


def findings_of(tally: Tally, coverage: Coverage | None) -> list[DatasetFinding]:
    """Problems first, then warnings, then notes."""
    found = [*_rows(tally), *_fields(tally), *_labels(tally), *_coverage(coverage)]
    return sorted(found, key=lambda one: LEVELS.index(one.level))


def _rows(tally: Tally) -> Iterator[DatasetFinding]:
    if tally.blanks:
        message = f"{_count(tally.blanks)} ask nothing: their inputs hold no text."
        yield DatasetFinding(level="problem", code="blank", message=message, rows=tally.blanks, examples=tally.blank)
    if tally.leaks:
        message = (
            f"{_count(tally.leaks)} ask the same, or nearly the same, as a row of another split: "
            "what was learnt on one is tested on the other."
        )
        yield DatasetFinding(
            level="problem", code="split_leak", message=message, rows=tally.leaks, examples=tally.leaking
        )
    if tally.contradictions:
        message = f"{_count(tally.contradictions)} ask what another row asks, with another reference."
        yield DatasetFinding(
            level="problem",
            code="contradiction",
            message=message,
            rows=tally.contradictions,
            examples=tally.contradictory,
        )
    same = tally.duplicates - tally.contradictions
    if same:
        message = f"{_count(same)} ask exactly what another row asks, and count twice."
        yield DatasetFinding(level="warning", code="duplicate", message=message, rows=same, examples=tally.duplicate)
    if tally.near:
        examples = [pair.id for pair in tally.pairs[:10]]
        message = f"{_count(tally.near)} ask nearly what another row asks."
        yield DatasetFinding(
            level="warning", code="near_duplicate", message=message, rows=tally.near, examples=examples
        )
    if tally.near_checked >= MAX_NEAR and tally.rows > MAX_NEAR:
        message = f"Near-duplicates were looked for among the first {MAX_NEAR} rows only."
        yield DatasetFinding(level="note", code="near_bounded", message=message, rows=tally.rows - MAX_NEAR)
    if 0 < tally.rows < SMALL:
        message = f"With {tally.rows} rows only large differences can be told from chance."
        yield DatasetFinding(level="note", code="small", message=message, rows=tally.rows)


def _fields(tally: Tally) -> Iterator[DatasetFinding]:
    for count in tally.fields():
        missing = tally.rows - count.rows
        if missing:
            level = "warning" if count.field == "reference" else "note"
            message = f"{_count(missing)} have no {count.field}, while {count.rows} do."
            yield DatasetFinding(level=level, code="missing_field", message=message, rows=missing)


def _labels(tally: Tally) -> Iterator[DatasetFinding]:
    labels = tally.labels()
    total = sum(one.rows for one in labels or [])
    if labels is None or len(labels) < 2 or len(labels) > total / 2:
        return
    for one in labels:
        share = one.rows / total
        if share < min(RARE, 1 / (2 * len(labels))) or one.rows < FEW:
            message = f"{_count(one.rows)} ({share:.1%}) have the reference {one.value!r}: too few for its own rate."
            yield DatasetFinding(level="warning", code="rare_label", message=message, rows=one.rows)
    if labels[0].rows / total > 0.9:
        message = f"{labels[0].rows / total:.0%} of references are {labels[0].value!r}: always saying so looks right."
        yield DatasetFinding(level="warning", code="unbalanced", message=message, rows=labels[0].rows)
    for split in tally.splits():
        there = {repr(one.value) for one in split.labels}
        gone = [repr(one.value) for one in labels if repr(one.value) not in there]
        if gone and split.labels:
            message = f"The split {split.split or 'none'} has no row with the reference {', '.join(gone[:5])}."
            yield DatasetFinding(level="warning", code="label_missing", message=message, rows=split.rows)


def _coverage(coverage: Coverage | None) -> Iterator[DatasetFinding]:
    if coverage is None:
        return
    if not coverage.compared:
        yield DatasetFinding(level="note", code="no_traffic", message="No recorded calls fit the search.", rows=0)
        return
    if coverage.covered < LITTLE:
        message = f"{coverage.covered:.0%} of {coverage.compared} recorded questions have a row that is like them."
        yield DatasetFinding(level="warning", code="little_coverage", message=message, rows=coverage.rows)
    for cluster in coverage.clusters:
        if cluster.share >= RARE and cluster.covered < LITTLE / 2:
            message = (
                f"{cluster.share:.0%} of traffic ({', '.join(cluster.terms[:4]) or 'no common words'}) "
                f"has rows for {cluster.covered:.0%} of its questions."
            )
            yield DatasetFinding(level="warning", code="cluster_uncovered", message=message, rows=cluster.rows)


def _count(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"
