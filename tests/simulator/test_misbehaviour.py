"""Each fault as a caller meets it on the wire."""

import asyncio
import json
import socket

import aiohttp
import pytest

CHAT = "/v1/chat/completions"


def body(**fields):
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Why do rivers bend?"}], **fields}


def contents(data):
    """The content deltas of a stream's bytes."""
    texts = []
    for line in data.decode().splitlines():
        if line.startswith("data: {"):
            try:
                event = json.loads(line[6:])
            except json.JSONDecodeError:
                continue
            texts += [
                choice["delta"]["content"] for choice in event.get("choices", ()) if choice["delta"].get("content")
            ]
    return texts


async def read(sim, fault, **fields):
    """What came before the connection broke, and how it broke: None, or the error's type."""
    received = b""
    try:
        async with sim.session.post(sim.url + CHAT, json=body(**fields), headers={"x-sim-fault": fault}) as response:
            async for data in response.content.iter_any():
                received += data
    except aiohttp.ClientError as error:
        return received, type(error)
    return received, None


async def test_a_drop_closes_without_an_answer(sim):
    """FAILURES G14"""
    assert await read(sim, "drop") == (b"", aiohttp.ServerDisconnectedError)


@pytest.mark.parametrize("fault", ["reset", "reset;delay=1ms"])
async def test_a_reset_alone_comes_before_the_answer(sim, fault):
    host, port = sim.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    data = json.dumps(body()).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nx-sim-fault: {fault}\r\ncontent-length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    with pytest.raises(ConnectionResetError):
        await writer.wait_closed()


async def test_a_reset_in_a_stream_comes_after_so_many_events(sim):
    received, error = await read(sim, "reset=2", stream=True)
    assert issubclass(error, aiohttp.ClientError)
    assert len(contents(received)) <= 2
    assert b"[DONE]" not in received


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_a_cut_stream_ends_without_its_last_chunk_after_so_many_events(sim, count):
    """FAILURES G14"""
    received, error = await read(sim, f"cut={count}", stream=True)
    assert error is aiohttp.ClientPayloadError
    assert len(contents(received)) == count
    assert b'finish_reason":"stop' not in received


async def test_a_cut_answer_is_shorter_than_its_length(sim):
    """FAILURES G14"""
    received, error = await read(sim, "cut")
    assert error is aiohttp.ClientPayloadError
    assert received.startswith(b'{"id"')


async def test_a_truncated_stream_ends_cleanly_without_an_end_marker(sim):
    """FAILURES G14"""
    received, error = await read(sim, "truncate=2", stream=True)
    assert error is None
    assert len(contents(received)) == 2
    assert b"[DONE]" not in received
    assert b'"finish_reason":"stop"' not in received


async def test_a_truncated_answer_is_broken_json_of_the_right_length(sim):
    received, error = await read(sim, "truncate")
    assert error is None
    with pytest.raises(json.JSONDecodeError):
        json.loads(received)


async def test_malformed_json_stands_between_whole_events(sim):
    """FAILURES G30"""
    received, error = await read(sim, "malformed=1", stream=True)
    lines = [line[6:] for line in received.decode().splitlines() if line.startswith("data: {")]
    broken = []
    for number, line in enumerate(lines):
        try:
            json.loads(line)
        except json.JSONDecodeError:
            broken.append(number)
    assert error is None
    assert broken == [2]
    assert received.endswith(b"data: [DONE]\n\n")


async def test_a_malformed_answer_is_no_json(sim):
    received, _ = await read(sim, "malformed")
    with pytest.raises(json.JSONDecodeError):
        json.loads(received)


async def test_noise_changes_nothing_for_a_reader_of_the_standard(sim):
    """FAILURES G30"""
    plain, _ = await read(sim, "", stream=True)
    noisy, _ = await read(sim, "noise;crlf;split=7", stream=True)
    assert b": a comment" in noisy
    assert b"event: simulated_unknown" in noisy
    assert b"\n" not in noisy.replace(b"\r\n", b"")
    assert contents(noisy.replace(b"\r\n", b"\n")) == contents(plain)


