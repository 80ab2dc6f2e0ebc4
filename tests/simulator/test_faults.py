import contextlib
import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.simulator import SimulatorConfig
from penstock.simulator.faults import NO_FAULT, Fault, FaultPlan, overlay, parse_fault, parse_faults


def choose(plan, *, path="/v1/chat/completions", model="gpt-4o", stream=False, elapsed=0.0):
    return plan.choose(path, model, stream=stream, elapsed=elapsed)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("status=429;retry_after=2", Fault(status=429, retry_after=2.0)),
        (" status = 503 ; message = Too busy ", Fault(status=503, message="Too busy")),
        ("silent", Fault(silent=True)),
        ("cut", Fault(cut=1)),
        ("cut=3", Fault(cut=3)),
        ("reset", Fault(reset=-1)),
        ("error_event=0", Fault(error_event=0)),
        ("delay=250ms;slow=1.5s", Fault(delay=0.25, slow=1.5)),
        ("huge=64KiB", Fault(huge=65536)),
        ("stream=true;rate=0.5;times=2", Fault(stream=True, rate=0.5, times=2)),
        ("since=1m;until=2m", Fault(since=60.0, until=120.0)),
        ("", NO_FAULT),
    ],
)
def test_a_fault_is_read_from_its_text(text, fault):
    assert parse_fault(text) == fault


def test_a_fault_is_read_from_an_object_of_the_same_names():
    assert parse_fault({"status": 429, "delay": "1s", "cut": True}) == Fault(status=429, delay=1.0, cut=1)
    assert parse_faults({"faults": ["cut", {"status": 500}]}) == (Fault(cut=1), Fault(status=500))
    assert parse_faults(["cut"]) == parse_faults("cut") == parse_faults({"cut": 1}) == (Fault(cut=1),)
    assert parse_faults(None) == parse_faults([]) == ()


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("statsu=429", "statsu"),
        ("status=soon", "status=soon"),
        ("usage=everywhere", "everywhere"),
        ("delay=soon", "duration"),
        ("huge=1XB", "size"),
        (5, "5"),
    ],
)
def test_a_fault_that_does_not_fit_is_refused_and_named(order, words):
    with pytest.raises(InvalidInput, match=words):
        parse_fault(order)


@given(st.text())
def test_any_text_is_a_fault_or_refused(text):
    with contextlib.suppress(InvalidInput):
        assert isinstance(parse_fault(text), Fault)


def test_a_fault_befalls_only_what_it_selects():
    plan = FaultPlan([parse_fault("status=500;path=/v1/mess*;model=claude-*;stream=true")], seed=0)
    wanted = {"path": "/v1/messages", "model": "claude-haiku-4-5", "stream": True}
    assert choose(plan, **wanted).status == 500
    assert choose(plan, **{**wanted, "path": "/v1/embeddings"}) is NO_FAULT
    assert choose(plan, **{**wanted, "model": "gpt-4o"}) is NO_FAULT
    assert choose(plan, **{**wanted, "stream": False}) is NO_FAULT


def test_a_schedule_has_a_beginning_and_an_end():
    plan = FaultPlan([parse_fault("status=500;since=10;until=20")], seed=0)
    assert [choose(plan, elapsed=at).status for at in (9.9, 10.0, 19.9, 20.0)] == [None, 500, 500, None]


def test_a_fault_with_times_is_used_up():
    plan = FaultPlan([parse_fault("status=500;times=2")], seed=0)
    assert [choose(plan).status for _ in range(4)] == [500, 500, None, None]


def test_a_rate_is_met_and_repeats_with_its_seed():
    def fates(seed):
        plan = FaultPlan([parse_fault("status=500;rate=0.3")], seed=seed)
        return [choose(plan).status for _ in range(2000)]

    assert fates(1) == fates(1) != fates(2)
    assert 0.25 < fates(1).count(500) / 2000 < 0.35


@given(st.lists(st.sampled_from(["cut=1", "cut=2", "status=429", "delay=1s", "silent", ""])), st.integers(0, 9))
def test_laid_over_one_another_the_later_fault_wins(texts, seed):
    merged = overlay([parse_fault(text) for text in texts])
    cuts = [text for text in texts if text.startswith("cut")]
    assert merged.cut == (int(cuts[-1][-1]) if cuts else None)
    assert merged.silent == ("silent" in texts)
    del seed


async def test_standing_header_and_prompt_faults_are_laid_over_one_another(serve):
    sim = await serve(SimulatorConfig(faults=(Fault(status=500, message="standing"),)))
    assert json.loads(await sim.chat("Hi"))["error"]["message"] == "standing"
    assert json.loads(await sim.chat("Hi", fault="message=header"))["error"]["message"] == "header"
    answer = json.loads(await sim.chat("Hi [[sim: message=prompt;status=418]]", fault="message=header"))
    assert answer["error"]["message"] == "prompt"


async def test_faults_of_a_prompt_can_be_switched_off(serve):
    sim = await serve(SimulatorConfig(prompt_faults=False))
    assert "choices" in json.loads(await sim.chat("Hi [[sim: status=500]]"))


@pytest.mark.parametrize("where", ["header", "prompt"])
async def test_an_order_that_does_not_fit_is_answered_with_400(sim, where):
    text, fault = ("Hi", "nope=1") if where == "header" else ("Hi [[sim: nope=1]]", None)
    assert "nope" in json.loads(await sim.chat(text, fault=fault))["error"]["message"]


def test_dice_of_different_faults_share_one_sequence():
    plan = FaultPlan([parse_fault("cut=1;rate=0.5"), parse_fault("silent;rate=0.5")], seed=4)
    dice = Random(4)
    for _ in range(50):
        expected = [dice.random() < 0.5, dice.random() < 0.5]
        got = choose(plan)
        assert [got.cut == 1, got.silent] == expected
