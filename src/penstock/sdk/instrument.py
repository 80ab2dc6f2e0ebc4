"""Instrumentations that are installed: found by their entry points, switched on by name."""

import logging
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from opentelemetry.trace import TracerProvider

from penstock.core.errors import InvalidInput

__all__ = ["Instrumentation", "available", "find", "switch_on"]

logger = logging.getLogger("penstock")

GROUPS = ("opentelemetry_instrumentor", "openinference_instrumentor")
OPENINFERENCE = "openinference-instrumentation-"
FOUNDATIONS = ("opentelemetry-util-genai", "opentelemetry-semantic-conventions-ai")
"""What instrumentations of model libraries are built on: OpenTelemetry's own newer ones, and OpenLLMetry's."""
FIRST = frozenset(
    f"opentelemetry-instrumentation-{name}" for name in ("google-genai", "openai-agents-v2", "openai-v2", "vertexai")
)
"""OpenTelemetry's own, of which the first releases were built on nothing."""


class Instrumentation:
    """An installed instrumentation of one library."""

    __slots__ = ("_entry", "distribution", "models", "name")

    def __init__(self, entry: EntryPoint) -> None:
        self._entry = entry
        self.name = entry.name
        """Of what it instruments: `openai`."""
        self.distribution = entry.dist.name if entry.dist is not None else ""
        """The package that brings it: `opentelemetry-instrumentation-openai-v2`."""
        requires = (entry.dist.requires or []) if entry.dist is not None else []
        self.models = (
            self.distribution.startswith(OPENINFERENCE)
            or self.distribution in FIRST
            or any(line.startswith(FOUNDATIONS) for line in requires)
        )
        """Whether it is of a library for models, not of HTTP clients, databases and the like."""

    def start(self, provider: TracerProvider) -> Any:
        """Switch it on; gives the instrumentor, None when it could not be."""
        try:
            instrumentor: Any = self._entry.load()()
            if instrumentor.is_instrumented_by_opentelemetry:
                return None
            instrumentor.instrument(tracer_provider=provider)
        except Exception:
            # The boundary: an instrumentation is anybody's code, and the application runs without it.
            logger.exception("%s could not be switched on", self.distribution)
            return None
        # It refuses, and says why in the log, where the library it is for is missing or of another version.
        return instrumentor if instrumentor.is_instrumented_by_opentelemetry else None


def available() -> list[Instrumentation]:
    """What is installed, one for each name and package."""
    found = {
        (entry.name, entry.dist.name if entry.dist is not None else ""): Instrumentation(entry)
        for group in GROUPS
        for entry in entry_points(group=group)
    }
    return [found[key] for key in sorted(found)]


def find(wanted: bool | Iterable[str]) -> list[Instrumentation]:
    """The instrumentations that are meant.

    Args:
        wanted: True for all of libraries for models; or names, of what is instrumented or of the package that does it.
            Where two packages instrument one library, OpenTelemetry's own is taken unless the other is named.

    Raises:
        InvalidInput: `instrumentation_missing`: a name that nothing installed has.
    """
    return _chosen(available(), wanted)


def switch_on(chosen: Iterable[Instrumentation], provider: TracerProvider) -> list[Any]:
    """Switch these on; gives the instrumentors that are on now and were not before."""
    started = [entry.start(provider) for entry in chosen]
    return [instrumentor for instrumentor in started if instrumentor is not None]


def _chosen(installed: Sequence[Instrumentation], wanted: bool | Iterable[str]) -> list[Instrumentation]:
    if isinstance(wanted, bool):
        names = list(dict.fromkeys(entry.name for entry in installed if entry.models)) if wanted else []
        return [_best([entry for entry in installed if entry.name == name and entry.models]) for name in names]
    if isinstance(wanted, str):
        wanted = (wanted,)
    result: list[Instrumentation] = []
    for name in wanted:
        exact = [entry for entry in installed if entry.distribution == name]
        matching = [entry for entry in installed if entry.name == name]
        if not exact and not matching:
            known = ", ".join(sorted({entry.name for entry in installed if entry.models})) or "none"
            raise InvalidInput(
                f"No instrumentation of {name!r} is installed.",
                field="instrument",
                hint=f"Installed for models: {known}. Others are the packages openinference-instrumentation-*.",
                code="instrumentation_missing",
            )
        result += exact or [_best(matching)]
    return result


def _best(candidates: Sequence[Instrumentation]) -> Instrumentation:
    return min(candidates, key=lambda entry: (entry.distribution.startswith(OPENINFERENCE), entry.distribution))
