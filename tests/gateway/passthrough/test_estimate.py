"""What a call may need, before it is sent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passthrough_harness import END, FORM, Caller, field, read
from penstock.gateway.passthrough.estimate import estimate_passage
from penstock.gateway.passthrough.paths import endpoint_of
from penstock.gateway.passthrough.types import Resolved
from penstock.providers.types import Target
from penstock.wire.snapshot import ProviderEntry

ENTRY = ProviderEntry(name="p", kind="gemini", base_url="http://p/v1beta")


async def estimate(content, *, path="/v1/completions", model="m", kind="application/json", **limits):
    source = content if isinstance(content, bytes) else json.dumps(content).encode()
    body = await read(Caller(source, content_type=kind), **{"max_json": 1_000_000, **limits})
    endpoint = endpoint_of("POST", path.encode(), b"", providers={"p": ENTRY})
    resolved = Resolved(target=Target(provider=ENTRY, model=model))
    usage = estimate_passage(endpoint, body, resolved, output=1000)
    return None if usage is None else (usage.input, usage.output)


@pytest.mark.parametrize(
    ("content", "path", "expected"),
    [
        ({"prompt": "x" * 40}, "/v1/completions", (10, 1000)),
        ({"prompt": "x" * 40, "max_tokens": 7}, "/v1/completions", (10, 7)),
        ({"prompt": "", "max_completion_tokens": 8, "max_tokens": -1}, "/v1/completions", (0, 8)),
        ({"max_output_tokens": 9}, "/v1/completions", (0, 9)),
        ({"max_tokens": "many", "generationConfig": [1]}, "/v1/completions", (1, 1000)),
        (
            {"contents": [{"parts": [{"text": "four"}]}], "generationConfig": {"maxOutputTokens": 5}},
            "/p/v1beta/x",
            (1, 5),
        ),
        ({"documents": ["four", "four"]}, "/v1/rerank", (2, 0)),
        ({"content": "four"}, "/p/v1beta/models/e:embedContent", (1, 0)),
        ({"image": "A" * 100_000}, "/v1/images/edits", (765, 1000)),
        ([["four"], 1, None], "/v1/completions", (1, 1000)),
    ],
)
async def test_texts_count_and_so_does_the_longest_answer(content, path, expected):
    assert await estimate(content, path=path) == expected


async def test_a_body_that_streams_counts_for_its_answer_only():
    form = field("model", b"m") + field("file", b"x" * 1000, filename="a.wav") + END
    assert await estimate(form, path="/v1/audio/transcriptions", kind=FORM) == (0, 1000)


async def test_what_is_free_or_names_no_model_needs_nothing():
    assert await estimate({}, path="/v1/files") is None
    assert await estimate({"input": "x"}, path="/v1/moderations") is None
    assert await estimate({"prompt": "x"}, model="") is None


async def test_deep_nesting_is_not_followed_for_ever():
    deep = b'{"a":' * 500 + b'"four"' + b"}" * 500
    assert await estimate(deep) == (0, 1000)


@given(
    content=st.recursive(
        st.text() | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
async def test_no_json_is_too_odd_to_be_counted(content):
    given_tokens, made = await estimate(content)
    assert given_tokens >= 0
    assert made > 0
