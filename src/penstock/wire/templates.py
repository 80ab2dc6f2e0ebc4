"""Rendering of prompts: MiniJinja with nothing in reach but the values given (FAILURES E8, S8, S33).

Pure: the gateway, the SDK and the console give the same messages for the same version and values. A value is data:
what looks like a template or a role inside it stays as it is. Objects and lists are written as JSON, true and false
in lower case, null as nothing.
"""

import difflib
import math
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Final, NoReturn, cast

import minijinja
import msgspec
from minijinja._lowlevel import State

from penstock.core.errors import InvalidInput
from penstock.wire.prompts import (
    CompiledPrompt,
    Image,
    Message,
    Prompt,
    Rendered,
    Text,
    Variable,
    VariableType,
    has_value,
)

__all__ = ["Renderer", "Renderers", "check_templates", "templates_of", "variables_used"]

FUEL: Final = 200_000
"""Instructions of one template."""
MAX_OUTPUT: Final = 4 * 1024 * 1024
"""Characters that one template may write."""
_UNSAFE_GLOBALS: Final = ("debug",)
"""It would write all variables."""
_INCLUDED: Final = re.compile(r"{%-?\+?\s*(?:include|import|from|extends)\s+(?:\"([^\"]*)\"|'([^']*)')")
_WRITTEN: Final = "penstock.written"
_CAUSE: Final = re.compile(r"^caused by: (?P<reason>.*) \(in (?P<name>.*):(?P<line>[0-9]+)\)$", re.MULTILINE)
MAX_RENDERERS: Final = 1_000
MAX_RENDERER_BYTES: Final = 64 * 1024 * 1024
RENDERER_BYTES: Final = 16 * 1024
"""Of an environment without templates, as measured."""
SOURCE_FACTOR: Final = 3
"""Bytes that are held for each byte of a template, as measured: its source, its instructions, and their places."""
FAILURES: Final = (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)


class _TooLongError(Exception):
    pass


def _json(value: Any, indent: int | None = None) -> str:
    data = msgspec.json.encode(value)
    return (msgspec.json.format(data, indent=indent) if indent else data).decode()


@minijinja.pass_state
def _written(state: State, value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, dict | list | tuple):
        value = _json(value)
    elif callable(value):
        raise TypeError("a function was written, not what it gives")
    elif not isinstance(value, str):
        value = str(value)
    total: int = (state.get_temp(_WRITTEN) or 0) + len(value)
    if total > MAX_OUTPUT:
        raise _TooLongError
    state.set_temp(_WRITTEN, total)
    return value


def _environment(links: Mapping[str, Mapping[str, str]]) -> minijinja.Environment:
    own = links.get("", {})

    def joined(name: str, parent: str) -> str:
        # Only what a prompt declares can be included; a name that is no partial is not found.
        return links.get(parent, own).get(name, f"no partial {name}")

    environment = minijinja.Environment(
        undefined_behavior="strict",
        auto_escape_callback=lambda _: False,
        path_join_callback=joined,
        finalizer=_written,
        fuel=FUEL,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        pycompat=False,
    )
    for name in _UNSAFE_GLOBALS:
        environment.remove_global(name)
    environment.add_filter("tojson", _json)
    return environment


def templates_of(prompt: Prompt) -> Iterator[tuple[str, str]]:
    """Every template of a prompt with its path: `messages[0].content`."""
    if prompt.text is not None:
        yield "text", prompt.text
    for index, message in enumerate(prompt.messages):
        path = f"messages[{index}].content"
        if isinstance(message.content, str):
            yield path, message.content
            continue
        for place, part in enumerate(message.content):
            yield (
                (f"{path}[{place}].text", part.text) if isinstance(part, Text) else (f"{path}[{place}].url", part.url)
            )


