"""Gemini's token counts as disjoint buckets.

`promptTokenCount` includes `cachedContentTokenCount`; `candidatesTokenCount` excludes
`thoughtsTokenCount`; tokens of tool results stand beside both in `toolUsePromptTokenCount`
(https://ai.google.dev/api/generate-content#UsageMetadata). Video and document tokens are billed as text
and are counted so.
"""

import msgspec

from penstock.providers.failures import JSON_ERRORS
from penstock.providers.gemini.wire import ModalityCount, UsageMetadata
from penstock.wire.usage import Usage

__all__ = ["read_usage"]

_decode = msgspec.json.Decoder(UsageMetadata).decode


def read_usage(raw: bytes | None) -> Usage | None:
    """Buckets of a `usageMetadata` object; None for none and for what is none, so that tokens are estimated."""
    if raw is None:
        return None
    try:
        counts = _decode(raw)
    except JSON_ERRORS:
        return None
    cached = min(counts.cached_content_token_count or 0, counts.prompt_token_count or 0)
    fresh = (counts.prompt_token_count or 0) - cached + (counts.tool_use_prompt_token_count or 0)
    # Details of the prompt include its cached part; cached tokens are one bucket whatever they hold.
    prompt, from_cache, tools = (
        counts.prompt_tokens_details,
        counts.cache_tokens_details,
        counts.tool_use_prompt_tokens_details,
    )
    audio = _of(prompt, "AUDIO") - _of(from_cache, "AUDIO") + _of(tools, "AUDIO")
    image = _of(prompt, "IMAGE") - _of(from_cache, "IMAGE") + _of(tools, "IMAGE")
    input_audio = max(0, min(audio, fresh))
    input_image = max(0, min(image, fresh - input_audio))
    written = counts.candidates_token_count or 0
    output_audio = min(_of(counts.candidates_tokens_details, "AUDIO"), written)
    output_image = min(_of(counts.candidates_tokens_details, "IMAGE"), written - output_audio)
    return Usage(
        input=fresh - input_audio - input_image,
        cache_read=cached,
        output=written - output_audio - output_image,
        reasoning=counts.thoughts_token_count or 0,
        input_audio=input_audio,
        input_image=input_image,
        output_audio=output_audio,
        output_image=output_image,
    )


def _of(details: list[ModalityCount] | None, modality: str) -> int:
    return sum(entry.token_count for entry in details or () if entry.modality == modality)
