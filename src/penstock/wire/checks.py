"""Patterns and JSON Schemas that a route's checks name, compiled where they are configured and where they are used.

Both come from users and both meet text that a model wrote, so neither may take more than linear time:
patterns are RE2's, and patterns inside a schema are of a linear engine too.
"""

from typing import Any, Final, Protocol, cast

import jsonschema_rs
import re2

from penstock.core.errors import InvalidInput

__all__ = ["MAX_PATTERN", "Pattern", "Schema", "compile_pattern", "compile_schema"]

MAX_PATTERN: Final = 4096
"""Characters of a pattern."""
MAX_PROGRAM: Final = 8 << 20
"""Bytes that a compiled pattern and its search may take."""


class Pattern(Protocol):
    """The part of a compiled RE2 pattern that is used."""

    def search(self, text: str, /) -> object | None: ...


class Schema:
    """A compiled JSON Schema (2020-12)."""

    __slots__ = ("_validator",)

    def __init__(self, validator: jsonschema_rs.Draft202012Validator) -> None:
        self._validator = validator

    def problem(self, value: Any) -> str | None:
        """The first thing that does not fit, and where; None when all does. Values are not quoted."""
        if self._validator.is_valid(value):
            return None
        first = next(iter(self._validator.iter_errors(value)), None)
        if first is None:
            return "it does not fit"
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first.instance_path)
        return f"{first.kind.name} at ${place}"


def compile_pattern(text: str) -> Pattern:
    """A pattern in RE2's syntax (https://github.com/google/re2/wiki/Syntax).

    Raises:
        InvalidInput: it is none, or too large.
    """
    if len(text) > MAX_PATTERN:
        raise InvalidInput(f"A pattern may have at most {MAX_PATTERN} characters, this one has {len(text)}.")
    library = cast("Any", re2)
    options = library.Options()
    options.log_errors = False
    options.max_mem = MAX_PROGRAM
    options.never_capture = True
    try:
        return cast("Pattern", library.compile(text, options))
    except (library.error, UnicodeError) as error:
        reason = error.args[0] if isinstance(error, library.error) else "it is no Unicode text"
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise InvalidInput(
            f"Expected a regular expression (RE2): {said}.",
            hint="RE2 has no look-around and no back-references.",
        ) from None


def compile_schema(schema: Any) -> Schema:
    """A schema that refers to nothing outside of itself.

    Raises:
        InvalidInput: it is no schema of JSON Schema 2020-12, or refers to another document.
    """
    try:
        validator = jsonschema_rs.Draft202012Validator(
            schema, retriever=_refuse, pattern_options=jsonschema_rs.RegexOptions()
        )
    except (ValueError, TypeError) as error:
        said = error.message if isinstance(error, jsonschema_rs.ValidationError) else str(error)
        raise InvalidInput(f"Expected a JSON Schema (2020-12): {said}.") from None
    return Schema(validator)


def _refuse(uri: str) -> Any:
    raise ValueError(f"a schema may not refer to another document, such as {uri}")
