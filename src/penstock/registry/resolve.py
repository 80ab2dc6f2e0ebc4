"""Names of projects and keys become ids, which is what the snapshot holds."""

from collections.abc import Mapping

import msgspec

from penstock.registry.config import LoadedConfig
from penstock.registry.config.bind import child_path
from penstock.registry.config.errors import nearest
from penstock.registry.config.forms import shown
from penstock.wire.limits import LimitEntry
from penstock.wire.routing import RouteEntry
from penstock.wire.snapshot import KeyEntry, ProjectEntry

__all__ = ["Names", "route_key"]


class Names:
    """Looks up the projects and keys of one moment, each by id or name.

    Args:
        projects: By id.
        keys: By hash, as the snapshot has them.
    """

    def __init__(self, projects: Mapping[str, ProjectEntry], keys: Mapping[str, KeyEntry]) -> None:
        self._projects = {name: project.id for project in projects.values() for name in (project.name, project.id)}
        self._project_names = [project.name for project in projects.values()]
        self._keys = list(keys.values())

    def project(self, written: str) -> str:
        """Id of a project.

        Raises:
            LookupError: there is none; the text says so.
        """
        found = self._projects.get(written)
        if found is None:
            hint = nearest(written, self._project_names)
            raise LookupError(f"no project is called {shown(written)}.{f' {hint}' if hint else ''}")
        return found

    def keys(self, written: str, *, project: str | None) -> list[str]:
        """Ids of the keys that are meant: the one of that id, or all of that name, in one project or in all.

        Raises:
            LookupError: there is none.
        """
        among = [key for key in self._keys if project in {None, key.project}]
        found = [key.id for key in among if written in {key.id, key.name}]
        if not found:
            hint = nearest(written, [key.name for key in among])
            raise LookupError(f"no key is called {shown(written)}.{f' {hint}' if hint else ''}")
        return found

    def route(self, entry: RouteEntry) -> RouteEntry:
        """The route with its project's id.

        Raises:
            LookupError: the project is not there.
        """
        if entry.project is None:
            return entry
        return msgspec.structs.replace(entry, project=self.project(entry.project))

    def limit(self, entry: LimitEntry) -> list[LimitEntry]:
        """The limit with ids; one for each key when several have the name that it is for.

        Raises:
            LookupError: what it is for is not there.
        """
        project = None if entry.project is None else self.project(entry.project)
        match = entry.match
        if match is not None and entry.level == "project":
            match = self.project(match)
        matches = [match]
        if match is not None and entry.level == "key":
            matches = list(self.keys(match, project=project))
        return [msgspec.structs.replace(entry, project=project, match=each) for each in matches]

    def resolved(self, config: LoadedConfig) -> tuple[LoadedConfig, list[str]]:
        """The configuration with ids, and what is left out because it is for something that is not there."""
        routes: dict[str, RouteEntry] = {}
        limits: list[LimitEntry] = []
        warnings: list[str] = []
        for name, route in config.routes.items():
            try:
                routes[name] = self.route(route)
            except LookupError as error:
                warnings.append(f"{child_path('routes', name)} is not served: {error}")
        for limit in config.limits:
            try:
                found = self.limit(limit)
            except LookupError as error:
                warnings.append(f"{child_path('limits', limit.name)} limits nothing: {error}")
                continue
            if len(found) > 1:
                warnings.append(f"{child_path('limits', limit.name)} holds for each of {len(found)} keys of that name.")
            limits += found
        return msgspec.structs.replace(config, routes=routes, limits=tuple(limits)), warnings


def route_key(entry: RouteEntry) -> str:
    """Where a route with its project's id stands in the snapshot."""
    return entry.name if entry.project is None else f"{entry.project}/{entry.name}"
