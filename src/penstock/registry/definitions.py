"""Routes and limits through the control API: kept with their history, checked as the file's are, published at once."""

import hashlib
import logging
import threading
from collections.abc import Iterator
from typing import Any, Literal, NoReturn

import msgspec
from sqlalchemy import Connection

from penstock.core.clock import Clock
from penstock.core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
    Unavailable,
)
from penstock.core.ids import Ids
from penstock.identity.store import audit
from penstock.identity.types import Principal
from penstock.registry import store
from penstock.registry.config.diff import diff_documents
from penstock.registry.config.routes import judges_of
from penstock.registry.proposals import (
    Proposed,
    document_of,
    propose_limit,
    propose_route,
    surroundings,
)
from penstock.registry.resolve import Names
from penstock.registry.service import RegistryService
from penstock.registry.store import EVERY_PROJECT, Act, DefinitionKind, DefinitionRow
from penstock.registry.stored import read
from penstock.registry.types import Definition, DefinitionAct, DefinitionProblem, Place, Proposal, Terms
from penstock.store.metadata import Metadata
from penstock.store.metadata.database import bump_revision
from penstock.wire.limits import LimitEntry
from penstock.wire.routing import RouteEntry

__all__ = ["Definitions"]

logger = logging.getLogger(__name__)

MAX_COMMENT = 500
NO_TERMS = Terms()
Entry = RouteEntry | LimitEntry


