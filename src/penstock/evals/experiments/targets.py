"""What a variant asks: a model with a prompt, or a function of the user's."""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, PenstockError, UpstreamError
from penstock.evals.experiments.functions import source_of
from penstock.evals.experiments.keys import digest, trace_id
from penstock.evals.experiments.ports import Caller, Request
from penstock.evals.experiments.types import CallMark, Output, Row, VariantSpec
from penstock.wire.prompts import CompiledPrompt, Message, Text, Variable, VariableType, read_prompt
from penstock.wire.templates import Renderer, Renderers

__all__ = ["FunctionTarget", "Inline", "ModelTarget", "RegistryPrompt", "messages_of"]

INPUT: Final = "input"
"""The variable that stands for an input which is no object."""
PROMPT_HEADER: Final = "x-penstock-prompt"


class Inline:
    """Messages with templates that stand in the experiment itself.

    Types of variables are those of the row's values, since nothing declares them.

    Raises:
        InvalidInput: a message or a template is wrong.
    """

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self._messages = messages
        self._renderers = Renderers()
        self._renderer({INPUT: ""})
        self.digest = digest(messages)
        self.headers: dict[str, str] = {}
        self.fields: dict[str, Any] = {}

    def messages(self, row: Row) -> list[dict[str, Any]]:
        """Raises `InvalidInput`: a variable is missing."""
        values = _variables(row.input)
        rendered = self._renderer(values).render(values)
        return _chat(rendered.messages, row.input, has_input=True)

    def _renderer(self, values: Mapping[str, Any]) -> Renderer:
        signature: tuple[tuple[str, VariableType], ...] = tuple(
            (name, _type(value)) for name, value in sorted(values.items())
        )

        def compiled() -> CompiledPrompt:
            variables = {name: Variable(type=kind, default=None) for name, kind in signature}
            body = {"messages": self._messages, "variables": msgspec.to_builtins(variables)}
            return CompiledPrompt(name="messages", version=0, digest="", prompt=read_prompt(body))

        return self._renderers.find(signature, compiled)


class RegistryPrompt:
    """A version of a prompt of the registry."""

    def __init__(self, compiled: CompiledPrompt) -> None:
        self._renderer = Renderer(compiled)
        self._declared = compiled.prompt.variables
        self.digest = digest([compiled.digest, compiled.fragments])
        self.headers = {PROMPT_HEADER: f"{compiled.name}@{compiled.version}"}
        self.fields = _fields(compiled)

    def messages(self, row: Row) -> list[dict[str, Any]]:
        """Raises `InvalidInput`: a variable is missing, unknown, or of another type."""
        given = _variables(row.input)
        has_input = INPUT in self._declared or not _is_conversation(row.input)
        rendered = self._renderer.render(given if has_input else {})
        if rendered.text is not None:
            own = [{"role": "user", "content": rendered.text}]
            return own if has_input else [{"role": "system", "content": rendered.text}, *messages_of(row.input)]
        return _chat(rendered.messages, row.input, has_input=has_input)


class ModelTarget:
    """Asks a model through a caller.

    Args:
        variant: With a model.
        caller: Who asks.
        prompt: Renders messages; None: the row's input is them.
        experiment: Names the traces.
        timeout: Seconds of one call.
    """

    paid = True

    def __init__(
        self,
        variant: VariantSpec,
        caller: Caller,
        *,
        prompt: Inline | RegistryPrompt | None,
        experiment: str,
        timeout: float,
    ) -> None:
        self._model = variant.model
        self._caller = caller
        self._prompt = prompt
        self._fields = {**(prompt.fields if prompt is not None else {}), **variant.parameters}
        self._experiment = experiment
        self._timeout = timeout
        self._digest = digest([self._model, prompt.digest if prompt is not None else None, self._fields])

    @property
    def digest(self) -> str:
        return self._digest

    async def answer(self, row: Row, *, key: str, mark: CallMark | None) -> Output:
        """As `Target.answer`."""
        assert mark is not None  # noqa: S101 - calls that cost are marked
        try:
            asked = _asked(row.input) if self._prompt is None else {"messages": self._prompt.messages(row)}
        except InvalidInput as error:
            raise UpstreamError(error.message, retryable=False, upstream_status=400, code=error.code) from error
        request = Request(
            key=key,
            body={"model": self._model, **asked, **self._fields},
            headers=self._prompt.headers if self._prompt is not None else {},
        )
        return await self._caller.call(
            request, trace_id=trace_id(self._experiment, key, mark.attempt), timeout=self._timeout
        )


