import asyncio
import socket

import pytest

from penstock.core.errors import InvalidInput
from penstock.simulator import SimulatorConfig, parse_fault
from penstock.simulator.load import LoadPlan, Tally, run_load
from penstock.simulator.load.tally import Outcome


def plan(sim, **fields):
    fields.setdefault("closed", 4)
    fields.setdefault("requests", 20)
    return LoadPlan(**{"url": sim.url, "model": "gpt-4o-mini", **fields})


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("stream", [False, True])
async def test_every_request_is_sent_once_and_measured(sim, dialect, stream):
    report = await run_load(plan(sim, dialect=dialect, stream=stream, key="k"))
    _, stats = await sim.get("/sim/stats")
    assert stats["total"]["finished"] == 20
    assert (report.sent, report.succeeded, report.failed, report.error_rate) == (20, 20, 0, 0.0)
    assert report.rate == pytest.approx(20 / report.seconds)
    assert 0 < report.latency.p50 <= report.latency.p95 <= report.latency.p99 <= report.latency.max
    assert (report.ttft.p50 is not None) is stream
    assert report.input_tokens > 20 * 200
    assert report.output_tokens > 20
    _, seen = await sim.get("/sim/requests")
    assert len({str(item["body"]["messages"]) for item in seen["items"]}) == 20
    name = "x-api-key" if dialect == "anthropic" else "authorization"
    assert all(name in item["headers"] for item in seen["items"])


async def test_prompts_have_about_the_length_that_was_asked_for(sim):
    report = await run_load(plan(sim, requests=10, prompt_tokens=1000, max_tokens=3))
    assert report.input_tokens / 10 == pytest.approx(1000, rel=0.1)
    assert report.output_tokens == 30


async def test_an_open_loop_sends_at_its_rate(sim):
    report = await run_load(plan(sim, closed=None, rate=400.0, requests=100))
    assert report.succeeded == 100
    assert report.seconds > 0.15


async def test_a_trace_is_replayed(sim, tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n0,50,5\n0.01,60,6\n")
    report = await run_load(plan(sim, closed=None, requests=None, trace=path))
    assert report.output_tokens == 11


async def test_a_duration_ends_a_closed_loop(sim):
    report = await run_load(plan(sim, requests=None, duration=0.1))
    assert report.sent == report.succeeded > 4


@pytest.mark.parametrize(
    ("fault", "stream", "kind"),
    [
        ("status=429", False, "http_429"),
        ("status=503", True, "http_503"),
        ("drop", False, "cut"),
        ("cut", False, "cut"),
        ("cut=2", True, "cut"),
        ("truncate=2", True, "cut"),
        ("error_event=1", True, "error_event"),
        ("malformed=1", True, "malformed"),
        ("malformed", False, "malformed"),
        ("html", False, "malformed"),
        ("html", True, "cut"),
        ("silent", False, "timeout"),
        ("huge=9MB;split=500KB", True, "huge_event"),
    ],
)
async def test_failures_are_counted_by_their_kind(serve, fault, stream, kind):
    """FAILURES G14"""
    sim = await serve(SimulatorConfig(faults=(parse_fault(fault),)))
    report = await run_load(plan(sim, requests=2, stream=stream, timeout=0.2 if kind == "timeout" else 5.0))
    assert report.errors == {kind: 2}
    assert (report.succeeded, report.error_rate) == (0, 1.0)
    assert report.latency.p50 is None


async def test_nobody_there_is_a_failure_of_its_own(sim):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    report = await run_load(plan(sim, url=f"http://127.0.0.1:{port}/v1/", requests=3))
    assert report.errors == {"connect": 3}


async def test_a_url_may_end_in_v1(sim):
    report = await run_load(plan(sim, url=f"{sim.url}/v1", requests=1))
    assert report.succeeded == 1


async def test_what_is_too_much_is_not_sent_and_said(serve):
    sim = await serve(SimulatorConfig(latency="constant:50ms"))
    report = await run_load(plan(sim, closed=None, rate=100_000.0, requests=10, in_flight=3))
    assert report.errors == {"overload": 7}
    assert report.succeeded == 3


async def test_a_stop_gives_up_what_is_under_way(serve):
    sim = await serve(SimulatorConfig(faults=(parse_fault("silent"),)))
    stop, tally = asyncio.Event(), Tally()
    running = asyncio.create_task(run_load(plan(sim, requests=1000), tally, stop=stop))
    await sim.get("/sim/wait?active=4")
    stop.set()
    report = await running
    assert (report.sent, report.succeeded, report.failed) == (4, 0, 0)
    await sim.get("/sim/wait?cancelled=4")


async def test_a_trace_that_is_not_there_is_refused_before_anything_is_sent(sim, tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read"):
        await run_load(plan(sim, closed=None, trace=tmp_path / "gone.csv"))


async def test_a_plan_without_arrivals_reports_nothing(sim):
    report = await run_load(plan(sim, closed=None, rate=1e-9, requests=None, duration=1e-9))
    assert (report.sent, report.rate, report.error_rate) == (0, 0.0, 0.0)


async def test_cumulative_usage_replaces_what_came_before(serve):
    """FAILURES G2"""
    sim = await serve(SimulatorConfig(faults=(parse_fault("usage=cumulative;tokens=30"),)))
    report = await run_load(plan(sim, requests=1, stream=True))
    assert report.output_tokens == 30


def test_a_tally_orders_errors_by_frequency():
    tally = Tally()
    for kind in ("cut", "timeout", "timeout", None):
        tally.add(Outcome(error=kind, latency=1.0))
    report = tally.report(2.0)
    assert list(report.errors.items()) == [("timeout", 2), ("cut", 1)]
    assert report.rate == 0.5
    assert report.latency.max == 1.0
