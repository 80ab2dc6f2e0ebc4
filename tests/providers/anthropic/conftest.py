"""Calls, targets and streams for the tests of the Anthropic dialect."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from penstock.providers.types import InboundCall, Operation, Target
from penstock.wire.snapshot import ProviderEntry

MakeCall = Callable[..., InboundCall]


@pytest.fixture(scope="session")
def make_call() -> MakeCall:
    def make(body: dict[str, Any], *, operation: Operation = "messages", **headers: str) -> InboundCall:
        fields = msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw])
        return InboundCall(
            operation=operation,
            fields=fields,
            model=body.get("model", "claude-opus-4-8"),
            stream=bool(body.get("stream")),
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    return make


@pytest.fixture(scope="session")
def make_target() -> Callable[..., Target]:
    def make(model: str = "claude-haiku-4-5", *, api_version: str | None = None, **headers: str) -> Target:
        provider = ProviderEntry(
            name="ant", kind="anthropic", base_url="https://api.anthropic.com/v1", api_version=api_version
        )
        return Target(
            provider=provider,
            model=model,
            secret="sk-ant",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    return make


@pytest.fixture(scope="session")
def sse() -> Callable[..., bytes]:
    """An event stream as the vendor writes it."""

    def write(*events: dict[str, Any]) -> bytes:
        return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)

    return write


@pytest.fixture(scope="session")
def answer_events() -> list[dict[str, Any]]:
    """A whole answer: thinking, text, one tool call, usage on both ends."""
    usage = {"input_tokens": 25, "cache_creation_input_tokens": 7, "cache_read_input_tokens": 11, "output_tokens": 1}
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    tool = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}

    def delta(index: int, **members: Any) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": index, "delta": members}

    return [
        {"type": "message_start", "message": message},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "ping"},
        delta(0, type="thinking_delta", thinking="Let me "),
        delta(0, type="thinking_delta", thinking="see."),
        delta(0, type="signature_delta", signature="c2ln"),
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        delta(1, type="text_delta", text="Looking — "),
        delta(1, type="text_delta", text="it \u2603 up."),
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block": tool},
        delta(2, type="input_json_delta", partial_json=""),
        delta(2, type="input_json_delta", partial_json='{"city": "Li'),
        delta(2, type="input_json_delta", partial_json='ma", "days": 1.50}'),
        {"type": "content_block_stop", "index": 2},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 42, "output_tokens_details": {"thinking_tokens": 12}},
        },
        {"type": "message_stop"},
    ]
