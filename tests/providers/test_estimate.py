"""Token estimates where the upstream reported none."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.providers.estimate import (
    AUDIO_TOKENS,
    DOCUMENT_TOKENS,
    IMAGE_TOKENS,
    MESSAGE_TOKENS,
    estimate_input_tokens,
    estimate_text_tokens,
    estimate_usage,
)
from penstock.providers.types import Answer
from penstock.wire.usage import Usage


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("a" * 400, 100),
        ("水道管", 3),
        ("水 pipe", 3),
        ("Привет", 3),
        ("🙂", 1),
        ("한국어", 3),
    ],
)
def test_tokens_are_counted_by_script(text, tokens):
    assert estimate_text_tokens(text) == tokens


@given(st.text(), st.text())
def test_more_text_is_never_fewer_tokens(a, b):
    assert estimate_text_tokens(a + b) >= max(estimate_text_tokens(a), estimate_text_tokens(b)) - 2
    assert estimate_text_tokens(a + b) <= estimate_text_tokens(a) + estimate_text_tokens(b)


def message(tokens):
    return MESSAGE_TOKENS + tokens


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ("a" * 40, 10),
        ([{"type": "text", "text": "a" * 40}], 10),
        ([{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 9000}}], IMAGE_TOKENS),
        ([{"type": "input_audio", "input_audio": {"data": "A" * 9000, "format": "wav"}}], AUDIO_TOKENS),
        ([{"type": "file", "file": {"file_data": "A" * 9000}}], DOCUMENT_TOKENS),
    ],
)
def test_media_has_a_flat_figure_and_base64_is_never_text(content, tokens, call):
    asked = call(messages=[{"role": "user", "content": content}])
    assert estimate_input_tokens(asked) == message(tokens)


def test_the_system_prompt_the_tools_and_tool_arguments_count(call):
    asked = call(
        "messages",
        system="a" * 40,
        messages=[
            {"role": "user", "content": "a" * 40},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "x" * 99, "name": "f", "input": {"n": 5}}]},
        ],
        tools=[{"name": "f"}],
    )
    assert estimate_input_tokens(asked) == 10 + message(10) + message(1 + 1) + len('[{"name": "f"}]') // 4 + 1


def test_a_responses_call_counts_its_input_and_instructions(call):
    assert estimate_input_tokens(call("responses", input="a" * 40, instructions="a" * 8)) == 12


@pytest.mark.parametrize(
    ("value", "tokens"), [("a" * 40, 10), (["a" * 40, "水"], 11), ([1, 2, 3], 3), ([[1, 2], [3]], 3), ([{}], 0)]
)
def test_every_form_of_embedding_input_is_counted(value, tokens, call):
    asked = call("embeddings", input=value)
    assert estimate_input_tokens(asked) == tokens
    assert estimate_usage(asked, Answer()) == Usage(input=tokens, estimated=True)


def test_what_was_received_of_an_answer_is_counted_by_kind(call):
    """FAILURES G1, G6"""
    output = (
        b'[{"role":"assistant","parts":[{"type":"reasoning","content":"aaaaaaaa"},{"type":"text","content":"aaaa"},'
        b'{"type":"tool_call","name":"f","arguments":{"a":1}},{"type":"tool_call","arguments":"aaaa"}]}]'
    )
    usage = estimate_usage(call(), Answer(output=output))
    assert usage == Usage(
        input=message(1), output=1 + (MESSAGE_TOKENS + 1 + 2) + (MESSAGE_TOKENS + 1), reasoning=2, estimated=True
    )


def test_an_answer_without_its_text_is_counted_by_its_length(call):
    assert estimate_usage(call(), Answer(output_characters=41)).output == 11
    assert estimate_usage(call(), Answer(output=b"{broken", output_characters=1)).output == 1
    assert estimate_usage(call(), Answer(output=b"{}")).output == 0


def test_a_call_that_nests_beyond_every_dialect_is_still_counted(call):
    deep = "[" * 400 + "]" * 400
    asked = msgspec.structs.replace(call(), fields={"messages": msgspec.Raw(deep.encode()), "input": msgspec.Raw(b"{")})
    assert estimate_input_tokens(asked) == 0
