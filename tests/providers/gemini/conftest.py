"""Targets and streams for the tests of the Gemini dialect."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from penstock.providers.types import Target
from penstock.wire.snapshot import ProviderEntry


@pytest.fixture(scope="session")
def make_target() -> Callable[..., Target]:
    def make(model: str = "gemini-2.5-flash", **headers: str) -> Target:
        base_url = "https://generativelanguage.googleapis.com/v1beta"
        return Target(
            provider=ProviderEntry(name="goo", kind="gemini", base_url=base_url),
            model=model,
            secret="AIza",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    return make


@pytest.fixture(scope="session")
def sse() -> Callable[..., bytes]:
    """An event stream as the vendor writes it, CRLF and all."""

    def write(*chunks: dict[str, Any]) -> bytes:
        return b"".join(f"data: {json.dumps(chunk)}\r\n\r\n".encode() for chunk in chunks)

    return write
