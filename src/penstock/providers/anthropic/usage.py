"""Anthropic's token counts as disjoint buckets, and back.

`input_tokens` excludes what was read from or written to the prompt cache; `output_tokens` includes
thinking (https://platform.claude.com/docs/en/build-with-claude/prompt-caching#tracking-cache-performance).
"""

from typing import Annotated

import msgspec

from penstock.providers.failures import JSON_ERRORS
from penstock.wire.usage import Usage

__all__ = ["encode_usage", "merge_usage", "read_usage"]


Count = Annotated[int, msgspec.Meta(ge=0)]


class _Details(msgspec.Struct):
    thinking_tokens: Count | None = None


class _Counts(msgspec.Struct):
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    output_tokens_details: _Details | None = None


_decode_counts = msgspec.json.Decoder(_Counts).decode
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def read_usage(raw: bytes | None) -> Usage | None:
    """Buckets of a usage object; None for none and for what is no usage object, so that tokens are estimated."""
    if raw is None:
        return None
    try:
        counts = _decode_counts(raw)
    except JSON_ERRORS:
        return None
    output = counts.output_tokens or 0
    thinking = counts.output_tokens_details.thinking_tokens if counts.output_tokens_details else None
    reasoning = min(thinking or 0, output)
    return Usage(
        input=counts.input_tokens or 0,
        cache_read=counts.cache_read_input_tokens or 0,
        cache_write=counts.cache_creation_input_tokens or 0,
        output=output - reasoning,
        reasoning=reasoning,
    )


def merge_usage(earlier: bytes | None, later: bytes | None) -> bytes | None:
    """A later, cumulative report over an earlier one: it replaces what it names and never adds.

    A null or zero says nothing against a count reported before: counts do not shrink, and compatible
    servers fill members of `message_delta` that they do not track with zeros. A report that is no usage
    object changes nothing.
    """
    if later is None or read_usage(later) is None:
        return earlier
    if earlier is None:
        return later
    merged = _decode_members(earlier)
    for name, value in _decode_members(later).items():
        if name not in merged or bytes(value) not in (b"null", b"0"):
            merged[name] = value
    return msgspec.json.encode(merged)


def encode_usage(usage: Usage) -> dict[str, object]:
    """The usage object of a whole answer. Audio and image tokens are counted as plain ones, as Anthropic does."""
    counts: dict[str, object] = {
        "input_tokens": usage.input + usage.input_audio + usage.input_image,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.total_output,
    }
    if usage.reasoning:
        counts["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return counts
