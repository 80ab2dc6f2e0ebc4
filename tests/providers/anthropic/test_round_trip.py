"""Anthropic → neutral → Anthropic keeps what a request and an answer mean."""

import json

from hypothesis import given
from hypothesis import strategies as st

from penstock.providers.anthropic.messages import (
    decode_response,
    encode_response,
    parse_request,
    render_request,
)
from penstock.wire.chat import ChatRequest

words = st.text(min_size=1, max_size=12)
names = st.text("abcXYZ019_-", min_size=1, max_size=12)
objects = st.dictionaries(words, st.one_of(words, st.integers(), st.booleans(), st.none(), st.lists(words)), max_size=3)
cache = st.sampled_from([{}, {"cache_control": {"type": "ephemeral"}}])
texts = st.builds(lambda text, mark: {"type": "text", "text": text, **mark}, words, cache)
images = st.sampled_from(
    [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}},
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
    ]
)
documents = st.builds(
    lambda name: {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"},
        "title": name,
    },
    words,
)
thoughts = st.one_of(
    st.builds(lambda text: {"type": "thinking", "thinking": text, "signature": "c2ln"}, words),
    st.builds(lambda data: {"type": "redacted_thinking", "data": data}, words),
)
calls = st.builds(
    lambda name, id_, given: {"type": "tool_use", "id": id_, "name": name, "input": given}, names, names, objects
)


def result(id_, content, failed):
    block = {"type": "tool_result", "tool_use_id": id_}
    if content:
        block["content"] = content
    return block | ({"is_error": True} if failed else {})


results = st.builds(result, names, st.lists(st.one_of(texts, images), max_size=2), st.booleans())


@st.composite
def conversations(draw):
    turns = []
    for number in range(draw(st.integers(1, 4))):
        if number % 2:
            content = draw(st.lists(thoughts, max_size=1)) + draw(
                st.lists(st.one_of(texts, calls), min_size=1, max_size=3)
            )
        else:
            inputs = st.one_of(texts, images, documents)
            content = draw(st.lists(results, max_size=2)) + draw(st.lists(inputs, min_size=1, max_size=2))
        turns.append({"role": "assistant" if number % 2 else "user", "content": content})
    return turns


tools = st.lists(
    st.builds(
        lambda name, schema, strict: {"name": name, "input_schema": schema} | ({"strict": True} if strict else {}),
        names,
        objects,
        st.booleans(),
    ),
    min_size=1,
    max_size=2,
)
optional = st.fixed_dictionaries(
    {"model": st.just("claude-haiku-4-5"), "max_tokens": st.integers(1, 9999), "messages": conversations()},
    optional={
        "system": st.lists(texts, min_size=1, max_size=2),
        "temperature": st.floats(0, 0.99),
        "top_p": st.floats(0, 0.99),
        "top_k": st.integers(1, 99),
        "stop_sequences": st.lists(words, min_size=1, max_size=2),
        "metadata": st.builds(lambda user: {"user_id": user}, words),
        "stream": st.just(True),
        "output_config": st.builds(lambda schema: {"format": {"type": "json_schema", "schema": schema}}, objects),
        "tools": tools,
    },
)


@given(body=optional)
def test_a_request_keeps_its_meaning(make_call, make_target, body):
    rendered = render_request(parse_request(make_call(body)), make_target())
    assert json.loads(rendered.body) == body


@given(content=st.lists(st.one_of(thoughts, st.builds(lambda text: {"type": "text", "text": text}, words), calls)))
def test_an_answer_keeps_its_meaning(content):
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 1,
            "cache_creation_input_tokens": 2,
            "cache_read_input_tokens": 3,
            "output_tokens": 9,
            "output_tokens_details": {"thinking_tokens": 4},
        },
    }
    response = decode_response(json.dumps(message).encode())
    assert json.loads(encode_response(response, ChatRequest(model="m", messages=[]))) == message
