"""A rendered prompt put into a call, in whatever dialect the caller speaks.

| of the prompt | what becomes of it |
|---|---|
| messages | the caller's own stand at the placeholder, or come last |
| a text | the system message; the user's message where the caller sends none of its own |
| tools | beside the caller's; of two with one name the caller's counts |
| response schema | unless the caller asks for a form of its own |
| parameters | unless the caller sets them; of two bounds on the answer's length the smaller one counts |
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from penstock.core.errors import InvalidInput
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.parameters import with_parameters
from penstock.providers.types import InboundCall, Operation, Target
from penstock.wire.prompt_forms import arguments_text, chat_message, chat_tool
from penstock.wire.prompts import Image, Message, Prompt, Rendered, Text, Tool, message_text
from penstock.wire.routing import Parameters

__all__ = ["VARIABLES", "variables_of", "with_prompt", "without_variables"]

VARIABLES: Final = "variables"
"""The member of a body that holds them, in every dialect."""

Json = dict[str, Any]
_encode = msgspec.json.Encoder().encode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_decode_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder().decode
_NULL: Final = b"null"
_NO_ARGUMENTS: Final[Json] = {"type": "object", "properties": {}}
_FORMS: Final[Mapping[Operation, tuple[str, ...]]] = {
    "chat": ("response_format",),
    "messages": ("output_format",),
}
_PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "stop": ("stop", "stop_sequences"),
    "seed": ("seed",),
}
"""Members by which a caller sets a parameter itself."""


def variables_of(call: InboundCall) -> dict[str, Any]:
    """What the caller gives for the variables of a prompt.

    Raises:
        InvalidInput: it is no JSON object.
    """
    raw = call.fields.get(VARIABLES)
    if raw is None or bytes(raw) == _NULL:
        return {}
    try:
        return _decode_object(raw)
    except JSON_ERRORS as error:
        raise InvalidInput("variables: expected an object of values by name.", field=VARIABLES) from error


def without_variables(call: InboundCall) -> InboundCall:
    """The call as a provider may see it."""
    if VARIABLES not in call.fields:
        return call
    return msgspec.structs.replace(
        call, fields={name: raw for name, raw in call.fields.items() if name != VARIABLES}, bare=False
    )


def with_prompt(call: InboundCall, prompt: Prompt, rendered: Rendered, target: Target) -> InboundCall:
    """The call with what a prompt rendered to, and without the variables.

    Args:
        call: As the caller sent it.
        prompt: Gives tools, response schema and parameters.
        rendered: Gives the messages.
        target: Decides how a bound on the answer is spelled.

    Raises:
        InvalidInput: the call is none of a chat, or its messages are no list.
    """
    if call.operation == "embeddings":
        raise InvalidInput(
            "model: this route serves a prompt, which embeddings have no place for.",
            field="model",
            hint="Call an embedding model, or a route without a prompt.",
            code="unsupported_operation",
        )
    fields = {name: raw for name, raw in call.fields.items() if name != VARIABLES}
    fields |= {name: msgspec.Raw(_encode(value)) for name, value in _conversation(call, rendered).items()}
    if prompt.tools:
        fields["tools"] = msgspec.Raw(_encode(_tools(call, prompt.tools)))
    made = msgspec.structs.replace(call, fields=fields, bare=False)
    if call.operation == "count_tokens":
        return made
    fields |= {name: msgspec.Raw(_encode(value)) for name, value in _response_form(call, prompt).items()}
    return with_parameters(made, _unset_by(call, prompt.parameters), target)


def _unset_by(call: InboundCall, parameters: Parameters) -> Parameters:
    """Those that the caller does not set itself."""
    taken = {name: None for name, members in _PARAMETERS.items() if any(_given(call, member) for member in members)}
    return msgspec.structs.replace(parameters, **taken) if taken else parameters


def _given(call: InboundCall, name: str) -> bool:
    raw = call.fields.get(name)
    return raw is not None and bytes(raw) != _NULL


def _list(call: InboundCall, name: str) -> list[Any]:
    raw = call.fields.get(name)
    if raw is None or bytes(raw) == _NULL:
        return []
    try:
        return cast("list[Any]", _decode_raws(raw))
    except JSON_ERRORS as error:
        raise InvalidInput(f"{name}: expected a list.", field=name) from error


# --- messages ---------------------------------------------------------------------------------


def _conversation(call: InboundCall, rendered: Rendered) -> Json:
    """The members of the body that hold the conversation."""
    match call.operation:
        case "responses":
            own = _input(call)
            return {"input": _placed(_messages_of(rendered, alone=not own), own, _responses_items)}
        case "chat":
            own = _list(call, "messages")
            return {"messages": _placed(_messages_of(rendered, alone=not own), own, _chat)}
        case _:
            own = _list(call, "messages")
            messages = _messages_of(rendered, alone=not own)
            spoken = [message for message in messages if message.role not in ("system", "developer")]
            system = _system(call, [message_text(one) for one in messages if one.role in ("system", "developer")])
            members: Json = {"messages": _placed(spoken, own, _anthropic_messages)}
            return {**members, "system": system} if system else members


def _messages_of(rendered: Rendered, *, alone: bool) -> Sequence[Message]:
    """Args: alone: The caller sends no message of its own."""
    if rendered.text is None:
        return rendered.messages
    return (Message(role="user" if alone else "system", content=rendered.text),)


def _placed(messages: Sequence[Message], own: list[Any], form: Callable[[Message], list[Json]]) -> list[Any]:
    """The messages with the caller's own at the placeholder, or after them."""
    placed: list[Any] = []
    is_placed = False
    for message in messages:
        if message.role == "placeholder":
            placed += own
            is_placed = True
        else:
            placed += form(message)
    return placed if is_placed else [*placed, *own]


