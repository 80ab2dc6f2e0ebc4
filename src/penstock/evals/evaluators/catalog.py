"""All types of evaluators, and how a body becomes one."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from typing import Any, Final

import msgspec

from penstock.core.errors import InvalidInput, MissingExtra
from penstock.evals.evaluators.definition import Built, CodeDefinition, Definition, Services, convert, digest_of, named

__all__ = ["TYPES", "check", "define", "load"]

_PLACES: Final = {
    "exact": "evaluators.texts:Exact",
    "contains": "evaluators.texts:Contains",
    "regex": "evaluators.texts:Regex",
    "length": "evaluators.texts:Length",
    "numeric": "evaluators.numeric:Numeric",
    "json_schema": "evaluators.structure:JsonSchema",
    "fields": "evaluators.structure:Fields",
    "edit_distance": "evaluators.similarity:EditDistance",
    "token_overlap": "evaluators.similarity:TokenOverlap",
    "rouge": "evaluators.similarity:Rouge",
    "bleu": "evaluators.similarity:Bleu",
    "chrf": "evaluators.similarity:Chrf",
    "embedding": "evaluators.similarity:Embedding",
    "latency": "evaluators.measures:Latency",
    "cost": "evaluators.measures:Cost",
    "tokens": "evaluators.measures:Tokens",
    "language": "evaluators.language:Language",
    "tool_calls": "evaluators.tools:ToolCalls",
    "trajectory": "evaluators.tools:Trajectory",
    "conversation": "evaluators.conversation:Conversation",
    "retrieval": "evaluators.retrieval:Retrieval",
    "rubric": "judges.rubric:Rubric",
    "pairwise": "judges.pairwise:Pairwise",
    "panel": "judges.panel:Panel",
    "groundedness": "judges.claims:Groundedness",
    "instructions": "judges.claims:Instructions",
    "autoevals": "evaluators.adapters.autoevals:AutoEvals",
    "deepeval": "evaluators.adapters.deepeval:DeepEval",
    "ragas": "evaluators.adapters.ragas:Ragas",
}
"""Module and class of each type, below `penstock.evals`."""


class _Types(Mapping[str, type[Definition]]):
    """Classes of definitions by type, each loaded when it is asked for: a console that judges nothing loads none."""

    def __getitem__(self, kind: str) -> type[Definition]:
        module, _, name = _PLACES[kind].partition(":")
        cls: type[Definition] = getattr(import_module(f"penstock.evals.{module}"), name)
        return cls

    def __contains__(self, kind: object) -> bool:
        return kind in _PLACES

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(_PLACES)


TYPES: Final[Mapping[str, type[Definition]]] = _Types()


def define(body: Mapping[str, Any], *, field: str = "") -> tuple[dict[str, Any], str]:
    """The canonical form of a definition, with all defaults, and its digest: its version.

    Args:
        body: `{"type": …, …}`.
        field: Path of the body in whatever holds it, for errors.

    Raises:
        InvalidInput: names the parameter that does not fit.
    """
    definition = named(convert(body, TYPES, field=field))
    with _within(field):
        return msgspec.to_builtins(definition), digest_of(definition, TYPES)


def check(body: Mapping[str, Any], *, field: str = "") -> None:
    """Refuse a definition that no evaluator can be made of: a pattern that is none, bounds the wrong way round.

    Whether whoever runs it has the extras and models that it needs is not asked.

    Raises:
        InvalidInput: names the parameter that does not fit.
    """
    define(body, field=field)
    definition = convert(body, TYPES, field=field)
    if isinstance(definition, CodeDefinition):
        with _within(field), suppress(MissingExtra):
            definition.compile()


def load(body: Mapping[str, Any], services: Services | None = None, *, field: str = "") -> Built:
    """An evaluator of a definition.

    Args:
        body: `{"type": …, …}`.
        services: What it may use; without, only evaluators that need nothing.
        field: Path of the body in whatever holds it, for errors.

    Raises:
        InvalidInput: names the parameter that does not fit, or says what is needed and not there.
        MissingExtra: it needs a package that is not installed.
    """
    given = services or Services()
    nested = msgspec.structs.replace(given, load=partial(load, services=given))
    definition = convert(body, TYPES, field=field)
    with _within(field):
        return Built(definition, nested, digest=digest_of(definition, TYPES))


@contextmanager
def _within(field: str) -> Generator[None]:
    """Errors name the parameter from whatever holds the definition on."""
    try:
        yield
    except InvalidInput as error:
        if field:
            error.field = f"{field}.{error.field}" if error.field else field
        raise
