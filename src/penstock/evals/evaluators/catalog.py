"""All types of evaluators, and how a body becomes one."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.definition import Built, Definition, Services, convert, digest_of, named
from penstock.evals.evaluators.measures import Cost, Latency, Tokens
from penstock.evals.evaluators.numeric import Numeric
from penstock.evals.evaluators.similarity import Bleu, Chrf, EditDistance, Embedding, Rouge, TokenOverlap
from penstock.evals.evaluators.structure import Fields, JsonSchema
from penstock.evals.evaluators.texts import Contains, Exact, Length, Regex

__all__ = ["TYPES", "define", "load"]

TYPES: Final[Mapping[str, type[Definition]]] = {
    str(cls.__struct_config__.tag): cls
    for cls in (
        Exact, Contains, Regex, Length, Numeric, JsonSchema, Fields, EditDistance, TokenOverlap, Rouge, Bleu, Chrf,
        Embedding, Latency, Cost, Tokens,
    )
}  # fmt: skip


def define(body: Mapping[str, Any], *, field: str = "") -> tuple[dict[str, Any], str]:
    """The canonical form of a definition, with all defaults, and its digest: its version.

    Args:
        body: `{"type": …, …}`.
        field: Path of the body in whatever holds it, for errors.

    Raises:
        InvalidInput: names the parameter that does not fit.
    """
    definition = named(convert(body, TYPES, field=field))
    return msgspec.to_builtins(definition), digest_of(definition)


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
    try:
        return Built(definition, nested)
    except InvalidInput as error:
        if field:
            error.field = f"{field}.{error.field}" if error.field else field
        raise
