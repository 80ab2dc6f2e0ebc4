"""Whole answers of `generateContent` in the neutral form."""

from typing import Final

import msgspec

from penstock.core.errors import UpstreamError
from penstock.providers import failures
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.gemini.signatures import mark_signature, tool_call_id
from penstock.providers.gemini.usage import read_usage
from penstock.providers.gemini.wire import Candidate, FunctionCall, GenerateContentResponse, LogprobsResult, Part, given
from penstock.wire.chat import ChatResponse, Choice, FinishReason, Image, Reasoning, Text, ToolCall
from penstock.wire.chat import Part as NeutralPart

__all__ = ["decode_count_tokens", "decode_response", "ending", "logprobs_content", "tool_call"]

_decode = msgspec.json.Decoder(GenerateContentResponse).decode


class _TokenCount(msgspec.Struct, rename="camel"):
    total_tokens: int = 0


_decode_count = msgspec.json.Decoder(_TokenCount).decode
_FINISH: Final[dict[str, FinishReason]] = {
    "STOP": "stop",
    "FINISH_REASON_UNSPECIFIED": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "OTHER": "content_filter",
    "IMAGE_OTHER": "content_filter",
}
_BROKEN: Final = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "NO_IMAGE",
    }
)
"""The model produced nothing usable. Passed on as an ordinary end it would look like success."""


def decode_response(body: bytes) -> ChatResponse:
    """A whole 2xx body; `created` is 0, the API does not tell.

    Raises:
        UpstreamError: the body is no answer (`upstream_malformed`), or the model broke off (`upstream_model_error`).
    """
    try:
        answer = _decode(body)
    except JSON_ERRORS as error:
        raise failures.malformed(f"expected a Gemini answer, {error}", body=body) from error
    usage = given(answer.usage_metadata)
    response_id = answer.response_id or ""
    choices = [_choice(candidate, response_id) for candidate in answer.candidates or ()]
    if not choices:
        if answer.prompt_feedback is None or answer.prompt_feedback.block_reason is None:
            raise failures.malformed("expected at least one candidate", body=body)
        choices = [Choice(parts=[], finish_reason="content_filter")]
    return ChatResponse(
        id=response_id,
        model=answer.model_version or "",
        created=0,
        choices=choices,
        usage=read_usage(usage),
        usage_raw=usage,
    )


def decode_count_tokens(body: bytes) -> int:
    """The number in a `countTokens` answer.

    Raises:
        UpstreamError: the body is none (`upstream_malformed`).
    """
    try:
        return _decode_count(body).total_tokens
    except JSON_ERRORS as error:
        raise failures.malformed(f"expected a token count, {error}", body=body) from error


def _choice(candidate: Candidate, response_id: str) -> Choice:
    parts: list[NeutralPart] = []
    calls = 0
    for part in (candidate.content.parts if candidate.content is not None else None) or ():
        if part.function_call is not None:
            made = tool_call(part.function_call, part.thought_signature, f"{response_id}/{candidate.index}/{calls}")
            parts.append(made)
            calls += 1
        else:
            parts.extend(_plain_parts(part))
    reason, broken = ending(candidate, called=calls > 0)
    if broken is not None:
        raise broken
    content = logprobs_content(candidate.logprobs_result)
    logprobs = msgspec.Raw(msgspec.json.encode({"content": content})) if content is not None else None
    return Choice(index=candidate.index, parts=parts, finish_reason=reason, logprobs=logprobs)


def _plain_parts(part: Part) -> list[NeutralPart]:
    """Text, thought or image; a signature of visible text stands after it, as reasoning without words."""
    signature = mark_signature(part.thought_signature)
    if part.thought:
        return [Reasoning(text=part.text or "", signature=signature)]
    parts: list[NeutralPart] = []
    if part.text:
        parts.append(Text(text=part.text))
    if part.inline_data is not None and part.inline_data.mime_type.startswith("image/"):
        parts.append(Image(data=part.inline_data.data, media_type=part.inline_data.mime_type))
    if signature is not None:
        parts.append(Reasoning(signature=signature))
    return parts


def tool_call(call: FunctionCall, signature: str | None, place: str) -> ToolCall:
    """A function call as a tool call; `place` says where in the answer it stands, for an id where Gemini gives none."""
    arguments = (given(call.args) or b"{}").decode("utf-8", "replace")
    made = tool_call_id(call.id, signature, seed=f"{place}/{call.name}/{arguments}")
    return ToolCall(id=made, name=call.name, arguments=arguments)


def ending(candidate: Candidate, *, called: bool) -> tuple[FinishReason | None, UpstreamError | None]:
    """How a candidate ended: its reason, None while it goes on; or the error when the model broke off."""
    name = candidate.finish_reason
    if name is None:
        return None, None
    if name in _BROKEN:
        detail = f": {candidate.finish_message}" if candidate.finish_message else ""
        return None, UpstreamError(
            f"The model broke off with {name}{detail}.", code="upstream_model_error", hint="Send the call again."
        )
    reason = _FINISH.get(name, "stop")
    return ("tool_calls" if reason == "stop" and called else reason), None


def logprobs_content(result: LogprobsResult | None) -> list[dict[str, object]] | None:
    """Log probabilities in OpenAI's form: one entry per token; None when there are none."""
    if result is None or not result.chosen_candidates:
        return None
    tops = result.top_candidates or []
    entries: list[dict[str, object]] = []
    for position, chosen in enumerate(result.chosen_candidates):
        others = tops[position].candidates or () if position < len(tops) else ()
        entry = _logprob(chosen.token, chosen.log_probability)
        entry["top_logprobs"] = [_logprob(other.token, other.log_probability) for other in others]
        entries.append(entry)
    return entries


def _logprob(token: str, logprob: float) -> dict[str, object]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}
