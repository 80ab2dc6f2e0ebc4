"""A neutral request as a Messages request.

Where the vendor documents how its own OpenAI-compatible endpoint treats a member, this does the same
(https://platform.claude.com/docs/en/cli-sdks-libraries/libraries/openai-sdk): system messages are
joined at the start wherever they stood, a temperature above 1 becomes 1, `seed`, `name` and `metadata`
are dropped. What would change the answer if it were dropped is refused.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.providers.anthropic.reasoning import reasoning_members, thinking_budget
from penstock.providers.failures import JSON_ERRORS
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
    Text,
    ToolCall,
    ToolResult,
)

__all__ = ["DEFAULT_MAX_TOKENS", "DEFAULT_VERSION", "NO_SAMPLING_VERSION", "headers_for", "render_request"]

DEFAULT_MAX_TOKENS: Final = 16_384
"""`max_tokens` when the caller set none, plus the thinking budget if there is one. The API demands a number;
this one is within the limit of every model since Claude 3.7."""
DEFAULT_VERSION: Final = "2023-06-01"
"""`anthropic-version` when neither the caller nor the provider's `api_version` names one."""
NO_SAMPLING_VERSION: Final = "2026-10-21"
"""First API version that refuses `temperature`, `top_p` and `top_k`."""

_JSON_INSTRUCTION: Final = "Answer with one valid JSON object and nothing else."
_NOT_ID_CHARACTERS = re.compile(r"[^a-zA-Z0-9_-]")
_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)(?:;[^;,]*)*;base64,(?P<data>.*)", re.DOTALL | re.IGNORECASE)
Json = dict[str, object]


def headers_for(target: Target, *, version: str | None = None) -> dict[str, str]:
    """Headers of every request to this upstream; the provider's own come last and win."""
    headers = {"content-type": "application/json"}
    if target.secret is not None:
        headers["x-api-key"] = target.secret
    headers["anthropic-version"] = version or target.provider.api_version or DEFAULT_VERSION
    for name, value in target.headers.items():
        headers[name.lower()] = value
    return headers


def render_request(request: ChatRequest, target: Target) -> UpstreamRequest:
    """The request in Anthropic's form.

    A `json_object` answer has no counterpart in the API: a sentence in the system prompt asks for it,
    nothing enforces it. Reasoning without Anthropic's own signature is left out of the history, the
    API refuses it.

    Raises:
        InvalidInput: the API has no way to do what is asked, or tool arguments are no JSON object.
    """
    request = msgspec.structs.replace(request, model=target.model)
    headers = headers_for(target)
    _refuse_what_has_no_counterpart(request, target, version=headers["anthropic-version"])
    system, turns = _conversation(request, target)
    if not turns:
        raise InvalidInput(
            f"messages: provider {target.provider.name!r} needs at least one message that is not a system message.",
            field="messages",
        )
    max_tokens = request.max_tokens
    if max_tokens is None:
        max_tokens = DEFAULT_MAX_TOKENS + thinking_budget(request)
    body: Json = {"model": target.model, "max_tokens": max_tokens}
    if system:
        body["system"] = system
    body["messages"] = turns
    body.update(_tools(request))
    body.update(_sampling(request))
    if request.stop:
        body["stop_sequences"] = request.stop
    if request.user is not None:
        body["metadata"] = {"user_id": request.user}
    body.update(reasoning_members(request, max_tokens))
    _add_format(request, body)
    if request.stream:
        body["stream"] = True
    return UpstreamRequest(url=f"{target.provider.base_url}/messages", headers=headers, body=msgspec.json.encode(body))


def _refuse_what_has_no_counterpart(request: ChatRequest, target: Target, *, version: str) -> None:
    asked = {
        "n": request.n != 1,
        "logprobs": request.logprobs or request.top_logprobs is not None,
        "frequency_penalty": bool(request.frequency_penalty),
        "presence_penalty": bool(request.presence_penalty),
    }
    if version >= NO_SAMPLING_VERSION:
        asked.update(dict.fromkeys(_sampling(request), True))
    for field, given in asked.items():
        if given:
            raise InvalidInput(
                f"{field}: provider {target.provider.name!r} (Anthropic Messages, version {version}) cannot do this.",
                field=field,
                hint="Leave it out, or call a model of another provider.",
            )


def _sampling(request: ChatRequest) -> Json:
    """Sampling members that differ from the API's defaults.

    A temperature or `top_p` of 1 is the default, and is left out because some models refuse the one when
    the other is given.
    """
    members: Json = {}
    if request.temperature is not None and request.temperature < 1:
        members["temperature"] = request.temperature
    if request.top_p is not None and request.top_p < 1:
        members["top_p"] = request.top_p
    if request.top_k is not None:
        members["top_k"] = request.top_k
    return members


def _add_format(request: ChatRequest, body: Json) -> None:
    wanted = request.response_format
    if wanted is None or wanted.kind != "json_schema":
        return
    if wanted.schema is None:
        raise InvalidInput("response_format: expected a JSON Schema, it is missing.", field="response_format")
    form: Json = {"type": "json_schema", "schema": wanted.schema}
    config = body.get("output_config")
    body["output_config"] = {**config, "format": form} if isinstance(config, dict) else {"format": form}


def _tools(request: ChatRequest) -> Json:
    if not request.tools:
        return {}
    tools: list[Json] = []
    for tool in request.tools:
        entry: Json = {"name": tool.name}
        if tool.description:
            entry["description"] = tool.description
        entry["input_schema"] = tool.parameters or msgspec.Raw(b'{"type":"object","properties":{}}')
        if tool.strict:
            entry["strict"] = True
        tools.append(entry)
    members: Json = {"tools": tools}
    choice = request.tool_choice
    mode = choice.mode if choice is not None else "auto"
    wire: Json = {"type": "any" if mode == "required" else mode}
    if mode == "tool" and choice is not None:
        wire["name"] = choice.name
    if request.parallel_tool_calls is False and mode != "none":
        wire["disable_parallel_tool_use"] = True
    if choice is not None or len(wire) > 1:
        members["tool_choice"] = wire
    return members


