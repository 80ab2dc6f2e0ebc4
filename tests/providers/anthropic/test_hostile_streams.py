"""Whatever bytes an upstream sends, a stream ends or goes on; it never raises."""

import json

from hypothesis import given
from hypothesis import strategies as st

from penstock.providers.anthropic.messages import stream_decoder, stream_encoder
from penstock.providers.anthropic.passthrough import MessagesStreamCodec
from penstock.wire.chat import ChatRequest

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6))
members = ["type", "index", "delta", "content_block", "message", "usage", "text", "partial_json", "stop_reason", "id"]
kinds = st.sampled_from(
    ["message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop", "error", "ping"]
)
inner = st.sampled_from(["text", "tool_use", "thinking", "text_delta", "input_json_delta", "signature_delta"])
values = st.recursive(
    st.one_of(scalars, inner),
    lambda deeper: st.one_of(
        st.lists(deeper, max_size=2), st.dictionaries(st.sampled_from(members), deeper, max_size=4)
    ),
    max_leaves=8,
)
events = st.builds(
    lambda kind, rest: b"data: " + json.dumps(rest | {"type": kind}).encode() + b"\n\n",
    kinds,
    st.dictionaries(st.sampled_from(members), values, max_size=4),
)
streams = st.lists(st.one_of(events, st.binary(max_size=12)), max_size=6)


@given(chunks=streams)
def test_a_conversion_never_raises(chunks):
    decoder = stream_decoder()
    encoder = stream_encoder(ChatRequest(model="m", messages=[]), created=0, wants_usage=False)
    for chunk in chunks:
        for event in decoder.feed(chunk):
            encoder.event(event)
    decoder.finish()
    encoder.finish()
    assert decoder.done or decoder.failure is not None


@given(chunks=streams)
def test_a_pass_through_never_raises_and_invents_nothing(chunks):
    codec = MessagesStreamCodec()
    out = b"".join([codec.feed(chunk) for chunk in chunks]) + codec.finish()
    assert b"".join(chunks).removeprefix(b"\xef\xbb\xbf").startswith(out.rstrip(b"\r\n"))
    assert codec.done or codec.failure is not None
    json.loads(codec.answer().output)