def _chat(message: Message) -> list[Json]:
    return [chat_message(message)]


def _input(call: InboundCall) -> list[Any]:
    raw = call.fields.get("input")
    if raw is not None and bytes(memoryview(raw)[:1]) == b'"':
        text = _decode_any(raw)
        return [{"role": "user", "content": text}] if text else []
    return _list(call, "input")


def _responses_items(message: Message) -> list[Json]:
    if message.tool_call_id is not None:
        return [{"type": "function_call_output", "call_id": message.tool_call_id, "output": message_text(message)}]
    items: list[Json] = []
    if isinstance(message.content, str):
        items += [{"role": message.role, "content": message.content}] if message.content else []
    elif message.role == "assistant":
        items.append({"role": message.role, "content": message_text(message)})
    else:
        parts = [
            {"type": "input_text", "text": part.text}
            if isinstance(part, Text)
            else {"type": "input_image", "image_url": part.url, "detail": "auto"}
            for part in message.content
        ]
        items.append({"role": message.role, "content": parts})
    calls = (
        {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments_text(call)}
        for call in message.tool_calls
    )
    return [*items, *calls]


def _system(call: InboundCall, texts: list[str]) -> Any:
    """Anthropic's `system`: the prompt's first, then the caller's own, whose blocks stay as they are."""
    raw = call.fields.get("system")
    own: Any = None
    if raw is not None:
        try:
            own = _decode_any(raw)
        except JSON_ERRORS:
            own = None
    text = "\n\n".join(texts)
    if not own:
        return text
    if not text:
        return own
    if isinstance(own, list):
        return [{"type": "text", "text": text}, *_list(call, "system")]
    return f"{text}\n\n{own}"


def _anthropic_messages(message: Message) -> list[Json]:
    if message.tool_call_id is not None:
        block = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message_text(message)}
        return [{"role": "user", "content": [block]}]
    if isinstance(message.content, str) and not message.tool_calls:
        return [{"role": message.role, "content": message.content}]
    parts = message.content
    if isinstance(parts, str):
        parts = (Text(text=parts),) if parts else ()
    blocks: list[Json] = [
        {"type": "text", "text": part.text} if isinstance(part, Text) else {"type": "image", "source": _source(part)}
        for part in parts
    ]
    blocks += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in message.tool_calls
    ]
    return [{"role": message.role, "content": blocks}]


def _source(image: Image) -> Json:
    if image.url.startswith("data:"):
        head, comma, data = image.url.removeprefix("data:").partition(",")
        if comma and head.endswith(";base64"):
            return {"type": "base64", "media_type": head.removesuffix(";base64"), "data": data}
    return {"type": "url", "url": image.url}


# --- tools and the answer's form --------------------------------------------------------------


def _tools(call: InboundCall, tools: Sequence[Tool]) -> list[Any]:
    own = _list(call, "tools")
    taken = {_tool_name(raw) for raw in own}
    form = _TOOL_FORMS.get(call.operation, _anthropic_tool)
    return [*(form(tool) for tool in tools if tool.name not in taken), *own]


def _tool_name(raw: msgspec.Raw) -> str | None:
    try:
        tool = _decode_object(raw)
    except JSON_ERRORS:
        return None
    function = tool.get("function")
    return function.get("name") if isinstance(function, dict) else tool.get("name")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON


def _responses_tool(tool: Tool) -> Json:
    # Left out, `strict` would be true there, and most schemas are not written for that.
    made: Json = {"type": "function", "name": tool.name, "strict": bool(tool.strict)}
    made["parameters"] = tool.parameters or _NO_ARGUMENTS
    return made if tool.description is None else {**made, "description": tool.description}


def _anthropic_tool(tool: Tool) -> Json:
    made: Json = {"name": tool.name, "input_schema": tool.parameters or _NO_ARGUMENTS}
    if tool.strict is not None:
        made["strict"] = tool.strict
    return made if tool.description is None else {**made, "description": tool.description}


_TOOL_FORMS: Final[Mapping[Operation, Callable[[Tool], Json]]] = {"chat": chat_tool, "responses": _responses_tool}


def _response_form(call: InboundCall, prompt: Prompt) -> Json:
    wanted = prompt.response_schema
    if wanted is None or any(_given(call, name) for name in _FORMS.get(call.operation, ())):
        return {}
    described: Json = {"name": wanted.name, "schema": wanted.schema, "strict": wanted.strict}
    if call.operation == "chat":
        return {"response_format": {"type": "json_schema", "json_schema": described}}
    name, form = (
        ("text", {"type": "json_schema", **described})
        if call.operation == "responses"
        else ("output_config", {"type": "json_schema", "schema": wanted.schema})
    )
    raw = call.fields.get(name)
    own = _decode_any(raw) if raw is not None else None
    if not isinstance(own, dict):
        return {name: {"format": form}}
    return {} if own.get("format") is not None else {name: {**own, "format": form}}  # pyright: ignore[reportUnknownMemberType] - JSON
