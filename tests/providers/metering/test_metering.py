"""Usage found in answers while they pass."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.providers.metering import Meter, is_free
from penstock.providers.metering.meter import MAX_HELD
from penstock.wire.usage import Usage

JSON = "application/json"
SSE = "text/event-stream; charset=utf-8"


def metered(answer, *, kind="openai", path="x", content_type=JSON, size=1000):
    data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    meter = Meter(kind, path=path, content_type=content_type)
    for start in range(0, len(data), size):
        meter.feed(data[start : start + size])
    return meter.finish()


def events(*contents, end="\n\n"):
    return "".join(f"data: {one if isinstance(one, str) else json.dumps(one)}{end}" for one in contents).encode()


IMAGES = {
    "total_tokens": 1100,
    "input_tokens": 40,
    "output_tokens": 1060,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 30},
}


@pytest.mark.parametrize(
    ("kind", "path", "answer", "usage"),
    [
        ("openai", "images/edits", {"usage": IMAGES}, Usage(input=10, input_image=30, output_image=1060)),
        (
            "openai",
            "images/generations",
            {"usage": {**IMAGES, "output_tokens_details": {"image_tokens": 1000}}},
            Usage(input=10, input_image=30, output=60, output_image=1000),
        ),
        ("openai", "embeddings", {"usage": {"prompt_tokens": 8, "total_tokens": 8}}, Usage(input=8)),
        ("openai", "rerank", {"usage": {"total_tokens": 12}}, Usage(input=12)),
        (
            "openai",
            "audio/transcriptions",
            {"usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 5, "total_tokens": 19}},
            Usage(input=14, output=5),
        ),
        (
            "anthropic",
            "messages",
            {"usage": {"input_tokens": 5, "cache_read_input_tokens": 90, "output_tokens": 7}},
            Usage(input=5, cache_read=90, output=7),
        ),
        (
            "gemini",
            "models/g:generateContent",
            {"usageMetadata": {"promptTokenCount": 50, "cachedContentTokenCount": 20, "candidatesTokenCount": 3}},
            Usage(input=30, cache_read=20, output=3),
        ),
        ("openai", "rerank", {"meta": {"billed_units": {"input_tokens": 9.0}}}, Usage(input=9)),
    ],
)
def test_whole_answers_of_every_kind(kind, path, answer, usage):
    """FAILURES G27."""
    assert metered(answer, kind=kind, path=path).usage == usage


def test_seconds_and_search_units_are_told_as_such_and_are_no_tokens():
    seconds = metered({"text": "x", "usage": {"type": "duration", "seconds": 9}})
    assert (seconds.usage, seconds.seconds, seconds.usage_raw) == (None, 9, b'{"type": "duration", "seconds": 9}')
    units = metered({"results": [], "meta": {"billed_units": {"search_units": 1}}})
    assert (units.usage, units.searches) == (None, 1)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"usage": None},
        {"usage": "much"},
        {"usage": {"prompt_tokens": "many"}},
        {"usage": {"cost": 1}},
        {"usageMetadata": {"totalTokenCount": 5}},
        {"meta": 3},
        {"meta": {"billed_units": None}},
        [],
        b"not json",
        b"\xff\xfe",
        b"",
        b"[" * 100_000,
        events("{broken", {"usage": 4}),
    ],
)
@pytest.mark.parametrize("kind", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("content_type", [JSON, SSE])
def test_what_is_not_understood_is_unknown(kind, answer, content_type):
    """FAILURES G26: unknown is None, never a count of 0."""
    assert metered(answer, kind=kind, content_type=content_type).usage is None


@given(st.binary(max_size=300), st.sampled_from([JSON, SSE, "image/png", ""]), st.integers(1, 50))
def test_no_bytes_make_it_fail(data, content_type, size):
    for kind in ("openai", "anthropic", "gemini"):
        metered(data, kind=kind, content_type=content_type, size=size)


@pytest.mark.parametrize("content_type", ["image/png", "audio/mpeg", "text/plain", "application/jsonl", ""])
def test_binary_is_neither_read_nor_held(content_type):
    meter = Meter("openai", path="x", content_type=content_type)
    meter.feed(b'{"usage": {"prompt_tokens": 1}}')
    assert not meter._held
    assert meter.finish().usage is None


@pytest.mark.parametrize(
    ("kind", "stream", "usage", "model"),
    [
        (
            "openai",
            events(
                {"model": "m", "choices": []},
                {"model": "m", "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
                "[DONE]",
            ),
            Usage(input=1, output=2),
            "m",
        ),
        (
            "openai",
            events(
                {"response": {"usage": None}},
                {"response": {"model": "m", "usage": {"input_tokens": 3, "output_tokens": 4}}},
            ),
            Usage(input=3, output=4),
            "m",
        ),
        (
            "anthropic",
            events(
                {"type": "message_start", "message": {"model": "c", "usage": {"input_tokens": 9, "output_tokens": 1}}},
                {"type": "content_block_delta", "delta": {"text": '"usage'}},
                {"type": "message_delta", "usage": {"output_tokens": 20}},
                end="\r\n\r\n",
            ),
            Usage(input=9, output=20),
            "c",
        ),
        (
            "gemini",
            events(
                {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 1}, "modelVersion": "g"},
                {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 8}, "modelVersion": "models/g"},
            ).rstrip(),
            Usage(input=5, output=8),
            "g",
        ),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 64, 10_000])
def test_streams_are_read_however_they_are_cut_and_reports_replace_each_other(kind, stream, usage, model, size):
    """FAILURES G2."""
    found = metered(stream, kind=kind, content_type=SSE, size=size)
    assert (found.usage, found.model) == (usage, model)


def test_gemini_streams_that_are_lists_end_with_the_total():
    answers = [{"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": count}} for count in (1, 8)]
    assert metered(answers, kind="gemini").usage == Usage(input=5, output=8)
    large = [{"candidates": "x" * MAX_HELD}, answers[1]]
    assert metered(large, kind="gemini").usage == Usage(input=5, output=8)


PICTURE = "A" * (3 * MAX_HELD)


def test_usage_at_the_end_of_a_large_answer_is_found_without_holding_it():
    """FAILURES G9."""
    answer = {
        "created": 1,
        "data": [{"b64_json": PICTURE, "usage": {"prompt_tokens": 999}}],
        "size": "x",
        "usage": IMAGES,
    }
    data = json.dumps(answer).encode()
    meter = Meter("openai", path="images/generations", content_type=JSON)
    for start in range(0, len(data), 16_384):
        meter.feed(data[start : start + 16_384])
        assert len(meter._held) <= MAX_HELD
    assert meter.finish().usage == Usage(input=10, input_image=30, output_image=1060)


def test_members_within_a_large_answer_are_not_taken_for_its_own():
    answer = {"data": [PICTURE, {"usage": {"prompt_tokens": 5}, "text": '"usage": {"prompt_tokens": 7}'}]}
    assert metered(answer).usage is None


def test_a_large_event_is_read_by_its_end_and_the_next_one_whole():
    """FAILURES G9."""
    stream = events(
        {"type": "image_generation.completed", "b64_json": PICTURE, "usage": IMAGES},
        {"type": "later", "model": "gpt-image-1"},
    )
    meter = Meter("openai", path="images/generations", content_type=SSE)
    for start in range(0, len(stream), 4096):
        meter.feed(stream[start : start + 4096])
        assert len(meter._held) <= MAX_HELD
    found = meter.finish()
    assert (found.usage, found.model) == (Usage(input=10, input_image=30, output_image=1060), "gpt-image-1")


@pytest.mark.parametrize(
    ("kind", "method", "path", "free"),
    [
        ("openai", "GET", "responses/resp_1", True),
        ("openai", "DELETE", "files/f", True),
        ("openai", "POST", "files", True),
        ("openai", "POST", "uploads/u/parts", True),
        ("openai", "POST", "batches/b/cancel", True),
        ("openai", "POST", "responses/input_tokens", True),
        ("openai", "POST", "moderations", True),
        ("anthropic", "POST", "messages/count_tokens", True),
        ("gemini", "POST", "models/g:countTokens", True),
        ("azure", "POST", "deployments/d/tokenize", True),
        ("openai", "POST", "batches", False),
        ("openai", "POST", "images/generations", False),
        ("azure", "POST", "deployments/d/audio/speech", False),
        ("anthropic", "POST", "messages", False),
        ("anthropic", "POST", "messages/batches", False),
        ("gemini", "POST", "models/g:generateContent", False),
        ("openai", "POST", "filesystem", False),
    ],
)
def test_only_what_is_known_to_be_free_is_free(kind, method, path, free):
    assert is_free(kind, method, path) is free


def test_moderation_is_charged_by_who_reports_tokens():
    assert not is_free("openai", "POST", "moderations", reported=True)
