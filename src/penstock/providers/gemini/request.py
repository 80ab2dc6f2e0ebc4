"""A neutral request as `generateContent` or `countTokens`."""

import mimetypes
import re
from typing import Final, Literal
from urllib.parse import quote, urlsplit

import msgspec

from penstock.core.errors import InvalidInput
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.gemini.signatures import UNSIGNED, split_tool_call_id, unmark_signature
from penstock.providers.gemini.thinking import is_signing_model, thinking_config
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

__all__ = ["headers_for", "render_count_tokens", "render_request", "resource_name", "url_for"]

Json = dict[str, object]
Turn = Literal["user", "model", "results"]
_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)(?:;[^;,]*)*;base64,(?P<data>.*)", re.DOTALL | re.IGNORECASE)
_MODES: Final = {"auto": "AUTO", "none": "NONE", "required": "ANY", "tool": "ANY"}


def headers_for(target: Target) -> dict[str, str]:
    """Headers of every request to this upstream. The key is never part of a URL; the provider's own headers win."""
    headers = {"content-type": "application/json"}
    if target.secret is not None:
        headers["x-goog-api-key"] = target.secret
    for name, value in target.headers.items():
        headers[name.lower()] = value
    return headers


def resource_name(model: str) -> str:
    """`models/…` (or `tunedModels/…`, when the name says so), safe to stand in a path."""
    collection, slash, name = model.partition("/")
    if slash and collection in ("models", "tunedModels"):
        return f"{collection}/{quote(name, safe='')}"
    return f"models/{quote(model, safe='')}"


def url_for(target: Target, method: str) -> str:
    """The address of a method of the target's model."""
    return f"{target.provider.base_url}/{resource_name(target.model)}:{method}"


def render_request(request: ChatRequest, target: Target) -> UpstreamRequest:
    """The request in Gemini's form.

    Raises:
        InvalidInput: the API has no way to do what is asked, or a part of the conversation does not fit it.
    """
    if request.parallel_tool_calls is False and request.tools:
        raise InvalidInput(
            f"parallel_tool_calls: provider {target.provider.name!r} (Gemini) cannot be held to one tool call.",
            field="parallel_tool_calls",
            hint="Leave it out, or call a model of another provider.",
        )
    method = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
    body = _conversation(request, target)
    config = _generation_config(request, target)
    if config:
        body["generationConfig"] = config
    return UpstreamRequest(url=url_for(target, method), headers=headers_for(target), body=msgspec.json.encode(body))


def render_count_tokens(request: ChatRequest, target: Target) -> UpstreamRequest:
    """The same conversation and tools, to be counted and not answered."""
    body = {"generateContentRequest": {"model": resource_name(target.model), **_conversation(request, target)}}
    return UpstreamRequest(
        url=url_for(target, "countTokens"), headers=headers_for(target), body=msgspec.json.encode(body)
    )


def _conversation(request: ChatRequest, target: Target) -> Json:
    system: list[Json] = []
    turns: list[tuple[Turn, list[Json]]] = []
    names: dict[str, str] = {}
    signing = is_signing_model(target.model)
    for index, message in enumerate(request.messages):
        path = f"messages[{index}]"
        if message.role == "system":
            system.extend({"text": part.text} for part in message.parts if isinstance(part, Text) and part.text)
            continue
        for turn, part in _parts(message, path, names=names, target=target):
            if turns and turns[-1][0] == turn:
                turns[-1][1].append(part)
            else:
                turns.append((turn, [part]))
    if not turns:
        raise InvalidInput(
            f"messages: provider {target.provider.name!r} needs at least one message that is not a system message.",
            field="messages",
        )
    if signing:
        _sign_first_calls(turns)
    contents = [{"role": "model" if turn == "model" else "user", "parts": parts} for turn, parts in turns]
    body: Json = {"contents": contents}
    if system:
        body["systemInstruction"] = {"parts": system}
    body.update(_tools(request))
    return body


def _sign_first_calls(turns: list[tuple[Turn, list[Json]]]) -> None:
    """Gemini 3 signs the first call of each step and wants it back; calls made elsewhere get Google's placeholder."""
    for turn, parts in turns:
        if turn != "model":
            continue
        first = next((part for part in parts if "functionCall" in part), None)
        if first is not None:
            first.setdefault("thoughtSignature", UNSIGNED)


def _parts(message: Message, path: str, *, names: dict[str, str], target: Target) -> list[tuple[Turn, Json]]:
    """The message's parts, each with the turn it belongs to; results of tools are a turn of their own.

    `names` maps ids of tool calls to names, filled by calls and read by results: Gemini wants both.
    """
    own: Turn = "model" if message.role == "assistant" else "user"
    parts: list[tuple[Turn, Json]] = []
    for index, part in enumerate(message.parts):
        where = f"{path}.content[{index}]"
        if isinstance(part, ToolResult):
            parts.append(("results", _tool_result(part, where, names=names, target=target)))
            continue
        if isinstance(part, ToolCall):
            names[part.id] = part.name
        rendered = _part(part, where, target)
        if rendered is not None:
            parts.append((own, rendered))
    return parts


def _part(part: Part, path: str, target: Target) -> Json | None:
    """One part; None for what does not go back: empty text, reasoning that Gemini did not sign."""
    rendered: Json | None
    match part:
        case Text() | Refusal():
            rendered = {"text": part.text} if part.text else None
        case Image():
            rendered = _media(part.data, part.url, part.media_type, path)
        case Audio():
            rendered = {"inlineData": {"mimeType": f"audio/{part.format}", "data": part.data}}
        case File():
            rendered = _file(part, path, target)
        case ToolCall():
            rendered = _tool_call(part, path)
        case Reasoning():
            signature = unmark_signature(part.signature)
            rendered = {"text": part.text, "thoughtSignature": signature} if signature is not None else None
            if rendered is not None and part.text:
                rendered["thought"] = True
        case ToolResult():
            rendered = None
    return rendered


