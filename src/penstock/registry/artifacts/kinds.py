"""Kinds of artifacts: what a body has to be, what differs between two, what is searched, how it stands in a file.

The registry keeps whatever a kind lets through and knows nothing of what it means. `Kinds` holds those of an
installation; whoever owns a kind registers it where the service is put together:

    Kinds([*default_kinds(), PromptKind()])
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol, cast, runtime_checkable

import msgspec

from penstock.core.errors import InvalidInput, NotFound
from penstock.identity.types import PERMISSIONS
from penstock.registry.artifacts.diff import Difference, diff_json
from penstock.registry.artifacts.files import from_yaml, to_yaml
from penstock.registry.artifacts.types import Use

__all__ = [
    "ArtifactKind",
    "JsonKind",
    "Kinds",
    "ModelBody",
    "ModelKind",
    "ServedKind",
    "UsingKind",
    "convert_body",
    "default_kinds",
]

TARGET: Final = re.compile(r"[^\s/]+/\S+")
Body = Any
"""A JSON value."""


class ArtifactKind(Protocol):
    """One kind. Pure: it asks nothing and keeps nothing."""

    @property
    def name(self) -> str:
        """Singular, lower case: `prompt`. Its permissions are `prompts:read`, `prompts:write`, `prompts:promote`."""
        ...

    @property
    def suffix(self) -> str:
        """Of its files: `.yaml`."""
        ...

    def check(self, body: Body) -> Body:
        """The body as it is kept. Equal contents give equal bodies: their digest is that of the canonical JSON.

        Raises:
            InvalidInput: it is none of this kind; `field` names the place, `messages[0].role`.
        """
        ...

    def diff(self, before: Body, after: Body) -> list[Difference]:
        """What differs between two checked bodies, in the forms of `penstock.registry.artifacts.diff`."""
        ...

    def text(self, body: Body) -> str:
        """What a search looks into."""
        ...

    def to_file(self, body: Body) -> str:
        """A checked body as people read and edit it."""
        ...

    def from_file(self, text: str) -> Body:
        """What `to_file` wrote, and people may have edited; not checked yet.

        Raises:
            InvalidInput: it cannot be read.
        """
        ...


@runtime_checkable
class ServedKind(Protocol):
    """A kind whose versions gateways serve by number or as the newest, so that they must learn of each new one."""

    @property
    def is_served(self) -> bool: ...


@runtime_checkable
class UsingKind(Protocol):
    """A kind whose bodies name other artifacts: they have to be there, and the lineage holds them."""

    def uses(self, body: Body) -> list[Use]:
        """What a checked body names."""
        ...


class JsonKind:
    """A kind whose bodies are any JSON objects; also what others are derived from.

    Args:
        name: Singular, lower case.
    """

    suffix = ".yaml"

    def __init__(self, name: str) -> None:
        self.name = name

    def check(self, body: Body) -> Body:
        if not isinstance(body, dict):
            raise InvalidInput(f"Expected the body of a {self.name} to be an object, got {_type(body)}.", field="body")
        return cast("Body", body)

    def diff(self, before: Body, after: Body) -> list[Difference]:
        return diff_json(before, after)

    def text(self, body: Body) -> str:
        return "\n".join(_texts(body))

    def to_file(self, body: Body) -> str:
        return to_yaml(body)

    def from_file(self, text: str) -> Body:
        return from_yaml(text)


class ModelBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A model as an artifact: what is called, and how."""

    target: str
    """`provider/model`."""
    parameters: dict[str, Any] = {}
    """Sent with each call: `temperature`, `max_tokens`, …"""
    description: str = ""
    links: list[str] = []
    """Addresses of model cards, licences, results."""


class ModelKind(JsonKind):
    """The kind `model`."""

    def __init__(self) -> None:
        super().__init__("model")

    def check(self, body: Body) -> Body:
        model = convert_body(body, ModelBody)
        if TARGET.fullmatch(model.target) is None:
            raise InvalidInput(f"Expected `target` as provider/model, got {model.target[:80]!r}.", field="body.target")
        for index, link in enumerate(model.links):
            if not link.startswith(("https://", "http://")):
                raise InvalidInput(f"Expected an http address, got {link[:80]!r}.", field=f"body.links[{index}]")
        return msgspec.to_builtins(model)


class Kinds:
    """The kinds of an installation.

    Args:
        kinds: A later one takes the place of an earlier one of the same name.

    Raises:
        ValueError: a kind has no permissions; they stand in `penstock.identity.types`.
    """

    def __init__(self, kinds: Iterable[ArtifactKind]) -> None:
        self._kinds = {kind.name: kind for kind in kinds}
        for name in self._kinds:
            for action in ("read", "write", "promote"):
                if f"{name}s:{action}" not in PERMISSIONS:
                    raise ValueError(f"the kind {name} has no permission {name}s:{action}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def get(self, name: str) -> ArtifactKind:
        """Raises `NotFound` (`kind_not_found`)."""
        known = self._kinds.get(name)
        if known is None:
            raise NotFound(
                f"There is no kind of artifact called {name[:40]!r}.",
                hint=f"Kinds are: {', '.join(sorted(self._kinds))}.",
                code="kind_not_found",
            )
        return known


def default_kinds() -> list[ArtifactKind]:
    """A kind for each name that has permissions; those that have more to check are given after these."""
    return [JsonKind("prompt"), ModelKind(), JsonKind("dataset"), JsonKind("evaluator")]


def convert_body(body: Body, type_: Any) -> Any:
    """A body as a struct.

    Raises:
        InvalidInput: it does not fit; `field` is `body.…`.
    """
    try:
        return msgspec.convert(body, type_)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        field = f"body{path.rstrip('`')}"
        raise InvalidInput(f"The body does not fit: {message[:1].lower()}{message[1:]}.", field=field) from error


def _texts(value: Body) -> Iterator[str]:
    """Every text of a JSON value, in its order, names of fields left out."""
    waiting: list[Any] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            waiting.extend(reversed(list(cast("Mapping[str, Any]", one).values())))
        elif isinstance(one, list):
            waiting.extend(reversed(cast("list[Any]", one)))


def _type(value: object) -> str:
    names: dict[type, str] = {
        bool: "a boolean",
        str: "a text",
        list: "a list",
        int: "a number",
        float: "a number",
        type(None): "null",
    }
    return names.get(type(value), type(value).__name__)
