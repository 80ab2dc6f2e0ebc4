"""Values of any kind as bounded text."""

import dataclasses
import datetime as dt
import enum
import json
import math
import uuid
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.sdk.capture import describe


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    hidden: str = dataclasses.field(default="no", repr=False)


class Record(msgspec.Struct):
    password: str
    city: str


class Model:
    """As Pydantic's: fields in the dictionary."""

    model_fields = ()

    def model_dump(self):
        raise AssertionError("nothing of the value runs")

    def __init__(self):
        self.a = 1


class Broken:
    def __repr__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"a": [1, 2.5, None, True]}, {"a": [1, 2.5, None, True]}),
        ((1, {2}), [1, [2]]),
        ({1: "x", None: "y"}, {"1": "x", "None": "y"}),
        (Colour.RED, "red"),
        (Point(3), {"x": 3}),
        (Record("hunter2", "Bonn"), {"password": "[hidden]", "city": "Bonn"}),
        (Model(), {"a": 1}),
        (Broken(), "<Broken>"),
        (b"abc", "<3 bytes>"),
        ([math.nan, math.inf], ["nan", "inf"]),
        (2**70, hex(2**70)),
        ([1 << 100_000], ["<integer of 100001 bits>"]),
        (dt.date(2024, 1, 2), "2024-01-02"),
        ([uuid.UUID(int=1), Decimal("1.5"), Path("/a")], [str(uuid.UUID(int=1)), "1.5", "/a"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_become_json(value, plain):
    text, kind = describe(value, 10_000)
    assert (json.loads(text), kind) == (plain, "application/json")


def test_a_value_that_holds_itself_ends():
    value: list = []
    value.append(value)
    assert "…" in describe(value, 10_000)[0]


def test_a_huge_value_costs_no_more_than_its_limit():
    class Endless(dict):
        def items(self):
            number = 0
            while True:
                number += 1
                assert number < 1000
                yield str(number), "x" * 100

    assert len(describe(Endless(), 1000)[0]) < 3000
    assert json.loads(describe(list(range(10_000)), 100_000)[0])[-1] == "… 9800 more"


def test_a_text_that_cannot_be_sent_is_written_out():
    text, _ = describe(["\ud800"], 100)
    text.encode()
    plain, kind = describe("ok", 100)
    assert (plain, kind) == ("ok", "text/plain")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=30,
)


@given(value=values, limit=st.integers(0, 300))
def test_any_value_gives_text_of_bounded_size(value, limit):
    text, kind = describe(value, limit)
    assert kind in ("text/plain", "application/json")
    # Quotes, commas and escapes come on top of what is counted.
    assert len(text) <= 12 * limit + 3000
