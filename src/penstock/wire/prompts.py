"""Prompts: what a version of one holds, what the snapshot carries of it, and what rendering gives.

A prompt is a text, or a chat: messages whose boundaries and roles come from this structure alone. Variables are data;
neither a role nor a template is ever read from a value.
"""

import hashlib
import re
from typing import Any, Final, Literal, NamedTuple, get_args

import msgspec

from penstock.core.errors import InvalidInput
from penstock.wire.routing import Parameters

__all__ = [
    "ARTIFACT_NAME",
    "DEFAULT_LABEL",
    "CompiledPrompt",
    "Image",
    "Message",
    "Prompt",
    "PromptRef",
    "Rendered",
    "ResponseSchema",
    "Role",
    "Text",
    "Tool",
    "ToolCall",
    "Variable",
    "VariableType",
    "compiled_key",
    "document_of",
    "has_value",
    "message_text",
    "parse_prompt_ref",
    "read_prompt",
]

Role = Literal["system", "developer", "user", "assistant", "tool", "placeholder"]
"""`placeholder` stands where the caller's own messages go; without one they come last."""
VariableType = Literal["string", "number", "integer", "boolean", "array", "object"]
"""JSON Schema's names."""

ROLES: Final[tuple[str, ...]] = get_args(Role)
DEFAULT_LABEL: Final = "production"
MAX_TEMPLATE: Final = 1024 * 1024
"""Bytes of all templates of a prompt."""
MAX_VARIABLES: Final = 200
ARTIFACT_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._/-]{0,127}", re.ASCII)
_VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_FUNCTION_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{8,64}|[0-9a-f]{64}", re.ASCII)
_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
_RESERVED: Final = frozenset({"loop", "self", "super", "caller", "true", "false", "none", "True", "False", "None"})
"""Names that templates give a meaning of their own."""


