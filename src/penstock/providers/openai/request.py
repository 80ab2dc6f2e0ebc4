"""A caller's Chat Completions request as the neutral form.

Only used when the upstream speaks another dialect. Members that no other vendor has are dropped when the
answer means the same without them (`DROPPED`), and refused by name when it does not.
"""

import re
from typing import Any, Final, Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.inbound import wrong_member
from penstock.providers.openai.wire import NOTHING, present
from penstock.providers.types import InboundCall
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
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

__all__ = ["DROPPED", "Effort", "parse_messages", "parse_request", "refuse_member", "split_data_url"]

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]

DROPPED: Final = frozenset(
    {
        "metadata",
        "moderation",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "seed",
        "service_tier",
        "store",
        "verbosity",
    }
)
"""Members that steer OpenAI's storing, caching, speed and best effort, not what is said. `seed` is passed
on where the upstream has one."""

_DATA_URL: Final = re.compile(r"data:(?P<type>[^;,]*)(?:;[^;,]*)*;base64,(?P<data>.*)", re.DOTALL | re.IGNORECASE)


class _ImageUrl(msgspec.Struct):
    url: str
    detail: str | None = None


class _InputAudio(msgspec.Struct):
    data: str
    format: str


class _File(msgspec.Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class _Part(msgspec.Struct):
    type: str
    text: str | None = None
    image_url: _ImageUrl | None = None
    input_audio: _InputAudio | None = None
    file: _File | None = None
    refusal: str | None = None
    cache_control: dict[str, Any] | None = None
    """Anthropic's member, which OpenRouter and others take on OpenAI's parts too."""
    prompt_cache_breakpoint: dict[str, Any] | None = None


class _Function(msgspec.Struct):
    name: str
    arguments: str


class _ToolCall(msgspec.Struct):
    id: str
    function: _Function | None = None
    type: str = "function"


class _ReasoningDetail(msgspec.Struct):
    """OpenRouter's form of reasoning that must be sent back; Penstock's answers carry it too."""

    type: str = ""
    text: str | None = None
    signature: str | None = None
    data: str | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None
    name: str | None = None
    tool_calls: list[_ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[_ReasoningDetail] | None = None


class _FunctionTool(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = NOTHING
    strict: bool | None = None


class _Tool(msgspec.Struct):
    type: str
    function: _FunctionTool | None = None


class _NamedFunction(msgspec.Struct):
    name: str


class _ToolChoice(msgspec.Struct):
    type: str
    function: _NamedFunction | None = None


class _JsonSchema(msgspec.Struct):
    name: str | None = None
    description: str | None = None
    schema: msgspec.Raw = NOTHING
    strict: bool | None = None


class _ResponseFormat(msgspec.Struct):
    type: str
    json_schema: _JsonSchema | None = None


class _Body(msgspec.Struct):
    messages: list[_Message]
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: _ResponseFormat | None = None
    reasoning_effort: Effort | None = None
    user: str | None = None
    logit_bias: dict[str, float] | None = None
    modalities: list[str] | None = None


_KNOWN: Final = frozenset(_Body.__struct_fields__) | {"model", "stream", "stream_options"} | DROPPED
_decode = msgspec.json.Decoder(_Body).decode
_decode_messages = msgspec.json.Decoder(list[_Message]).decode


def parse_request(call: InboundCall, /) -> ChatRequest:
    """The request in the neutral form.

    Raises:
        InvalidInput: a member has the wrong type, or asks for what only OpenAI's dialect can say.
    """
    for name, raw in call.fields.items():
        if name not in _KNOWN and present(raw):
            raise refuse_member(name)
    try:
        body = _decode(msgspec.json.encode(call.fields))
    except JSON_ERRORS as error:
        raise wrong_member(error) from error
    if body.logit_bias:
        raise refuse_member("logit_bias")
    if body.modalities and body.modalities != ["text"]:
        raise refuse_member("modalities")
    return ChatRequest(
        model=call.model,
        messages=[_message(message, f"messages[{index}]") for index, message in enumerate(body.messages)],
        stream=call.stream,
        max_tokens=body.max_completion_tokens if body.max_completion_tokens is not None else body.max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=body.top_k,
        frequency_penalty=body.frequency_penalty,
        presence_penalty=body.presence_penalty,
        stop=[body.stop] if isinstance(body.stop, str) else body.stop or [],
        seed=body.seed,
        n=1 if body.n is None else body.n,
        logprobs=bool(body.logprobs),
        top_logprobs=body.top_logprobs,
        tools=[_tool(tool, f"tools[{index}]") for index, tool in enumerate(body.tools or ())],
        tool_choice=_tool_choice(body.tool_choice),
        parallel_tool_calls=body.parallel_tool_calls,
        response_format=_response_format(body.response_format),
        reasoning_effort=body.reasoning_effort,
        user=call.user,
    )


def parse_messages(raw: bytes | msgspec.Raw) -> list[Message]:
    """The `messages` member alone.

    Raises:
        InvalidInput: as `parse_request`.
    """
    try:
        messages = _decode_messages(raw)
    except JSON_ERRORS as error:
        raise wrong_member(error, "messages") from error
    return [_message(message, f"messages[{index}]") for index, message in enumerate(messages)]


def refuse_member(name: str) -> InvalidInput:
    """The error for a member whose meaning ends at OpenAI's dialect."""
    return InvalidInput(
        f"{name}: this has no meaning for the model's provider, which does not speak OpenAI's dialect.",
        field=name,
        hint="Leave it out, or call a model of an OpenAI-compatible provider.",
        code="unsupported_parameter",
    )


def split_data_url(url: str) -> tuple[str | None, str] | None:
    """Media type and base64 data of a data URL; None for any other URL."""
    found = _DATA_URL.fullmatch(url)
    return None if found is None else (found["type"].lower() or None, found["data"])


def _message(message: _Message, path: str) -> Message:
    role = _ROLES.get(message.role)
    if role is None:
        expected = ", ".join(_ROLES)
        raise InvalidInput(f"{path}.role: expected one of {expected}, got {message.role!r}.", field=f"{path}.role")
    parts = _content(message.content, f"{path}.content")
    if role == "tool":
        return _tool_message(message, parts, path)
    if role == "assistant":
        reasoning = _reasoning(message)
        parts = [*reasoning, *parts]
        if message.refusal:
            parts.append(Refusal(text=message.refusal))
        parts.extend(_tool_calls(message, path))
    elif message.content is None:
        raise InvalidInput(f"{path}.content: expected text or a list of parts, got nothing.", field=f"{path}.content")
    return Message(role=role, parts=parts, name=message.name)


_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}


def _tool_message(message: _Message, parts: list[Part], path: str) -> Message:
    if not message.tool_call_id:
        field = f"{path}.tool_call_id"
        raise InvalidInput(f"{field}: expected the id of the tool call that this answers, got nothing.", field=field)
    result = [part for part in parts if isinstance(part, Text | Image | File)]
    return Message(role="tool", parts=[ToolResult(id=message.tool_call_id, parts=result)], name=message.name)


def _tool_calls(message: _Message, path: str) -> list[Part]:
    calls: list[Part] = []
    for index, call in enumerate(message.tool_calls or ()):
        if call.type != "function" or call.function is None:
            field = f"{path}.tool_calls[{index}]"
            raise InvalidInput(f"{field}: expected a call of a function, got type {call.type!r}.", field=field)
        calls.append(ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments))
    return calls


def _reasoning(message: _Message) -> list[Part]:
    text = message.reasoning_content or message.reasoning or ""
    if not message.reasoning_details:
        return [Reasoning(text=text)] if text else []
    parts: list[Part] = []
    for detail in message.reasoning_details:
        own = detail.text or ""
        if not own and detail.data is None:
            # A stream carries the text as `reasoning_content` and only the signature here.
            own, text = text, ""
        parts.append(Reasoning(text=own, signature=detail.signature, redacted=detail.data))
    return parts


def _content(content: str | list[_Part] | None, path: str) -> list[Part]:
    if isinstance(content, str):
        return [Text(text=content)] if content else []
    return [_part(part, f"{path}[{index}]") for index, part in enumerate(content or ())]


def _part(part: _Part, path: str) -> Part:
    cache = part.cache_control is not None or part.prompt_cache_breakpoint is not None
    if part.type == "text" and part.text is not None:
        return Text(text=part.text, cache=cache)
    if part.type == "image_url" and part.image_url is not None:
        return _image(part.image_url)
    if part.type == "input_audio" and part.input_audio is not None:
        return Audio(data=part.input_audio.data, format=part.input_audio.format)
    if part.type == "file" and part.file is not None:
        return _file(part.file)
    if part.type == "refusal" and part.refusal is not None:
        return Refusal(text=part.refusal)
    if part.type in _PART_TYPES:
        raise InvalidInput(f"{path}.{part.type}: expected a value, got nothing.", field=f"{path}.{part.type}")
    expected = ", ".join(_PART_TYPES)
    raise InvalidInput(f"{path}.type: expected one of {expected}, got {part.type!r}.", field=f"{path}.type")


_PART_TYPES: Final = ("text", "image_url", "input_audio", "file", "refusal")


def _image(image: _ImageUrl) -> Image:
    split = split_data_url(image.url)
    if split is None:
        return Image(url=image.url, detail=image.detail)
    return Image(media_type=split[0], data=split[1], detail=image.detail)


def _file(file: _File) -> File:
    if file.file_data is None:
        return File(file_id=file.file_id, name=file.filename)
    media_type, data = split_data_url(file.file_data) or (None, file.file_data)
    return File(data=data, media_type=media_type, name=file.filename)


def _tool(tool: _Tool, path: str) -> Tool:
    function = tool.function
    if tool.type != "function" or function is None:
        raise InvalidInput(
            f"{path}: only function tools have a meaning for the model's provider, got type {tool.type!r}.",
            field=path,
            code="unsupported_parameter",
        )
    return Tool(
        name=function.name,
        description=function.description,
        parameters=function.parameters if present(function.parameters) else None,
        strict=function.strict,
    )


def _tool_choice(choice: str | _ToolChoice | None) -> ToolChoice | None:
    if choice is None:
        return None
    if isinstance(choice, str):
        mode = _MODES.get(choice)
        if mode is not None:
            return ToolChoice(mode=mode)
    elif choice.function is not None:
        return ToolChoice(mode="tool", name=choice.function.name)
    got = choice if isinstance(choice, str) else choice.type
    raise InvalidInput(
        f"tool_choice: expected 'auto', 'none', 'required' or a function, got {got!r}.", field="tool_choice"
    )


_MODES: Final[dict[str, Literal["auto", "none", "required"]]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
}


def _response_format(wanted: _ResponseFormat | None) -> ResponseFormat | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return ResponseFormat(kind="json_object")
    schema = wanted.json_schema
    if wanted.type != "json_schema" or schema is None or not present(schema.schema):
        raise InvalidInput(
            f"response_format: expected 'text', 'json_object', or 'json_schema' with its schema, got {wanted.type!r}.",
            field="response_format",
        )
    return ResponseFormat(
        kind="json_schema",
        name=schema.name,
        description=schema.description,
        schema=schema.schema,
        strict=schema.strict,
    )
