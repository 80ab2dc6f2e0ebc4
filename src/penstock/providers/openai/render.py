"""A neutral request as Chat Completions.

OpenAI itself refuses members that compatible servers know, and these often refuse OpenAI's newer ones, so
the two are told apart by `endpoints.is_openai`.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.providers.openai.endpoints import is_openai, reports_usage_unasked, request_headers, upstream_url
from penstock.providers.types import Target, UpstreamRequest
from penstock.wire.chat import (
    Audio,
    ChatRequest,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Text,
    ToolCall,
    ToolResult,
)

__all__ = ["render_request"]

Json = dict[str, Any]

_EFFORT_OF_BUDGET: Final = ((2048, "low"), (8192, "medium"))
"""A budget of at most so many tokens asks for this effort; more asks for `high`."""
_PLAIN: Final = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "top_logprobs",
)
_EMPTY_SCHEMA: Final = msgspec.Raw(b'{"type":"object","properties":{}}')


def render_request(request: ChatRequest, target: Target, /) -> UpstreamRequest:
    """The request in OpenAI's form.

    Reasoning of earlier turns is sent back only where a compatible server may need it: with tool calls,
    as `reasoning_content`. An error result of a tool begins with `Error: `, and images in a tool's
    result follow in a user message: the dialect has no place for either.

    Raises:
        InvalidInput: `top_k` at OpenAI itself, or a document that the dialect cannot carry.
    """
    official = is_openai(target.provider)
    if request.top_k is not None and official:
        raise InvalidInput(
            f"top_k: provider {target.provider.name!r} (OpenAI) cannot do this.",
            field="top_k",
            hint="Leave it out, or call a model of another provider.",
            code="unsupported_parameter",
        )
    body: Json = {"model": target.model, "messages": _messages(request.messages, official=official)}
    if request.max_tokens is not None:
        body["max_completion_tokens" if official else "max_tokens"] = request.max_tokens
    body.update({name: value for name in _PLAIN if (value := getattr(request, name)) is not None})
    body.update(_options(request, official=official))
    if request.tools:
        body["tools"] = _tools(request)
        body.update(_tool_choice(request))
    if request.response_format is not None:
        body["response_format"] = _response_format(request.response_format)
    if request.stream:
        body["stream"] = True
        if not reports_usage_unasked(target.provider):
            body["stream_options"] = {"include_usage": True}
    return UpstreamRequest(
        url=upstream_url(target, "chat/completions"),
        headers=request_headers(target, stream=request.stream),
        body=msgspec.json.encode(body),
    )


def _options(request: ChatRequest, *, official: bool) -> Json:
    options: Json = {}
    if request.top_k is not None:
        options["top_k"] = request.top_k
    if request.stop:
        options["stop"] = request.stop
    if request.n != 1:
        options["n"] = request.n
    if request.logprobs:
        options["logprobs"] = True
    effort = request.reasoning_effort or _effort(request.reasoning_budget)
    if effort is not None:
        options["reasoning_effort"] = effort
    if request.user is not None and official:
        options["safety_identifier"] = request.user
    return options


def _effort(budget: int | None) -> str | None:
    if budget is None:
        return None
    return next((effort for tokens, effort in _EFFORT_OF_BUDGET if budget <= tokens), "high")


def _tools(request: ChatRequest) -> list[Json]:
    tools: list[Json] = []
    for tool in request.tools:
        function: Json = {"name": tool.name}
        if tool.description is not None:
            function["description"] = tool.description
        function["parameters"] = tool.parameters or _EMPTY_SCHEMA
        if tool.strict is not None:
            function["strict"] = tool.strict
        tools.append({"type": "function", "function": function})
    return tools


def _tool_choice(request: ChatRequest) -> Json:
    members: Json = {}
    choice = request.tool_choice
    if choice is not None:
        named = {"type": "function", "function": {"name": choice.name}}
        members["tool_choice"] = named if choice.mode == "tool" else choice.mode
    if request.parallel_tool_calls is not None:
        members["parallel_tool_calls"] = request.parallel_tool_calls
    return members


def _response_format(wanted: ResponseFormat) -> Json:
    if wanted.kind == "json_object":
        return {"type": "json_object"}
    schema: Json = {"name": wanted.name or "answer", "schema": wanted.schema or _EMPTY_SCHEMA}
    if wanted.description is not None:
        schema["description"] = wanted.description
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": schema}


def _messages(messages: Iterable[Message], *, official: bool) -> list[Json]:
    rendered: list[Json] = []
    # Every call of a turn must be answered before anything else is said, so what results hold besides text waits.
    waiting: list[Json] = []
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        rest = [part for part in message.parts if not isinstance(part, ToolResult)]
        for result in results:
            rendered.append(_tool_message(result))
            waiting.extend(_unspoken(result, path))
        if not rest and results:
            continue
        if waiting:
            rendered.append({"role": "user", "content": waiting})
            waiting = []
        if message.role == "assistant":
            rendered.append(_assistant(message, official=official))
        else:
            rendered.append(_other(message, rest, path))
    if waiting:
        rendered.append({"role": "user", "content": waiting})
    return rendered


def _other(message: Message, parts: Sequence[Part], path: str) -> Json:
    entry: Json = {"role": message.role, "content": _content(parts, path)}
    if message.name is not None:
        entry["name"] = message.name
    return entry


def _assistant(message: Message, *, official: bool) -> Json:
    entry: Json = {"role": "assistant"}
    if message.name is not None:
        entry["name"] = message.name
    texts = [part.text for part in message.parts if isinstance(part, Text)]
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    refusal = "".join(part.text for part in message.parts if isinstance(part, Refusal))
    reasoning = "".join(part.text for part in message.parts if isinstance(part, Reasoning))
    if len(texts) > 1:
        entry["content"] = [{"type": "text", "text": text} for text in texts]
    else:
        entry["content"] = texts[0] if texts else ("" if not calls and not refusal else None)
    if refusal:
        entry["refusal"] = refusal
    if calls:
        entry["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
        if reasoning and not official:
            entry["reasoning_content"] = reasoning
    return entry


def _content(parts: Sequence[Part], path: str) -> str | list[Json]:
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [_part(part, f"{path}.content[{index}]") for index, part in enumerate(parts)]


def _part(part: Part, path: str) -> Json:
    match part:
        case Text() | Refusal() | Reasoning():
            return {"type": "text", "text": part.text}
        case Image():
            return {"type": "image_url", "image_url": _image_url(part)}
        case Audio():
            return {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}
        case File():
            return _file(part, path)
        case ToolCall() | ToolResult():
            raise InvalidInput(f"{path}: a tool call cannot stand in this message.", field=path)


def _image_url(image: Image) -> Json:
    url = image.url or f"data:{image.media_type or 'image/png'};base64,{image.data or ''}"
    return {"url": url} if image.detail is None else {"url": url, "detail": image.detail}


def _file(file: File, path: str) -> Json:
    if file.file_id is not None:
        return {"type": "file", "file": {"file_id": file.file_id}}
    if file.data is None:
        raise InvalidInput(
            f"{path}: the model's provider takes documents as data, not by URL.",
            field=path,
            hint="Send the document itself, base64.",
        )
    media_type = file.media_type or "application/pdf"
    if media_type.startswith("text/"):
        try:
            return {"type": "text", "text": base64.b64decode(file.data, validate=True).decode()}
        except (binascii.Error, UnicodeDecodeError) as error:
            raise InvalidInput(f"{path}: expected UTF-8 text in base64: {error}.", field=path) from error
    data = f"data:{media_type};base64,{file.data}"
    return {"type": "file", "file": {"filename": file.name or "document.pdf", "file_data": data}}


def _tool_message(result: ToolResult) -> Json:
    text = "".join(part.text for part in result.parts if isinstance(part, Text))
    return {"role": "tool", "tool_call_id": result.id, "content": f"Error: {text}" if result.is_error else text}


def _unspoken(result: ToolResult, path: str) -> list[Json]:
    """Images and documents of a tool's result, for the user message that follows."""
    found = [part for part in result.parts if not isinstance(part, Text)]
    if not found:
        return []
    note: Json = {"type": "text", "text": f"Returned by the tool call {result.id}:"}
    return [note, *(_part(part, path) for part in found)]
