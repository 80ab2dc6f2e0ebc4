import statistics
from itertools import islice, pairwise
from pathlib import Path

import pytest

from penstock.core.errors import InvalidInput
from penstock.simulator.load import LoadPlan, arrivals

URL = "http://127.0.0.1:4100"
AZURE = Path("../shared/data/azure-llm-conversation-trace.csv")


def plan(**fields):
    return LoadPlan(url=URL, model="m", **fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"requests": 1}, "exactly one"),
        ({"rate": 1, "closed": 1, "requests": 1}, "exactly one"),
        ({"rate": 1}, "never ends"),
        ({"rate": -1, "requests": 1}, "--rate"),
        ({"closed": 0, "requests": 1}, "--closed"),
        ({"closed": 1, "requests": 1, "prompt_tokens": 0}, "--prompt-tokens"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(fields, words):
    with pytest.raises(InvalidInput, match=words):
        plan(**fields).check()


@pytest.mark.parametrize("url", ["", "localhost:4100", "ftp://x", "http://"])
def test_a_url_that_is_none_is_refused(url):
    with pytest.raises(InvalidInput, match="--url"):
        LoadPlan(url=url, model="m", closed=1, requests=1).check()


def test_arrivals_at_a_rate_are_a_poisson_process_and_repeat_with_their_seed():
    shots = list(arrivals(plan(rate=50.0, requests=20_000, seed=4)))
    gaps = [after.at - before.at for before, after in pairwise(shots)]
    assert statistics.fmean(gaps) == pytest.approx(0.02, rel=0.03)
    assert statistics.pstdev(gaps) == pytest.approx(0.02, rel=0.03)
    assert shots == list(arrivals(plan(rate=50.0, requests=20_000, seed=4)))
    assert shots[:5] != list(arrivals(plan(rate=50.0, requests=5, seed=5)))


def test_a_duration_ends_the_arrivals():
    shots = list(arrivals(plan(rate=100.0, duration=2.0)))
    assert 150 < len(shots) < 250
    assert shots[-1].at < 2.0


def test_a_closed_loop_has_no_arrival_times():
    shots = list(islice(arrivals(plan(closed=3, duration=1.0)), 5))
    assert [(shot.number, shot.at) for shot in shots] == [(0, 0.0), (1, 0.0), (2, 0.0), (3, 0.0), (4, 0.0)]


def test_a_trace_is_played_at_its_speed_with_its_lengths(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text("at,in,out\n0,100,7\n3,0,9\n")
    columns = {"arrival": "at", "input": "in", "output": "out"}
    shots = list(arrivals(plan(trace=path, trace_columns=columns, speedup=2.0)))
    assert [(shot.at, shot.prompt_tokens, shot.max_tokens) for shot in shots] == [(0.0, 100, 7), (1.5, 1, 9)]
    assert [shot.max_tokens for shot in arrivals(plan(trace=path, trace_columns=columns, max_tokens=5))] == [5, 5]


def test_the_public_trace_is_read_whole():
    if not AZURE.exists():
        pytest.skip(f"{AZURE} is not on this machine")
    shots = list(arrivals(plan(trace=AZURE)))
    assert len(shots) == 8000
    assert [shot.at for shot in shots] == sorted(shot.at for shot in shots)
