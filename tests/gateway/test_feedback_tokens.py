"""The token on an answer with which an end user's browser may judge it."""

import msgspec
import pytest

from gateway_harness import running
from penstock.tracing.scores.tokens import read_token
from penstock.wire.snapshot import FeedbackSettings

PROJECT = "01900000-0000-7000-8000-000000000001"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def snapshot(snapshot):
    keys = {digest: msgspec.structs.replace(key, project=PROJECT) for digest, key in snapshot.keys.items()}
    return msgspec.structs.replace(snapshot, keys=keys, feedback=FeedbackSettings(tokens=True, expires=60))


def claim(answer, salt):
    return read_token(bytes.fromhex(salt), answer.headers["x-penstock-feedback-token"])


async def test_each_answer_carries_a_token_for_its_own_trace(gateway, provider, snapshot):
    answer = await gateway.chat()
    span = await gateway.record()
    found = claim(answer, snapshot.user_salt)
    assert (found.project, found.trace_id) == (PROJECT, answer.headers["x-penstock-trace-id"])
    assert found.expires == span.started // 1_000_000 + 60


async def test_the_token_of_a_call_within_a_trace_is_for_that_trace(gateway, provider, snapshot):
    answer = await gateway.chat(headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert claim(answer, snapshot.user_salt).trace_id == TRACE


async def test_a_stream_carries_one_before_its_first_byte(gateway, provider, snapshot):
    provider.script = provider.stream(
        b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n', b"data: [DONE]\n\n"
    )
    answer = await gateway.chat(stream=True)
    assert claim(answer, snapshot.user_salt).project == PROJECT


async def test_without_the_setting_or_without_a_salt_there_is_none(snapshot, provider, tmp_path):
    plain = msgspec.structs.replace(snapshot, feedback=FeedbackSettings())
    saltless = msgspec.structs.replace(snapshot, user_salt="")
    for number, changed in enumerate((plain, saltless)):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with running(changed, folder) as gateway:
            answer = await gateway.chat()
            assert answer.status_code == 200
            assert "x-penstock-feedback-token" not in answer.headers


async def test_a_caller_without_a_key_gets_none(gateway):
    answer = await gateway.chat(headers={"authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert "x-penstock-feedback-token" not in answer.headers
