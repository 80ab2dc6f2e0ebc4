"""Conditions of routes: expressions in CEL (https://cel.dev), compiled once and asked for each call.

Google's own implementation checks names and types when a condition is compiled, so a misspelt
variable is an error of the configuration and not a rule that is never true.

What a condition may name:

| variable | type | |
|---|---|---|
| `key.id`, `key.name`, `key.project` | string | the virtual key; `project` is the project's name |
| `tags` | map of strings | the caller's tags: `tags.env == "prod"`, `has(tags.env)`, `"env" in tags` |
| `user`, `session` | string | as the caller gave them; empty when it gave none |
| `model` | string | the name the caller asked for |
| `operation` | string | `chat`, `responses`, `embeddings`, `messages`, … |
| `stream` | bool | |
| `headers` | map of strings | names in lower case; credentials and cookies are left out |
| `input.tokens` | int | an estimate |
| `input.bytes`, `input.messages`, `input.images` | int | size of the body, and what it holds |
| `metadata` | map | the body's `metadata` object; empty when it is none, or larger than 16 KiB |
| `time.hour`, `time.minute` | int | of the call, UTC |
| `time.weekday` | int | 1 Monday … 7 Sunday, UTC |
| `time.epoch` | int | seconds since 1970 |

The cost of a condition is bounded: 4096 bytes of text, at most 4 loops (`all`, `exists`, …), no `map`
(it can double its values with each use), no `matches` and no `+` beside a loop, at most 8 of each
otherwise, and the library's own ceilings of 10,000 loop steps and 32 levels of nesting.
"""

import difflib
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import msgspec
from cel_expr_python import cel

from penstock.core.errors import InvalidInput

__all__ = ["MAX_CONDITION", "Condition", "ConditionError", "Facts", "compile_condition"]

MAX_CONDITION: Final = 4096
"""Bytes of an expression."""
MAX_METADATA: Final = 16 * 1024
MAX_LOOPS: Final = 4
MAX_ADDITIONS: Final = 8
MAX_MATCHES: Final = 8

SECRET_HEADERS: Final = frozenset(
    {b"authorization", b"proxy-authorization", b"cookie", b"x-api-key", b"api-key", b"x-goog-api-key"}
)
IMAGE_PARTS: Final = frozenset({"image_url", "input_image", "image"})
LIBRARY_ERRORS: Final = (RuntimeError, ValueError, TypeError, OverflowError)
"""All that the library raises: its own failures as RuntimeError, values it cannot take as the others."""

HOUR: Final = 3_600_000_000
DAY: Final = 24 * HOUR