class Variable(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One value that a caller gives. Without a default it must be given."""

    type: VariableType = "string"
    default: Any = msgspec.UNSET
    enum: tuple[Any, ...] | None = None
    """The values allowed; None allows all of the type."""
    description: str | None = None


class Text(msgspec.Struct, frozen=True, kw_only=True, tag="text", forbid_unknown_fields=True):
    text: str
    """A template."""


class Image(msgspec.Struct, frozen=True, kw_only=True, tag="image", forbid_unknown_fields=True):
    url: str
    """A template; it gives an address, or a `data:` URL."""


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A call that an example answer of the assistant makes."""

    id: str
    name: str
    arguments: dict[str, Any] = {}
    """As they are: no templates."""


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    role: Role
    content: str | tuple[Text | Image, ...] = ""
    """A template, or parts."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Of an `assistant` message."""
    tool_call_id: str | None = None
    """Of a `tool` message: the call that it answers."""


class Tool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A function that the model may call."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    """JSON Schema of its arguments."""
    strict: bool | None = None


class ResponseSchema(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The answer is JSON of this schema."""

    schema: dict[str, Any]
    name: str = "answer"
    strict: bool = True


class Prompt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The body of a version. It has `text` or `messages`."""

    text: str | None = None
    """A template."""
    messages: tuple[Message, ...] = ()
    variables: dict[str, Variable] = {}
    partials: dict[str, str] = {}
    """Other text prompts that templates include, by the name they are included by: `tone: house/tone@3`."""
    tools: tuple[Tool, ...] = ()
    response_schema: ResponseSchema | None = None
    parameters: Parameters = Parameters()
    model: str | None = None
    """What it was written for; a hint for people and for estimates."""


class CompiledPrompt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version, ready to be rendered anywhere: its partials are with it."""

    name: str
    version: int
    digest: str
    """Of the version, as the registry names it."""
    prompt: Prompt
    """With the variables of its partials."""
    fragments: dict[str, str] = {}
    """Templates of partials, by a key of their own."""
    links: dict[str, dict[str, str]] = {}
    """What an included name stands for: by the including fragment (`""` is the prompt itself), then by name."""


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """What was made of a prompt for one call."""

    text: str | None
    """Of a text prompt."""
    messages: tuple[Message, ...]
    """Of a chat; one of role `placeholder` stands where the caller's messages go."""
    variables: dict[str, Any]
    """All values, defaults included."""


class PromptRef(NamedTuple):
    """`[project:]name[@label | @number | @digest]`."""

    name: str
    label: str | None = DEFAULT_LABEL
    """None with a number or a digest."""
    version: int | None = None
    digest: str | None = None
    """`sha256:` and at least 8 hex digits, or all 64."""
    project: str | None = None
    """Id or name; None: that of the one who refers."""

    @property
    def selector(self) -> str:
        return self.label or (str(self.version) if self.version is not None else self.digest or "")

    def __str__(self) -> str:
        at = f"{self.name}@{self.selector}"
        return at if self.project is None else f"{self.project}:{at}"


def parse_prompt_ref(text: str, *, field: str = "prompt") -> PromptRef:
    """What a reference to a prompt's version says.

    Raises:
        InvalidInput: `prompt_reference_invalid`.
    """
    before, at, selector = text.partition("@")
    project, colon, name = before.rpartition(":")
    if colon and not project:
        raise _wrong_reference(text, field)
    if ARTIFACT_NAME.fullmatch(name) is None or (at and not selector):
        raise _wrong_reference(text, field)
    known = PromptRef(name=name, project=project or None)
    if not at:
        return known
    if _NUMBER.fullmatch(selector):
        return known._replace(label=None, version=int(selector))
    if _DIGEST.fullmatch(selector):
        return known._replace(label=None, digest=selector)
    if _LABEL.fullmatch(selector) is None or selector.isdigit():
        raise _wrong_reference(text, field)
    return known._replace(label=selector)


def _wrong_reference(text: str, field: str) -> InvalidInput:
    return InvalidInput(
        f"{field}: expected a prompt like support/answer, support/answer@staging or support/answer@7, got {text!r}.",
        field=field,
        code="prompt_reference_invalid",
    )


def read_prompt(body: Any) -> Prompt:
    """The prompt of a version's body: shape and names, not yet its templates (`penstock.wire.templates`).

    Raises:
        InvalidInput: `prompt_invalid`; `field` says where.
    """
    try:
        prompt = msgspec.convert(body, Prompt)
    except msgspec.ValidationError as error:
        raise _mismatch(str(error)) from error
    if (prompt.text is None) == (not prompt.messages):
        came = "neither" if prompt.text is None else "both"
        raise _wrong("messages", f"expected either text or messages, got {came}")
    if prompt.text is not None and not prompt.text.strip():
        raise _wrong("text", "expected a text, it is empty")
    for index, message in enumerate(prompt.messages):
        _check_message(message, f"messages[{index}]")
    if sum(message.role == "placeholder" for message in prompt.messages) > 1:
        raise _wrong("messages", "expected one placeholder at most")
    _check_variables(prompt)
    _check_names(prompt)
    size = len(msgspec.json.encode((prompt.text, prompt.messages)))
    if size > MAX_TEMPLATE:
        raise _wrong("messages", f"expected at most {MAX_TEMPLATE} bytes of templates, got {size}")
    return prompt


def _wrong(field: str, what: str) -> InvalidInput:
    return InvalidInput(f"{field}: {what}.", field=field, code="prompt_invalid")


def _mismatch(text: str) -> InvalidInput:
    found = re.search(r" - at `\$\.?(?P<path>[^`]*)`$", text)
    what = (text[: found.start()] if found else text).replace("`", "")
    what = what[:1].lower() + what[1:]
    path = found["path"] if found else ""
    return InvalidInput(
        f"{path}: {what}." if path else f"The prompt is wrong: {what}.", field=path or None, code="prompt_invalid"
    )


def _check_message(message: Message, path: str) -> None:
    if message.role == "placeholder":
        if message.content or message.tool_calls or message.tool_call_id:
            raise _wrong(path, "expected a placeholder without content: the caller's messages stand there")
        return
    if message.tool_calls and message.role != "assistant":
        raise _wrong(f"{path}.tool_calls", "expected none but in a message of the assistant")
    if (message.tool_call_id is not None) != (message.role == "tool"):
        raise _wrong(f"{path}.tool_call_id", "expected in a message of role tool, and in no other")
    if not message.content and not message.tool_calls:
        raise _wrong(f"{path}.content", "expected a text or parts, got nothing")
    if not isinstance(message.content, str) and message.role != "user":
        for index, part in enumerate(message.content):
            if isinstance(part, Image):
                raise _wrong(f"{path}.content[{index}]", "expected text: only a user's message may hold images")


def _check_variables(prompt: Prompt) -> None:
    if len(prompt.variables) > MAX_VARIABLES:
        raise _wrong("variables", f"expected at most {MAX_VARIABLES}, got {len(prompt.variables)}")
    for name, variable in prompt.variables.items():
        path = f"variables.{name}"
        if _VARIABLE_NAME.fullmatch(name) is None or name in _RESERVED:
            raise _wrong(path, "expected a name of letters, digits and '_' that templates give no meaning of their own")
        for value in variable.enum or ():
            if not has_value(variable.type, value):
                raise _wrong(f"{path}.enum", f"expected values of type {variable.type}, got {value!r}")
        if variable.enum == ():
            raise _wrong(f"{path}.enum", "expected at least one value")
        default = variable.default
        if default is msgspec.UNSET or default is None:
            continue
        if not has_value(variable.type, default):
            raise _wrong(f"{path}.default", f"expected a value of type {variable.type}, got {default!r}")
        if variable.enum is not None and default not in variable.enum:
            raise _wrong(f"{path}.default", f"expected one of {_listed(variable.enum)}, got {default!r}")


def _listed(values: tuple[Any, ...]) -> str:
    return ", ".join(map(repr, values))


def _check_names(prompt: Prompt) -> None:
    for alias, reference in prompt.partials.items():
        path = f"partials.{alias}"
        if _VARIABLE_NAME.fullmatch(alias) is None:
            raise _wrong(path, "expected a name of letters, digits and '_'")
        known = parse_prompt_ref(reference, field=path)
        if known.label is not None or known.project is not None:
            raise _wrong(
                path,
                f"expected a version's number or digest, like {known.name}@3, since a label moves; got {reference!r}",
            )
    seen: set[str] = set()
    for index, tool in enumerate(prompt.tools):
        if _FUNCTION_NAME.fullmatch(tool.name) is None:
            raise _wrong(f"tools[{index}].name", f"expected letters, digits, '_' and '-', got {tool.name!r}")
        if tool.name in seen:
            raise _wrong(f"tools[{index}].name", f"expected each name once, {tool.name!r} stands here twice")
        seen.add(tool.name)
    if prompt.response_schema is not None and _FUNCTION_NAME.fullmatch(prompt.response_schema.name) is None:
        raise _wrong("response_schema.name", "expected letters, digits, '_' and '-'")
    parameters = prompt.parameters
    if parameters.temperature is not None and parameters.temperature < 0:
        raise _wrong("parameters.temperature", f"expected 0 or more, got {parameters.temperature:g}")
    if parameters.top_p is not None and not 0 < parameters.top_p <= 1:
        raise _wrong("parameters.top_p", f"expected a number above 0 to 1, got {parameters.top_p:g}")
    if parameters.max_output_tokens is not None and parameters.max_output_tokens < 1:
        raise _wrong("parameters.max_output_tokens", f"expected 1 or more, got {parameters.max_output_tokens}")


def has_value(kind: VariableType, value: Any) -> bool:
    """Whether a value of JSON is of this type."""
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "array":
            return isinstance(value, list | tuple)
        case "object":
            return isinstance(value, dict)


def document_of(prompt: Prompt) -> dict[str, Any]:
    """The prompt as JSON, defaults left out: the form whose hash names a version."""
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(prompt))
    parameters = {name: value for name, value in document.pop("parameters", {}).items() if value is not None}
    return {**document, **({"parameters": parameters} if parameters else {})}


def message_text(message: Message) -> str:
    """The text of a message, its images left out."""
    if isinstance(message.content, str):
        return message.content
    return "\n\n".join(part.text for part in message.content if isinstance(part, Text))


def compiled_key(compiled: CompiledPrompt) -> str:
    """BLAKE2b-128, hex, of everything that alters what it renders to. A version's digest leaves out its partials."""
    return hashlib.blake2b(msgspec.json.encode(compiled, order="sorted"), digest_size=16).hexdigest()
