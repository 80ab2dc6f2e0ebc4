"""What a route sets on a call."""

import json
from typing import Any

import pytest

from penstock.providers.inbound import parse_call
from penstock.providers.parameters import asked_output_tokens, with_parameters
from penstock.providers.types import InboundCall, Operation, Target
from penstock.wire.routing import Parameters
from penstock.wire.snapshot import ProviderEntry


def call(operation: Operation = "chat", **members: Any) -> InboundCall:
    prompt = (
        {"input": "Hi"}
        if operation in ("responses", "embeddings")
        else {"messages": [{"role": "user", "content": "Hi"}]}
    )
    return parse_call(operation, json.dumps({"model": "m", **prompt, **members}).encode(), {})


def target(base_url: str = "http://localhost/v1") -> Target:
    return Target(provider=ProviderEntry(name="p", kind="openai", base_url=base_url), model="m")


def body(one: InboundCall) -> dict[str, Any]:
    return {name: json.loads(bytes(raw)) for name, raw in one.fields.items()}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("chat", {"temperature": 0.5, "top_p": 0.9, "stop": ["x"], "seed": 7, "max_tokens": 10}),
        ("responses", {"temperature": 0.5, "top_p": 0.9, "max_output_tokens": 10}),
        ("messages", {"temperature": 0.5, "top_p": 0.9, "stop_sequences": ["x"], "max_tokens": 10}),
        ("embeddings", {}),
    ],
)
def test_a_variants_parameters_stand_where_the_dialect_has_a_place(
    operation: Operation, expected: dict[str, Any]
) -> None:
    asked = call(operation, temperature=1.0)
    changed = with_parameters(
        asked, Parameters(temperature=0.5, top_p=0.9, stop=("x",), seed=7, max_output_tokens=10), target()
    )
    assert body(changed) == {**body(asked), **expected}


def test_without_parameters_the_call_is_the_same_object() -> None:
    asked = call()
    assert with_parameters(asked, Parameters(), target()) is asked


@pytest.mark.parametrize(("asked", "expected"), [(5, 5), (50, 10), (None, 10), ("many", 10)])
def test_a_bound_never_lengthens_what_the_caller_asked(asked: Any, expected: int) -> None:
    changed = with_parameters(call("messages", max_tokens=asked), Parameters(max_output_tokens=10), target())
    assert body(changed)["max_tokens"] == expected


@pytest.mark.parametrize(
    ("members", "base_url", "name"),
    [
        ({}, "https://api.openai.com/v1", "max_completion_tokens"),
        ({}, "http://localhost/v1", "max_tokens"),
        ({"max_tokens": 99}, "https://api.openai.com/v1", "max_tokens"),
        ({"max_completion_tokens": 99}, "http://localhost/v1", "max_completion_tokens"),
    ],
)
def test_a_chats_bound_is_spelled_as_its_caller_or_its_server_does(
    members: dict[str, Any], base_url: str, name: str
) -> None:
    changed = body(with_parameters(call(**members), Parameters(max_output_tokens=10), target(base_url)))
    assert {key: value for key, value in changed.items() if key.startswith("max")} == {name: 10}


def test_the_longest_answer_asked_for_counts_every_choice() -> None:
    assert asked_output_tokens(call(max_tokens=100, n=3)) == 300
    assert asked_output_tokens(call(max_completion_tokens=7, max_tokens=100)) == 7
    assert asked_output_tokens(call("responses", max_output_tokens=5)) == 5
    assert asked_output_tokens(call()) is None
    assert asked_output_tokens(call("embeddings")) is None
