"""What stands on the wire of the Gemini API's answers, as far as it is read. Unknown members are skipped."""

from typing import Annotated, Final

import msgspec

__all__ = [
    "NOTHING",
    "Candidate",
    "Content",
    "FunctionCall",
    "GenerateContentResponse",
    "LogprobsResult",
    "ModalityCount",
    "Part",
    "UsageMetadata",
    "given",
]


# `Raw | None` reads null and nothing else, so an absent member is an empty Raw.
NOTHING: Final = msgspec.Raw()
Count = Annotated[int, msgspec.Meta(ge=0)]


def given(raw: msgspec.Raw) -> bytes | None:
    """A member's JSON; None when it is absent or null."""
    value = bytes(raw)
    return None if value in (b"", b"null") else value


class Blob(msgspec.Struct, rename="camel"):
    mime_type: str = "application/octet-stream"
    data: str = ""


class FunctionCall(msgspec.Struct):
    name: str = ""
    id: str | None = None
    args: msgspec.Raw = NOTHING


class Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Blob | None = None


class Content(msgspec.Struct):
    parts: list[Part] | None = None


class Logprob(msgspec.Struct, rename="camel"):
    token: str = ""
    log_probability: float = 0.0


class TopCandidates(msgspec.Struct):
    candidates: list[Logprob] | None = None


class LogprobsResult(msgspec.Struct, rename="camel"):
    chosen_candidates: list[Logprob] | None = None
    top_candidates: list[TopCandidates] | None = None


class Candidate(msgspec.Struct, rename="camel"):
    index: int = 0
    content: Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    logprobs_result: LogprobsResult | None = None


class PromptFeedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class ModalityCount(msgspec.Struct, rename="camel"):
    modality: str = "TEXT"
    token_count: Count = 0


class UsageMetadata(msgspec.Struct, rename="camel"):
    prompt_token_count: Count | None = None
    cached_content_token_count: Count | None = None
    candidates_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    tool_use_prompt_token_count: Count | None = None
    prompt_tokens_details: list[ModalityCount] | None = None
    cache_tokens_details: list[ModalityCount] | None = None
    candidates_tokens_details: list[ModalityCount] | None = None
    tool_use_prompt_tokens_details: list[ModalityCount] | None = None


class GenerateContentResponse(msgspec.Struct, rename="camel"):
    """A whole answer, and equally one chunk of a stream."""

    candidates: list[Candidate] | None = None
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: msgspec.Raw = NOTHING
    model_version: str | None = None
    response_id: str | None = None
    error: msgspec.Raw = NOTHING
    """Set instead of the rest when a stream fails after its 200."""
