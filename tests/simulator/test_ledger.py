"""What the simulator would bill for."""

import contextlib
import json

import aiohttp
import pytest

from penstock.simulator import SimulatorConfig

MODEL = "gpt-4o-mini"
STREAM = {"stream": True, "stream_options": {"include_usage": True}}


async def ledger(sim):
    return (await sim.get("/sim/ledger"))[1]


async def asked(sim, *, fault=None, **fields):
    """One chat, whatever becomes of it."""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        return await sim.chat(fault=fault, **fields)
    return b""


async def test_the_ledger_equals_the_usage_that_callers_were_told(sim):
    told = [json.loads(await sim.chat(f"question {number}"))["usage"] for number in range(3)]
    stream = await sim.chat("a stream", **STREAM)
    told.append(json.loads(stream.split(b"data: ")[-2])["usage"])
    row = (await ledger(sim))["reported"][MODEL]
    assert row["answers"] == 4
    assert row["input"] + row["cache_read"] == sum(usage["prompt_tokens"] for usage in told)
    assert row["output"] + row["reasoning"] == sum(usage["completion_tokens"] for usage in told)
    assert (await ledger(sim))["unreported"] == {}


@pytest.mark.parametrize("fault", ["status=500", "status=429", "drop", "reset", "html"])
async def test_what_is_refused_is_not_billed(sim, fault):
    await asked(sim, fault=fault)
    assert await ledger(sim) == {"reported": {}, "unreported": {}}


@pytest.mark.parametrize("fault", ["cut=2", "truncate=2", "reset=2", "error_event=2", "malformed=2", "usage=none"])
async def test_a_stream_that_does_not_tell_its_usage_is_billed_for_what_was_sent(sim, fault):
    await asked(sim, fault=fault, **STREAM)
    row = (await ledger(sim))["unreported"][MODEL]
    assert row["answers"] == 1
    assert row["input"] > 0
    assert row["output"] == 2 if fault not in ("malformed=2", "usage=none") else row["output"] > 2
    assert (await ledger(sim))["reported"] == {}


async def test_a_cut_stream_of_gemini_told_its_usage_so_far(sim):
    path = "/v1beta/models/gemini-2.5-flash-lite:streamGenerateContent?alt=sse"
    with contextlib.suppress(aiohttp.ClientError):
        await sim.post(path, {"contents": [{"parts": [{"text": "What is a dam?"}]}]}, x_sim_fault="cut=2")
    found = await ledger(sim)
    assert found["unreported"] == {}
    (row,) = found["reported"].values()
    assert (row["answers"], row["output"]) == (1, 2)


async def test_a_stream_of_gemini_that_is_cut_after_its_last_piece_told_no_more_than_its_usage(serve):
    """The last piece carries two tokens of the four that a piece has room for."""
    sim = await serve(SimulatorConfig(chunk_tokens=4))
    path = f"{sim.url}/v1beta/models/gemini-2.5-flash-lite:streamGenerateContent?alt=sse"
    question = {"contents": [{"parts": [{"text": "What is a dam?"}]}]}
    received = b""
    with contextlib.suppress(aiohttp.ClientError):
        async with sim.session.post(path, json=question, headers={"x-sim-fault": "tokens=10;cut=3"}) as response:
            async for piece in response.content:
                received += piece
    last = json.loads(received.split(b"data: ")[-1])["usageMetadata"]
    (row,) = (await ledger(sim))["reported"].values()
    assert last["candidatesTokenCount"] == row["output"] + row["reasoning"] == 10


@pytest.mark.parametrize("fault", ["cut", "truncate", "malformed"])
async def test_an_answer_that_is_not_whole_is_not_reported(sim, fault):
    await asked(sim, fault=fault)
    row = (await ledger(sim))["unreported"][MODEL]
    assert (row["answers"], row["output"]) == (1, 0)


async def test_a_request_that_is_never_answered_is_billed_for_its_input_once(sim):
    with pytest.raises(TimeoutError):
        await sim.session.post(
            f"{sim.url}/v1/chat/completions",
            json={"model": MODEL, "messages": [{"role": "user", "content": "x"}]},
            headers={"x-sim-fault": "silent"},
            timeout=aiohttp.ClientTimeout(total=0.1),
        )
    row = (await ledger(sim))["unreported"][MODEL]
    assert row["answers"] == 1
    assert row["input"] > 0


async def test_a_reset_forgets_the_ledger(sim):
    await sim.chat()
    await sim.post("/sim/reset", {})
    assert await ledger(sim) == {"reported": {}, "unreported": {}}
