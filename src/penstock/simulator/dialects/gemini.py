"""Gemini `generateContent`, `streamGenerateContent` and `countTokens`."""

from collections.abc import Iterator
from typing import Any, Final, Literal, TypeVar, cast

import msgspec

from penstock.core.errors import InvalidInput
from penstock.simulator.ask import Ask, OfferedTool, Segment, text_segment
from penstock.simulator.completion import Choice, Completion, TokenLogprob, chunked
from penstock.simulator.config import SimulatorConfig
from penstock.simulator.dialects.types import Event, StreamStyle
from penstock.simulator.models import Vendor
from penstock.simulator.tokens import count_tokens
from penstock.wire.usage import Usage

__all__ = ["GeminiContent", "decode_gemini"]

T = TypeVar("T")

IMAGE_TOKENS: Final = 258
FINISH: Final = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}
LEVEL_TOKENS: Final = {"MINIMAL": 8, "LOW": 32, "MEDIUM": 64, "HIGH": 160}
DYNAMIC_BUDGET: Final = 128
"""Tokens of a thinking budget of -1: as much as the model likes."""
_STATUS: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

_encode = msgspec.json.encode


class _Blob(msgspec.Struct, rename="camel"):
    mime_type: str = ""
    data: str = ""
    file_uri: str = ""


class _FunctionResponse(msgspec.Struct):
    name: str = ""
    response: Any = None


class _Part(msgspec.Struct, rename="camel"):
    text: str = ""
    thought: bool = False
    inline_data: _Blob | None = None
    file_data: _Blob | None = None
    function_call: Any = None
    function_response: _FunctionResponse | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] = []
    role: str = "user"


class _Function(msgspec.Struct, rename="camel"):
    name: str
    description: str = ""
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None


class _Tool(msgspec.Struct, rename="camel"):
    function_declarations: list[_Function] = []


class _CallingConfig(msgspec.Struct, rename="camel"):
    mode: str = "AUTO"
    allowed_function_names: list[str] = []


class _ToolConfig(msgspec.Struct, rename="camel"):
    function_calling_config: _CallingConfig | None = None


class _Thinking(msgspec.Struct, rename="camel"):
    include_thoughts: bool = False
    thinking_budget: int | None = None
    thinking_level: str | None = None


class _Generation(msgspec.Struct, rename="camel"):
    candidate_count: int | None = None
    stop_sequences: list[str] = []
    max_output_tokens: int | None = None
    seed: int | None = None
    response_mime_type: str = ""
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    response_logprobs: bool = False
    logprobs: int | None = None
    thinking_config: _Thinking | None = None


class _Body(msgspec.Struct, rename="camel"):
    contents: list[_Content]
    system_instruction: _Content | None = None
    tools: list[_Tool] = []
    tool_config: _ToolConfig | None = None
    generation_config: _Generation | None = None


class _CountBody(msgspec.Struct, rename="camel"):
    contents: list[_Content] = []
    generate_content_request: _Body | None = None


_FREE = frozenset(
    {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "data", "text"}
)
"""Members whose content is the caller's own."""


