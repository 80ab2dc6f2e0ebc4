import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.simulator.dialects.embeddings import embed


def inner(left, right):
    return sum(a * b for a, b in zip(left, right, strict=True))


@given(st.text(), st.integers(1, 300))
def test_a_vector_has_length_one_and_is_the_same_each_time(text, size):
    vector = embed(text, size)
    assert len(vector) == size
    assert math.isclose(inner(vector, vector), 1.0) or inner(vector, vector) == 0.0
    assert vector == embed(text, size)


def test_like_texts_are_closer_than_unlike_ones():
    base = embed("the river drives the turbine", 256)
    assert inner(base, embed("a river drives a turbine", 256)) > inner(base, embed("pancakes with syrup", 256)) + 0.2


async def test_the_sdk_gets_one_vector_for_each_text_in_either_encoding(openai_client):
    texts = ["rivers", "valves", "rivers"]
    floats = await openai_client.embeddings.create(
        model="text-embedding-3-small", input=texts, dimensions=64, encoding_format="float"
    )
    packed = await openai_client.embeddings.create(model="text-embedding-3-small", input=texts, dimensions=64)
    assert [entry.index for entry in floats.data] == [0, 1, 2]
    assert floats.data[0].embedding == floats.data[2].embedding != floats.data[1].embedding
    assert packed.data[1].embedding == pytest.approx(floats.data[1].embedding, abs=1e-6)
    assert floats.usage.prompt_tokens == floats.usage.total_tokens > 0


async def test_tokens_are_taken_in_place_of_text(openai_client):
    one = await openai_client.embeddings.create(model="text-embedding-3-small", input=[1, 2, 3])
    two = await openai_client.embeddings.create(model="text-embedding-3-small", input=[[1, 2, 3], [4]])
    assert len(one.data) == 1
    assert len(one.data[0].embedding) == 1536
    assert one.data[0].embedding == two.data[0].embedding


@pytest.mark.parametrize(
    "fields",
    [
        {"input": []},
        {"input": [""]},
        {"input": 5},
        {"input": ["a", 1]},
        {"dimensions": 0},
        {"model": None},
        {"input": None},
    ],
)
async def test_what_the_vendor_refuses_is_refused_with_400(sim, fields):
    body = {"model": "text-embedding-3-small", "input": "x", **fields}
    status, _, answer = await sim.post("/v1/embeddings", body)
    assert status == 400
    assert json.loads(answer)["error"]["type"] == "invalid_request_error"
