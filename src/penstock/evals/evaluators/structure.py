"""Evaluators of structured answers: JSON Schema, and fields against a reference."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, cast

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.definition import CodeDefinition, Found
from penstock.evals.evaluators.types import Item, Unscored, Verdict
from penstock.wire.checks import compile_schema

__all__ = ["Fields", "JsonSchema", "read_json"]

_FENCED: Final = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_MISSING: Final = object()


def read_json(text: str, *, fenced: bool = True) -> Any:
    """The JSON that a text is, with `fenced` also one in a Markdown fence.

    Raises:
        ValueError: it is none.
    """
    found = _FENCED.match(text) if fenced else None
    try:
        return msgspec.json.decode(found[1] if found else text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise ValueError(str(error)) from None


class JsonSchema(CodeDefinition, frozen=True, kw_only=True, tag="json_schema"):
    """Whether the answer is JSON that fits a schema (2020-12)."""

    schema_: dict[str, Any] = msgspec.field(name="schema", default_factory=dict[str, Any])
    """Empty: any JSON."""
    fenced: bool = False
    """JSON in a Markdown fence is taken too."""

    def compile(self) -> Callable[[Item], Found]:
        try:
            schema = compile_schema(self.schema_)
        except InvalidInput as error:
            raise InvalidInput(error.message, field="schema", hint=error.hint) from None

        def judge(item: Item) -> Verdict:
            try:
                value = read_json(item.output, fenced=self.fenced) if item.data is None else item.data
            except ValueError as error:
                return Verdict(False, f"The answer is no JSON: {error}.")
            problem = schema.problem(value)
            return Verdict(problem is None, None if problem is None else f"It does not fit: {problem}.")

        return judge


class Fields(CodeDefinition, frozen=True, kw_only=True, tag="fields"):
    """How many fields of a JSON answer are as in the reference, from 0 to 1; or whether all are."""

    fields: list[str] | None = None
    """Paths, as `address.city` or `items.0.name`; all leaves of the reference unless given."""
    tolerance: float = 0.0
    """Of numbers, as a share of the reference's."""
    ignore_case: bool = False
    give: Literal["share", "all"] = "share"

    def compile(self) -> Callable[[Item], Found]:
        if self.fields is not None and not self.fields:
            raise InvalidInput("Expected at least one field.", field="fields")

        def judge(item: Item) -> Verdict:
            expected = _reference(item)
            paths = self.fields if self.fields is not None else sorted(_leaves(expected))
            if not paths:
                raise Unscored("The reference has no fields.")
            try:
                value = read_json(item.output) if item.data is None else item.data
            except ValueError as error:
                return Verdict(0.0 if self.give == "share" else False, f"The answer is no JSON: {error}.")
            wrong = [path for path in paths if not self._equal(_at(value, path), _at(expected, path))]
            reason = f"Differ: {', '.join(wrong[:10])}." if wrong else None
            return Verdict(1 - len(wrong) / len(paths) if self.give == "share" else not wrong, reason)

        return judge

    def _equal(self, found: Any, expected: Any) -> bool:
        if isinstance(found, bool) or isinstance(expected, bool):
            return found is expected
        if isinstance(found, int | float) and isinstance(expected, int | float):
            return abs(found - expected) <= self.tolerance * abs(expected)
        if self.ignore_case and isinstance(found, str) and isinstance(expected, str):
            return found.casefold() == expected.casefold()
        return found is not _MISSING and found == expected


def _reference(item: Item) -> Any:
    reference: Any = item.reference
    if isinstance(reference, str):
        try:
            return read_json(reference)
        except ValueError:
            raise Unscored("The item's reference is no JSON.") from None
    if not isinstance(reference, dict | list):
        raise Unscored("The item has no reference that is a JSON object or array.")
    return cast("Any", reference)


def _leaves(value: Any, path: str = "") -> set[str]:
    if isinstance(value, Mapping) and value:
        parts = cast("Mapping[str, Any]", value).items()
    elif isinstance(value, list) and value:
        parts = [(str(place), one) for place, one in enumerate(cast("list[Any]", value))]
    else:
        return {path} if path else set()
    return {leaf for name, one in parts for leaf in _leaves(one, f"{path}.{name}" if path else name)}


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = cast("Mapping[str, Any]", value).get(part, _MISSING)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(cast("list[Any]", value)):
            value = cast("list[Any]", value)[int(part)]
        else:
            return _MISSING
    return value
