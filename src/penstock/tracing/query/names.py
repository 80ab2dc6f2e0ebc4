"""What people call keys and users, as the records have them: ids and keyed hashes."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, assert_never

import msgspec

from penstock.core.errors import InvalidInput
from penstock.store.spans.filters import Filter
from penstock.store.spans.tree import And, Node, Not, Or, Text, all_of
from penstock.tracing.filters import parse_filter
from penstock.tracing.query.parser import parse
from penstock.tracing.types import Asked

__all__ = ["KeyNames", "QueryReader", "Read", "UserHash", "with_ids"]

KeyNames = Callable[[str], Mapping[str, str]]
"""Names of a project's keys by id, revoked ones too."""
UserHash = Callable[[str], str]
"""The keyed hash that stands for an end user in the records of this installation."""
MAX_FILTERS = 50
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_HASH = re.compile(r"[0-9a-f]{32}\Z")


class Read(Protocol):
    """Text of the filter language to a tree."""

    def __call__(self, text: str, *, field: str = "q") -> Node | None:
        """Raises `InvalidInput` for what cannot be understood, with the request's field that holds it."""
        ...


class QueryReader:
    """Reads searches of a project's people.

    Args:
        key_names: Names of keys.
        user_hash: Hashes the id of an end user; without it users are found by what is recorded only.
    """

    def __init__(self, key_names: KeyNames, *, user_hash: UserHash | None = None) -> None:
        self._key_names = key_names
        self._user_hash = user_hash

    def read(self, project: str, text: str, *, field: str = "q") -> Node | None:
        """The tree of a search. Raises `InvalidInput` as `parse` does."""
        return with_ids(parse(text, field=field), keys=lambda: self._key_names(project), user_hash=self._user_hash)

    def where(self, project: str, asked: Asked) -> Node | None:
        """The conditions of a request as one tree: its search and all its filters.

        Raises:
            InvalidInput: one of them cannot be understood, or there are too many.
        """
        if len(asked.filters) > MAX_FILTERS:
            raise InvalidInput(f"At most {MAX_FILTERS} filters are taken, got {len(asked.filters)}.", field="filter")
        return all_of(*map(parse_filter, asked.filters), self.read(project, asked.q or ""))

    def of(self, project: str) -> Read:
        """Reads for one project."""

        def read(text: str, *, field: str = "q") -> Node | None:
            return self.read(project, text, field=field)

        return read


def with_ids(
    node: Node | None, *, keys: Callable[[], Mapping[str, str]], user_hash: UserHash | None = None
) -> Node | None:
    """The tree with ids where it has names of keys, and with hashes beside the ids of users.

    Args:
        node: As it was parsed.
        keys: Gives names of keys by id; asked only when the tree names one.
        user_hash: Hashes a user's id.
    """
    match node:
        case And(terms):
            return And(tuple(_replaced(term, keys, user_hash) for term in terms))
        case Or(terms):
            return Or(tuple(_replaced(term, keys, user_hash) for term in terms))
        case Not(term):
            return Not(_replaced(term, keys, user_hash))
        case Filter():
            return _identified(node, keys, user_hash)
        case Text() | None:
            return node
        case _ as never:
            assert_never(never)


def _identified(node: Filter, keys: Callable[[], Mapping[str, str]], user_hash: UserHash | None) -> Node:
    if node.operator not in {"eq", "ne", "in"}:
        return node
    given = [str(value) for value in node.value] if isinstance(node.value, list) else [str(node.value)]
    if node.column == "key" and not all(_ID.match(value) for value in given):
        names = keys()
        return _among(node, [id_ for value in given for id_ in _keys_called(value, names)])
    if node.column == "user" and user_hash is not None:
        hashed = [user_hash(value) for value in given if not _HASH.match(value)]
        return _among(node, [*given, *hashed]) if hashed else node
    return node


def _replaced(node: Node, keys: Callable[[], Mapping[str, str]], user_hash: UserHash | None) -> Node:
    found = with_ids(node, keys=keys, user_hash=user_hash)
    return node if found is None else found


def _keys_called(name: str, names: Mapping[str, str]) -> Sequence[str]:
    """Ids of all keys of this name, and the text itself: a key that is unknown here may stand in old records."""
    return [id_ for id_, called in names.items() if called == name] or [name]


def _among(node: Filter, values: list[str]) -> Node:
    if node.operator == "ne":
        return Not(_among(msgspec.structs.replace(node, operator="eq"), values))
    if len(values) == 1:
        return Filter(column=node.column, operator="eq", value=values[0])
    return Filter(column=node.column, operator="in", value=values)
