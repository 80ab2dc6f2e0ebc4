"""A route or limit that comes as JSON: read and checked by the code that reads the file."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from penstock.core.errors import ConfigError
from penstock.registry.config.bind import Binder
from penstock.registry.config.checks import STRUCT_CHECKS
from penstock.registry.config.document import Item, as_item
from penstock.registry.config.forms import ALIAS, NAME, shown
from penstock.registry.config.limit_types import LimitConfig
from penstock.registry.config.limits import limit_document, limit_entry
from penstock.registry.config.route_checks import Surroundings, check_route
from penstock.registry.config.route_types import RouteConfig
from penstock.registry.config.routes import judges_of, route_document, route_entry
from penstock.registry.resolve import Names
from penstock.registry.types import DefinitionProblem
from penstock.wire.limits import LimitEntry
from penstock.wire.routing import RouteEntry
from penstock.wire.snapshot import Snapshot

__all__ = ["Proposed", "document_of", "propose_limit", "propose_route", "read_limit", "read_route", "surroundings"]


class Proposed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a body."""

    document: dict[str, Any] | None
    """In the form of the file, without its project; None when the body could not be read."""
    problems: list[DefinitionProblem]


def document_of(entry: RouteEntry | LimitEntry) -> dict[str, Any]:
    """In the form of the file, without its project, which the place says."""
    document = route_document(entry) if isinstance(entry, RouteEntry) else limit_document(entry)
    return {name: value for name, value in document.items() if name != "project"}


# --- what is stored ---------------------------------------------------------------------------


def read_route(name: str, body: Mapping[str, Any], *, project: str | None) -> RouteEntry | None:
    """A stored route; None when this version of Penstock cannot read it."""
    config = Binder("", STRUCT_CHECKS).bind(as_item(dict(body)), RouteConfig)
    if config is None:
        return None
    return msgspec.structs.replace(route_entry(name, config), project=project, source="api")


def read_limit(body: Mapping[str, Any], *, project: str | None) -> LimitEntry | None:
    """A stored limit; None when this version of Penstock cannot read it."""
    config = Binder("", STRUCT_CHECKS).bind(as_item(dict(body)), LimitConfig)
    return None if config is None else msgspec.structs.replace(limit_entry(config), project=project, source="api")


# --- what is proposed -------------------------------------------------------------------------


def surroundings(snapshot: Snapshot, name: str, *, project: str | None) -> Surroundings:
    """What a route's names may refer to: what is served in its project, and the route itself."""
    visible = [route for route in snapshot.routes.values() if route.project in {None, project}]
    return Surroundings(
        providers=snapshot.providers,
        aliases=snapshot.aliases,
        routes={*(route.name for route in visible), name},
        judges={route.name: judges_of(route.strategy) for route in visible if route.name != name},
    )


def propose_route(
    name: str, body: Mapping[str, Any], *, project: str | None, names: Names, around: Surroundings
) -> Proposed:
    """Read a route's body and check all of it."""
    binder = Binder("", STRUCT_CHECKS)
    item = _item(body, binder)
    if item is None:
        return Proposed(document=None, problems=_problems(binder))
    _take_project(item, binder, project=project, names=names)
    config = binder.bind(item, RouteConfig)
    check_route(name, item, "", binder, around)
    if ALIAS.fullmatch(name) is None:
        binder.fail(
            f"expected a route's name of letters, digits, '.', '_', ':', '@' and '-', got {shown(name)}.", path="name"
        )
    document = None if config is None else document_of(route_entry(name, config))
    return Proposed(document=document, problems=_problems(binder))


def propose_limit(name: str, body: Mapping[str, Any], *, project: str | None, names: Names) -> Proposed:
    """Read a limit's body and check all of it, that what it is for exists included."""
    binder = Binder("", STRUCT_CHECKS)
    item = _item({"name": name, **body}, binder)
    if item is None:
        return Proposed(document=None, problems=_problems(binder))
    _take_project(item, binder, project=project, names=names)
    config = binder.bind(item, LimitConfig)
    if NAME.fullmatch(name) is not None and body.get("name", name) != name:
        binder.fail(f"expected {shown(name)}, the name in the address.", path="name")
    if config is None:
        return Proposed(document=None, problems=_problems(binder))
    entry = msgspec.structs.replace(limit_entry(config), project=project)
    if project is not None and entry.level == "organisation":
        binder.fail("a limit of one project cannot be on the organisation.", path="on")
    if project is not None and entry.level == "project" and entry.match is not None:
        binder.fail("a limit of one project is on that project; leave 'match' out.", path="match")
    try:
        names.limit(entry)
    except LookupError as error:
        binder.fail(str(error), path="match")
    return Proposed(document=document_of(entry), problems=_problems(binder))


def _item(body: Mapping[str, Any], binder: Binder) -> Item | None:
    try:
        return as_item(dict(body))
    except ValueError as error:
        binder.fail(f"this cannot be read: {error}.", path="")
        return None


def _take_project(item: Item, binder: Binder, *, project: str | None, names: Names) -> None:
    """The address says the project; a body may repeat it, by id or name."""
    entry = (item.members or {}).pop("project", None)
    written = None if entry is None else entry.value.scalar
    if written is None:
        return
    try:
        same = isinstance(written, str) and names.project(written) == project
    except LookupError:
        same = False
    if not same:
        binder.fail(
            "the project is said by the address, and the body says another one.",
            path="project",
            hint="Leave it out, and give ?project= or ?everywhere=true.",
        )


def _problems(binder: Binder) -> list[DefinitionProblem]:
    return list(_shown(binder.errors))


def _shown(errors: list[ConfigError]) -> Iterator[DefinitionProblem]:
    for error in errors:
        yield DefinitionProblem(field=error.field, message=error.message, hint=error.hint)