def _asked(input_: Any) -> dict[str, Any]:
    """What a row asks without a prompt of the variant's own: an object is the variables of the prompt that a route
    serves, beside messages where it holds them.

    Raises:
        InvalidInput: it is a list that holds no messages, or a number.
    """
    if isinstance(input_, dict) and "messages" not in input_:
        return {"messages": [], "variables": input_}
    return {"messages": messages_of(input_)}


class FunctionTarget:
    """Asks a function of the user's, in this process.

    It is given the row's input; one that is no coroutine runs in a thread. Its digest is that of its source, so
    that a change of it asks anew; what it calls is not looked at.
    """

    paid = False

    def __init__(self, function: Callable[[Any], Any], *, clock: Clock) -> None:
        self._function = function
        self._clock = clock
        self._digest = digest(source_of(function))

    @property
    def digest(self) -> str:
        return self._digest

    async def answer(self, row: Row, *, key: str, mark: CallMark | None) -> Output:
        """As `Target.answer`."""
        del key, mark
        began = self._clock.monotonic()
        try:
            if inspect.iscoroutinefunction(self._function):
                value = await self._function(row.input)
            else:
                value = await asyncio.to_thread(self._function, row.input)
        except PenstockError as error:
            raise UpstreamError(str(error), retryable=False, code=error.code) from error
        except Exception as error:  # boundary: a function of the user's may raise anything
            raise UpstreamError(
                f"The function raised {type(error).__name__}: {error}", retryable=False, code="function_failed"
            ) from error
        latency = round((self._clock.monotonic() - began) * 1_000_000)
        if isinstance(value, Output):
            return value
        if isinstance(value, str):
            return Output(text=value, latency=latency, cost=0)
        return Output(text=msgspec.json.encode(value).decode(), data=value, latency=latency, cost=0)


def messages_of(input_: Any) -> list[dict[str, Any]]:
    """A row's input as messages: a text is the user's, a list of messages is what it is.

    Raises:
        InvalidInput: it is neither, and no prompt says what to make of it.
    """
    if isinstance(input_, str):
        return [{"role": "user", "content": input_}]
    if isinstance(input_, dict) and isinstance(input_.get("messages"), list):  # pyright: ignore[reportUnknownMemberType] - JSON
        return cast("list[dict[str, Any]]", input_["messages"])
    if isinstance(input_, list) and all(isinstance(one, dict) and "role" in one for one in cast("list[Any]", input_)):
        return cast("list[dict[str, Any]]", input_)
    raise InvalidInput(
        "Without a prompt a row's input is a text, a list of messages, or variables by name; this one is none of them.",
        hint="Give the variant a prompt, or messages with templates.",
        code="input_not_askable",
    )


def _variables(input_: Any) -> dict[str, Any]:
    if isinstance(input_, dict):
        return cast("dict[str, Any]", input_)
    return {INPUT: input_}


def _is_conversation(input_: Any) -> bool:
    """Whether an input that no variable takes is the row's own messages."""
    return isinstance(input_, str | list)


def _type(value: Any) -> VariableType:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else "string"


def _chat(messages: tuple[Message, ...], input_: Any, *, has_input: bool) -> list[dict[str, Any]]:
    """Rendered messages in OpenAI's form; the row's own go where the placeholder stands, or last."""
    own = [] if has_input else messages_of(input_)
    made: list[dict[str, Any]] = []
    placed = False
    for message in messages:
        if message.role == "placeholder":
            made += own
            placed = True
            continue
        one: dict[str, Any] = {"role": message.role, "content": _content(message)}
        if message.tool_calls:
            one["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": msgspec.json.encode(call.arguments).decode()},
                }
                for call in message.tool_calls
            ]
        if message.tool_call_id is not None:
            one["tool_call_id"] = message.tool_call_id
        made.append(one)
    return made if placed else [*made, *own]


def _content(message: Message) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str):
        return message.content
    return [
        {"type": "text", "text": part.text}
        if isinstance(part, Text)
        else {"type": "image_url", "image_url": {"url": part.url}}
        for part in message.content
    ]


def _fields(compiled: CompiledPrompt) -> dict[str, Any]:
    """What a prompt sets beside its messages, as fields of a chat completion."""
    prompt = compiled.prompt
    parameters = prompt.parameters
    fields: dict[str, Any] = {
        "temperature": parameters.temperature,
        "top_p": parameters.top_p,
        "max_tokens": parameters.max_output_tokens,
        "stop": parameters.stop,
        "seed": parameters.seed,
    }
    if prompt.tools:
        fields["tools"] = [{"type": "function", "function": msgspec.to_builtins(tool)} for tool in prompt.tools]
    if prompt.response_schema is not None:
        schema = msgspec.to_builtins(prompt.response_schema)
        fields["response_format"] = {"type": "json_schema", "json_schema": {"strict": True, "name": "answer", **schema}}
    return {name: value for name, value in fields.items() if value is not None}
