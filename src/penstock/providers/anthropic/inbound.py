"""A caller's Messages request as the neutral form.

Only used when the upstream speaks another dialect; an Anthropic upstream is given the caller's bytes.
Members that only steer Anthropic's own billing, caching or beta features (`cache_control`, `service_tier`,
`context_management`, …) are dropped: they change no answer. What another vendor cannot do (server tools,
MCP servers, containers, citations) is refused, naming the field.
"""

from typing import Any, Literal, TypeVar

import msgspec

from penstock.core.errors import InvalidInput
from penstock.providers.anthropic.wire import (
    Block,
    Citations,
    ImageOrDocumentSource,
    MessageParam,
    Metadata,
    OutputConfig,
    OutputFormat,
    Thinking,
    ToolChoiceParam,
    ToolParam,
    field_path,
    given,
)
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.types import InboundCall
from penstock.wire.chat import (
    ChatRequest,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

__all__ = ["parse_request"]

T = TypeVar("T")
_REFUSED = {
    "mcp_servers": "MCP servers run at Anthropic",
    "container": "containers and skills run at Anthropic",
}
_EFFORTS: dict[str, Literal["low", "medium", "high", "xhigh"]] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "xhigh",
}


def parse_request(call: InboundCall) -> ChatRequest:
    """Read a `messages` or `count_tokens` request.

    Raises:
        InvalidInput: a member has the wrong shape, or asks for what only Anthropic itself can do.
    """
    for name, why in _REFUSED.items():
        value = call.fields.get(name)
        if value is not None and bytes(value) not in (b"null", b"[]"):
            raise InvalidInput(
                f"{name} cannot be honoured: {why}, and this model is served by another provider.",
                field=name,
                hint="Leave it out, or call a model of an Anthropic provider.",
            )
    max_tokens = _optional(call, "max_tokens", int)
    if max_tokens is None and call.operation == "messages":
        raise InvalidInput("max_tokens: expected a whole number, it is missing.", field="max_tokens")
    request = ChatRequest(
        model=call.model,
        messages=[*_system(call), *_messages(call)],
        stream=call.stream,
        max_tokens=max_tokens,
        temperature=_optional(call, "temperature", float),
        top_p=_optional(call, "top_p", float),
        top_k=_optional(call, "top_k", int),
        stop=_optional(call, "stop_sequences", list[str]) or [],
        tools=_tools(call),
        user=(_optional(call, "metadata", Metadata) or Metadata()).user_id,
    )
    _read_tool_choice(call, request)
    _read_reasoning_and_format(call, request)
    return request


def _optional(call: InboundCall, name: str, kind: type[T]) -> T | None:
    raw = call.fields.get(name)
    if raw is None or bytes(raw) == b"null":
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except JSON_ERRORS as error:
        what, where = field_path(error, name)
        raise InvalidInput(f"{where}: {what}.", field=where) from error


def _system(call: InboundCall) -> list[Message]:
    # One type expression for both forms; a union is no `type`, hence Any.
    form: Any = str | list[Block]
    system: str | list[Block] | None = _optional(call, "system", form)
    if system is None:
        return []
    return [Message(role="system", parts=_text_parts(system, "system"))]


def _text_parts(content: str | list[Block], path: str) -> list[Part]:
    if isinstance(content, str):
        return [Text(text=content)]
    parts: list[Part] = []
    for index, block in enumerate(content):
        if block.type != "text" or block.text is None:
            where = f"{path}[{index}]"
            raise InvalidInput(f"{where}: expected a text block, got type {block.type!r}.", field=where)
        parts.append(Text(text=block.text, cache=given(block.cache_control) is not None))
    return parts


def _messages(call: InboundCall) -> list[Message]:
    messages: list[Message] = []
    for index, message in enumerate(_optional(call, "messages", list[MessageParam]) or []):
        path = f"messages[{index}]"
        if message.role == "system":
            messages.append(Message(role="system", parts=_text_parts(message.content, f"{path}.content")))
        elif message.role in ("user", "assistant"):
            messages.extend(_turn(message, path))
        else:
            raise InvalidInput(
                f"{path}.role: expected 'user', 'assistant' or 'system', got {message.role!r}.", field=f"{path}.role"
            )
    return messages


