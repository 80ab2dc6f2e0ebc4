"""The loop of an experiment over a real store, with a caller that does what the test says."""

import asyncio

import pytest

from experiments_harness import Lab, Records, echo
from penstock.core.errors import Conflict, UpstreamError
from penstock.evals.experiments.calls import NOT_SENT
from penstock.evals.experiments.keys import trace_id
from penstock.evals.experiments.service import NewRow
from penstock.evals.experiments.types import Output, VariantSpec


async def test_every_row_is_asked_once_of_every_variant(lab: Lab):
    variants = [VariantSpec(name="a", model="m"), VariantSpec(name="b", model="n")]
    ending, made = await lab.run(lab.made(5, variants=variants, repetitions=2))
    assert ending.state == made.state == "done"
    assert (made.counts.total, made.counts.done, made.counts.cost) == (20, 20, 20_000)
    assert len(lab.provider.asked) == len(set(lab.provider.traces)) == 20


async def test_a_second_run_pays_only_for_what_changed(lab: Lab):
    await lab.run(lab.made(3))
    rows = [NewRow(input="q0", reference="q0"), NewRow(input="q1", reference="q1"), NewRow(input="new", reference="x")]
    _, made = await lab.run(lab.made(rows))
    assert lab.provider.asked[3:] == ["new"]
    assert (made.counts.cached, made.counts.cost) == (2, 1_000)
    _, made = await lab.run(lab.made(3, variants=[VariantSpec(name="a", model="m", parameters={"temperature": 0})]))
    assert (made.counts.cached, len(lab.provider.asked)) == (0, 7)


async def test_without_the_cache_everything_is_asked_again(lab: Lab):
    await lab.run(lab.made(3))
    _, made = await lab.run(lab.made(3, cache=False))
    assert (made.counts.cached, len(lab.provider.asked)) == (0, 6)


async def test_rows_that_ask_the_same_are_asked_each(lab: Lab):
    await lab.run(lab.made([NewRow(input="same"), NewRow(input="same")]))
    assert len(lab.provider.asked) == 2


async def test_variants_that_are_the_same_share_one_answer(lab: Lab):
    variants = [VariantSpec(name="a", model="m"), VariantSpec(name="b", model="m")]
    _, made = await lab.run(lab.made(2, variants=variants))
    assert (len(lab.provider.asked), made.counts.done) == (2, 4)


async def test_an_error_is_recorded_and_asked_again_by_the_next_run(lab: Lab):
    async def failing(request, trace):
        raise UpstreamError("no", upstream_status=400, retryable=False)

    lab.provider.script = failing
    ending, made = await lab.run(experiment := lab.made(2))
    assert ending.state == "done"
    assert (made.counts.errors, made.counts.done) == (2, 0)
    lab.provider.script = echo
    _, made = await lab.run(experiment)
    assert (made.counts.errors, made.counts.done) == (0, 2)
    assert len(set(lab.provider.traces)) == 4


async def test_a_call_that_may_succeed_is_tried_again_with_a_trace_of_its_own(lab: Lab):
    failures = iter([500, 503])

    async def shaky(request, trace):
        status = next(failures, None)
        if status is not None:
            raise UpstreamError("no", upstream_status=status)
        return await echo(request, trace)

    lab.provider.script = shaky
    _, made = await lab.run(lab.made(1, retries=1))
    assert (made.counts.done, len(set(lab.provider.traces))) == (1, 3)
    assert len(lab.paused) == 2


async def test_a_call_is_given_up_after_its_retries(lab: Lab):
    async def broken(request, trace):
        raise UpstreamError("no", code=NOT_SENT)

    lab.provider.script = broken
    _, made = await lab.run(lab.made(1, retries=2), recall=Records())
    assert (made.counts.errors, len(lab.provider.asked)) == (1, 3)


async def test_what_a_killed_run_asked_is_found_in_the_records_and_not_asked_again(lab: Lab):
    """FAILURES E2"""
    experiment = lab.made(2)
    dead = lab.engine(experiment, runner="x")
    cells = [one.cell for one in dead._cells((await anext(lab.place.rows(experiment.id).chunks()))[0])]
    key = cells[0].key
    await lab.place.ledger(experiment.id, runner="x").begin([(key, False)])
    records = Records({trace_id(experiment.id, key, 1): Output(text="q0", cost=7)})
    _, made = await lab.run(experiment, runner="y", recall=records)
    assert lab.provider.asked == ["q1"]
    assert (made.counts.done, made.counts.cost) == (2, 1_007)


@pytest.mark.parametrize("records", [Records(alive=True), Records(alive=False)])
async def test_a_call_without_a_record_is_asked_again_once_it_cannot_be_under_way_any_more(lab: Lab, records: Records):
    experiment = lab.made(1)
    dead = lab.engine(experiment, runner="x")
    (row,) = await anext(lab.place.rows(experiment.id).chunks())
    key = dead._cells(row)[0].cell.key
    await lab.place.ledger(experiment.id, runner="x").begin([(key, False)])
    began = lab.clock.now()
    _, made = await lab.run(experiment, runner="y", recall=records, patience=60.0)
    waited = (lab.clock.now() - began) / 1_000_000
    assert made.counts.done == 1
    assert 60 <= waited < 63 if records.living else 5 <= waited < 8
    assert lab.provider.traces == [trace_id(experiment.id, key, 2)]


