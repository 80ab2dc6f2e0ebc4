"""A YAML document as a tree that remembers its lines."""

import re
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from penstock.core.errors import ConfigError
from penstock.registry.config.errors import InvalidConfig
from penstock.registry.config.forms import shown

__all__ = ["MAX_BYTES", "NO_LINE", "Entry", "Item", "as_item", "plain", "read_document"]

NO_LINE = 0
"""The line of what stands in no file."""

MAX_BYTES = 1024 * 1024
"""Bytes of a configuration file; more is refused before it is parsed."""
MAX_ITEMS = 100_000
"""Values of a file with its anchors written out, so that a small file cannot grow without bound."""
MAX_DEPTH = 32
TAG = "tag:yaml.org,2002:"


@dataclass
class Item:
    """One value: a scalar, a list or a mapping."""

    line: int
    """Counted from 1."""
    scalar: str | int | float | bool | None = None
    elements: "list[Item] | None" = None
    members: "dict[str, Entry] | None" = None

    @property
    def is_scalar(self) -> bool:
        return self.elements is None and self.members is None


@dataclass
class Entry:
    """One member of a mapping, with the line of its key."""

    line: int
    value: Item


def plain(item: Item) -> Any:
    """The value as lists, mappings and scalars."""
    if item.members is not None:
        return {name: plain(entry.value) for name, entry in item.members.items()}
    if item.elements is not None:
        return [plain(element) for element in item.elements]
    return item.scalar


def as_item(value: Any, *, depth: int = 0) -> Item:
    """JSON as a tree, for what is written as in the file and comes another way. It has no lines.

    Raises:
        ValueError: it is nested deeper than a file may be.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested over {MAX_DEPTH} levels")
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return Item(
            NO_LINE,
            members={name: Entry(NO_LINE, as_item(part, depth=depth + 1)) for name, part in members.items()},
        )
    if isinstance(value, list):
        return Item(NO_LINE, elements=[as_item(part, depth=depth + 1) for part in cast("list[Any]", value)])
    return Item(NO_LINE, scalar=value)


def read_document(text: str, *, file: str) -> Item | None:
    """The tree of a YAML 1.2 document; None for an empty one.

    Raises:
        InvalidConfig: not YAML, a key twice, an unknown tag, or larger than a configuration can be. A syntax
            error shows no text of the file, which may be a secret.
    """
    try:
        root = cast("_Node | None", YAML(typ="safe", pure=True).compose(text))  # pyright: ignore[reportUnknownMemberType]
    except MarkedYAMLError as error:
        line, problem = _syntax_error(error)
        raise InvalidConfig([ConfigError(f"This is not valid YAML: {problem}.", file=file, line=line)]) from None
    except YAMLError:
        # A character that YAML does not allow.
        line = next((number for number, part in enumerate(text.split("\n"), 1) if not _is_allowed(part)), None)
        raise InvalidConfig(
            [ConfigError("This is not valid YAML: a control character.", file=file, line=line)]
        ) from None
    if root is None:
        return None
    reader = _Reader(file)
    item = reader.read(root, path="", depth=0)
    if reader.errors:
        raise InvalidConfig(reader.errors)
    return None if item.is_scalar and item.scalar is None else item


def _syntax_error(error: Any) -> tuple[int | None, str]:
    """Line and problem, from an error that ruamel.yaml gives no types for."""
    mark = error.problem_mark or error.context_mark
    parts = [str(part).split("\n", 1)[0].strip() for part in (error.context, error.problem) if part]
    problem = re.sub(r"'([^']*)'", lambda quoted: shown(quoted[1]), ", ".join(parts))
    return (int(mark.line) + 1 if mark is not None else None), problem


def _is_allowed(line: str) -> bool:
    return all(character.isprintable() or character in "\t\r\u0085\u00a0\ufeff" for character in line)


class _Node(Protocol):
    """A node of ruamel.yaml, which has no types."""

    id: str
    """`scalar`, `sequence` or `mapping`."""
    tag: Any
    value: Any
    start_mark: Any


@dataclass
class _Reader:
    file: str
    errors: list[ConfigError] = field(default_factory=list[ConfigError])
    count: int = 0

    def fail(self, message: str, *, line: int, path: str) -> None:
        self.errors.append(ConfigError(message, file=self.file, line=line, field=path or None))

    def read(self, node: _Node, *, path: str, depth: int) -> Item:
        line = int(node.start_mark.line) + 1
        self.count += 1
        if depth > MAX_DEPTH or self.count > MAX_ITEMS:
            raise InvalidConfig(
                [
                    ConfigError(
                        f"The file is nested over {MAX_DEPTH} levels or holds over {MAX_ITEMS:,} values, "
                        "counted with its anchors written out.",
                        file=self.file,
                        line=line,
                    )
                ]
            )
        if node.id == "mapping":
            return Item(line, members=self.read_members(node, path=path, depth=depth))
        if node.id == "sequence":
            elements = [
                self.read(element, path=f"{path}[{index}]", depth=depth + 1) for index, element in enumerate(node.value)
            ]
            return Item(line, elements=elements)
        return Item(line, scalar=self.read_scalar(node, line=line, path=path))

    def read_members(self, node: _Node, *, path: str, depth: int) -> dict[str, Entry]:
        members: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key_node, value_node in node.value:
            line = int(key_node.start_mark.line) + 1
            if key_node.tag == f"{TAG}merge":
                for name, entry in self.read_merge(value_node, line=line, path=path, depth=depth).items():
                    merged.setdefault(name, entry)
                continue
            if key_node.id != "scalar":
                self.fail("A key is a text, not a list or a mapping.", line=line, path=path)
                continue
            name = str(key_node.value)
            if name in members:
                self.fail(
                    f"The key {shown(name)} stands here a second time; the first is on line {members[name].line}.",
                    line=line,
                    path=path,
                )
                continue
            members[name] = Entry(line, self.read(value_node, path=f"{path}.{name}".lstrip("."), depth=depth + 1))
        return {**merged, **members}

    def read_merge(self, node: _Node, *, line: int, path: str, depth: int) -> dict[str, Entry]:
        """`<<: *anchor` or `<<: [*one, *two]`; the first that has a key gives it."""
        sources: list[_Node] = node.value if node.id == "sequence" else [node]
        merged: dict[str, Entry] = {}
        for source in sources:
            if source.id != "mapping":
                self.fail("What << merges must be a mapping.", line=line, path=path)
                continue
            item = self.read(source, path=path, depth=depth + 1)
            for name, entry in (item.members or {}).items():
                merged.setdefault(name, entry)
        return merged

    def read_scalar(self, node: _Node, *, line: int, path: str) -> str | int | float | bool | None:
        text = str(node.value)
        tag = str(node.tag).removeprefix(TAG)
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        if tag == "int":
            return _integer(text)
        if tag == "float":
            return _float(text)
        if tag not in {"str", "timestamp"}:
            self.fail(
                f"The tag {shown(str(node.tag))} is not known here; write the value without it.", line=line, path=path
            )
        return text


def _integer(text: str) -> int | str:
    digits = text.replace("_", "")
    try:
        return int(digits, 0) if digits.lstrip("+-")[:2].lower() in {"0x", "0o", "0b"} else int(digits)
    except ValueError:
        return text


def _float(text: str) -> float | str:
    try:
        return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        return text
