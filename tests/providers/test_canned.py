"""Answers that no model gives, read by the vendors' own SDKs."""

import json
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest

from penstock.core.errors import InvalidInput
from penstock.providers.canned import canned_reply
from penstock.providers.inbound import parse_call
from penstock.providers.types import Operation

TEXT = "Today's budget is spent. Try again tomorrow."
PATHS: dict[str, Operation] = {"/v1/chat/completions": "chat", "/v1/responses": "responses", "/v1/messages": "messages"}


def answer(request: httpx.Request) -> httpx.Response:
    call = parse_call(PATHS[request.url.path], request.content, {})
    reply = canned_reply(call, TEXT, answer_id="1", created=1_700_000_000)
    return httpx.Response(200, content=reply.body, headers={"content-type": reply.content_type})


def answer2(request: httpx2.Request) -> httpx2.Response:
    given = answer(httpx.Request("POST", str(request.url), content=request.content))
    return httpx2.Response(200, content=given.content, headers={"content-type": given.headers["content-type"]})


@pytest.fixture
def http() -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(answer))


def test_openais_sdk_reads_it_whole_and_streamed(http: httpx.Client) -> None:
    client = openai.OpenAI(api_key="k", base_url="http://localhost/v1", http_client=http)
    messages: Any = [{"role": "user", "content": "Hi"}]
    whole = client.chat.completions.create(model="r", messages=messages)
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (TEXT, "stop")
    with client.chat.completions.stream(model="r", messages=messages) as stream:
        assert stream.get_final_completion().choices[0].message.content == TEXT
    assert client.responses.create(model="r", input="Hi").output_text == TEXT
    with client.responses.stream(model="r", input="Hi") as events:
        assert events.get_final_response().output_text == TEXT


def test_anthropics_sdk_reads_it_whole_and_streamed() -> None:
    http = httpx2.Client(transport=httpx2.MockTransport(answer2))
    client = anthropic.Anthropic(api_key="k", base_url="http://localhost", http_client=http)
    asked: Any = {"model": "r", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}
    whole = client.messages.create(**asked)
    assert (whole.content[0].text, whole.stop_reason) == (TEXT, "end_turn")  # type: ignore[union-attr]
    with client.messages.stream(**asked) as stream:
        assert stream.get_final_text() == TEXT


def test_it_is_recorded_as_any_answer_and_bills_nothing() -> None:
    call = parse_call("chat", b'{"model":"r","messages":[{"role":"user","content":"Hi"}]}', {})
    reply = canned_reply(call, TEXT, answer_id="1", created=1)
    assert reply.answer.usage is None
    assert json.loads(reply.answer.output)[0]["parts"] == [{"type": "text", "content": TEXT}]


def test_what_has_no_answer_in_text_is_refused() -> None:
    call = parse_call("embeddings", b'{"model":"r","input":"Hi"}', {})
    with pytest.raises(InvalidInput, match="embeddings"):
        canned_reply(call, TEXT, answer_id="1", created=1)
