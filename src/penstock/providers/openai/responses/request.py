"""A caller's Responses request as the neutral form.

Only used when the upstream has no Responses API. What lives on OpenAI's servers (stored responses and
conversations, prompts, built-in tools, background work) is refused by name.
"""

from typing import Any, Final, Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.inbound import wrong_member
from penstock.providers.openai.request import Effort, refuse_member, split_data_url
from penstock.providers.openai.wire import NOTHING, present
from penstock.providers.types import InboundCall
from penstock.wire.chat import (
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

__all__ = ["DROPPED", "REDACTED", "SIGNATURE", "parse_conversation", "parse_request"]

DROPPED: Final = frozenset(
    {
        "access_programs",
        "image",
        "max_tool_calls",
        "metadata",
        "moderation",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "stream_options",
        "truncation",
    }
)
"""Members that steer OpenAI's storing, caching, speed and built-in tools, not what is said."""

SIGNATURE: Final = "penstock.signature:"
REDACTED: Final = "penstock.redacted:"
"""Prefixes of `encrypted_content` that carry another vendor's proof of its reasoning to the caller and back."""

_INCLUDABLE: Final = frozenset({"reasoning.encrypted_content", "message.output_text.logprobs"})


class _Part(msgspec.Struct):
    type: str = ""
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    detail: str | None = None
    file_data: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    filename: str | None = None
    prompt_cache_breakpoint: dict[str, Any] | None = None


class _Item(msgspec.Struct):
    type: str | None = None
    role: str | None = None
    content: str | list[_Part] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[_Part] | None = None
    summary: list[_Part] | None = None
    encrypted_content: str | None = None


class _Tool(msgspec.Struct):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = NOTHING
    strict: bool | None = None


class _ToolChoice(msgspec.Struct):
    type: str
    name: str | None = None


class _Format(msgspec.Struct):
    type: str
    name: str | None = None
    description: str | None = None
    schema: msgspec.Raw = NOTHING
    strict: bool | None = None


class _TextConfig(msgspec.Struct):
    format: _Format | None = None


class _Reasoning(msgspec.Struct):
    effort: Effort | None = None


class _Body(msgspec.Struct):
    input: str | list[_Item] = ""
    instructions: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: _TextConfig | None = None
    reasoning: _Reasoning | None = None
    user: str | None = None
    include: list[str] | None = None
    background: bool | None = None


_KNOWN: Final = frozenset(_Body.__struct_fields__) | {"model", "stream"} | DROPPED
_decode = msgspec.json.Decoder(_Body).decode


class _Conversation(msgspec.Struct):
    input: str | list[_Item] = ""
    instructions: str | None = None


_decode_conversation = msgspec.json.Decoder(_Conversation).decode


def parse_request(call: InboundCall, /) -> ChatRequest:
    """The request in the neutral form.

    Raises:
        InvalidInput: a member has the wrong type, or asks for what lives on OpenAI's servers.
    """
    for name, raw in call.fields.items():
        if name not in _KNOWN and present(raw):
            raise _stateful(name) if name in _STATEFUL else refuse_member(name)
    try:
        body = _decode(msgspec.json.encode(call.fields))
    except JSON_ERRORS as error:
        raise wrong_member(error) from error
    if body.background:
        raise _stateful("background")
    wanted = next((name for name in body.include or () if name not in _INCLUDABLE), None)
    if wanted is not None:
        raise refuse_member(f"include: {wanted!r}")
    logprobs = "message.output_text.logprobs" in (body.include or ()) or bool(body.top_logprobs)
    return ChatRequest(
        model=call.model,
        messages=_conversation(body.instructions, body.input),
        stream=call.stream,
        max_tokens=body.max_output_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        logprobs=logprobs,
        top_logprobs=body.top_logprobs or None,
        tools=[_tool(tool, f"tools[{index}]") for index, tool in enumerate(body.tools or ())],
        tool_choice=_tool_choice(body.tool_choice),
        parallel_tool_calls=body.parallel_tool_calls,
        response_format=_format(body.text.format if body.text is not None else None),
        reasoning_effort=body.reasoning.effort if body.reasoning is not None else None,
        user=call.user,
        # The answer repeats these.
        extra={name: call.fields[name] for name in ("instructions", "metadata") if name in call.fields},
    )


def parse_conversation(call: InboundCall) -> list[Message]:
    """The messages alone.

    Raises:
        InvalidInput: as `parse_request`.
    """
    kept = {name: raw for name, raw in call.fields.items() if name in {"input", "instructions"} and present(raw)}
    try:
        body = _decode_conversation(msgspec.json.encode(kept))
    except JSON_ERRORS as error:
        raise wrong_member(error) from error
    return _conversation(body.instructions, body.input)


_STATEFUL: Final = frozenset({"previous_response_id", "conversation", "prompt", "context_management"})


def _stateful(name: str) -> InvalidInput:
    return InvalidInput(
        f"{name}: this lives on OpenAI's servers, and the model's provider has no Responses API.",
        field=name,
        hint="Send the whole conversation as `input`, or call a model of OpenAI itself.",
        code="unsupported_parameter",
    )


def _conversation(instructions: str | None, items: str | list[_Item]) -> list[Message]:
    messages: list[Message] = []
    if instructions:
        messages.append(Message(role="system", parts=[Text(text=instructions)]))
    if isinstance(items, str):
        messages.append(Message(role="user", parts=[Text(text=items)]))
        return messages
    for index, item in enumerate(items):
        message = _item(item, f"input[{index}]")
        last = messages[-1] if messages else None
        if message.role == "assistant" and last is not None and last.role == "assistant":
            # Reasoning, text and calls of one turn are items of their own here.
            last.parts.extend(message.parts)
        else:
            messages.append(message)
    return messages


def _item(item: _Item, path: str) -> Message:
    kind = item.type or ("message" if item.role is not None else "")
    if kind == "message":
        role = _ROLES.get(item.role or "")
        if role is None:
            expected = ", ".join(_ROLES)
            raise InvalidInput(f"{path}.role: expected one of {expected}, got {item.role!r}.", field=f"{path}.role")
        return Message(role=role, parts=_parts(item.content, f"{path}.content"))
    if kind == "function_call":
        call = ToolCall(
            id=_need(item.call_id, f"{path}.call_id"),
            name=_need(item.name, f"{path}.name"),
            arguments=item.arguments or "",
        )
        return Message(role="assistant", parts=[call])
    if kind == "function_call_output":
        parts = [part for part in _parts(item.output, f"{path}.output") if isinstance(part, Text | Image | File)]
        return Message(role="tool", parts=[ToolResult(id=_need(item.call_id, f"{path}.call_id"), parts=parts)])
    if kind == "reasoning":
        return Message(role="assistant", parts=[_reasoning(item)])
    raise InvalidInput(
        f"{path}: items of type {kind!r} live on OpenAI's servers, and the model's provider has no Responses API.",
        field=path,
        hint="Send messages, function calls and their outputs, or call a model of OpenAI itself.",
        code="unsupported_parameter",
    )


_ROLES: Final[dict[str, Role]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}


def _need(value: str | None, path: str) -> str:
    if value is None:
        raise InvalidInput(f"{path}: expected text, got nothing.", field=path)
    return value


def _reasoning(item: _Item) -> Reasoning:
    pieces = [*(item.summary or ()), *(item.content if isinstance(item.content, list) else ())]
    text = "".join(piece.text or "" for piece in pieces)
    sealed = item.encrypted_content or ""
    if sealed.startswith(SIGNATURE):
        return Reasoning(text=text, signature=sealed.removeprefix(SIGNATURE))
    if sealed.startswith(REDACTED):
        return Reasoning(redacted=sealed.removeprefix(REDACTED))
    # OpenAI's own sealed reasoning opens nowhere else.
    return Reasoning(text=text)


def _parts(content: str | list[_Part] | None, path: str) -> list[Part]:
    if content is None:
        raise InvalidInput(f"{path}: expected text or a list of parts, got nothing.", field=path)
    if isinstance(content, str):
        return [Text(text=content)] if content else []
    return [_part(part, f"{path}[{index}]") for index, part in enumerate(content)]


def _part(part: _Part, path: str) -> Part:
    match part.type:
        case "input_text" | "output_text" | "text":
            return Text(text=_need(part.text, f"{path}.text"), cache=part.prompt_cache_breakpoint is not None)
        case "refusal":
            return Refusal(text=_need(part.refusal, f"{path}.refusal"))
        case "input_image":
            return _image(part, path)
        case "input_file":
            media_type, data = (
                (split_data_url(part.file_data) or (None, part.file_data)) if part.file_data else (None, None)
            )
            return File(data=data, media_type=media_type, url=part.file_url, file_id=part.file_id, name=part.filename)
        case _:
            raise InvalidInput(
                f"{path}.type: expected 'input_text', 'input_image', 'input_file', 'output_text' or 'refusal', "
                f"got {part.type!r}.",
                field=f"{path}.type",
            )


def _image(part: _Part, path: str) -> Image:
    if part.image_url is None:
        raise InvalidInput(
            f"{path}: the model's provider cannot open files stored at OpenAI.",
            field=path,
            hint="Send the image by URL or as a data URL.",
        )
    split = split_data_url(part.image_url)
    if split is None:
        return Image(url=part.image_url, detail=part.detail)
    return Image(media_type=split[0], data=split[1], detail=part.detail)


def _tool(tool: _Tool, path: str) -> Tool:
    if tool.type != "function" or tool.name is None:
        raise InvalidInput(
            f"{path}: tools of type {tool.type!r} run on OpenAI's servers, "
            "and the model's provider has no Responses API.",
            field=path,
            hint="Offer functions only, or call a model of OpenAI itself.",
            code="unsupported_parameter",
        )
    return Tool(
        name=tool.name,
        description=tool.description,
        parameters=tool.parameters if present(tool.parameters) else None,
        strict=tool.strict,
    )


_MODES: Final[dict[str, Literal["auto", "none", "required"]]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
}


def _tool_choice(choice: str | _ToolChoice | None) -> ToolChoice | None:
    if choice is None:
        return None
    if isinstance(choice, str):
        mode = _MODES.get(choice)
        if mode is not None:
            return ToolChoice(mode=mode)
    elif choice.type == "function" and choice.name is not None:
        return ToolChoice(mode="tool", name=choice.name)
    got = choice if isinstance(choice, str) else choice.type
    raise InvalidInput(
        f"tool_choice: expected 'auto', 'none', 'required' or a function, got {got!r}.", field="tool_choice"
    )


def _format(wanted: _Format | None) -> ResponseFormat | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return ResponseFormat(kind="json_object")
    if wanted.type != "json_schema" or not present(wanted.schema):
        raise InvalidInput(
            f"text.format: expected 'text', 'json_object', or 'json_schema' with its schema, got {wanted.type!r}.",
            field="text.format",
        )
    return ResponseFormat(
        kind="json_schema",
        name=wanted.name,
        description=wanted.description,
        schema=wanted.schema,
        strict=wanted.strict,
    )