def _media(data: str | None, url: str | None, media_type: str | None, path: str) -> Json:
    """`inlineData` of base64 data or of a data URL, `fileData` of any other URL."""
    if url is not None and url[:5].lower() == "data:":
        found = _DATA_URL.fullmatch(url)
        if found is None:
            raise InvalidInput(
                f"{path}: expected a data URL of the form 'data:image/png;base64,…', got another.", field=path
            )
        data, media_type, url = found["data"], found["type"] or media_type, None
    if url is not None:
        file: Json = {"fileUri": url}
        guessed = media_type or mimetypes.guess_type(urlsplit(url).path)[0]
        if guessed is not None:
            file["mimeType"] = guessed
        return {"fileData": file}
    if data is None or not media_type:
        raise InvalidInput(f"{path}: expected a URL, or data and its media type.", field=path)
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _file(file: File, path: str, target: Target) -> Json:
    if file.file_id is not None and file.data is None and file.url is None:
        raise InvalidInput(
            f"{path}: a file id of another vendor means nothing to provider {target.provider.name!r} (Gemini).",
            field=path,
            hint="Send the file's data or its URL.",
        )
    if file.data is not None and file.data[:5].lower() == "data:":
        return _media(None, file.data, file.media_type, path)
    media_type = file.media_type or (mimetypes.guess_type(file.name)[0] if file.name else None)
    return _media(file.data, file.url, media_type or ("application/pdf" if file.data is not None else None), path)


def _tool_call(call: ToolCall, path: str) -> Json:
    text = call.arguments.strip() or "{}"
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except JSON_ERRORS as error:
        raise InvalidInput(
            f"{path}: the arguments of tool call {call.id!r} ({call.name}) must be a JSON object: {error}.",
            field=path,
        ) from error
    name, signature = split_tool_call_id(call.id)
    rendered: Json = {"functionCall": {"id": name, "name": call.name, "args": msgspec.Raw(text.encode())}}
    if signature is not None:
        rendered["thoughtSignature"] = signature
    return rendered


def _tool_result(result: ToolResult, path: str, *, names: dict[str, str], target: Target) -> Json:
    name = names.get(result.id)
    if name is None:
        raise InvalidInput(
            f"{path}: no tool call before this result has the id {result.id!r}.",
            field=path,
            hint="Send the assistant message that made the call before its result.",
        )
    text = "".join(part.text for part in result.parts if isinstance(part, Text))
    # Google's convention: `output` holds a result, `error` what went wrong.
    response: Json = {"error" if result.is_error else "output": _json_or_text(text)}
    answer: Json = {"id": split_tool_call_id(result.id)[0], "name": name, "response": response}
    media = [
        rendered
        for index, part in enumerate(result.parts)
        if not isinstance(part, Text) and (rendered := _part(part, f"{path}.content[{index}]", target)) is not None
    ]
    if media:
        answer["parts"] = media
    return {"functionResponse": answer}


def _json_or_text(text: str) -> msgspec.Raw | str:
    """Structured results stay structured; anything else is text."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            msgspec.json.decode(text)
        except JSON_ERRORS:
            return text
        return msgspec.Raw(text.encode())
    return text


def _tools(request: ChatRequest) -> Json:
    if not request.tools:
        return {}
    declarations: list[Json] = []
    for tool in request.tools:
        declaration: Json = {"name": tool.name}
        if tool.description:
            declaration["description"] = tool.description
        if tool.parameters is not None:
            declaration["parametersJsonSchema"] = tool.parameters
        declarations.append(declaration)
    members: Json = {"tools": [{"functionDeclarations": declarations}]}
    choice = request.tool_choice
    mode = _MODES[choice.mode] if choice is not None else "AUTO"
    if mode == "AUTO" and any(tool.strict for tool in request.tools):
        # The mode in which arguments are held to their schema; ANY always does so.
        mode = "VALIDATED"
    config: Json = {"mode": mode}
    if choice is not None and choice.mode == "tool":
        config["allowedFunctionNames"] = [choice.name]
    if choice is not None or mode != "AUTO":
        members["toolConfig"] = {"functionCallingConfig": config}
    return members


def _generation_config(request: ChatRequest, target: Target) -> Json:
    config: Json = {
        "temperature": request.temperature,
        "topP": request.top_p,
        "topK": request.top_k,
        "maxOutputTokens": request.max_tokens,
        "stopSequences": request.stop or None,
        "seed": request.seed,
        "candidateCount": request.n if request.n != 1 else None,
        "presencePenalty": request.presence_penalty or None,
        "frequencyPenalty": request.frequency_penalty or None,
        "responseLogprobs": True if request.logprobs else None,
        "logprobs": request.top_logprobs if request.logprobs else None,
        "thinkingConfig": thinking_config(request, target.model),
    }
    wanted = request.response_format
    if wanted is not None:
        config["responseMimeType"] = "application/json"
        if wanted.kind == "json_schema":
            if wanted.schema is None:
                raise InvalidInput("response_format: expected a JSON Schema, it is missing.", field="response_format")
            config["responseJsonSchema"] = wanted.schema
    return {name: value for name, value in config.items() if value is not None}
