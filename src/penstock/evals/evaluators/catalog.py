"""All types of evaluators, and how a body becomes one."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.adapters.autoevals import AutoEvals
from penstock.evals.evaluators.adapters.deepeval import DeepEval
from penstock.evals.evaluators.adapters.ragas import Ragas
from penstock.evals.evaluators.conversation import Conversation
from penstock.evals.evaluators.definition import Built, Definition, Services, convert, digest_of, named
from penstock.evals.evaluators.language import Language
from penstock.evals.evaluators.measures import Cost, Latency, Tokens
from penstock.evals.evaluators.numeric import Numeric
from penstock.evals.evaluators.retrieval import Retrieval
from penstock.evals.evaluators.similarity import Bleu, Chrf, EditDistance, Embedding, Rouge, TokenOverlap
from penstock.evals.evaluators.structure import Fields, JsonSchema
from penstock.evals.evaluators.texts import Contains, Exact, Length, Regex
from penstock.evals.evaluators.tools import ToolCalls, Trajectory
from penstock.evals.judges.claims import Groundedness, Instructions
from penstock.evals.judges.pairwise import Pairwise
from penstock.evals.judges.panel import Panel
from penstock.evals.judges.rubric import Rubric

__all__ = ["TYPES", "define", "load"]

TYPES: Final[Mapping[str, type[Definition]]] = {
    str(cls.__struct_config__.tag): cls
    for cls in (
        Exact, Contains, Regex, Length, Numeric, JsonSchema, Fields, EditDistance, TokenOverlap, Rouge, Bleu, Chrf,
        Embedding, Latency, Cost, Tokens, Language, ToolCalls, Trajectory, Conversation, Retrieval, Rubric, Pairwise,
        Panel, Groundedness, Instructions, AutoEvals, DeepEval, Ragas,
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
    with _within(field):
        return msgspec.to_builtins(definition), digest_of(definition, TYPES)


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
