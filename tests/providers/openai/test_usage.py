"""OpenAI's usage objects and the disjoint buckets."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import CompletionUsage
from openai.types.responses import ResponseUsage

from penstock.providers.openai.usage import chat_usage, encode_responses_usage, parse_usage
from penstock.wire.usage import Usage


def parse(**members):
    return parse_usage(json.dumps(members).encode())


def test_cached_and_reasoning_tokens_are_counted_once():
    """FAILURES G27"""
    usage = parse(
        prompt_tokens=100,
        completion_tokens=50,
        total_tokens=150,
        prompt_tokens_details={"cached_tokens": 60, "audio_tokens": 10, "cache_write_tokens": 5, "image_tokens": 1},
        completion_tokens_details={"reasoning_tokens": 30, "audio_tokens": 4, "accepted_prediction_tokens": 2},
    )
    assert usage == Usage(
        input=24, cache_read=60, cache_write=5, input_audio=10, input_image=1, output=16, reasoning=30, output_audio=4
    )
    assert usage.total == 150


def test_the_form_of_responses_is_read_too():
    """FAILURES G27"""
    usage = parse(
        input_tokens=36,
        input_tokens_details={"cached_tokens": 30},
        output_tokens=87,
        output_tokens_details={"reasoning_tokens": 80},
        total_tokens=123,
    )
    assert usage == Usage(input=6, cache_read=30, output=7, reasoning=80)


def test_an_embedding_has_input_only():
    assert parse(prompt_tokens=8, total_tokens=8) == Usage(input=8)


def test_the_cache_hits_of_deepseek_are_read():
    assert parse(prompt_tokens=10, completion_tokens=1, prompt_cache_hit_tokens=4) == Usage(
        input=6, cache_read=4, output=1
    )


def test_reasoning_reported_beside_the_completion_is_added_to_it():
    """xAI's totals tell that reasoning is not within `completion_tokens`."""
    usage = parse(
        prompt_tokens=32, completion_tokens=9, total_tokens=135, completion_tokens_details={"reasoning_tokens": 94}
    )
    assert usage == Usage(input=32, output=9, reasoning=94)


def test_details_larger_than_their_total_never_make_a_bucket_negative():
    usage = parse(
        prompt_tokens=5,
        completion_tokens=-3,
        prompt_tokens_details={"cached_tokens": 9, "audio_tokens": -1},
        completion_tokens_details={"reasoning_tokens": 7},
    )
    assert usage == Usage(cache_read=5)


@pytest.mark.parametrize("raw", [b"null", b"{}", b"[]", b'{"prompt_tokens":"7"}', b"{", b'{"total_tokens":3}'])
def test_what_is_no_usage_is_none(raw):
    assert parse_usage(raw) is None


counts = st.integers(0, 10**9)
usages = st.builds(
    Usage,
    input=counts,
    cache_read=counts,
    cache_write=counts,
    output=counts,
    reasoning=counts,
    input_audio=counts,
    output_audio=counts,
)


@given(usages)
def test_chat_usage_that_is_written_is_read_back(usage):
    """FAILURES G27"""
    written = chat_usage(usage)
    CompletionUsage.model_validate(written)
    assert parse_usage(json.dumps(written).encode()) == usage
    assert written["total_tokens"] == usage.total


@given(usages)
def test_responses_usage_that_is_written_keeps_every_total(usage):
    """FAILURES G27"""
    written = ResponseUsage.model_validate_json(bytes(encode_responses_usage(usage)))
    read = parse_usage(bytes(encode_responses_usage(usage)))
    assert read is not None
    assert (read.total_input, read.total_output) == (usage.total_input, usage.total_output)
    assert (read.cache_read, read.cache_write, read.reasoning) == (
        usage.cache_read,
        usage.cache_write,
        usage.reasoning,
    )
    assert written.total_tokens == usage.total
