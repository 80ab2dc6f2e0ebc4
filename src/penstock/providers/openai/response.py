"""A whole Chat Completions answer, read and written."""

from typing import Any

import msgspec

from penstock.providers.failures import JSON_ERRORS, malformed
from penstock.providers.openai.errors import stream_error
from penstock.providers.openai.finish import finish_reason
from penstock.providers.openai.tool_calls import argument_text, call_id
from penstock.providers.openai.usage import chat_usage, parse_usage
from penstock.providers.openai.wire import Completion, CompletionChoice, content_text, present
from penstock.wire.chat import (
    ChatRequest,
    ChatResponse,
    Choice,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)

__all__ = ["decode_response", "encode_response", "reasoning_detail"]

Json = dict[str, Any]

_decode = msgspec.json.Decoder(Completion).decode


def decode_response(body: bytes, /) -> ChatResponse:
    """A whole 2xx body in the neutral form.

    Raises:
        UpstreamError: not JSON, without `choices`, or an error object that came with a 2xx status.
    """
    try:
        completion = _decode(body)
    except JSON_ERRORS as error:
        raise malformed("it is no chat completion", body=body) from error
    if present(completion.error):
        raise stream_error(completion.error)
    if not completion.choices:
        raise malformed("it has no `choices`", body=body)
    response_id = completion.id or ""
    usage = parse_usage(completion.usage) if present(completion.usage) else None
    return ChatResponse(
        id=response_id,
        model=completion.model or "",
        created=int(completion.created or 0),
        choices=[_choice(choice, number, response_id) for number, choice in enumerate(completion.choices)],
        usage=usage,
        usage_raw=bytes(completion.usage) if usage is not None else None,
    )


def encode_response(response: ChatResponse, request: ChatRequest, /) -> bytes:
    """A `chat.completion`, JSON."""
    del request
    body: Json = {
        "id": response.id,
        "object": "chat.completion",
        "created": response.created,
        "model": response.model,
        "choices": [_encoded(choice) for choice in response.choices],
    }
    if response.usage is not None:
        body["usage"] = chat_usage(response.usage)
    return msgspec.json.encode(body)


def reasoning_detail(part: Reasoning) -> Json | None:
    """Reasoning that must be sent back unchanged, in OpenRouter's form; None when there is nothing to prove."""
    if part.redacted is not None:
        return {"type": "reasoning.encrypted", "data": part.redacted}
    if part.signature is not None:
        return {"type": "reasoning.text", "text": part.text, "signature": part.signature}
    return None


def _choice(choice: CompletionChoice, number: int, response_id: str) -> Choice:
    index = number if choice.index is None else choice.index
    message = choice.message
    text, thinking = content_text(message.content)
    thinking += message.reasoning_content or message.reasoning or ""
    parts: list[Part] = []
    if thinking:
        parts.append(Reasoning(text=thinking))
    if text:
        parts.append(Text(text=text))
    if message.refusal:
        parts.append(Refusal(text=message.refusal))
    for position, call in enumerate(message.tool_calls or ()):
        function = call.function
        if function is not None:
            parts.append(
                ToolCall(
                    id=call.id or call_id(response_id, index, position),
                    name=function.name or "",
                    arguments=argument_text(function.arguments),
                )
            )
    return Choice(
        index=index,
        parts=parts,
        finish_reason=finish_reason(choice.finish_reason) or "stop",
        logprobs=choice.logprobs if present(choice.logprobs) else None,
    )


def _encoded(choice: Choice) -> Json:
    calls = [part for part in choice.parts if isinstance(part, ToolCall)]
    refusal = "".join(part.text for part in choice.parts if isinstance(part, Refusal))
    text = "".join(part.text for part in choice.parts if isinstance(part, Text))
    message: Json = {
        "role": "assistant",
        "content": None if not text and (calls or refusal) else text,
        "refusal": refusal or None,
    }
    thoughts = [part for part in choice.parts if isinstance(part, Reasoning)]
    if thinking := "".join(part.text for part in thoughts):
        message["reasoning_content"] = thinking
    if details := [detail for part in thoughts if (detail := reasoning_detail(part)) is not None]:
        message["reasoning_details"] = details
    if calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    return {
        "index": choice.index,
        "message": message,
        "logprobs": choice.logprobs,
        "finish_reason": choice.finish_reason or "stop",
    }