def _turn(message: MessageParam, path: str) -> list[Message]:
    """One turn as neutral messages: each tool result becomes a `tool` message of its own, in the order given."""
    role: Role = "assistant" if message.role == "assistant" else "user"
    if isinstance(message.content, str):
        return [Message(role=role, parts=[Text(text=message.content)])]
    turn: list[Message] = []
    for index, block in enumerate(message.content):
        parts = _block_parts(block, f"{path}.content[{index}]")
        part_role: Role = "tool" if block.type == "tool_result" else role
        if turn and part_role != "tool" and turn[-1].role == part_role:
            turn[-1].parts.extend(parts)
        else:
            turn.append(Message(role=part_role, parts=parts))
    return turn


def _block_parts(block: Block, path: str) -> list[Part]:
    parts: list[Part]
    match block.type:
        case "text":
            parts = [Text(text=_need(block.text, path, "text"), cache=given(block.cache_control) is not None)]
        case "thinking":
            parts = [Reasoning(text=block.thinking or "", signature=block.signature)]
        case "redacted_thinking":
            parts = [Reasoning(redacted=_need(block.data, path, "data"))]
        case "tool_use":
            parts = [_tool_call(block, path)]
        case "tool_result":
            parts = [_tool_result(block, path)]
        case "image":
            parts = [_image(block.source, path)]
        case "document":
            parts = [*_document(block, path)]
        case "search_result":
            parts = [_search_result(block, path)]
        case _:
            raise InvalidInput(
                f"{path}: a block of type {block.type!r} only has a meaning at Anthropic.",
                field=path,
                hint="Leave it out, or call a model of an Anthropic provider.",
            )
    return parts


def _raw(member: msgspec.Raw) -> msgspec.Raw | None:
    return member if given(member) is not None else None


def _need(value: T | None, path: str, name: str) -> T:
    if value is None:
        raise InvalidInput(f"{path}.{name}: expected a value, it is missing.", field=f"{path}.{name}")
    return value


def _tool_call(block: Block, path: str) -> ToolCall:
    raw = bytes(block.input)
    if not raw.startswith(b"{"):
        raise InvalidInput(f"{path}.input: expected a JSON object.", field=f"{path}.input")
    try:
        arguments = raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}.input: expected UTF-8: {error}.", field=f"{path}.input") from error
    return ToolCall(id=_need(block.id, path, "id"), name=_need(block.name, path, "name"), arguments=arguments)


def _tool_result(block: Block, path: str) -> ToolResult:
    parts: list[Text | Image | File] = []
    content = block.content
    if isinstance(content, str):
        parts.append(Text(text=content))
    elif isinstance(content, list):
        for index, inner in enumerate(content):
            where = f"{path}.content[{index}]"
            if inner.type not in ("text", "image", "document", "search_result"):
                raise InvalidInput(
                    f"{where}: expected a text, image, document or search_result block, got {inner.type!r}.",
                    field=where,
                )
            parts.extend(part for part in _block_parts(inner, where) if isinstance(part, Text | Image | File))
    return ToolResult(id=_need(block.tool_use_id, path, "tool_use_id"), parts=parts, is_error=bool(block.is_error))


def _image(source: ImageOrDocumentSource | str | None, path: str) -> Image:
    match source:
        case ImageOrDocumentSource(type="base64", data=str(data), media_type=str(media_type)):
            return Image(data=data, media_type=media_type)
        case ImageOrDocumentSource(type="url", url=str(url)):
            return Image(url=url)
        case ImageOrDocumentSource(type="file"):
            raise InvalidInput(
                f"{path}.source: a file stored at Anthropic cannot be read by another provider.",
                field=f"{path}.source",
                hint="Send the image itself (base64) or its address.",
            )
        case _:
            raise InvalidInput(
                f"{path}.source: expected an object of type 'base64' (data, media_type) or 'url' (url).",
                field=f"{path}.source",
            )


