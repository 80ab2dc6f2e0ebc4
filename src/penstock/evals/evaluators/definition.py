"""Definitions: a JSON body to an evaluator with a digest."""

import difflib
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.ports import Ask, Embed
from penstock.evals.evaluators.types import Item, Judgement, Unscored, Verdict
from penstock.wire.scoring import check_name

__all__ = [
    "Built",
    "CodeDefinition",
    "Definition",
    "Embed",
    "Found",
    "Run",
    "Services",
    "convert",
    "digest_of",
    "named",
    "type_of",
]

Found = Verdict | Sequence[Verdict]
Run = Callable[[Item], Awaitable[list[Judgement]]]
_PLACE: Final = re.compile(r" - at `\$\.?([^`]*)`")
_UNKNOWN: Final = re.compile(r"unknown field `([^`]*)`")


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """What evaluators need from outside; an evaluator that needs what is missing is refused when it is loaded."""

    ask: Ask | None = None
    embed: Embed | None = None
    load: "Callable[[Mapping[str, Any]], Built] | None" = None
    """Loads a definition within a definition."""

    def member(self, body: Mapping[str, Any], *, field: str) -> "Built":
        """The evaluator of a definition within a definition; errors name the parameter from the outer one on."""
        if self.load is None:
            raise InvalidInput("Expected to be loaded by the catalog of evaluators.", field=field)
        try:
            return self.load(body)
        except InvalidInput as error:
            error.field = _path(field, error.field or "")
            raise


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """Parameters of one type of evaluator."""

    revision: ClassVar[int] = 1
    """Counted up when the code of a type comes to judge differently; part of the digest."""
    paid: ClassVar[bool] = False

    name: str | None = None
    """Of its judgements; the type's own name unless given."""

    def build(self, services: Services) -> Run:
        """What judges.

        Raises:
            InvalidInput: parameters do not fit each other, or what they need is not there. `field` names the parameter.
        """
        raise NotImplementedError

    def identity(self) -> Any:
        """What else judgements depend on, beside the parameters."""
        return None

    def nested(self) -> dict[str, dict[str, Any]]:
        """Definitions within this one, by their path in it."""
        return {}

    @property
    def judgements(self) -> list[str]:
        """Names of its judgements, as far as the definition tells."""
        return [self.name or type_of(self)]

    @property
    def by_model(self) -> bool:
        """Whether a model says what the value is, so that it may err as models do."""
        return getattr(self, "model", None) is not None

    @property
    def compares(self) -> bool:
        """Whether it holds an answer against the baseline's to the same row."""
        return False


class CodeDefinition(Definition, frozen=True, kw_only=True):
    """One whose judging is a plain function."""

    def compile(self) -> Callable[[Item], Found]:
        """The function; raises `Unscored` for an item that it cannot judge."""
        raise NotImplementedError

    def build(self, services: Services) -> Run:  # noqa: ARG002 - a plain function needs nothing from outside
        judge, name = self.compile(), self.name or type_of(self)

        async def run(item: Item) -> list[Judgement]:
            try:
                found = judge(item)
            except Unscored as error:
                return [Judgement(name=name, error=error.reason, raw=error.raw)]
            verdicts = [found] if isinstance(found, Verdict) else found
            return [verdict.judgement(name) for verdict in verdicts]

        return run


class Built:
    """An evaluator made of a definition."""

    __slots__ = ("_run", "definition", "digest", "name")

    def __init__(self, definition: Definition, services: Services, *, digest: str) -> None:
        self.definition = named(definition)
        self.name = check_name(self.definition.name or "")
        self.digest = digest
        self._run = definition.build(services)

    @property
    def paid(self) -> bool:
        return self.definition.paid

    async def evaluate(self, item: Item) -> list[Judgement]:
        return await self._run(item)


def type_of(definition: Definition) -> str:
    return str(type(definition).__struct_config__.tag)


def named(definition: Definition) -> Definition:
    """With the name that its judgements have."""
    return definition if definition.name else msgspec.structs.replace(definition, name=type_of(definition))


def digest_of(definition: Definition, types: Mapping[str, type[Definition]]) -> str:
    """SHA-256 of the canonical form, defaults filled in: two ways to write the same evaluator are one version.

    Raises:
        InvalidInput: a definition within it does not hold.
    """
    body = {
        "definition": named(definition),
        "revision": definition.revision,
        "identity": definition.identity(),
        "nested": [digest_of(convert(one, types, field=place), types) for place, one in definition.nested().items()],
    }
    return hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()


def convert(body: Mapping[str, Any], types: Mapping[str, type[Definition]], *, field: str = "") -> Definition:
    """The definition that a JSON body holds.

    Args:
        body: `{"type": …, …}`.
        types: Known types by name.
        field: Path of the body in whatever holds it, for errors.

    Raises:
        InvalidInput: names the parameter that does not fit.
    """
    kind = body.get("type")
    if not isinstance(kind, str) or kind not in types:
        near = difflib.get_close_matches(str(kind), types, n=1)
        raise InvalidInput(
            f"Expected the type of an evaluator, got {str(kind)[:60]!r}.",
            field=_path(field, "type"),
            hint=f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(sorted(types))}.",
        )
    cls = types[kind]
    try:
        return msgspec.convert(body, cls)
    except msgspec.ValidationError as error:
        raise _refused(str(error), cls, kind=kind, field=field) from None


def _refused(said: str, cls: type[Definition], *, kind: str, field: str) -> InvalidInput:
    place = _PLACE.search(said)
    unknown = _UNKNOWN.search(said)
    where = place[1] if place else ""
    if unknown is None:
        message = f"{kind}: {_PLACE.sub('', said).rstrip('.')}."
        return InvalidInput(message, field=_path(field, where))
    names = [] if where else [one.encode_name for one in msgspec.structs.fields(cls)]
    near = difflib.get_close_matches(unknown[1], names, n=1)
    return InvalidInput(
        f"{kind} has no parameter {unknown[1][:60]!r}.",
        field=_path(field, f"{where}.{unknown[1]}" if where else unknown[1]),
        hint=f"Did you mean {near[0]!r}?" if near else (f"It takes {', '.join(names)}." if names else None),
    )


def _path(field: str, name: str) -> str:
    return ".".join(part for part in (field, name) if part)
