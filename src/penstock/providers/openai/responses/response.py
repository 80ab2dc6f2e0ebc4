"""A whole Responses answer, written from the neutral form."""

from typing import Any

import msgspec

from penstock.providers.failures import JSON_ERRORS
from penstock.providers.openai.responses.request import REDACTED, SIGNATURE
from penstock.providers.openai.usage import encode_responses_usage
from penstock.wire.chat import (
    ChatRequest,
    ChatResponse,
    Choice,
    FinishReason,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from penstock.wire.usage import Usage

__all__ = [
    "Json",
    "call_item",
    "encode_response",
    "message_item",
    "reasoning_item",
    "refusal_part",
    "response_object",
    "sealed",
    "text_part",
    "token_logprobs",
]

Json = dict[str, Any]


class _Logprobs(msgspec.Struct):
    content: list[msgspec.Raw] | None = None


def encode_response(response: ChatResponse, request: ChatRequest, /) -> bytes:
    """A `response`, JSON. The dialect knows one choice; the first is told."""
    choice = response.choices[0] if response.choices else Choice(parts=[])
    response_id = response.id
    body = response_object(
        response_id,
        request,
        model=response.model,
        created=response.created,
        reason=choice.finish_reason or "stop",
        output=_output(choice, response_id),
        usage=response.usage,
    )
    return msgspec.json.encode(body)


def response_object(
    response_id: str,
    request: ChatRequest,
    *,
    model: str,
    created: int,
    reason: FinishReason | None,
    output: list[Json],
    usage: Usage | None,
) -> Json:
    """The `response` object; `reason` None while it is in progress."""
    status, incomplete, error = _status(reason)
    return {
        "id": f"resp_{response_id}",
        "object": "response",
        "created_at": created,
        "status": status,
        "background": False,
        "error": error,
        "incomplete_details": incomplete,
        "instructions": request.extra.get("instructions"),
        "max_output_tokens": request.max_tokens,
        "max_tool_calls": None,
        "metadata": request.extra.get("metadata") or {},
        "model": model,
        "output": output,
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": None,
        "reasoning": {"effort": request.reasoning_effort, "summary": None},
        "service_tier": "default",
        "store": False,
        "temperature": request.temperature,
        "text": {"format": _format(request)},
        "tool_choice": _tool_choice(request),
        "tools": [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                "strict": tool.strict,
            }
            for tool in request.tools
        ],
        "top_logprobs": request.top_logprobs or 0,
        "top_p": request.top_p,
        "truncation": "disabled",
        "usage": encode_responses_usage(usage) if usage is not None else None,
        "user": None,
    }


def message_item(item_id: str, content: list[Json], *, status: str) -> Json:
    """An output item of text or refusal."""
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": content}


def text_part(text: str, logprobs: list[msgspec.Raw]) -> Json:
    """A part of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


def refusal_part(text: str) -> Json:
    """A part of a message that declines."""
    return {"type": "refusal", "refusal": text}


def call_item(item_id: str, call: ToolCall, *, status: str) -> Json:
    """An output item that calls a function."""
    return {
        "id": item_id,
        "type": "function_call",
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }


def reasoning_item(item_id: str, text: str, proof: str | None) -> Json:
    """An output item of reasoning; `proof` as `sealed` gives it."""
    summary = [{"type": "summary_text", "text": text}] if text else []
    return {"id": item_id, "type": "reasoning", "summary": summary, "encrypted_content": proof}


def sealed(signature: str | None, redacted: str | None) -> str | None:
    """Another vendor's proof of its reasoning as `encrypted_content`, to be sent back unchanged."""
    if redacted is not None:
        return REDACTED + redacted
    return None if signature is None else SIGNATURE + signature


def token_logprobs(raw: msgspec.Raw | None) -> list[msgspec.Raw]:
    """Chat's `logprobs` object as the list that Responses has."""
    if raw is None:
        return []
    try:
        return msgspec.json.decode(raw, type=_Logprobs).content or []
    except JSON_ERRORS:
        return []


def _output(choice: Choice, response_id: str) -> list[Json]:
    output: list[Json] = []
    content: list[Json] = []
    for part in choice.parts:
        position = len(output)
        if isinstance(part, Text | Refusal):
            if not content:
                output.append(message_item(f"msg_{response_id}_{position}", content, status="completed"))
            logprobs = token_logprobs(choice.logprobs) if isinstance(part, Text) else []
            content.append(text_part(part.text, logprobs) if isinstance(part, Text) else refusal_part(part.text))
            continue
        content = []
        if isinstance(part, ToolCall):
            output.append(call_item(f"fc_{response_id}_{position}", part, status="completed"))
        elif isinstance(part, Reasoning):
            proof = sealed(part.signature, part.redacted)
            output.append(reasoning_item(f"rs_{response_id}_{position}", part.text, proof))
    return output


def _status(reason: FinishReason | None) -> tuple[str, Json | None, Json | None]:
    match reason:
        case None:
            return "in_progress", None, None
        case "length":
            return "incomplete", {"reason": "max_output_tokens"}, None
        case "content_filter":
            return "incomplete", {"reason": "content_filter"}, None
        case "error":
            return "failed", None, {"code": "server_error", "message": "The model broke off its answer with an error."}
        case "stop" | "tool_calls":
            return "completed", None, None


def _format(request: ChatRequest) -> Json:
    wanted = request.response_format
    if wanted is None:
        return {"type": "text"}
    if wanted.kind == "json_object":
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "name": wanted.name or "answer",
        "description": wanted.description,
        "schema": wanted.schema,
        "strict": bool(wanted.strict),
    }


def _tool_choice(request: ChatRequest) -> str | Json:
    choice = request.tool_choice
    if choice is None:
        return "auto"
    return {"type": "function", "name": choice.name} if choice.mode == "tool" else choice.mode
