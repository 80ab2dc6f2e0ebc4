"""OpenAI's embeddings by way of `batchEmbedContents`."""

import base64
import json
import struct

import msgspec
import pytest
from openai.types import CreateEmbeddingResponse

from penstock.core.errors import InvalidInput, UpstreamError
from penstock.providers.gemini.embeddings import decode_embeddings, render_embeddings
from penstock.providers.types import InboundCall
from penstock.wire.usage import Usage


def call(**body):
    fields = msgspec.json.decode(json.dumps({"model": "alias", **body}), type=dict[str, msgspec.Raw])
    return InboundCall(operation="embeddings", fields=fields, model="alias")


ANSWER = b'{"embeddings": [{"values": [0.5, -1]}, {"values": [2, 0.25]}], "usageMetadata": {"promptTokenCount": 7}}'


def test_each_text_is_a_request(make_target):
    request = render_embeddings(call(input=["a", "b"], dimensions=256, user="u"), make_target("gemini-embedding-001"))
    assert request.url.endswith("/models/gemini-embedding-001:batchEmbedContents")
    assert request.headers["x-goog-api-key"] == "AIza"
    assert json.loads(request.body) == {
        "requests": [
            {
                "model": "models/gemini-embedding-001",
                "content": {"parts": [{"text": text}]},
                "outputDimensionality": 256,
            }
            for text in ("a", "b")
        ]
    }


def test_a_single_text_needs_no_list(make_target):
    assert json.loads(render_embeddings(call(input="a"), make_target()).body)["requests"] == [
        {"model": "models/gemini-2.5-flash", "content": {"parts": [{"text": "a"}]}}
    ]


def test_the_answer_is_what_the_openai_sdk_reads(make_target):
    reply = decode_embeddings(call(input=["a", "b"]), make_target("g"), ANSWER)
    parsed = CreateEmbeddingResponse.model_validate_json(reply.body, strict=True)
    assert [item.embedding for item in parsed.data] == [[0.5, -1.0], [2.0, 0.25]]
    assert [item.index for item in parsed.data] == [0, 1]
    assert (parsed.model, parsed.usage.prompt_tokens, parsed.usage.total_tokens) == ("g", 7, 7)
    assert (reply.answer.usage, reply.answer.usage_raw) == (Usage(input=7), b'{"promptTokenCount": 7}')


def test_base64_is_little_endian_floats(make_target):
    reply = decode_embeddings(call(input=["a", "b"], encoding_format="base64"), make_target(), ANSWER)
    first = json.loads(reply.body)["data"][0]["embedding"]
    assert struct.unpack("<2f", base64.b64decode(first)) == (0.5, -1.0)


def test_tokens_that_were_not_counted_are_estimated(make_target):
    """FAILURES G1"""
    reply = decode_embeddings(call(input="twelve chars"), make_target(), b'{"embeddings": [{"values": [1]}]}')
    assert reply.answer.usage == Usage(input=3, estimated=True)
    assert json.loads(reply.body)["usage"]["prompt_tokens"] == 3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"input": [1, 2, 3]}, "input"),
        ({"input": [[1, 2], [3]]}, "input"),
        ({"input": []}, "input"),
        ({}, "input"),
        ({"input": "a", "dimensions": "many"}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "encoding_format": 1}, "encoding_format"),
    ],
)
def test_what_gemini_cannot_embed_is_refused_by_name(make_target, body, field):
    with pytest.raises(InvalidInput) as raised:
        render_embeddings(call(**body), make_target())
    assert raised.value.field == field


@pytest.mark.parametrize("body", [b"", b"{}", b'{"embeddings": []}', b'{"embeddings": [{"values": ["x"]}]}'])
def test_a_body_without_the_embeddings_is_malformed(make_target, body):
    with pytest.raises(UpstreamError, match="malformed"):
        decode_embeddings(call(input="a"), make_target(), body)


def test_a_value_beyond_floats_is_malformed(make_target):
    with pytest.raises(UpstreamError, match="32-bit"):
        decode_embeddings(
            call(input="a", encoding_format="base64"), make_target(), b'{"embeddings": [{"values": [1e300]}]}'
        )