class Definitions:
    """All routes and limits as people see and write them. Methods block.

    Args:
        metadata: The open store.
        registry: Publishes, and knows the file.
        clock: Where time comes from.
        ids: Where ids come from.
    """

    def __init__(self, metadata: Metadata, *, registry: RegistryService, clock: Clock, ids: Ids) -> None:
        self._metadata = metadata
        self._registry = registry
        self._clock = clock
        self._ids = ids
        # What one write was checked against must still hold when it is written.
        self._lock = threading.Lock()

    # --- reading ------------------------------------------------------------------------------

    def visible(self, kind: DefinitionKind, actor: Principal, *, project: str) -> list[Definition]:
        """Those that hold in a project, by name; the file's first."""
        names = self._registry.names()
        everything = f"{kind}s:read" in actor.grants.everywhere
        found = [one for one in self._of_file(kind, names) if one.project in {None, project}]
        with self._metadata.read() as connection:
            rows = [row for row in store.everything(connection, kind) if row.project in {EVERY_PROJECT, project}]
        found += [self._of_row(row, names) for row in rows]
        shown = [one for one in found if everything or kind == "route" or _concerns(one, project, names)]
        return sorted(shown, key=lambda one: (one.name, one.project is None))

    def get(self, kind: DefinitionKind, actor: Principal, name: str, *, place: Place) -> Definition:
        """The one of this name; for a project also one of all projects, where it has none of its own.

        Raises:
            NotFound: there is none, or not in this project.
        """
        found = [one for one in self.visible(kind, actor, project=place.project) if one.name == name]
        if place.everywhere:
            found = [one for one in found if one.project is None]
        return found[0] if found else _missing(kind, name)

    def history(
        self, kind: DefinitionKind, name: str, *, place: Place, before: int | None = None, limit: int = 50
    ) -> list[DefinitionAct]:
        """What became of a name, newest first; what was deleted included.

        Raises:
            NotFound: it was never written through the control API.
        """
        with self._metadata.read() as connection:
            found = store.acts(connection, kind, project=place.column, name=name, before=before, limit=limit)
            known = found or store.last_version(connection, kind, project=place.column, name=name)
        return [_shown(act) for act in found] if known else _missing(kind, name)

    def propose(
        self, kind: DefinitionKind, actor: Principal, name: str, body: dict[str, Any], *, place: Place
    ) -> Proposal:
        """What `put` would do."""
        proposed = self._proposed(kind, name, body, place=place)
        problems = list(proposed.problems)
        try:
            self._check_name(kind, name, place=place)
        except Conflict as error:
            problems.insert(0, DefinitionProblem(field="name", message=error.message, hint=error.hint))
        try:
            now: Definition | None = self.get(kind, actor, name, place=place)
        except NotFound:
            now = None
        if now is not None and now.source == "api" and (now.project is None) != place.everywhere:
            now = None  # what holds in all projects stays, and is hidden in this one
        before = None if now is None else now.definition
        return Proposal(
            valid=not problems,
            problems=problems,
            differences=[] if proposed.document is None else diff_documents(before, proposed.document),
            etag=None if now is None else now.etag,
            definition=proposed.document,
        )

    # --- writing ------------------------------------------------------------------------------

    def put(
        self,
        kind: DefinitionKind,
        actor: Principal,
        name: str,
        body: dict[str, Any],
        *,
        place: Place,
        terms: Terms = NO_TERMS,
    ) -> Definition:
        """Write a definition and publish it. What is there already is left as it is.

        Args:
            kind: Which kind of definition.
            actor: Who does it.
            name: Its name.
            body: In the form of the configuration file.
            place: Where it holds.
            terms: Why, and on what condition.

        Raises:
            InvalidInput: the body does not fit; `field` says where.
            PermissionDenied: the actor may not write in all projects.
            Conflict: it stands in the file, or something else has its name.
            PreconditionFailed: it is in another version than the expected one.
        """
        _check_comment(terms.comment)
        _check_permission(kind, actor, place)
        with self._lock:
            self._check_name(kind, name, place=place)
            proposed = self._proposed(kind, name, body, place=place)
            if proposed.problems or proposed.document is None:
                first = proposed.problems[0]
                raise InvalidInput(first.message, field=first.field or None, hint=first.hint, code="definition_invalid")
            with self._metadata.write() as connection:
                row = store.find(connection, kind, project=place.column, name=name)
                _check_version(row, terms)
                if row is None or row.body != proposed.document:
                    key = _Key(kind, place, name)
                    row = self._written(connection, actor, key, row, proposed.document, terms.comment)
            self._publish()
            return self._of_row(row, self._registry.names())

    def delete(
        self,
        kind: DefinitionKind,
        actor: Principal,
        name: str,
        *,
        place: Place,
        terms: Terms = NO_TERMS,
    ) -> None:
        """Delete a definition and publish.

        Raises:
            NotFound: there is none in this place.
            PermissionDenied: the actor may not write in all projects.
            Conflict: it stands in the file, or another route asks it as a judge (`route_in_use`).
            PreconditionFailed: it is in another version than the expected one.
        """
        _check_comment(terms.comment)
        _check_permission(kind, actor, place)
        with self._lock:
            self._check_file(kind, name)
            with self._metadata.write() as connection:
                row = store.find(connection, kind, project=place.column, name=name)
                if row is None:
                    _missing(kind, name)
                _check_version(row, terms)
                if kind == "route":
                    self._check_unused(name, place=place)
                store.remove(connection, row.id)
                self._note(connection, actor, row, action="delete", before=row.body, after=None, comment=terms.comment)
            self._publish()

    # --- parts --------------------------------------------------------------------------------

    def _proposed(self, kind: DefinitionKind, name: str, body: dict[str, Any], *, place: Place) -> Proposed:
        names = self._registry.names()
        if kind == "limit":
            return propose_limit(name, body, project=place.entry, names=names)
        around = surroundings(self._registry.snapshot, name, project=place.entry)
        return propose_route(name, body, project=place.entry, names=names, around=around)

    def _check_file(self, kind: DefinitionKind, name: str) -> None:
        config = self._registry.config
        line = config.lines.get(f"{kind}s.{name}")
        names = config.routes if kind == "route" else {limit.name for limit in config.limits}
        if name in names:
            where = f"{config.file or 'the configuration file'}{'' if line is None else f':{line}'}"
            raise Conflict(
                f"The {kind} {name} stands in {where}, and is changed there.",
                hint="Edit the file, or take another name.",
                code="defined_in_file",
            )

    def _check_name(self, kind: DefinitionKind, name: str, *, place: Place) -> None:
        self._check_file(kind, name)
        if kind == "limit":
            return
        snapshot = self._registry.snapshot
        if name in snapshot.aliases:
            raise Conflict(f"An alias is called {name} already.", hint="Take another name.", code="name_taken")
        provider = next((one.name for one in snapshot.providers.values() if name in one.models), None)
        with self._metadata.read() as connection:
            exists = store.find(connection, kind, project=place.column, name=name) is not None
        if provider is not None and not exists:
            raise Conflict(
                f"The provider {provider} has a model called {name}.", hint="Take another name.", code="name_taken"
            )

    def _check_unused(self, name: str, *, place: Place) -> None:
        for route in self._registry.snapshot.routes.values():
            reaches = place.everywhere or route.project == place.project
            if reaches and route.name != name and name in judges_of(route.strategy):
                raise Conflict(
                    f"The route {route.name} asks {name} as its judge.",
                    hint="Change that route first.",
                    code="route_in_use",
                )

    def _written(  # noqa: PLR0917 - as `put`
        self,
        connection: Connection,
        actor: Principal,
        key: "_Key",
        old: DefinitionRow | None,
        document: dict[str, Any],
        comment: str,
    ) -> DefinitionRow:
        column = key.place.column
        row = DefinitionRow(
            id=self._ids.uuid7() if old is None else old.id,
            kind=key.kind,
            project=column,
            name=key.name,
            version=store.last_version(connection, key.kind, project=column, name=key.name) + 1,
            body=document,
            updated=self._clock.now(),
            updated_by=actor.name,
        )
        store.write(connection, row)
        before = None if old is None else old.body
        action: Literal["create", "update"] = "create" if old is None else "update"
        self._note(connection, actor, row, action=action, before=before, after=document, comment=comment)
        return row

    def _note(
        self,
        connection: Connection,
        actor: Principal,
        row: DefinitionRow,
        *,
        action: Literal["create", "update", "delete"],
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
        comment: str,
    ) -> None:
        """History and audit, in the transaction that makes the change."""
        version = row.version + 1 if action == "delete" else row.version
        now = self._clock.now()
        act = Act(
            id=self._ids.uuid7(),
            kind=row.kind,
            project=row.project,
            name=row.name,
            version=version,
            at=now,
            actor_kind=actor.kind,
            actor=actor.id or None,
            actor_name=actor.name,
            action=action,
            before=before,
            after=after,
            comment=comment,
        )
        store.append(connection, act)
        entry = audit.AuditRow(
            id=self._ids.uuid7(),
            at=now,
            actor_kind=actor.kind,
            actor=actor.id or None,
            actor_name=actor.name,
            action=f"{row.kind}.{action}",
            target=row.id,
            project=row.project or None,
            details={"name": row.name, "version": version, "comment": comment},
        )
        audit.append(connection, entry)
        bump_revision(connection)

    def _publish(self) -> None:
        try:
            self._registry.publish()
        except Unavailable as error:
            # It is stored; the registry's watch publishes it as soon as the disk allows.
            logger.error("A change of routes or limits could not be published yet: %s", error)  # noqa: TRY400 - no defect of ours

    def _of_file(self, kind: DefinitionKind, names: Names) -> Iterator[Definition]:
        config = self._registry.config
        entries: list[Entry] = [*config.routes.values()] if kind == "route" else [*config.limits]
        for entry in entries:
            problem: str | None = None
            project = entry.project
            try:
                project = None if entry.project is None else names.project(entry.project)
                if isinstance(entry, LimitEntry):
                    names.limit(entry)
            except LookupError as error:
                problem = str(error)
            document = document_of(entry)
            yield Definition(
                name=entry.name,
                project=project,
                source="file",
                file=config.file,
                line=config.lines.get(f"{kind}s.{entry.name}"),
                etag=f"file-{_digest(document)}",
                version=entry.version if isinstance(entry, RouteEntry) else None,
                definition=document,
                served=problem is None,
                problem=problem,
                updated=None,
                updated_by=None,
            )

    def _of_row(self, row: DefinitionRow, names: Names) -> Definition:
        entry = read(row)
        if entry is None:
            problem: str | None = "this version of Penstock cannot read it."
        else:
            problem = self._registry.unserved(entry, config=self._registry.config, names=names)
        return Definition(
            name=row.name,
            project=row.project or None,
            source="api",
            file=None,
            line=None,
            etag=str(row.version),
            version=entry.version if isinstance(entry, RouteEntry) else None,
            definition=row.body,
            served=problem is None,
            problem=problem,
            updated=row.updated,
            updated_by=row.updated_by,
        )