def check_templates(prompt: Prompt, *, inherited: Mapping[str, Variable] | None = None) -> list[str]:
    """What is declared and not used, in sentences.

    Args:
        prompt: Read by `read_prompt`.
        inherited: Variables of its partials.

    Raises:
        InvalidInput: `template_invalid` with line and column, `variable_undeclared`, or `partial_undeclared`.
    """
    environment = _environment({})
    known = set(environment.globals)
    declared = {**(inherited or {}), **prompt.variables}
    used: set[str] = set()
    included: set[str] = set()
    for path, source in templates_of(prompt):
        try:
            environment.add_template(path, source)
            names = environment.undeclared_variables_in_str(source) - known
        except minijinja.TemplateError as error:
            raise _syntax(error, path, source) from error
        for name in sorted(names - declared.keys()):
            raise InvalidInput(
                f"{path}: the template uses the variable {name!r}, which is not declared.",
                field=path,
                hint=_nearest(name, declared) or f"Declare it under variables: {name}.",
                code="variable_undeclared",
            )
        used |= names
        for match in _INCLUDED.finditer(source):
            alias = match[1] or match[2]
            if alias not in prompt.partials:
                raise InvalidInput(
                    f"{path}: the template includes {alias!r}, which is no partial of this prompt.",
                    field=path,
                    hint=_nearest(alias, prompt.partials) or f"Declare it under partials: {alias}: NAME@NUMBER.",
                    code="partial_undeclared",
                )
            included.add(alias)
    unused = [name for name in prompt.variables if name not in used and name not in (inherited or {})]
    return [
        *(f"The variable {name!r} is declared and used by no template." for name in unused),
        *(
            f"The partial {name!r} is declared and included by no template."
            for name in prompt.partials.keys() - included
        ),
    ]


def variables_used(prompt: Prompt) -> list[str]:
    """Names that the templates ask for, sorted.

    Raises:
        InvalidInput: `template_invalid`.
    """
    environment = _environment({})
    known = set(environment.globals)
    used: set[str] = set()
    for path, source in templates_of(prompt):
        try:
            used |= environment.undeclared_variables_in_str(source) - known
        except minijinja.TemplateError as error:
            raise _syntax(error, path, source) from error
    return sorted(used)


def _syntax(error: minijinja.TemplateError, path: str, source: str) -> InvalidInput:
    line = error.line or 1
    column = 1
    if error.range is not None:
        before = source.encode()[: error.range[0]].decode("utf-8", "replace")
        column = len(before) - (before.rfind("\n") + 1) + 1
    return InvalidInput(
        f"{path}: the template is wrong in line {line}, column {column}: {error.detail or error.message}.",
        field=path,
        code="template_invalid",
    )


def _nearest(name: str, among: Mapping[str, object]) -> str | None:
    found = difflib.get_close_matches(name, among, n=1, cutoff=0.5)
    return f"Did you mean {found[0]!r}?" if found else None