def _conversation(request: ChatRequest, target: Target) -> tuple[list[Json], list[Json]]:
    """The system prompt's blocks, and alternating user and assistant turns."""
    system: list[Json] = []
    turns: list[tuple[str, list[Json]]] = []
    for index, message in enumerate(request.messages):
        path = f"messages[{index}]"
        if message.role == "system":
            system.extend(_text(part) for part in message.parts if isinstance(part, Text) and part.text)
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = list(_blocks(message, path, target))
        if not blocks:
            continue
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        else:
            turns.append((role, blocks))
    if request.response_format is not None and request.response_format.kind == "json_object":
        system.append({"type": "text", "text": _JSON_INSTRUCTION})
    return system, [{"role": role, "content": _in_order(role, blocks)} for role, blocks in turns]


def _in_order(role: str, blocks: list[Json]) -> list[Json]:
    """Results of tool calls come first in a user turn, the API demands it; the sort is stable."""
    if role == "user":
        blocks.sort(key=lambda block: block["type"] != "tool_result")
    return blocks


def _blocks(message: Message, path: str, target: Target) -> Iterator[Json]:
    for index, part in enumerate(message.parts):
        block = _block(part, f"{path}.content[{index}]", target)
        if block is not None:
            yield block


def _block(part: Part, path: str, target: Target) -> Json | None:
    """One part as a content block; None for what the API does not take: empty text, unsigned reasoning."""
    block: Json | None
    match part:
        case Text():
            block = _text(part) if part.text else None
        case Refusal():
            block = {"type": "text", "text": part.text} if part.text else None
        case Image():
            block = {"type": "image", "source": _image_source(part, path)}
        case File():
            block = _document(part, path, target)
        case ToolCall():
            block = {"type": "tool_use", "id": _id(part.id), "name": part.name, "input": _arguments(part, path)}
        case ToolResult():
            block = _tool_result(part, path, target)
        case Reasoning():
            block = _thinking(part)
        case Audio():
            raise InvalidInput(
                f"{path}: provider {target.provider.name!r} (Anthropic Messages) takes no audio.",
                field=path,
                hint="Send a transcript, or call a model of another provider.",
            )
    return block


def _text(part: Text) -> Json:
    block: Json = {"type": "text", "text": part.text}
    if part.cache:
        block["cache_control"] = {"type": "ephemeral"}
    return block


def _thinking(part: Reasoning) -> Json | None:
    if part.redacted is not None:
        return {"type": "redacted_thinking", "data": part.redacted}
    # Signatures of another vendor carry its name and a colon, which Anthropic's base64 never has.
    if not part.signature or ":" in part.signature:
        return None
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def _id(tool_call_id: str) -> str:
    """A tool call's id in the letters that the API allows; the same for the call and its result."""
    return _NOT_ID_CHARACTERS.sub("_", tool_call_id)


def _arguments(call: ToolCall, path: str) -> msgspec.Raw:
    text = call.arguments.strip() or "{}"
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except JSON_ERRORS as error:
        raise InvalidInput(
            f"{path}: the arguments of tool call {call.id!r} ({call.name}) must be a JSON object: {error}.",
            field=path,
        ) from error
    return msgspec.Raw(text.encode())


def _tool_result(result: ToolResult, path: str, target: Target) -> Json:
    inner = (_block(part, f"{path}.content[{index}]", target) for index, part in enumerate(result.parts))
    content = [block for block in inner if block is not None]
    answer: Json = {"type": "tool_result", "tool_use_id": _id(result.id)}
    if content:
        answer["content"] = content
    if result.is_error:
        answer["is_error"] = True
    return answer


def _image_source(image: Image, path: str) -> Json:
    data, media_type, url = image.data, image.media_type, image.url
    if url is not None and url[:5].lower() == "data:":
        found = _DATA_URL.fullmatch(url)
        if found is None:
            raise InvalidInput(
                f"{path}: expected a data URL of the form 'data:image/png;base64,…', got another.", field=path
            )
        data, media_type, url = found["data"], found["type"] or None, None
    if url is not None:
        return {"type": "url", "url": url}
    if data is None or media_type is None:
        raise InvalidInput(f"{path}: expected an image's URL, or its data and media type.", field=path)
    return {"type": "base64", "media_type": media_type.lower(), "data": data}


def _document(file: File, path: str, target: Target) -> Json:
    data, media_type = file.data, file.media_type
    if data is not None and (found := _DATA_URL.fullmatch(data)) is not None:
        data, media_type = found["data"], found["type"] or media_type
    if data is None:
        if file.url is not None:
            source: Json = {"type": "url", "url": file.url}
        elif file.file_id is not None:
            source = {"type": "file", "file_id": file.file_id}
        else:
            raise InvalidInput(f"{path}: expected a file's data, URL or id.", field=path)
    elif media_type in (None, "application/pdf"):
        source = {"type": "base64", "media_type": "application/pdf", "data": data}
    elif media_type.startswith("text/") or media_type == "application/json":
        source = {"type": "text", "media_type": "text/plain", "data": _decoded(data, path)}
    else:
        raise InvalidInput(
            f"{path}: provider {target.provider.name!r} takes PDF and text documents, got {media_type!r}.", field=path
        )
    block: Json = {"type": "document", "source": source}
    if file.name:
        block["title"] = file.name
    return block


def _decoded(data: str, path: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: expected UTF-8 text in base64: {error}.", field=path) from error
