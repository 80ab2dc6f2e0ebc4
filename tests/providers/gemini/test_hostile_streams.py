"""Whatever bytes an upstream sends, a stream ends or goes on; it never raises."""

import json

from hypothesis import given
from hypothesis import strategies as st

from penstock.providers.gemini.generate_content import stream_decoder

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6))
names = [
    "candidates",
    "content",
    "parts",
    "text",
    "thought",
    "thoughtSignature",
    "functionCall",
    "name",
    "args",
    "finishReason",
    "index",
    "usageMetadata",
    "promptTokenCount",
    "promptFeedback",
    "error",
    "responseId",
]
values = st.recursive(
    st.one_of(scalars, st.sampled_from(["STOP", "SAFETY", "MALFORMED_FUNCTION_CALL"])),
    lambda deeper: st.one_of(st.lists(deeper, max_size=2), st.dictionaries(st.sampled_from(names), deeper, max_size=4)),
    max_leaves=10,
)
candidates = st.fixed_dictionaries(
    {"content": st.builds(lambda part: {"parts": [part]}, st.dictionaries(st.sampled_from(names), values, max_size=3))},
    optional={"finishReason": st.sampled_from(["STOP", "X"]), "index": st.integers(0, 2)},
)
events = st.one_of(
    st.dictionaries(st.sampled_from(names), values, max_size=4),
    st.builds(lambda some: {"candidates": some}, st.lists(candidates, max_size=2)),
).map(lambda body: b"data: " + json.dumps(body).encode() + b"\r\n\r\n")


@given(chunks=st.lists(st.one_of(events, st.binary(max_size=12)), max_size=6))
def test_a_stream_never_raises(chunks):
    decoder = stream_decoder()
    for chunk in chunks:
        decoder.feed(chunk)
    decoder.finish()
    assert decoder.done or decoder.failure is not None