async def test_a_call_whose_answer_was_cut_off_is_looked_up_before_it_is_asked_again(lab: Lab):
    """FAILURES E2"""
    records = Records()

    async def cut(request, trace):
        records.answers[trace] = Output(text="found", cost=3)
        raise UpstreamError("cut", code="call_cut")

    lab.provider.script = cut
    _, made = await lab.run(lab.made(1), recall=records)
    assert (len(lab.provider.asked), made.counts.done, made.counts.cost) == (1, 1, 3)


async def test_a_record_of_a_failed_call_is_no_answer(lab: Lab):
    records = Records()
    first = True

    async def cut(request, trace):
        nonlocal first
        if first:
            first = False
            records.answers[trace] = UpstreamError("failed")
            raise UpstreamError("cut", code="call_cut")
        return await echo(request, trace)

    lab.provider.script = cut
    _, made = await lab.run(lab.made(1), recall=records)
    assert (len(lab.provider.asked), made.counts.done) == (2, 1)


async def test_it_stops_before_it_spends_more_than_it_may(lab: Lab):
    ending, made = await lab.run(lab.made(50, concurrency=1), max_cost=5_000)
    assert ending.state == made.state == "stopped"
    assert "$0.000005" in (ending.reason or "")
    assert 4_000 <= made.counts.cost <= 5_000


async def test_a_budget_is_not_held_by_guessing(lab: Lab):
    async def unpriced(request, trace):
        return Output(text="x", model="m")

    lab.provider.script = unpriced
    ending, made = await lab.run(lab.made(50, concurrency=1), max_cost=5_000)
    assert ending.state == "stopped"
    assert "not known" in (ending.reason or "")
    assert made.counts.done < 5


class _Signal:
    def __init__(self) -> None:
        self.wanted: str | None = None

    def asked(self) -> str | None:
        return self.wanted


@pytest.mark.parametrize(("wanted", "state"), [("pause", "paused"), ("cancel", "cancelled")])
async def test_a_run_that_is_to_end_finishes_what_is_under_way_and_goes_on_later(lab: Lab, wanted: str, state: str):
    signal = _Signal()

    async def interrupting(request, trace):
        if len(lab.provider.asked) >= 3:
            signal.wanted = wanted
        return await echo(request, trace)

    lab.provider.script = interrupting
    experiment = lab.made(100, concurrency=1)
    ending, made = await lab.run(experiment, signal=signal)
    assert ending.state == state
    assert made.counts.done == len(lab.provider.asked) < 10
    ending, made = await lab.run(experiment)
    assert (ending.state, made.counts.done, len(lab.provider.asked)) == ("done", 100, 100)


async def test_it_ends_when_the_question_is_answered(lab: Lab):
    seen = []

    def clear(cell, output, findings):
        seen.append(cell.position)
        return "It is clear." if len(seen) == 3 else None

    ending, made = await lab.run(lab.made(100, concurrency=1), clear=clear)
    assert (ending.state, ending.reason) == ("stopped", "It is clear.")
    assert made.counts.done < 10


async def test_a_runner_that_lost_its_experiment_writes_nothing_more(lab: Lab):
    experiment = lab.made(3)
    engine = lab.engine(experiment, runner="x")
    lab.place.take(experiment.id, runner="y", evaluators={}, instead_of="x")
    with pytest.raises(Conflict) as caught:
        await engine.run()
    assert caught.value.code == "lease_lost"
    assert lab.provider.asked == []


async def test_a_judgement_that_cannot_be_made_is_unscored_and_tried_again(lab: Lab):
    """FAILURES E1"""
    rows = [NewRow(input="1", reference="1"), NewRow(input="2")]
    experiment = lab.made(rows, evaluators=[{"type": "numeric"}])
    ending, made = await lab.run(experiment)
    assert (ending.state, made.counts.done, made.counts.unscored) == ("done", 2, 1)
    (metric, *_) = lab.place.summary(experiment.id).variants[0].metrics
    assert (metric.n, metric.unscored) == (1, 1)
    assert sum(metric.reasons.values()) == 1


async def test_no_more_calls_are_under_way_than_allowed(lab: Lab):
    async def slow(request, trace):
        for _ in range(20):
            await asyncio.sleep(0)
        return await echo(request, trace)

    lab.provider.script = slow
    await lab.run(lab.made(60, concurrency=4))
    assert lab.provider.most == 4


async def test_rows_are_read_a_bounded_number_at_a_time(lab: Lab):
    """FAILURES E3"""
    experiment = lab.made(450)
    sizes = [len(chunk) async for chunk in lab.place.rows(experiment.id).chunks()]
    assert sizes == [200, 200, 50]
