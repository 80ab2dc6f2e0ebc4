import statistics
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.simulator.load import Sketch


def filled(values):
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


def test_an_empty_sketch_knows_nothing():
    assert Sketch().quantile(0.5) is None
    assert Sketch().mean is None


@given(st.lists(st.floats(1e-6, 1e5), min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_is_right_to_one_percent(values, share):
    rank = int(share * (len(values) - 1))
    exact = sorted(values)[rank]
    assert filled(values).quantile(share) == pytest.approx(exact, rel=0.0101)


@given(st.lists(st.floats(0, 1e9), min_size=1))
def test_quantiles_lie_within_what_was_added_and_grow(values):
    sketch = filled(values)
    found = [sketch.quantile(share) for share in (0, 0.5, 0.95, 1)]
    assert found == sorted(found)
    assert min(values) <= found[0]
    assert found[-1] <= max(values)
    assert sketch.mean == pytest.approx(statistics.fmean(values))


def test_memory_does_not_grow_with_the_number_of_values():
    """FAILURES G9"""
    random = Random(0)
    sketch = filled(random.lognormvariate(0, 8) for _ in range(50_000))
    assert len(sketch._buckets) < 1400
