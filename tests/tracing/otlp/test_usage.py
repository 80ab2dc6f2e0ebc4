"""Overlapping totals become disjoint buckets: by what each convention says of itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otlp_harness import map_one
from penstock.tracing.otlp.mapping.usage import take_cost, take_usage, usage_names

GENAI = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "m"}


def usage(attributes: dict[str, object]):
    reported = take_usage(dict(attributes), usage_names(attributes))
    assert reported is not None
    return reported.usage


def test_genai_counts_cached_tokens_within_the_input_and_reasoning_within_the_output():
    found = usage(
        {
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.cache_read.input_tokens": 700,
            "gen_ai.usage.cache_creation.input_tokens": 100,
            "gen_ai.usage.output_tokens": 300,
            "gen_ai.usage.reasoning.output_tokens": 250,
        }
    )
    assert (found.input, found.cache_read, found.cache_write, found.output, found.reasoning) == (200, 700, 100, 50, 250)


def test_openinference_counts_its_details_within_its_totals():
    found = usage(
        {
            "llm.token_count.prompt": 1000,
            "llm.token_count.prompt_details.cache_read": 600,
            "llm.token_count.prompt_details.cache_write": 100,
            "llm.token_count.prompt_details.audio": 50,
            "llm.token_count.completion": 80,
            "llm.token_count.completion_details.reasoning": 30,
            "llm.token_count.completion_details.audio": 10,
            "llm.token_count.total": 1080,
        }
    )
    assert (found.input, found.cache_read, found.cache_write, found.input_audio) == (250, 600, 100, 50)
    assert (found.output, found.reasoning, found.output_audio) == (40, 30, 10)
    assert found.total == 1080


def test_anthropics_own_numbers_are_beside_each_other():
    """A raw `input_tokens` counts no cached ones: what is cached is more than the total it should be part of."""
    found = usage({"gen_ai.usage.input_tokens": 12, "gen_ai.usage.cache_read_input_tokens": 5000})
    assert (found.input, found.cache_read) == (12, 5000)


def test_thoughts_that_are_more_than_the_output_are_beside_it():
    found = usage({"gen_ai.usage.output_tokens": 10, "gen_ai.usage.reasoning_tokens": 90})
    assert (found.output, found.reasoning) == (10, 90)


def test_a_total_alone_is_input():
    assert usage({"llm.usage.total_tokens": 30}).input == 30
    assert usage({"gen_ai.usage.output_tokens": 10, "gen_ai.usage.total_tokens": 30}).input == 20


def test_two_conventions_on_one_span_count_once():
    found = usage(
        {
            "gen_ai.usage.input_tokens": 100,
            "llm.token_count.prompt": 100,
            "gen_ai.usage.completion_tokens": 5,
            "llm.token_count.completion": 5,
        }
    )
    assert found.total == 105


@pytest.mark.parametrize("wrong", ["many", -1, True, None, [1], 2.5, 2.5e300, float("nan")])
def test_what_is_no_count_of_tokens_is_left_where_it_was(wrong):
    attributes = {"gen_ai.usage.input_tokens": wrong}
    assert take_usage(attributes, usage_names(attributes)) is None
    assert list(attributes) == ["gen_ai.usage.input_tokens"]


@pytest.mark.parametrize("given_as", [7, 7.0, "7"])
def test_a_count_may_come_as_any_type(given_as):
    assert usage({"gen_ai.usage.input_tokens": given_as}).input == 7


COUNT = st.integers(0, 10**9)


@given(parts=st.tuples(COUNT, COUNT, COUNT, COUNT, COUNT))
def test_totals_are_taken_apart_and_nothing_is_lost_or_doubled(parts):
    plain, read, write, visible, thought = parts
    found = usage(
        {
            "gen_ai.usage.input_tokens": plain + read + write,
            "gen_ai.usage.cache_read.input_tokens": read,
            "gen_ai.usage.cache_creation.input_tokens": write,
            "gen_ai.usage.output_tokens": visible + thought,
            "gen_ai.usage.reasoning.output_tokens": thought,
        }
    )
    assert (found.input, found.cache_read, found.cache_write, found.output, found.reasoning) == parts


def test_a_cost_that_the_sender_computed_is_taken():
    record = map_one(GENAI | {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.cost": 0.000_012_5})
    assert (record.cost, record.price_version) == (12_500, "reported")


@pytest.mark.parametrize("wrong", [-1, True, "0.5", float("inf"), float("nan")])
def test_what_is_no_cost_is_left_alone(wrong):
    attributes = {"llm.cost.total": wrong}
    assert take_cost(attributes) is None
    assert attributes


def test_a_cost_that_cannot_be_computed_is_unknown():
    assert map_one(GENAI).cost is None
    assert map_one(GENAI | {"gen_ai.provider.name": "nobody", "gen_ai.usage.input_tokens": 10}).cost is None
    assert map_one(GENAI | {"gen_ai.usage.input_tokens": 10}).cost == 100
