"""What a pass-through call may use at most, near enough, before it is sent."""

from typing import Any, Final, cast

import msgspec

from penstock.gateway.passthrough.body import Body
from penstock.gateway.passthrough.types import Endpoint, Resolved
from penstock.providers.estimate import estimate_text_tokens
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.metering import is_free
from penstock.wire.usage import Usage

__all__ = ["estimate_passage"]

DATA_TOKENS: Final = 765
"""For a picture, sound or a document that stands in JSON as base64."""
DATA_CHARACTERS: Final = 2000
"""A text without any white space that is longer is data."""
MAX_DEPTH: Final = 64
_NO_OUTPUT: Final = ("embeddings", "rerank", "score", "classify", "pooling", ":embedContent", ":batchEmbedContents")


class _Asked(msgspec.Struct):
    """Where a body says how long its answer may be."""

    max_tokens: Any = None
    max_completion_tokens: Any = None
    max_output_tokens: Any = None
    gemini: Any = msgspec.field(default=None, name="generationConfig")


_decode_asked = msgspec.json.Decoder(_Asked).decode


def estimate_passage(endpoint: Endpoint, body: Body, resolved: Resolved, *, output: int) -> Usage | None:
    """Tokens that the call may take; None for what is free or runs no model that is known.

    Args:
        endpoint: What is asked.
        body: Read as far as its model. Of a body that streams nothing is counted.
        resolved: Where it goes.
        output: Tokens of an answer whose length the body does not bound.
    """
    target = resolved.target
    if not target.model or is_free(target.provider.kind, endpoint.method, endpoint.path):
        return None
    made = 0 if endpoint.path.endswith(_NO_OUTPUT) else _asked(body.json) or output
    return Usage(input=_given(body.json), output=made, estimated=True)


def _given(data: bytes | None) -> int:
    if not data:
        return 0
    try:
        return _tokens(msgspec.json.decode(data), 0)
    except JSON_ERRORS:
        return 0


def _tokens(value: Any, depth: int) -> int:
    if isinstance(value, str):
        is_data = len(value) > DATA_CHARACTERS and len(value.split(None, 1)) == 1
        return DATA_TOKENS if is_data else estimate_text_tokens(value)
    if depth >= MAX_DEPTH:
        return 0
    if isinstance(value, dict):
        value = list(cast("dict[str, Any]", value).values())
    if isinstance(value, list):
        return sum(_tokens(item, depth + 1) for item in cast("list[Any]", value))
    return 0


def _asked(data: bytes | None) -> int:
    try:
        asked = _decode_asked(data or b"{}")
    except JSON_ERRORS:
        return 0
    limits: list[Any] = [asked.max_tokens, asked.max_completion_tokens, asked.max_output_tokens]
    generation = cast("object", asked.gemini)
    if isinstance(generation, dict):
        limits.append(cast("dict[str, Any]", generation).get("maxOutputTokens"))
    return max((limit for limit in limits if isinstance(limit, int) and limit > 0), default=0)