def _document(block: Block, path: str) -> list[Text | Image | File]:
    if _wants_citations(block, path):
        raise InvalidInput(
            f"{path}.citations: citations are made by Anthropic's models only.", field=f"{path}.citations"
        )
    match block.source:
        case ImageOrDocumentSource(type="base64", data=str(data), media_type=str(media_type)):
            return [File(data=data, media_type=media_type, name=block.title)]
        case ImageOrDocumentSource(type="url", url=str(url)):
            return [File(url=url, name=block.title)]
        case ImageOrDocumentSource(type="text", data=str(text)):
            return [Text(text=f"{block.title}\n{text}" if block.title else text)]
        case ImageOrDocumentSource(type="content", content=str(text)):
            return [Text(text=text)]
        case ImageOrDocumentSource(type="content", content=list(blocks)):
            where = f"{path}.source.content"
            return [
                part
                for index, inner in enumerate(blocks)
                for part in _block_parts(inner, f"{where}[{index}]")
                if isinstance(part, Text | Image)
            ]
        case ImageOrDocumentSource(type="file"):
            raise InvalidInput(
                f"{path}.source: a file stored at Anthropic cannot be read by another provider.",
                field=f"{path}.source",
                hint="Send the document itself (base64 or text) or its address.",
            )
        case _:
            raise InvalidInput(
                f"{path}.source: expected an object of type 'base64', 'url', 'text' or 'content'.",
                field=f"{path}.source",
            )


def _wants_citations(block: Block, path: str) -> bool:
    # Only a document has an object here; on a text block the same member lists citations made before.
    citations = given(block.citations)
    if citations is None:
        return False
    try:
        return bool(msgspec.json.decode(citations, type=Citations).enabled)
    except JSON_ERRORS as error:
        raise InvalidInput(f"{path}.citations: {error}.", field=f"{path}.citations") from error


def _search_result(block: Block, path: str) -> Text:
    """The result's title, address and text as one text: the model reads the same words."""
    if not isinstance(block.source, str) or not isinstance(block.content, list):
        raise InvalidInput(f"{path}: expected a search_result with source, title and content.", field=path)
    lines = [block.title or "", block.source, *(inner.text or "" for inner in block.content)]
    return Text(text="\n".join(line for line in lines if line))


def _tools(call: InboundCall) -> list[Tool]:
    tools: list[Tool] = []
    for index, tool in enumerate(_optional(call, "tools", list[ToolParam]) or []):
        if tool.type not in (None, "custom"):
            path = f"tools[{index}].type"
            raise InvalidInput(
                f"{path}: {tool.type!r} is a tool of Anthropic's own, another provider does not have it.",
                field=path,
                hint="Define it as a custom tool, or call a model of an Anthropic provider.",
            )
        tools.append(
            Tool(name=tool.name, description=tool.description, parameters=_raw(tool.input_schema), strict=tool.strict)
        )
    return tools


def _read_tool_choice(call: InboundCall, request: ChatRequest) -> None:
    choice = _optional(call, "tool_choice", ToolChoiceParam)
    if choice is None:
        return
    match choice.type:
        case "auto" | "none":
            request.tool_choice = ToolChoice(mode=choice.type)
        case "any":
            request.tool_choice = ToolChoice(mode="required")
        case "tool":
            request.tool_choice = ToolChoice(mode="tool", name=_need(choice.name, "tool_choice", "name"))
        case _:
            raise InvalidInput(
                f"tool_choice.type: expected 'auto', 'any', 'tool' or 'none', got {choice.type!r}.",
                field="tool_choice.type",
            )
    if choice.disable_parallel_tool_use is not None:
        request.parallel_tool_calls = not choice.disable_parallel_tool_use


def _read_reasoning_and_format(call: InboundCall, request: ChatRequest) -> None:
    config = _optional(call, "output_config", OutputConfig) or OutputConfig()
    if config.effort is not None:
        effort = _EFFORTS.get(config.effort)
        if effort is None:
            raise InvalidInput(
                f"output_config.effort: expected one of {', '.join(_EFFORTS)}, got {config.effort!r}.",
                field="output_config.effort",
            )
        request.reasoning_effort = effort
    thinking = _optional(call, "thinking", Thinking)
    if thinking is not None:
        if thinking.type == "enabled":
            request.reasoning_budget = _need(thinking.budget_tokens, "thinking", "budget_tokens")
        elif thinking.type in ("disabled", "between_tools"):
            request.reasoning_effort = "none"
    # `output_format` is the beta's older spelling, still accepted by the vendor.
    spelling = "output_config.format" if config.format is not None else "output_format"
    output = config.format or _optional(call, "output_format", OutputFormat)
    if output is not None:
        schema = _raw(output.schema)
        if output.type != "json_schema" or schema is None:
            raise InvalidInput(f"{spelling}: expected type 'json_schema' with a schema.", field=spelling)
        request.response_format = ResponseFormat(kind="json_schema", name="answer", schema=schema, strict=True)
