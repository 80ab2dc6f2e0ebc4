"""Splits never leak between versions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.evals.datasets.manifest import entry_of, row_data
from penstock.evals.datasets.splits import check_splits, split_of
from penstock.evals.datasets.types import DatasetRow, Splits

SPLITS = Splits(shares={"train": 8, "validation": 1, "test": 1}, salt="maths")


def place(row, splits=SPLITS):
    return split_of(entry_of(row, row_data(row)), splits)


def test_shares_hold():
    places = [place(DatasetRow(id=str(n), input=f"question {n}")) for n in range(10_000)]
    counts = {name: places.count(name) for name in SPLITS.shares}
    assert abs(counts["train"] - 8_000) < 150
    assert abs(counts["validation"] - 1_000) < 110
    assert abs(counts["test"] - 1_000) < 110


@given(st.text(), st.text(), st.text(max_size=20))
def test_rows_of_a_group_and_rows_with_the_same_input_stay_together(one, other, group):
    assert place(DatasetRow(id="a", input=one, group=group)) == place(DatasetRow(id="b", input=other, group=group))
    first = DatasetRow(id="a", input=one, reference="x")
    assert place(first) == place(DatasetRow(id="b", input=one, reference="y", metadata={"lang": "de"}))


def test_more_for_one_split_takes_from_the_others_and_moves_nothing_between_them():
    larger = Splits(shares={"train": 8, "validation": 1, "test": 3}, salt="maths")
    moves = set()
    for number in range(5_000):
        row = DatasetRow(input=f"question {number}")
        moves.add((place(row), place(row, larger)))
    assert {(old, new) for old, new in moves if old != new} == {("train", "test"), ("validation", "test")}


def test_a_row_that_says_its_split_has_it():
    assert place(DatasetRow(input="x", split="holdout")) == "holdout"
    assert place(DatasetRow(input="x"), None) is None


@pytest.mark.parametrize(
    ("splits", "field"),
    [
        (Splits(shares={}, salt="s"), "splits.shares"),
        (Splits(shares={"a b": 1}, salt="s"), "splits.shares"),
        (Splits(shares={"a": 0}, salt="s"), "splits.shares.a"),
        (Splits(shares={"a": float("nan")}, salt="s"), "splits.shares.a"),
        (Splits(shares={"a": 1}, salt=""), "splits.salt"),
    ],
)
def test_shares_that_divide_nothing_are_refused(splits, field):
    with pytest.raises(InvalidInput) as caught:
        check_splits(splits)
    assert caught.value.field == field
