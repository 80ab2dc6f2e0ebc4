"""Rows in the order of how a metric changed, over experiments that were run."""

import tracemalloc
from random import Random

import pytest
from sqlalchemy import text

from experiments_harness import Lab
from penstock.core.errors import InvalidInput
from penstock.evals.experiments import store
from penstock.evals.experiments.differences import DifferenceTerms, RowDifferencePage
from penstock.evals.experiments.ports import Request
from penstock.evals.experiments.service import NewRow
from penstock.evals.experiments.store import CellRow
from penstock.evals.experiments.table import row_means
from penstock.evals.experiments.types import Cell, Ending, Experiment, Finding, Output, VariantSpec

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


EVALUATOR = "e" * 64


def filled(lab: Lab, rows: int, *, repetitions: int = 1, gaps: bool = False) -> Experiment:
    """An experiment of two variants as it is stored, with values by chance."""
    variants = [VariantSpec(name="old", model="m"), VariantSpec(name="new", model="n")]
    made = lab.made([NewRow(input=f"q{n}") for n in range(rows)], variants=variants, repetitions=repetitions)
    lab.place.take(made.id, runner="x", evaluators={EVALUATOR: "score"}, instead_of=None)
    chance = Random(rows)
    cells, outputs, judged = [], [], []
    for position in range(rows):
        for variant in ("old", "new"):
            for repetition in range(repetitions):
                failed, unscored = gaps and chance.random() < 0.2, gaps and chance.random() < 0.2
                key = f"{position}-{variant}-{repetition}"
                cell = Cell(position=position, variant=variant, repetition=repetition, key=key, reference="r")
                cells.append(recorded(cell, error="failed" if failed else None))
                if failed:
                    continue
                outputs.append((key, Output(text="x", cost=None if unscored else 1_000, latency=chance.randrange(9))))
                value = None if unscored else chance.choice([0.0, 0.5, 1.0])
                finding = Finding(name="score", value=value, error="no" if unscored else None)
                judged.append((cell, EVALUATOR, [finding]))
    with lab.place._metadata.write() as connection:
        store.put_cells(connection, made.id, cells)
        store.put_outputs(connection, "local", outputs, now=1)
        store.put_judgements(connection, "local", judged, now=1)
    return lab.place.release(made.id, runner="x", ending=Ending(state="done"))


def copied(lab: Lab, made: Experiment, *, times: int) -> Experiment:
    """Has so many times as many rows, by the store itself: one at a time would take most of the test's time."""
    parts = {
        "experiment_rows": f"experiment, position + {made.rows} * k, digest, body",
        "experiment_cells": f"experiment, position + {made.rows} * k, variant, repetition, key || '-' || k, reference, "
        "error, cached, attempts, cost, judge_cost, unscored, finished",
        "experiment_outputs": "project, key || '-' || k, body, cost, latency, created",
        "experiment_judgements": "project, key || '-' || k, reference, evaluator, name, kind, number, label, reason, "
        "error, cost, created",
    }
    numbers = f"WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < {times - 1})"  # noqa: S608 - no text of anybody
    with lab.place._metadata.write() as connection:
        for table, columns in parts.items():
            connection.execute(text(f"INSERT INTO {table} {numbers} SELECT {columns} FROM {table}, n"))  # noqa: S608 - as above
        store.update_experiment(connection, made.id, rows=made.rows * times)
    return lab.place.get(made.id)


def recorded(cell: Cell, *, error: str | None) -> CellRow:
    return CellRow(
        position=cell.position,
        variant=cell.variant,
        repetition=cell.repetition,
        key=cell.key,
        reference=cell.reference,
        error=error,
        cached=False,
        attempts=1,
        cost=1_000,
        judge_cost=0,
        unscored=0,
        finished=1,
    )


@pytest.mark.parametrize("metric", ["score", "latency", "cost"])
@pytest.mark.parametrize("order", ["fall", "rise"])
def test_the_order_is_that_of_the_values_that_statistics_are_made_of(lab: Lab, metric: str, order: str):
    made = filled(lab, 60, repetitions=2, gaps=True)
    table = lab.place._results.table(made)
    old, new = (row_means(table.series(name, metric)) for name in ("old", "new"))
    both = {int(row): new[row] - old[row] for row in new if row in old}
    either = {int(row) for row in {*old, *new}}
    found = page(lab, made, metric=metric, order=order, limit=200)
    changed = [one for one in found.items if one.change != "missing"]
    assert {one.position: one.difference for one in changed} == pytest.approx(both)
    assert [one.difference for one in changed] == sorted((both.values()), reverse=order == "rise")
    assert {one.position for one in found.items} == either
    assert [one.change for one in found.items[len(both) :]] == ["missing"] * (len(either) - len(both))
    assert found.counts["missing"] == len(either) - len(both)
    assert sum(found.counts.values()) == len(either)


def test_a_page_of_20_000_rows_reads_its_own_rows_and_no_others(lab: Lab):
    made = copied(lab, filled(lab, 200), times=100)
    page(lab, made, metric="score", limit=1)
    tracemalloc.start()
    try:
        found = page(lab, made, metric="score", change="fell", start=100)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(found.items), sum(found.counts.values())) == (50, 20_000)
    assert (found.counts["fell"] > 5000, found.next_cursor) == (True, "150")
    # One value of each row alone would be more.
    assert most < 500_000


def test_pages_of_one_order_give_each_row_once(lab: Lab):
    made = filled(lab, 130, gaps=True)
    seen, start = [], "0"
    while start is not None:
        found = page(lab, made, metric="score", start=int(start), limit=40)
        seen += [one.position for one in found.items]
        start = found.next_cursor
    assert len(seen) == len(set(seen)) == sum(found.counts.values())


def test_before_the_first_answer_there_are_no_rows(lab: Lab):
    found = page(lab, lab.made(3))
    assert (found.items, found.next_cursor, sum(found.counts.values())) == ([], None, 0)
