"""OpenAI's usage objects ⇄ disjoint buckets.

In both of OpenAI's forms the totals overlap: `prompt_tokens` includes cached and audio tokens,
`completion_tokens` includes reasoning tokens. The buckets of one total always add up to it.
"""

from typing import Any

import msgspec

from penstock.providers.failures import JSON_ERRORS
from penstock.wire.usage import Usage

__all__ = ["chat_usage", "encode_chat_usage", "encode_responses_usage", "parse_usage"]


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class _Usage(msgspec.Struct):
    """Members of Chat Completions and of Responses; a server sends the one set or the other."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    input_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    output_tokens_details: _OutputDetails | None = None
    prompt_cache_hit_tokens: int | None = None
    """DeepSeek's way to say `cached_tokens`."""


_decode = msgspec.json.Decoder(_Usage).decode
_NO_INPUT = _InputDetails()
_NO_OUTPUT = _OutputDetails()


def parse_usage(raw: bytes | msgspec.Raw) -> Usage | None:
    """Buckets of a usage object in either form; None when it is null, no usage object, or says nothing."""
    try:
        reported = _decode(raw)
    except JSON_ERRORS:
        return None
    prompt = _first(reported.prompt_tokens, reported.input_tokens)
    completion = _first(reported.completion_tokens, reported.output_tokens)
    if prompt is None and completion is None:
        return None
    prompt, completion = max(prompt or 0, 0), max(completion or 0, 0)
    given = reported.prompt_tokens_details or reported.input_tokens_details or _NO_INPUT
    made = reported.completion_tokens_details or reported.output_tokens_details or _NO_OUTPUT
    cached = _first(given.cached_tokens, reported.prompt_cache_hit_tokens)
    if made.reasoning_tokens and reported.total_tokens == prompt + completion + made.reasoning_tokens:
        # xAI reports reasoning beside completion_tokens, not within; its total tells.
        completion += made.reasoning_tokens
    rest, cache_read, cache_write, input_audio, input_image = _share(
        prompt, cached, given.cache_write_tokens, given.audio_tokens, given.image_tokens
    )
    visible, reasoning, output_audio, output_image = _share(
        completion, made.reasoning_tokens, made.audio_tokens, made.image_tokens
    )
    return Usage(
        input=rest,
        cache_read=cache_read,
        cache_write=cache_write,
        output=visible,
        reasoning=reasoning,
        input_audio=input_audio,
        output_audio=output_audio,
        input_image=input_image,
        output_image=output_image,
    )


def chat_usage(usage: Usage) -> dict[str, Any]:
    """The `usage` member of a Chat Completions answer."""
    return {
        "prompt_tokens": usage.total_input,
        "completion_tokens": usage.total_output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
            "audio_tokens": usage.input_audio,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": usage.output_audio,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def encode_chat_usage(usage: Usage) -> msgspec.Raw:
    """`chat_usage`, encoded."""
    return msgspec.Raw(msgspec.json.encode(chat_usage(usage)))


def encode_responses_usage(usage: Usage) -> msgspec.Raw:
    """The `usage` member of a Responses answer."""
    return msgspec.Raw(
        msgspec.json.encode(
            {
                "input_tokens": usage.total_input,
                "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
                "output_tokens": usage.total_output,
                "output_tokens_details": {"reasoning_tokens": usage.reasoning},
                "total_tokens": usage.total,
            }
        )
    )


def _first(value: int | None, other: int | None) -> int | None:
    return other if value is None else value


def _share(total: int, *parts: int | None) -> tuple[int, ...]:
    """What is left of `total`, then each part cut to what was still there: all add up to `total`."""
    if not any(parts):
        return (total, *(0 for _ in parts))
    shares: list[int] = []
    for part in parts:
        share = min(max(part or 0, 0), total)
        total -= share
        shares.append(share)
    return (total, *shares)