class _Key(msgspec.Struct, frozen=True):
    kind: DefinitionKind
    place: Place
    name: str


def _concerns(one: Definition, project: str, names: Names) -> bool:
    """Whether a limit may be shown to those who see one project only: not what it says of others."""
    match = one.definition.get("match")
    if one.project is not None or match is None:
        return True
    try:
        if one.definition["on"] == "project":
            return names.project(match) == project
        if one.definition["on"] == "key":
            return bool(names.keys(match, project=project))
    except LookupError:
        return False
    return one.definition["on"] == "tag"


def _missing(kind: DefinitionKind, name: str) -> NoReturn:
    raise NotFound(
        f"There is no {kind} {name} here, or not for you.",
        hint=f"GET /api/v1/{kind}s lists those you may see; ?everywhere=true means one of all projects.",
        code=f"{kind}_not_found",
    )


def _check_permission(kind: DefinitionKind, actor: Principal, place: Place) -> None:
    if place.everywhere and f"{kind}s:write" not in actor.grants.everywhere:
        raise PermissionDenied(
            f"A {kind} of all projects needs {kind}s:write in every project.", hint="Write it for one project."
        )


def _check_comment(comment: str) -> None:
    if len(comment) > MAX_COMMENT:
        raise InvalidInput(
            f"A comment has at most {MAX_COMMENT} characters; this one has {len(comment)}.", field="comment"
        )


def _check_version(row: DefinitionRow | None, terms: Terms) -> None:
    expected = terms.expected
    if terms.create and row is not None:
        raise PreconditionFailed("It exists already.", hint="Read it, and write with If-Match.")
    if expected is None:
        return
    if row is None or (expected != "*" and expected != str(row.version)):
        stands = "does not exist" if row is None else f"is in version {row.version}, last written by {row.updated_by}"
        raise PreconditionFailed(
            f"Version {expected} was expected, and it {stands}.", hint="Read it again, and write on top of that."
        )


def _digest(document: dict[str, Any]) -> str:
    return hashlib.blake2b(msgspec.json.encode(document, order="deterministic"), digest_size=8).hexdigest()


def _shown(act: Act) -> DefinitionAct:
    return DefinitionAct(
        version=act.version,
        at=act.at,
        actor_kind=act.actor_kind,
        actor=act.actor_name,
        action=act.action,
        comment=act.comment,
        before=act.before,
        after=act.after,
        differences=diff_documents(act.before, act.after),
    )
