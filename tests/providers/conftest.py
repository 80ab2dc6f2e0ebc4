"""Calls, targets and streams for the tests of every dialect."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from penstock.providers.dialects import parse_call
from penstock.providers.types import InboundCall, Operation, Target
from penstock.wire.snapshot import ProviderEntry

BASE_URLS = {
    "openai": "https://api.openai.com/v1",
    "azure": "https://acme.openai.azure.com",
    "anthropic": "https://api.anthropic.com/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
}


@pytest.fixture(scope="session")
def call() -> Callable[..., InboundCall]:
    """A parsed call: `call("chat", messages=[…])`."""

    def make(operation: Operation = "chat", /, *, headers: dict[str, str] | None = None, **members: Any) -> InboundCall:
        body: dict[str, Any] = {"model": "asked"}
        if operation in {"chat", "messages", "count_tokens"}:
            body["messages"] = [{"role": "user", "content": "Hi"}]
        if operation == "messages":
            body["max_tokens"] = 100
        if operation in {"responses", "embeddings"}:
            body["input"] = "Hi"
        return parse_call(operation, json.dumps({**body, **members}).encode(), headers or {})

    return make


@pytest.fixture(scope="session")
def target() -> Callable[..., Target]:
    def make(kind: str = "openai", **provider: Any) -> Target:
        entry = ProviderEntry(**{"name": "up", "kind": kind, "base_url": BASE_URLS[kind], **provider})
        return Target(provider=entry, model="served", secret="sk-secret")

    return make


@pytest.fixture(scope="session")
def stream() -> Callable[..., bytes]:
    """An event stream of `data:` lines as OpenAI writes it; a text stands as it is."""

    def write(*events: dict[str, Any] | str) -> bytes:
        lines = (event if isinstance(event, str) else json.dumps(event) for event in events)
        return b"".join(f"data: {line}\n\n".encode() for line in lines)

    return write


@pytest.fixture(scope="session")
def chunk() -> Callable[..., dict[str, Any]]:
    """One chunk of a chat stream: `chunk(content="Hi")`, `chunk(finish="stop")`."""

    def make(*, finish: str | None = None, index: int = 0, usage: Any = None, **delta: Any) -> dict[str, Any]:
        made: dict[str, Any] = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1741569952,
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}],
        }
        if usage is not None:
            made["usage"] = usage
        return made

    return make


@pytest.fixture(scope="session")
def usage_chunk() -> dict[str, Any]:
    """The last chunk of a stream that was asked for its usage."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1741569952,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [],
        "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29},
    }