class ConditionError(InvalidInput):
    """An expression cannot be a condition; `line` and `column` count from 1, and say where."""

    default_code = "condition_invalid"

    def __init__(self, message: str, *, line: int = 1, column: int = 1, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.column = column


class _Part(msgspec.Struct):
    type: str = ""


class _Message(msgspec.Struct):
    type: str = ""
    content: str | list[_Part] | None = None


_decode_messages = msgspec.json.Decoder(list[_Message]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_metadata = msgspec.json.Decoder(dict[str, Any]).decode
_NONE: Final[Mapping[str, str]] = {}


class Facts:
    """What is known of one call. Nothing is worked out before a condition names it, and then once.

    Args:
        key: `id`, `name` and the project's name.
        model: As the caller spelt it.
        operation: What is called.
        at: When the call came, microseconds since the epoch.
        stream: Whether the answer is to be streamed.
        user: Empty when the caller gave none.
        session: Empty when the caller gave none.
        tags: The caller's tags.
        headers: As they came, names in lower case.
        body: Top-level members of the request body, as they came.
        size: Bytes of the body.
        count_tokens: Estimates the input's tokens.
    """

    __slots__ = (
        "_body",
        "_count_tokens",
        "_headers",
        "_items",
        "_metadata",
        "_texts",
        "_tokens",
        "at",
        "key",
        "model",
        "operation",
        "session",
        "size",
        "stream",
        "tags",
        "user",
    )

    def __init__(  # noqa: PLR0913 - one argument for each thing that is known
        self,
        *,
        key: tuple[str, str, str],
        model: str,
        operation: str,
        at: int,
        stream: bool = False,
        user: str = "",
        session: str = "",
        tags: Mapping[str, str] = _NONE,
        headers: Mapping[bytes, bytes] | None = None,
        body: Mapping[str, msgspec.Raw] | None = None,
        size: int = 0,
        count_tokens: Callable[[], int] | None = None,
    ) -> None:
        self.key = key
        self.model = model
        self.operation = operation
        self.at = at
        self.stream = stream
        self.user = user
        self.session = session
        self.tags = tags
        self.size = size
        self._headers = headers
        self._body = body
        self._count_tokens = count_tokens
        self._texts: dict[str, str] | None = None
        self._metadata: dict[str, Any] | None = None
        self._tokens: int | None = None
        self._items: tuple[int, int] | None = None

    def headers(self) -> Mapping[str, str]:
        """Without credentials."""
        found = self._texts
        if found is None:
            found = self._texts = {
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in (self._headers or {}).items()
                if name not in SECRET_HEADERS
            }
        return found

    def metadata(self) -> Mapping[str, Any]:
        found = self._metadata
        if found is None:
            found = self._metadata = _read_metadata(self._member("metadata"))
        return found

    def tokens(self) -> int:
        found = self._tokens
        if found is None:
            found = self._tokens = 0 if self._count_tokens is None else self._count_tokens()
        return found

    def messages(self) -> int:
        """Messages of a chat, items of `input`; 1 for a single text."""
        return self._count()[0]

    def images(self) -> int:
        return self._count()[1]

    def _count(self) -> tuple[int, int]:
        found = self._items
        if found is None:
            found = self._items = _count_items(self._member("messages") or self._member("input"))
        return found

    def _member(self, name: str) -> msgspec.Raw | None:
        return None if self._body is None else self._body.get(name)


def _read_metadata(raw: msgspec.Raw | None) -> dict[str, Any]:
    if raw is None or len(memoryview(raw)) > MAX_METADATA:
        return {}
    try:
        return {name: _fitting(value) for name, value in _decode_metadata(raw).items()}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _fitting(value: Any) -> Any:
    """A JSON value with numbers that CEL has: an integer beyond 64 bits becomes a double."""
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else float(value)
    if isinstance(value, list):
        return [_fitting(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: _fitting(item) for name, item in cast("dict[str, Any]", value).items()}
    return value


def _count_items(raw: msgspec.Raw | None) -> tuple[int, int]:
    """Messages, and images in them. Without decoding what the parts hold."""
    if raw is None:
        return 0, 0
    try:
        messages = _decode_messages(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _count_plain(raw), 0
    images = 0
    for message in messages:
        if isinstance(message.content, list):
            images += sum(part.type in IMAGE_PARTS for part in message.content)
        elif message.type in IMAGE_PARTS:
            images += 1
    return len(messages), images


def _count_plain(raw: msgspec.Raw) -> int:
    try:
        return len(_decode_items(raw))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return 1


_Getter = Callable[[Facts], Any]

_STRING = cel.Type.STRING
_INT = cel.Type.INT
_STRINGS = cel.Type.Map(_STRING, _STRING)

VARIABLES: Final[dict[str, tuple[cel.Type, _Getter]]] = {
    "key.id": (_STRING, lambda facts: facts.key[0]),
    "key.name": (_STRING, lambda facts: facts.key[1]),
    "key.project": (_STRING, lambda facts: facts.key[2]),
    "tags": (_STRINGS, lambda facts: facts.tags),
    "user": (_STRING, lambda facts: facts.user),
    "session": (_STRING, lambda facts: facts.session),
    "model": (_STRING, lambda facts: facts.model),
    "operation": (_STRING, lambda facts: facts.operation),
    "stream": (cel.Type.BOOL, lambda facts: facts.stream),
    "headers": (_STRINGS, Facts.headers),
    "input.tokens": (_INT, Facts.tokens),
    "input.bytes": (_INT, lambda facts: facts.size),
    "input.messages": (_INT, Facts.messages),
    "input.images": (_INT, Facts.images),
    "metadata": (cel.Type.Map(_STRING, cel.Type.DYN), Facts.metadata),
    "time.hour": (_INT, lambda facts: facts.at // HOUR % 24),
    "time.minute": (_INT, lambda facts: facts.at // 60_000_000 % 60),
    # The epoch was a Thursday.
    "time.weekday": (_INT, lambda facts: (facts.at // DAY + 3) % 7 + 1),
    "time.epoch": (_INT, lambda facts: facts.at // 1_000_000),
}
"""Members are variables of their own, so that only those are handed over which an expression names."""

FUNCTIONS: Final = (
    "startsWith",
    "endsWith",
    "contains",
    "matches",
    "size",
    "has",
    "all",
    "exists",
    "exists_one",
    "filter",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "type",
    "timestamp",
    "duration",
)
_GROUPS: Final = {name.partition(".")[0] for name in VARIABLES if "." in name}

# What is no code: comments and strings, long quotes first, raw ones without escapes.
_TEXT = re.compile(
    r'//[^\n]*|[bB]?[rR][bB]?(?:"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'|"[^"\n]*"|\'[^\'\n]*\')'
    r'|"""(?:\\[\s\S]|[^\\])*?"""|\'\'\'(?:\\[\s\S]|[^\\])*?\'\'\''
    r'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
)
_NAME = re.compile(r"([A-Za-z_]\w*)(?:\s*\.\s*`?([A-Za-z_]\w*)`?)?")
_LOOP = re.compile(r"\.\s*(?:all|exists|exists_one|existsOne|filter)\s*\(")
_MAP = re.compile(r"\.\s*(?:map|transformList|transformMap|transformMapEntry)\s*\(")
_MATCHES = re.compile(r"\bmatches\s*\(")
_COMPLAINT = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)")
_UNKNOWN = re.compile(r"undeclared reference to '([^']*)'")
_NO_OVERLOAD = re.compile(r"found no matching overload for '(?:_?([^\w\s]+?)_?|([^']*))' applied to '(.*)'")


class Condition:
    """A compiled expression."""

    __slots__ = ("_evaluate", "_values", "names", "text")

    def __init__(self, text: str, expression: cel.Expression, names: tuple[str, ...]) -> None:
        self.text = text
        self.names = names
        """Variables that the expression names."""
        self._evaluate = expression.eval
        self._values = tuple((name, VARIABLES[name][1]) for name in names)

    def holds(self, facts: Facts) -> bool:
        """Whether the condition is true for a call.

        What cannot be answered is not true: a tag that is not there, a number compared with a text.
        """
        try:
            return self._evaluate(None, {name: get(facts) for name, get in self._values}).value() is True
        except LIBRARY_ERRORS:
            return False


def compile_condition(text: str) -> Condition:
    """Check an expression and make it ready.

    Raises:
        ConditionError: it is too long or too costly, no CEL, names what does not exist, compares what
            cannot be compared, or gives something other than true or false.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_CONDITION:
        raise ConditionError(f"A condition may have at most {MAX_CONDITION} bytes, this one has {size}.")
    if not text.strip():
        raise ConditionError("A condition is expected, got nothing.", hint='Write one, as: tags.env == "prod".')
    code = _TEXT.sub(_blank, text)
    _bound(code)
    try:
        expression = _environment(tuple(VARIABLES)).compile(text)
    except LIBRARY_ERRORS as error:
        raise _complaint(str(error), text) from None
    given = expression.return_type()
    if given != cel.Type.BOOL:
        raise ConditionError(
            f"A condition must be true or false, this one gives {_type_name(given)}.",
            hint='Compare it with something, as: metadata.tier == "gold".',
        )
    names = _names(code)
    try:
        # With only these declared it compiles just when no other is used.
        expression = _environment(names).compile(text)
    except LIBRARY_ERRORS:
        names = tuple(VARIABLES)
    return Condition(text, expression, names)


def _blank(found: re.Match[str]) -> str:
    """As long as what was found, with its line breaks, so that places in the text stay."""
    return re.sub(r"[^\n]", " " if found[0].startswith("//") else '"', found[0])


@functools.lru_cache(maxsize=64)
def _environment(names: tuple[str, ...]) -> cel.Env:
    return cel.NewEnv(variables={name: VARIABLES[name][0] for name in names})


def _names(code: str) -> tuple[str, ...]:
    found = {f"{name}.{member}" if name in _GROUPS else name for name, member in _NAME.findall(code)}
    return tuple(name for name in VARIABLES if name in found)


def _bound(code: str) -> None:
    """Refuse what could cost much; `code` is the expression without its strings and comments."""
    loops = list(_LOOP.finditer(code))
    mapped = _MAP.search(code)
    matched = list(_MATCHES.finditer(code))
    if mapped is not None:
        raise _at(code, mapped.start(), "map() is not available in conditions.", "Use exists(), all() or filter().")
    if len(loops) > MAX_LOOPS:
        raise _at(code, loops[MAX_LOOPS].start(), f"A condition may have at most {MAX_LOOPS} loops.", None)
    if loops and matched:
        raise _at(
            code,
            matched[0].start(),
            "matches() cannot stand beside a loop such as exists(), because it would be compiled at each step.",
            "Use startsWith(), endsWith() or contains().",
        )
    if len(matched) > MAX_MATCHES:
        raise _at(code, matched[MAX_MATCHES].start(), f"A condition may match at most {MAX_MATCHES} patterns.", None)
    additions = [place for place, letter in enumerate(code) if letter == "+"]
    if loops and additions:
        raise _at(
            code,
            additions[0],
            "+ cannot stand beside a loop such as exists(), because a long text would be copied at each step.",
            "Compare the parts.",
        )
    if len(additions) > MAX_ADDITIONS:
        raise _at(code, additions[MAX_ADDITIONS], f"A condition may add at most {MAX_ADDITIONS} times.", None)


def _at(code: str, place: int, message: str, hint: str | None) -> ConditionError:
    line = code.count("\n", 0, place) + 1
    return ConditionError(message, line=line, column=place - code.rfind("\n", 0, place), hint=hint)


def _complaint(report: str, text: str) -> ConditionError:
    """The library's first complaint, in our words where we have better ones."""
    found = _COMPLAINT.search(report)
    if found is None:
        return ConditionError(f"The condition cannot be compiled: {report.partition(chr(10))[0]}.")
    line, column, message = max(int(found[1]), 1), max(int(found[2]), 1), found[3].removesuffix(" [INVALID_ARGUMENT]")
    unknown = _UNKNOWN.search(message)
    if unknown is not None:
        return _unknown(unknown[1], text, line=line, column=column)
    overload = _NO_OVERLOAD.search(message)
    if overload is not None:
        operation = overload[1] or overload[2]
        return ConditionError(
            f"{operation} cannot be applied to {overload[3]}.",
            line=line,
            column=column,
            hint="Both sides must be of one type.",
        )
    message = message.partition(" expecting {")[0]
    return ConditionError(f"{message[:1].upper()}{message[1:]}.", line=line, column=column)


def _unknown(name: str, text: str, *, line: int, column: int) -> ConditionError:
    called = re.search(rf"\b{re.escape(name)}\s*\(", text) is not None
    known = FUNCTIONS if called else tuple(VARIABLES)
    what = "function" if called else "variable"
    group, dot, member = name.partition(".")
    close = difflib.get_close_matches(name, known, n=1)
    if dot and not close:
        roots = difflib.get_close_matches(group, [one for one in known if "." not in one], n=1)
        close = [f"{root}.{member}" for root in roots]
    if close:
        hint = f"Did you mean {close[0]!r}?"
    elif group in _GROUPS:
        hint = f"There are: {', '.join(one for one in VARIABLES if one.startswith(group + '.'))}."
    else:
        hint = f"Known are: {', '.join(known)}."
    return ConditionError(f"There is no {what} {name!r}.", line=line, column=column, hint=hint)


def _type_name(found: cel.Type) -> str:
    name = found.name()
    return "a value whose type is not known before" if name == "DYN" else name.lower()