class Renderer:
    """One version of a prompt, its templates compiled.

    Args:
        compiled: From the registry; its templates were checked when it was saved.

    Raises:
        InvalidInput: `template_invalid`: it was compiled by a version of Penstock that knew other templates.
    """

    def __init__(self, compiled: CompiledPrompt) -> None:
        self.compiled = compiled
        self.reference = f"{compiled.name}@{compiled.version}"
        prompt = compiled.prompt
        self._environment = _environment(compiled.links)
        self._required = [name for name, one in prompt.variables.items() if one.default is msgspec.UNSET]
        self._defaults = {
            name: one.default for name, one in prompt.variables.items() if one.default is not msgspec.UNSET
        }
        self.size = RENDERER_BYTES
        """Bytes that it takes, as estimated."""
        for name, source in (*compiled.fragments.items(), *templates_of(prompt)):
            self.size += SOURCE_FACTOR * len(source)
            try:
                self._environment.add_template(name, source)
            except minijinja.TemplateError as error:
                raise _syntax(error, name, source) from error

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a call, defaults included. They are copies: a template can change none that outlives it.

        Raises:
            InvalidInput: `variable_missing`, `variable_unknown` or `variable_invalid`; `field` is `variables.NAME`.
        """
        declared = self.compiled.prompt.variables
        for name in self._required:
            if name not in given:
                self._refuse(
                    name,
                    f"the prompt {self.reference} needs the variable {name!r}, it is missing",
                    code="variable_missing",
                )
        values = {name: _copy(value) for name, value in self._defaults.items() if name not in given}
        for name, value in given.items():
            variable = declared.get(name)
            if variable is None:
                self._refuse_unknown(name)
            if value is None and variable.default is None:
                values[name] = None
                continue
            if not has_value(variable.type, value) or (isinstance(value, float) and not math.isfinite(value)):
                came = _kind(value)
                self._refuse(
                    name, f"the prompt {self.reference} expects {variable.type}, got {came}", code="variable_invalid"
                )
            if variable.enum is not None and value not in variable.enum:
                allowed = ", ".join(map(repr, variable.enum))
                self._refuse(name, f"the prompt {self.reference} expects one of {allowed}", code="variable_invalid")
            values[name] = _copy(value)
        return values

    def render(self, given: Mapping[str, Any]) -> Rendered:
        """The text or the messages for these values. A message that comes out blank is left out.

        Raises:
            InvalidInput: as `values`; `prompt_not_rendered` when a template fails with them.
        """
        values = self.values(given)
        prompt = self.compiled.prompt
        if prompt.text is not None:
            return Rendered(text=self._render("text", values), messages=(), variables=values)
        rendered = (self._message(index, message, values) for index, message in enumerate(prompt.messages))
        return Rendered(text=None, messages=tuple(one for one in rendered if one is not None), variables=values)

    def _message(self, index: int, message: Message, values: dict[str, Any]) -> Message | None:
        if message.role == "placeholder":
            return message
        path = f"messages[{index}].content"
        if isinstance(message.content, str):
            text = self._render(path, values)
            if not text.strip() and not message.tool_calls and message.role != "tool":
                return None
            return msgspec.structs.replace(message, content=text)
        parts: list[Text | Image] = []
        for place, part in enumerate(message.content):
            if isinstance(part, Text):
                text = self._render(f"{path}[{place}].text", values)
                parts += [Text(text=text)] if text.strip() else []
            else:
                url = self._render(f"{path}[{place}].url", values).strip()
                parts += [Image(url=url)] if url else []
        return msgspec.structs.replace(message, content=tuple(parts)) if parts else None

    def _render(self, template: str, values: dict[str, Any]) -> str:
        try:
            return self._environment.render_template(template, **values)
        except minijinja.TemplateError as error:
            where, line, reason = self._blame(error, template)
        except _TooLongError:
            where, line, reason = template, "", f"it wrote more than {MAX_OUTPUT} characters"
        except FAILURES as error:
            # Lists and dictionaries have Python's methods, and these raise what they like.
            where, line, reason = template, "", str(error) or type(error).__name__
        raise InvalidInput(
            f"The prompt {self.reference} cannot be rendered with these variables ({where}{line}): {reason}.",
            field="variables",
            code="prompt_not_rendered",
        )

    def _blame(self, error: minijinja.TemplateError, template: str) -> tuple[str, str, str]:
        """Which template failed, where, and why. Of an error within partials only the text holds the innermost."""
        name, line, reason = error.name or template, error.line, error.detail or error.message
        for cause in _CAUSE.finditer(str(error)) if error.kind == "BadInclude" else ():
            name, line, reason = cause["name"], int(cause["line"]), cause["reason"]
        where = f"the partial {name}" if name in self.compiled.fragments else name
        return where, f", line {line}" if line else "", reason

    def _refuse(self, name: str, what: str, *, code: str) -> NoReturn:
        field = f"variables.{name}"
        raise InvalidInput(f"{field}: {what}.", field=field, code=code)

    def _refuse_unknown(self, name: str) -> NoReturn:
        declared = self.compiled.prompt.variables
        known = f"It has: {', '.join(declared)}." if declared else "It has no variables."
        raise InvalidInput(
            f"variables.{name}: the prompt {self.reference} has no variable {name!r}.",
            field=f"variables.{name}",
            hint=_nearest(name, declared) or known,
            code="variable_unknown",
        )


class Renderers:
    """Prompts made ready, the most recently used of them: a process serves more versions than it need hold compiled.

    Args:
        count: How many are kept.
        size: Bytes that they may take together, as estimated; one that is larger is kept alone.
    """

    def __init__(self, *, count: int = MAX_RENDERERS, size: int = MAX_RENDERER_BYTES) -> None:
        self._count = count
        self._size = size
        self._kept: OrderedDict[Hashable, Renderer] = OrderedDict()
        self._held = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def held(self) -> int:
        """Bytes, as estimated."""
        return self._held

    def find(self, key: Hashable, compiled: Callable[[], CompiledPrompt]) -> Renderer:
        """The renderer under a key, made of what `compiled` gives where there is none. Raises as `Renderer`."""
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            return known
        made = Renderer(compiled())
        self._kept[key] = made
        self._held += made.size
        while len(self._kept) > 1 and (len(self._kept) > self._count or self._held > self._size):
            _, oldest = self._kept.popitem(last=False)
            self._held -= oldest.size
        return made


def _copy(value: Any) -> Any:
    # Templates can call the methods of lists and dictionaries, `append` among them.
    if isinstance(value, dict):
        return {name: _copy(one) for name, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_copy(one) for one in cast("list[Any]", value)]
    return value


def _kind(value: Any) -> str:
    kinds: tuple[VariableType, ...] = ("string", "boolean", "integer", "number", "array", "object")
    return "null" if value is None else next((kind for kind in kinds if has_value(kind, value)), "something else")
