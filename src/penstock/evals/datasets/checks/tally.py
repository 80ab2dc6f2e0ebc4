"""What is counted while the rows of a version pass by."""

from collections import Counter
from hashlib import sha256
from typing import Any, Final

import msgspec

from penstock.evals.datasets.checks.near import Similar
from penstock.evals.datasets.checks.texts import question_of
from penstock.evals.datasets.checks.types import FieldCount, LabelCount, NearPair, SplitLabels
from penstock.evals.datasets.types import StoredRow

__all__ = ["EXAMPLES", "MAX_LABELS", "Tally"]

EXAMPLES: Final = 10
PAIRS: Final = 100
MAX_LABELS: Final = 50
"""More different references are no labels."""
MAX_LABEL: Final = 100
"""Characters of a label."""
MAX_FIELDS: Final = 200
MAX_NEAR: Final = 200_000
"""Rows that are compared for near-duplicates."""
LENGTHS: Final = 200_000
_encode = msgspec.json.Encoder(order="sorted").encode


class Tally:
    """Counts over rows.

    Args:
        similar: From which rows are near-duplicates; None: not looked for.
    """

    def __init__(self, similar: float | None) -> None:
        self.rows = 0
        self.blank: list[str] = []
        self.blanks = 0
        self.duplicates = self.contradictions = self.near = self.near_checked = 0
        self.duplicate: list[str] = []
        self.contradictory: list[str] = []
        self.leaking: list[str] = []
        self.leaks = 0
        self.pairs: list[NearPair] = []
        self._similar = None if similar is None else Similar(similar)
        self._fields: Counter[str] = Counter()
        self._inputs: dict[bytes, tuple[str, bytes, str | None]] = {}
        self._splits: dict[str, str | None] = {}
        self._split_rows: Counter[str | None] = Counter()
        self._labels: Counter[tuple[str | None, str]] | None = Counter()
        self._lengths: list[int] = []

    def add(self, row: StoredRow) -> str:
        """Count a row; what it asks."""
        self.rows += 1
        self._split_rows[row.split] += 1
        self._count_fields(row)
        self._count_label(row)
        text = question_of(row.input)
        if len(self._lengths) < LENGTHS:
            self._lengths.append(len(text))
        if not text.strip():
            self.blanks += 1
            _note(self.blank, row.id)
            return text
        digest = sha256(_encode(row.input)).digest()[:12]
        reference = sha256(_encode(row.reference)).digest()[:8]
        first = self._inputs.setdefault(digest, (row.id, reference, row.split))
        if first[0] != row.id:
            self._count_duplicate(row, first, reference)
        elif self._similar is not None and self.near_checked < MAX_NEAR:
            self._count_near(row, text)
        return text

    def fields(self) -> list[FieldCount]:
        """How many rows have each field."""
        return [FieldCount(field=name, rows=rows) for name, rows in sorted(self._fields.items())]

    def labels(self) -> list[LabelCount] | None:
        """How many rows each reference has, where references are labels."""
        if self._labels is None:
            return None
        found: Counter[str] = Counter()
        for (_, label), rows in self._labels.items():
            found[label] += rows
        return _counted(found)

    def splits(self) -> list[SplitLabels]:
        """Rows and labels of each split."""
        labels = self._labels or Counter[tuple[str | None, str]]()
        return [
            SplitLabels(
                split=split,
                rows=rows,
                labels=_counted(Counter({label: n for (place, label), n in labels.items() if place == split})),
            )
            for split, rows in sorted(self._split_rows.items(), key=lambda one: one[0] or "")
        ]

    def characters(self) -> dict[str, int]:
        """How long inputs are."""
        ordered = sorted(self._lengths) or [0]
        return {
            "p50": ordered[len(ordered) // 2],
            "p95": ordered[int(len(ordered) * 0.95)],
            "max": ordered[-1],
        }

    def _count_fields(self, row: StoredRow) -> None:
        if row.reference not in (None, ""):
            self._fields["reference"] += 1
        if row.context:
            self._fields["context"] += 1
        if row.group is not None:
            self._fields["group"] += 1
        for name, value in row.metadata.items():
            field = f"metadata.{name}"
            if value is not None and (field in self._fields or len(self._fields) < MAX_FIELDS):
                self._fields[field] += 1

    def _count_label(self, row: StoredRow) -> None:
        if self._labels is None or row.reference is None:
            return
        data = _encode(row.reference).decode()
        if len(data) > MAX_LABEL or isinstance(row.reference, dict | list):
            self._labels = None
            return
        if (row.split, data) not in self._labels and len({label for _, label in self._labels} | {data}) > MAX_LABELS:
            self._labels = None
            return
        self._labels[row.split, data] += 1

    def _count_duplicate(self, row: StoredRow, first: tuple[str, bytes, str | None], reference: bytes) -> None:
        self.duplicates += 1
        _note(self.duplicate, row.id)
        if first[1] != reference:
            self.contradictions += 1
            _note(self.contradictory, row.id)
        self._count_leak(row, first[2])

    def _count_near(self, row: StoredRow, text: str) -> None:
        assert self._similar is not None  # noqa: S101 - asked before
        self.near_checked += 1
        self._splits[row.id] = row.split
        found = self._similar.add(row.id, text)
        if found is None:
            return
        other, similarity = found
        self.near += 1
        if len(self.pairs) < PAIRS:
            splits = (row.split, self._splits[other])
            self.pairs.append(NearPair(id=row.id, of=other, similarity=round(similarity, 3), splits=splits))
        self._count_leak(row, self._splits[other])

    def _count_leak(self, row: StoredRow, other: str | None) -> None:
        if row.split != other and row.split is not None and other is not None:
            self.leaks += 1
            _note(self.leaking, row.id)


def _note(examples: list[str], id_: str) -> None:
    if len(examples) < EXAMPLES:
        examples.append(id_)


def _counted(labels: Counter[str]) -> list[LabelCount]:
    values: list[tuple[Any, int]] = [(msgspec.json.decode(label), rows) for label, rows in labels.most_common()]
    return [LabelCount(value=value, rows=rows) for value, rows in values]
