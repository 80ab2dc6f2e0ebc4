"""Turns a YAML tree into the typed structs of `types.py`, and gathers every error on the way."""

import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_origin

import msgspec

from penstock.core.errors import ConfigError
from penstock.registry.config.document import Entry, Item, plain
from penstock.registry.config.errors import nearest
from penstock.registry.config.forms import Form, shown

__all__ = ["INVALID", "Binder", "child_path", "fields_of"]

T = TypeVar("T", bound=msgspec.Struct)


class _Invalid:
    """Stands for a value that was wrong, so that the rest of the file is still checked."""


INVALID = _Invalid()

Check = Callable[[Any, str, "Binder"], None]

NOUNS: dict[object, str] = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


def fields_of(struct: type[msgspec.Struct]) -> dict[str, tuple[Any, msgspec.structs.FieldInfo]]:
    """A struct's members, by their names in the file, with full type hints and defaults."""
    hints = typing.get_type_hints(struct, include_extras=True)
    return {member.encode_name: (hints[member.name], member) for member in msgspec.structs.fields(struct)}


def child_path(path: str, name: str) -> str:
    """`providers.openai.models["gpt-4.1"]`."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name):
        return f"{path}.{name}" if path else name
    return f'{path}["{name}"]'


class Binder:
    """Binds one file.

    Args:
        file: Its name, for errors.
        checks: Run on each struct of a type as soon as it is bound: `check(value, path, binder)`.

    After `bind`, `errors` holds what was wrong, `lines` where each field stood, and `bound` every struct that was
    right in itself, by its path.
    """

    def __init__(self, file: str, checks: "Mapping[type[msgspec.Struct], Check] | None" = None) -> None:
        self.file = file
        self.checks = checks or {}
        self.bound: dict[str, msgspec.Struct] = {}
        self.errors: list[ConfigError] = []
        self.lines: dict[str, int] = {}

    def fail(self, message: str, *, path: str, line: int | None = None, hint: str | None = None) -> _Invalid:
        """Note an error at a field; without a line, where the field was seen."""
        where = (self.lines.get(path) if line is None else line) or None
        self.errors.append(ConfigError(message, file=self.file, line=where, field=path or None, hint=hint))
        return INVALID

    def bind(self, item: Item, struct: type[T], *, path: str = "") -> T | None:
        """The struct; None when anything in it was wrong."""
        value = self._struct(item, struct, path)
        return value if isinstance(value, struct) else None

    def _value(self, item: Item, hint: Any, path: str) -> object:
        self.lines[path] = item.line
        origin = get_origin(hint)
        if hint is Any:
            return plain(item)
        if origin is None:
            return (
                self._struct(item, hint, path) if issubclass(hint, msgspec.Struct) else self._scalar(item, hint, path)
            )
        by_origin: dict[object, Callable[[Item, tuple[Any, ...], str], object]] = {
            Annotated: self._form,
            Literal: self._literal,
            list: self._list,
            dict: self._mapping,
            types.UnionType: self._union,
            typing.Union: self._union,
        }
        return by_origin[origin](item, get_args(hint), path)

    def _wrong(self, item: Item, expected: str, path: str, *, hidden: bool = False) -> _Invalid:
        return self.fail(f"expected {expected}, got {_came(item, hidden=hidden)}.", path=path)

    def _scalar(self, item: Item, kind: type, path: str) -> object:
        value = item.scalar
        is_right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if item.is_scalar and is_right and (value or kind is not str):
            return value
        hint = None
        if kind is str and item.is_scalar and value is not None and not isinstance(value, str):
            hint = "Put it between quotes."
        return self.fail(f"expected {NOUNS[kind]}, got {_came(item)}.", path=path, hint=hint)

    def _form(self, item: Item, arguments: tuple[Any, ...], path: str) -> object:
        form = cast("Form", arguments[1])
        if not item.is_scalar:
            return self._wrong(item, form.expected, path)
        try:
            return form.parse(item.scalar)
        except ValueError as error:
            reason = str(error)
            # What a secret's place holds is not even described.
            came = "" if reason and form.secret else f", got {_came(item, hidden=form.secret)}"
            return self.fail(f"expected {form.expected}{came}{f': {reason}' if reason else ''}.", path=path)

    def _literal(self, item: Item, choices: tuple[object, ...], path: str) -> object:
        if item.is_scalar and not isinstance(item.scalar, bool) and item.scalar in choices:
            return item.scalar
        names = [str(choice) for choice in choices]
        expected = f"one of {', '.join(names)}" if len(names) > 1 else names[0]
        hint = nearest(item.scalar, names) if isinstance(item.scalar, str) else None
        return self.fail(f"expected {expected}, got {_came(item)}.", path=path, hint=hint)

    def _union(self, item: Item, options: tuple[Any, ...], path: str) -> object:
        """The option is chosen by what the item is: nothing, a scalar, a list or a mapping."""
        if item.is_scalar and item.scalar is None and type(None) in options:
            return None
        present = [option for option in options if option is not type(None)]
        fitting = [option for option in present if _fits(item, option)]
        if fitting:
            return self._value(item, fitting[0], path)
        return self._wrong(item, " or ".join(_noun(option) for option in present), path)

    def _list(self, item: Item, arguments: tuple[Any, ...], path: str) -> object:
        if item.elements is None:
            return self._wrong(item, "a list", path)
        values = [self._value(part, arguments[0], f"{path}[{index}]") for index, part in enumerate(item.elements)]
        return INVALID if INVALID in values else values

    def _mapping(self, item: Item, arguments: tuple[Any, ...], path: str) -> object:
        if item.members is None:
            return self._wrong(item, "a mapping", path)
        values = {
            name: self._value(_at(entry), arguments[1], child_path(path, name)) for name, entry in item.members.items()
        }
        return INVALID if INVALID in values.values() else values

    def _struct(self, item: Item, struct: type[msgspec.Struct], path: str) -> object:
        self.lines[path] = item.line
        if item.members is None:
            return self._wrong(item, "a mapping", path)
        known = fields_of(struct)
        values: dict[str, object] = {}
        for name, entry in item.members.items():
            if name in known:
                hint, member = known[name]
                # `gateway:` with nothing after it is the same as no such line.
                if member.required or not (entry.value.is_scalar and entry.value.scalar is None):
                    values[name] = self._value(_at(entry), hint, child_path(path, name))
            elif path or not name.startswith("x-"):
                values[name] = self._unknown(name, entry, known, path)
        for name, (_, member) in known.items():
            if member.required and name not in values:
                values[name] = self.fail(f"'{name}' is missing here.", path=path)
        return INVALID if INVALID in values.values() else self._checked(_made(struct, known, values), path)

    def _checked(self, value: msgspec.Struct, path: str) -> object:
        check = self.checks.get(type(value))
        if check is not None:
            before = len(self.errors)
            check(value, path, self)
            if len(self.errors) > before:
                return INVALID
        self.bound[path] = value
        return value

    def _unknown(self, name: str, entry: Entry, known: Mapping[str, object], path: str) -> _Invalid:
        hint = nearest(name, known) or f"Known here: {', '.join(known)}."
        return self.fail(f"{shown(name)} is not a field here.", path=path, line=entry.line, hint=hint)


def _made(
    struct: type[msgspec.Struct],
    known: "Mapping[str, tuple[Any, msgspec.structs.FieldInfo]]",
    values: dict[str, object],
) -> msgspec.Struct:
    """The struct from values by their names in the file."""
    return struct(**{known[name][1].name: value for name, value in values.items()})


def _at(entry: Entry) -> Item:
    """A member's value on the line of its key: the value of an anchor stands elsewhere."""
    value = entry.value
    return Item(entry.line, value.scalar, value.elements, value.members)


def _fits(item: Item, option: Any) -> bool:
    origin = get_origin(option)
    if origin is list:
        return item.elements is not None
    if origin is dict or (isinstance(option, type) and issubclass(option, msgspec.Struct)):
        return item.members is not None
    return item.is_scalar


def _noun(option: Any) -> str:
    origin = get_origin(option)
    if origin is Annotated:
        return cast("Form", get_args(option)[1]).expected
    if origin is Literal:
        return f"one of {', '.join(str(choice) for choice in get_args(option))}"
    if origin is list:
        return "a list"
    return NOUNS.get(option, "a mapping")


def _came(item: Item, *, hidden: bool = False) -> str:
    if item.elements is not None:
        return "a list"
    if item.members is not None:
        return "a mapping"
    if hidden and item.scalar is not None:
        return "something else"
    return "an empty text" if item.scalar == "" else shown(item.scalar)