@pytest.mark.parametrize("count", [0, 2])
async def test_an_error_event_comes_after_so_many_events_and_ends_the_stream(sim, count):
    """FAILURES G15"""
    received, error = await read(sim, f"error_event={count};message=Sorry", stream=True)
    assert error is None
    assert len(contents(received)) == count
    last = received.decode().rstrip().splitlines()[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["message"] == "Sorry"
    assert b"[DONE]" not in received


@pytest.mark.parametrize(
    ("style", "places"),
    [
        ("own_chunk", ["empty"]),
        ("on_choices", ["finish"]),
        ("after_finish", ["choices after finish"]),
        ("x_groq", ["x_groq"]),
        ("none", []),
    ],
)
@pytest.mark.parametrize("asked", [True, False])
async def test_usage_stands_where_it_was_ordered(sim, style, places, asked):
    """FAILURES G2"""
    fields = {"stream": True, "stream_options": {"include_usage": True}} if asked else {"stream": True}
    received, _ = await read(sim, f"usage={style}", **fields)
    found = []
    finished = False
    for line in received.decode().splitlines():
        if not line.startswith("data: {"):
            continue
        event = json.loads(line[6:])
        choices = event["choices"]
        finish = bool(choices) and choices[0]["finish_reason"] is not None
        if event.get("usage"):
            found.append("finish" if finish else "choices after finish" if choices and finished else "empty")
        if event.get("x_groq"):
            assert event["x_groq"]["usage"]["total_tokens"] > 0
            found.append("x_groq")
        finished = finished or finish
    assert found == places


async def test_cumulative_usage_grows_to_the_total(sim):
    """FAILURES G2"""
    received, _ = await read(sim, "usage=cumulative", stream=True, reasoning_effort="low")
    lines = [json.loads(line[6:]) for line in received.decode().splitlines() if line.startswith("data: {")]
    counts = [event["usage"]["completion_tokens"] for event in lines]
    assert counts == sorted(counts)
    assert counts[0] == 0
    whole = json.loads((await read(sim, "", reasoning_effort="low"))[0])
    assert counts[-1] == whole["usage"]["completion_tokens"]


@pytest.mark.parametrize("stream", [True, False])
async def test_the_content_type_can_be_wrong(sim, stream):
    headers = {"x-sim-fault": "content_type=text/plain"}
    async with sim.session.post(sim.url + CHAT, json=body(stream=stream), headers=headers) as response:
        assert response.headers["content-type"] == "text/plain"
        assert b"choices" in await response.read()


async def test_a_page_of_html_may_come_instead(sim):
    status, headers, data = await sim.post(CHAT, body(), x_sim_fault="html")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert data.startswith(b"<!doctype html>")
    status, _, _ = await sim.post(CHAT, body(), x_sim_fault="html;status=502")
    assert status == 502


@pytest.mark.parametrize("stream", [True, False])
async def test_a_huge_answer_has_so_many_bytes_of_text(sim, stream):
    """FAILURES G25"""
    received, error = await read(sim, "huge=300KB", stream=stream)
    assert error is None
    text = contents(received)[0] if stream else json.loads(received)["choices"][0]["message"]["content"]
    assert len(text) == 300_000


async def test_the_finish_reason_can_be_ordered(sim):
    received, _ = await read(sim, "finish=content_filter")
    assert json.loads(received)["choices"][0]["finish_reason"] == "content_filter"


async def test_an_exact_number_of_tokens_can_be_ordered(sim):
    received, _ = await read(sim, "tokens=400")
    assert json.loads(received)["usage"]["completion_tokens"] == 400


async def test_a_number_of_tool_calls_can_be_ordered(sim):
    tool = {"type": "function", "function": {"name": "look_up"}}
    received, _ = await read(sim, "tool_calls=5", tools=[tool])
    assert len(json.loads(received)["choices"][0]["message"]["tool_calls"]) == 5


async def test_a_silent_provider_never_answers_and_sees_its_caller_leave(sim):
    """FAILURES G17"""
    call = asyncio.create_task(sim.post(CHAT, body(), x_sim_fault="silent"))
    await sim.get("/sim/wait?active=1")
    assert not call.done()
    call.cancel()
    _, stats = await sim.get("/sim/wait?cancelled=1")
    assert stats["paths"][CHAT]["cancelled"] == 1
    assert stats["total"]["active"] == 0


@pytest.mark.parametrize("stream", [True, False])
async def test_a_hang_keeps_the_connection_after_its_beginning(sim, stream):
    """FAILURES G17"""
    headers = {"x-sim-fault": "hang=2"}
    async with sim.session.post(sim.url + CHAT, json=body(stream=stream), headers=headers) as response:
        first = await response.content.readany()
        assert first
        _, stats = await sim.get("/sim/stats")
        assert stats["total"]["active"] == 1
    _, stats = await sim.get("/sim/wait?cancelled=1")
    assert stats["total"]["finished"] == 0


async def test_a_hanging_stream_can_be_kept_alive_with_comments(sim):
    """FAILURES G18"""
    headers = {"x-sim-fault": "hang=1;heartbeat=1ms"}
    received = b""
    async with sim.session.post(sim.url + CHAT, json=body(stream=True), headers=headers) as response:
        while received.count(b": keep-alive\n\n") < 3:
            received += await response.content.readany()
    assert len(contents(received)) == 1


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", ["slow=1ms", "gap=3ms", "gap=3ms;heartbeat=1ms", "delay=2ms", "split=50"])
async def test_slowness_loses_nothing(sim, fault, stream):
    plain, _ = await read(sim, "", stream=stream)
    received, error = await read(sim, fault, stream=stream)
    assert error is None
    if stream:
        assert contents(received) == contents(plain)
    else:
        assert json.loads(received)["choices"] == json.loads(plain)["choices"]


async def test_a_caller_that_leaves_mid_stream_is_counted(sim):
    """FAILURES G13"""
    headers = {"x-sim-fault": "slow=1h"}
    async with sim.session.post(sim.url + CHAT, json=body(stream=True), headers=headers) as response:
        await response.content.readany()
    _, stats = await sim.get("/sim/wait?cancelled=1")
    assert stats["total"]["cancelled"] == 1


async def test_a_caller_that_leaves_within_its_own_request_is_counted(sim):
    host, port = sim.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{".encode())
        await sim.get("/sim/wait?active=1")
    _, stats = await sim.get("/sim/wait?cancelled=1")
    assert stats["total"]["cancelled"] == 1


async def test_a_fault_that_takes_no_hold_leaves_a_plain_answer_plain(sim):
    received, error = await read(sim, "gap_after=3")
    assert error is None
    assert json.loads(received)["choices"]