def _camel(value: Any) -> Any:
    """Members in camel case: the vendor takes either spelling, and its SDK mixes them."""
    if isinstance(value, list):
        return [_camel(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    for name, item in cast("dict[str, Any]", value).items():
        head, *rest = name.split("_")
        spelled = head + "".join(part.capitalize() for part in rest)
        made[spelled] = item if spelled in _FREE else _camel(item)
    return made


def decode_gemini(body: bytes, kind: type[T]) -> T:
    """A body of the vendor's.

    Raises:
        InvalidInput: no JSON, or not of that shape.
    """
    try:
        if b"_" not in body:
            return msgspec.json.decode(body, type=kind)
        return msgspec.convert(_camel(msgspec.json.decode(body)), kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidInput(f"Invalid JSON payload received: {error}.") from error


class GeminiContent:
    """`POST /v1beta/models/{model}:generateContent` and its streaming form."""

    vendor: Vendor = "gemini"

    def parse(self, body: bytes, *, model: str | None, stream: bool | None) -> Ask:
        asked = decode_gemini(body, _Body)
        if not asked.contents:
            raise InvalidInput("* GenerateContentRequest.contents: contents is not specified", field="contents")
        wanted = asked.generation_config or _Generation()
        functions = [function for tool in asked.tools for function in tool.function_declarations]
        tools = [
            OfferedTool(function.name, function.parameters_json_schema or function.parameters or {})
            for function in functions
        ]
        choice, tools = _tool_choice(asked.tool_config, tools)
        thinking = wanted.thinking_config
        return Ask(
            model=model or "",
            segments=_segments(asked, functions),
            question=next(
                (_text(item) for item in reversed(asked.contents) if item.role == "user" and _text(item)), ""
            ),
            tool_results=[
                _encode(part.function_response.response).decode()
                for part in asked.contents[-1].parts
                if part.function_response is not None
            ],
            stream=stream or False,
            tools=tools,
            tool_choice=choice,
            schema=_schema(wanted),
            max_tokens=wanted.max_output_tokens,
            stop=wanted.stop_sequences,
            n=wanted.candidate_count or 1,
            logprobs=wanted.response_logprobs,
            top_logprobs=wanted.logprobs or 0,
            reasoning=_reasoning(thinking),
            show_reasoning=thinking is not None and thinking.include_thoughts,
            seed=wanted.seed,
        )

    @staticmethod
    def count(body: bytes, model: str | None, _config: SimulatorConfig) -> tuple[str, bytes]:
        """`POST /v1beta/models/{model}:countTokens`."""
        asked = decode_gemini(body, _CountBody)
        request = asked.generate_content_request or _Body(contents=asked.contents)
        total = sum(segment.tokens for segment in _segments(request, []))
        details = [{"modality": "TEXT", "tokenCount": total}]
        return model or "", _encode({"totalTokens": total, "promptTokensDetails": details})

    def whole(self, ask: Ask, completion: Completion) -> bytes:
        candidates = [_candidate(ask, index, choice) for index, choice in enumerate(completion.choices)]
        return _encode({"candidates": candidates, **_tail(completion, completion.usage)})

    def events(self, ask: Ask, completion: Completion, style: StreamStyle) -> Iterator[Event]:
        chunks = _chunks(ask, completion, style)
        if style.sse:
            for chunk, tokens in chunks:
                yield Event(b"data: " + _encode(chunk) + b"\r\n\r\n", tokens)
            return
        opening = b"["
        for chunk, tokens in chunks:
            yield Event(opening + _encode(chunk), tokens)
            opening = b",\r\n"
        yield Event(b"]")

    def error(self, status: int, message: str) -> bytes:
        name = _STATUS.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
        return _encode({"error": {"code": status, "message": message, "status": name}})

    def error_event(self, message: str) -> bytes:
        return b"data: " + self.error(503, message) + b"\r\n\r\n"


def _text(content: _Content) -> str:
    return "\n".join(part.text for part in content.parts if part.text)


def _tool_choice(
    config: _ToolConfig | None, tools: list[OfferedTool]
) -> tuple[Literal["auto", "none", "required"], list[OfferedTool]]:
    calling = config.function_calling_config if config else None
    if calling is None:
        return "auto", tools
    allowed = calling.allowed_function_names
    usable = [tool for tool in tools if not allowed or tool.name in allowed]
    if calling.mode == "NONE":
        return "none", usable
    return ("required" if calling.mode == "ANY" else "auto"), usable


def _schema(wanted: _Generation) -> dict[str, Any] | None:
    schema = wanted.response_json_schema or wanted.response_schema
    return schema if schema is not None else ({} if wanted.response_mime_type == "application/json" else None)


def _reasoning(thinking: _Thinking | None) -> int | None:
    if thinking is None:
        return None
    if thinking.thinking_level is not None:
        return LEVEL_TOKENS.get(thinking.thinking_level.upper(), DYNAMIC_BUDGET)
    if thinking.thinking_budget is None or thinking.thinking_budget < 0:
        return DYNAMIC_BUDGET
    return thinking.thinking_budget


def _segments(asked: _Body, functions: list[_Function]) -> list[Segment]:
    made: list[Segment] = []
    if functions:
        text = _encode(functions).decode()
        made.append(text_segment(text, count_tokens(text)))
    opening = [asked.system_instruction] if asked.system_instruction else []
    for content in [*opening, *asked.contents]:
        text = "".join(_spoken(part) for part in content.parts)
        made.append(text_segment(f"{content.role}: {text}", count_tokens(text)))
        for part in content.parts:
            blob = part.inline_data or part.file_data
            if blob is not None:
                made.append(Segment(blob.data or blob.file_uri, IMAGE_TOKENS, image=True))
    return made


def _spoken(part: _Part) -> str:
    call = msgspec.json.encode(part.function_call).decode() if part.function_call is not None else ""
    answer = _encode(part.function_response.response).decode() if part.function_response is not None else ""
    return f"{part.text}{call}{answer}"


def _usage(usage: Usage) -> dict[str, Any]:
    """Gemini's totals: cached tokens are part of the prompt's, thoughts are not part of the candidates'."""
    details = [{"modality": "TEXT", "tokenCount": usage.total_input - usage.input_image}]
    if usage.input_image:
        details.append({"modality": "IMAGE", "tokenCount": usage.input_image})
    counted = {"promptTokenCount": usage.total_input, "candidatesTokenCount": usage.output}
    if usage.cache_read:
        counted["cachedContentTokenCount"] = usage.cache_read
    if usage.reasoning:
        counted["thoughtsTokenCount"] = usage.reasoning
    return {**counted, "totalTokenCount": usage.total, "promptTokensDetails": details}


def _tail(completion: Completion, usage: Usage | None) -> dict[str, Any]:
    counted = {} if usage is None else {"usageMetadata": _usage(usage)}
    return {**counted, "modelVersion": completion.model, "responseId": completion.id}


def _calls(choice: Choice) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for call in choice.calls:
        try:
            arguments = msgspec.json.decode(call.arguments)
        except msgspec.DecodeError:
            continue  # Gemini sends a call whole or not at all.
        parts.append({"functionCall": {"id": call.id, "name": call.name, "args": arguments}})
    return parts


def _candidate(ask: Ask, index: int, choice: Choice) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    if choice.reasoning and ask.show_reasoning:
        parts.append({"text": choice.thoughts, "thought": True})
    if choice.text:
        parts.append({"text": choice.content})
    made = _piece(index, [*parts, *_calls(choice)], finish=choice)
    if choice.logprobs:
        made["avgLogprobs"] = sum(entry.logprob for entry in choice.logprobs) / len(choice.logprobs)
        made["logprobsResult"] = _logprobs(choice.logprobs)
    return made


def _logprobs(entries: list[TokenLogprob]) -> dict[str, Any]:
    def one(token: str, logprob: float) -> dict[str, Any]:
        return {"token": token, "tokenId": 0, "logProbability": logprob}

    return {
        "chosenCandidates": [one(entry.token, entry.logprob) for entry in entries],
        "topCandidates": [{"candidates": [one(*pair) for pair in entry.top]} for entry in entries],
    }


def _piece(index: int, parts: list[dict[str, Any]], *, finish: Choice | None = None) -> dict[str, Any]:
    content = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    made: dict[str, Any] = {"content": content, "index": index}
    if finish is not None:
        made["finishReason"] = FINISH[finish.finish]
    return made


def _contents(ask: Ask, choice: Choice, size: int) -> Iterator[tuple[list[dict[str, Any]], int, int]]:
    """Parts of one candidate in stream order, with the reasoning and text tokens that they carry."""
    if ask.show_reasoning:
        for text in chunked(choice.reasoning, size):
            yield [{"text": text, "thought": True}], size, 0
    for text in chunked(choice.text, size):
        yield [{"text": text}], 0, size
    calls = _calls(choice)
    if calls:
        yield calls, 0, size


def _chunks(ask: Ask, completion: Completion, style: StreamStyle) -> Iterator[tuple[dict[str, Any], int]]:
    """The objects of a stream. Usage stands on each of them and grows, unless ordered otherwise."""
    usage = completion.usage
    growing = style.usage in (None, "cumulative")
    reasoning = 0 if ask.show_reasoning else usage.reasoning
    output = 0
    for index, choice in enumerate(completion.choices):
        for parts, thought, written in _contents(ask, choice, style.chunk_tokens):
            reasoning, output = min(usage.reasoning, reasoning + thought), min(usage.output, output + written)
            so_far = msgspec.structs.replace(usage, reasoning=reasoning, output=output) if growing else None
            yield {"candidates": [_piece(index, parts)], **_tail(completion, so_far)}, thought + written
    final = usage if style.usage in (None, "cumulative", "on_choices", "x_groq") else None
    last = [_piece(index, [{"text": ""}], finish=choice) for index, choice in enumerate(completion.choices)]
    yield {"candidates": last, **_tail(completion, final)}, 0
    if style.usage == "after_finish":
        yield {"candidates": [_piece(0, [{"text": ""}])], **_tail(completion, usage)}, 0
    if style.usage == "own_chunk":
        yield _tail(completion, usage), 0
