import json
import statistics
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.simulator import SimulatorConfig, TraceConfig
from penstock.simulator.distributions import parse_distribution
from penstock.simulator.pacing import Pace, Pacing
from penstock.simulator.trace import read_trace
from penstock.simulator.units import parse_duration, parse_size

AZURE = Path("../shared/data/azure-llm-conversation-trace.csv")


def dice(seed=0):
    return Random(seed)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("1.5s", 1.5), ("2m", 120), ("1h", 3600), ("3", 3), ("10us", 1e-5), (" 1e3 ms ", 1)],
)
def test_durations_are_read(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(("text", "size"), [("10", 10), ("64KiB", 65536), ("2mb", 2_000_000), ("1.5 GiB", 1610612736)])
def test_sizes_are_read(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("parse", [parse_duration, parse_size])
@pytest.mark.parametrize("text", ["", "fast", "-1s", "1 parsec", "1s2"])
def test_what_is_no_quantity_is_refused(parse, text):
    with pytest.raises(InvalidInput, match="got"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "mean", "deviation"),
    [
        ("constant:50ms", 0.05, 0.0),
        ("50ms", 0.05, 0.0),
        ("uniform:10ms,30ms", 0.02, 0.02 / 12**0.5),
        ("normal:100ms,5ms", 0.1, 0.005),
        ("lognormal:100ms,0.25", 0.1 * 2.718281828 ** (0.25**2 / 2), None),
        ("exponential:20ms", 0.02, 0.02),
        ("exponential:0", 0.0, 0.0),
    ],
)
def test_draws_have_the_moments_of_their_distribution(text, mean, deviation):
    distribution, random = parse_distribution(text), dice()
    draws = [distribution(random) for _ in range(20_000)]
    assert statistics.fmean(draws) == pytest.approx(mean, rel=0.05)
    if deviation is not None:
        assert statistics.pstdev(draws) == pytest.approx(deviation, rel=0.05)
    assert min(draws) >= 0


@pytest.mark.parametrize(
    "text", ["", "gauss:1,2", "normal:1", "constant:1,2", "uniform:2,1", "lognormal:0,1", "constant:x"]
)
def test_what_is_no_distribution_is_refused(text):
    with pytest.raises(InvalidInput):
        parse_distribution(text)


@given(st.floats(0, 1e3), st.floats(0, 1e3))
def test_a_normal_draw_is_never_negative(mean, deviation):
    assert parse_distribution(f"normal:{mean},{deviation}")(dice()) >= 0


def test_an_answer_takes_its_first_token_and_the_rest_at_their_rate():
    _, pace = Pacing(SimulatorConfig(ttft="constant:200ms", token_rate="constant:50")).draw(dice())
    assert pace == Pace(0.2, 0.02, None)
    assert pace.whole(10) == pytest.approx(0.4)


def test_latency_stands_for_the_whole_of_an_answer():
    length, pace = Pacing(SimulatorConfig(latency="constant:1s", output_tokens="constant:7")).draw(dice())
    assert length == 7
    assert pace.whole(1000) == 1.0


def write_trace(path, text):
    path.write_text(text)
    return path


def test_a_trace_is_read_in_order_with_times_and_lengths(tmp_path):
    path = write_trace(
        tmp_path / "t.csv",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:15:50.9951690,396,109\n2023-11-16 18:15:46.6805900,374,44\n",
    )
    first, second = read_trace(path)
    assert (first.arrival, first.input_tokens, first.output_tokens) == (0.0, 374, 44)
    assert second.arrival == pytest.approx(4.314579, abs=1e-5)


def test_a_traces_columns_can_be_mapped_and_may_hold_times(tmp_path):
    path = write_trace(tmp_path / "t.csv", "in,out,first,all,when\n10,5,0.1,0.5,2026-01-01T00:00:00Z\n10,1,,,5\n")
    columns = {"input": "in", "output": "out", "ttft": "first", "latency": "all", "arrival": "when"}
    config = SimulatorConfig(trace=TraceConfig(file=path, columns=columns), ttft="constant:3", latency="constant:4")
    paces = dict(Pacing(config).draw(dice(seed)) for seed in range(20))
    assert paces == {5: Pace(0.1, 0.1, 0.5), 1: Pace(3.0, 0.0, 4.0)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "no column 'ContextTokens'"),
        ("ContextTokens,GeneratedTokens\n", "no rows"),
        ("ContextTokens,GeneratedTokens\nx,2\n", ":2: expected numbers"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\nsoon,1,2\n", ":2: expected numbers"),
        ("ContextTokens,GeneratedTokens\n1\n", ":2: expected numbers"),
    ],
)
def test_a_trace_that_does_not_fit_is_refused(tmp_path, text, words):
    with pytest.raises(InvalidInput, match=words):
        read_trace(write_trace(tmp_path / "t.csv", text))


def test_a_trace_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_trace(tmp_path / "gone.csv")


@pytest.fixture
def real_lengths():
    if not AZURE.exists():
        pytest.skip(f"{AZURE} is not on this machine")
    return {row.output_tokens for row in read_trace(AZURE)}


async def test_answers_have_the_lengths_of_a_trace(serve, real_lengths):
    sim = await serve(SimulatorConfig(trace=TraceConfig(file=AZURE)))
    for number in range(10):
        answer = json.loads(await sim.chat(f"Question {number}"))
        assert answer["usage"]["completion_tokens"] in real_lengths


async def test_a_paced_stream_says_all_and_a_fixed_cache_share_is_reported(serve):
    config = SimulatorConfig(
        ttft="constant:5ms", token_rate="constant:2000", chunk_tokens=4, events_per_write=3, cached=0.5, seed=3
    )
    sim = await serve(config)
    plain = await serve(SimulatorConfig(seed=3))
    streamed = await sim.chat(stream=True, stream_options={"include_usage": True})
    events = [json.loads(line[6:]) for line in streamed.decode().splitlines() if line.startswith("data: {")]
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in events if event["choices"])
    usage = events[-1]["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == usage["prompt_tokens"] // 2
    whole = json.loads(await plain.chat())
    assert whole["usage"]["prompt_tokens"] == usage["prompt_tokens"]
    assert text == json.loads(await sim.chat())["choices"][0]["message"]["content"]
