"""Which versions of prompts routes serve now: labels become versions when the snapshot is compiled (FAILURES E10)."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from penstock.core.errors import PenstockError
from penstock.registry.config.routes import content_version
from penstock.registry.prompts.compile import compile_prompt
from penstock.registry.prompts.ports import PromptVersions
from penstock.wire.prompts import CompiledPrompt, compiled_key, parse_prompt_ref
from penstock.wire.routing import PromptUse, RouteEntry, Variant
from penstock.wire.snapshot import ProjectEntry, Snapshot

__all__ = ["ServedRoutes", "serve_prompts"]

logger = logging.getLogger(__name__)

DEFAULT_PROJECT = "default"
"""Where a route of all projects finds its prompts unless it names another project."""


@dataclass
class ServedRoutes:
    """The routes that can be served, the prompts they serve, and why others cannot."""

    routes: dict[str, RouteEntry] = field(default_factory=dict[str, RouteEntry])
    prompts: dict[str, CompiledPrompt] = field(default_factory=dict[str, CompiledPrompt])
    warnings: list[str] = field(default_factory=list[str])


def serve_prompts(
    routes: Mapping[str, RouteEntry],
    versions: PromptVersions | None,
    *,
    projects: Mapping[str, ProjectEntry],
    served: Snapshot | None,
) -> ServedRoutes:
    """Routes with the versions that their references stand for at this moment.

    A route whose prompt cannot be found any more goes on with the version that is served; one that never served it
    is left out, and the others are served all the same.

    Args:
        routes: By their place in the snapshot, with ids of projects.
        versions: None where there is no registry of artifacts.
        projects: By id.
        served: What is published.
    """
    resolver = _Resolver(versions, projects, served)
    made = ServedRoutes()
    for place, route in routes.items():
        if all(variant.prompt is None for variant in route.variants.values()):
            made.routes[place] = route
            continue
        try:
            variants = {name: resolver.variant(route, place, variant) for name, variant in route.variants.items()}
        except PenstockError as error:
            made.warnings.append(f"The route {route.name} is not served: {error}")
            continue
        resolved = msgspec.structs.replace(route, variants=variants)
        made.routes[place] = msgspec.structs.replace(resolved, version=content_version(resolved))
    made.warnings += resolver.warnings
    used = {use.key for use in _uses(made.routes.values())}
    made.prompts = {key: compiled for key, compiled in resolver.compiled.items() if key in used}
    return made


def _uses(routes: Iterable[RouteEntry]) -> list[PromptUse]:
    return [variant.prompt for route in routes for variant in route.variants.values() if variant.prompt is not None]


class _Resolver:
    def __init__(
        self, versions: PromptVersions | None, projects: Mapping[str, ProjectEntry], served: Snapshot | None
    ) -> None:
        self._versions = versions
        self._projects = {name: one.id for one in projects.values() for name in (one.name, one.id)}
        self._served = served
        self._known: dict[tuple[str, str], PromptUse] = {}
        self.compiled: dict[str, CompiledPrompt] = {}
        self.warnings: list[str] = []

    def variant(self, route: RouteEntry, place: str, variant: Variant) -> Variant:
        if variant.prompt is None:
            return variant
        try:
            use = self._found(route, variant.prompt.reference)
        except PenstockError as error:
            last = self._last(place, variant)
            if last is None:
                raise
            use = last
            self.warnings.append(
                f"The variant {variant.name} of the route {route.name} goes on with version {use.version} of "
                f"{use.name}: {error}"
            )
        return msgspec.structs.replace(variant, prompt=use)

    def _found(self, route: RouteEntry, reference: str) -> PromptUse:
        known = parse_prompt_ref(reference)
        if self._versions is None:
            raise PenstockError("no prompts are stored here.", code="prompts_unavailable")
        project = self._project(route, known.project)
        use = self._known.get((project, reference))
        if use is None:
            stored = self._versions.find(project, known.name, known.selector)
            compiled = compile_prompt(stored, self._versions, project=project)
            key = compiled_key(compiled)
            self.compiled[key] = compiled
            use = PromptUse(
                reference=reference, name=stored.name, version=stored.version, digest=stored.digest, key=key
            )
            self._known[project, reference] = use
        return use

    def _project(self, route: RouteEntry, named: str | None) -> str:
        project = self._projects.get(named or route.project or DEFAULT_PROJECT)
        if project is None:
            raise PenstockError(
                f"no project is called {named or DEFAULT_PROJECT!r}.",
                hint="Name the prompt's project before it: project:name@label.",
                code="project_not_found",
            )
        if route.project is not None and project != route.project:
            # Or whoever may write routes of one project could read the prompts of another.
            raise PenstockError("a route of one project serves its own prompts only.", code="permission_denied")
        return project

    def _last(self, place: str, variant: Variant) -> PromptUse | None:
        """What this very variant serves now, by the same reference."""
        served = self._served
        route = None if served is None else served.routes.get(place)
        now = None if route is None else route.variants.get(variant.name)
        use = None if now is None else now.prompt
        if served is None or use is None or variant.prompt is None or use.reference != variant.prompt.reference:
            return None
        compiled = served.prompts.get(use.key)
        if compiled is None:
            return None
        self.compiled[use.key] = compiled
        return use
