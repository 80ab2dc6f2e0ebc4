"""Rows in the order of how a metric changed, over experiments that were run."""

import pytest

from experiments_harness import Lab
from penstock.core.errors import InvalidInput
from penstock.evals.experiments.differences import DifferenceTerms, RowDifferencePage
from penstock.evals.experiments.ports import Request
from penstock.evals.experiments.service import NewRow
from penstock.evals.experiments.types import Experiment, Output, VariantSpec

RIGHT = {"m": {"q0", "q1", "q3"}, "n": {"q1", "q2", "q3"}}


@pytest.fixture
async def made(lab: Lab) -> Experiment:
    """Of the rows q0 to q3 the baseline misses q2, the other q0."""

    async def script(request: Request, _: str) -> Output:
        asked, model = request.body["messages"][-1]["content"], request.body["model"]
        return Output(text=asked if asked in RIGHT[model] else "?", cost=1_000, latency=2_000_000, model=model)

    lab.provider.script = script
    rows = [NewRow(input=f"q{n}", reference=f"q{n}", id=f"row-{n}") for n in range(4)]
    variants = [VariantSpec(name="old", model="m"), VariantSpec(name="new", model="n")]
    _, made = await lab.run(lab.made(rows, variants=variants))
    return made


def page(lab: Lab, made: Experiment, **terms) -> RowDifferencePage:
    return lab.place._results.differences(made.project, made.id, DifferenceTerms(**{"metric": "exact", **terms}))


async def test_where_it_got_worse_comes_first(lab: Lab, made: Experiment):
    found = page(lab, made)
    assert (found.variant, found.baseline) == ("new", "old")
    assert [(one.id, one.difference, one.change) for one in found.items] == [
        ("row-0", -1.0, "fell"),
        ("row-1", 0.0, "same"),
        ("row-3", 0.0, "same"),
        ("row-2", 1.0, "rose"),
    ]
    assert found.counts == {"fell": 1, "rose": 1, "same": 2, "missing": 0}
    assert found.items[0].values == {"old": 1.0, "new": 0.0}
    assert found.items[0].input == "q0"


async def test_the_other_way_round_and_in_the_order_of_the_dataset(lab: Lab, made: Experiment):
    assert [one.position for one in page(lab, made, order="rise").items] == [2, 1, 3, 0]
    assert [one.position for one in page(lab, made, order="position").items] == [0, 1, 2, 3]


async def test_only_rows_of_one_change_page_by_page(lab: Lab, made: Experiment):
    first = page(lab, made, change="same", limit=1)
    assert ([one.position for one in first.items], first.next_cursor) == ([1], "1")
    second = page(lab, made, change="same", limit=1, start=1)
    assert ([one.position for one in second.items], second.next_cursor) == ([3], None)


async def test_the_baseline_alone_is_ordered_by_its_values(lab: Lab, made: Experiment):
    found = page(lab, made, variant="old")
    assert [one.position for one in found.items] == [2, 0, 1, 3]
    assert {one.difference for one in found.items} == {None}


async def test_rows_without_a_value_are_told_apart_and_come_last(lab: Lab):
    async def script(request: Request, _: str) -> Output:
        return Output(text="12" if request.body["model"] == "m" else "none", cost=1, latency=1, model="m")

    lab.provider.script = script
    variants = [VariantSpec(name="old", model="m"), VariantSpec(name="new", model="n")]
    rows = [NewRow(input="b"), NewRow(input="a", reference="12")]
    _, made = await lab.run(lab.made(rows, variants=variants))
    assert [(one.position, one.change) for one in page(lab, made).items] == [(1, "fell")]


async def test_what_is_no_metric_or_variant_is_refused_with_what_there_is(lab: Lab, made: Experiment):
    with pytest.raises(InvalidInput) as refused:
        page(lab, made, metric="accuracy")
    assert "exact" in str(refused.value.hint)
    with pytest.raises(InvalidInput, match="old, new"):
        page(lab, made, variant="other")
    with pytest.raises(InvalidInput):
        page(lab, made, limit=0)


async def test_a_long_input_is_cut_and_one_that_is_no_text_is_json(lab: Lab):
    _, made = await lab.run(lab.made([NewRow(input="x" * 500, reference="x")]))
    found = page(lab, made)
    assert len(found.items[0].input) == 301
