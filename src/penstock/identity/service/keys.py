"""Virtual keys: minting, listing, rotating, revoking."""

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection

from penstock.core.errors import Conflict, NotFound, PermissionDenied
from penstock.identity.service.access import Standing
from penstock.identity.service.console_keys import CONSOLE_KEY
from penstock.identity.service.context import Context
from penstock.identity.service.credentials import key_prefix, new_key
from penstock.identity.service.validation import check_expiry, check_models, check_name, check_scopes
from penstock.identity.store import keys
from penstock.identity.types import Grants, Key, KeyStatus, KeyWithSecret, Principal, holds
from penstock.wire.snapshot import KeyEntry, hash_key

__all__ = ["DEFAULT_SCOPES", "Keys"]

DEFAULT_SCOPES = ("gateway:call", "gateway:models")
ALSO_BY_DEFAULT = frozenset({"scores:write", "traces:write"})
"""Scopes of a key for which none are named, as far as its creator has them: an application tells what it did."""


class Keys:
    """Keys of every project. An object of another tenant is answered as one that does not exist."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def of_project(self, project: str) -> list[Key]:
        """Newest first, revoked and expired ones included."""
        now = self._context.clock.now()
        with self._context.metadata.read() as connection:
            return [_shown(row, now=now) for row in keys.of_project(connection, project)]

    def names(self, project: str) -> dict[str, str]:
        """Names by id of all keys that could ever call in this project, the console's own included."""
        with self._context.metadata.read() as connection:
            return {CONSOLE_KEY: CONSOLE_KEY, **keys.names(connection, project)}

    def create(
        self,
        actor: Principal,
        *,
        project: str,
        name: str,
        scopes: Iterable[str] | None = None,
        models: Iterable[str] = (),
        expires: int | None = None,
    ) -> KeyWithSecret:
        """Mint a key in a project, for at most what its creator may do there.

        Raises:
            InvalidInput: a field does not fit.
            PermissionDenied: a scope that the actor has not (`scope_exceeds_creator`).
        """
        allowed = actor.grants.within(project)
        wanted = {*DEFAULT_SCOPES, *(ALSO_BY_DEFAULT & allowed)} if scopes is None else check_scopes(scopes)
        missing = [scope for scope in wanted if not holds(allowed, scope)]
        if missing:
            raise PermissionDenied(
                f"A key's scopes are at most its creator's, and you have not: {', '.join(sorted(missing))}.",
                hint="Ask for fewer scopes, or ask an admin.",
                code="scope_exceeds_creator",
            )
        secret = new_key(self._context.randomness)
        now = self._context.clock.now()
        row = keys.KeyRow(
            id=self._context.ids.uuid7(),
            project=project,
            name=check_name(name),
            prefix=key_prefix(secret),
            hash=hash_key(secret),
            scopes=sorted(wanted),
            models=check_models(models),
            all_projects=False,
            created=now,
            creator_key=actor.id if actor.kind == "key" else None,
            creator_user=actor.user,
            created_by=actor.name,
            expires=check_expiry(expires, now=now),
            revoked=None,
            last_used=None,
        )
        with self._context.change() as connection:
            keys.insert(connection, row)
            self._context.audit(
                connection, actor, action="key.create", on=row.id, project=project, name=row.name, scopes=row.scopes
            )
        return _minted(row, secret=secret, now=now)

    def rotate(self, actor: Principal, key: str, *, project: str | None = None) -> KeyWithSecret:
        """Give a key a new secret; the old one stops working. `project` narrows where it is looked for.

        Raises:
            NotFound: no such key for this actor.
            PermissionDenied: the key may do more than the actor (`scope_exceeds_creator`).
            Conflict: it is revoked or expired.
        """
        secret = new_key(self._context.randomness)
        now = self._context.clock.now()
        with self._context.change() as connection:
            row = self._find(connection, actor, key, project=project)
            if not actor.grants.covers(Standing(connection).of_key(row)):
                raise PermissionDenied(
                    "This key may do more than you: its new secret is not for you to see.",
                    hint="Ask an admin to rotate it.",
                    code="scope_exceeds_creator",
                )
            status = _status(row, now=now)
            digest, prefix = hash_key(secret), key_prefix(secret)
            if status != "active" or not keys.rotate(connection, key, digest=digest, prefix=prefix):
                raise Conflict(f"The key is {status}, so it cannot be rotated.", hint="Mint another one.")
            self._context.audit(connection, actor, action="key.rotate", on=key, project=row.project, name=row.name)
        return _minted(msgspec.structs.replace(row, hash=digest, prefix=prefix), secret=secret, now=now)

    def revoke(self, actor: Principal, key: str, *, project: str | None = None) -> None:
        """Stop a key for good. Revoking twice is no error.

        Raises:
            NotFound: no such key for this actor.
            PermissionDenied: the key holds in every project, and the actor's permission does not.
        """
        with self._context.change() as connection:
            row = self._find(connection, actor, key, project=project)
            if row.all_projects and "keys:write" not in actor.grants.everywhere:
                raise PermissionDenied("This key holds in every project; only an admin revokes it.")
            if keys.revoke(connection, key, at=self._context.clock.now()):
                self._context.audit(connection, actor, action="key.revoke", on=key, project=row.project, name=row.name)

    def touch(self, uses: Mapping[str, int]) -> None:
        """Note when keys were last used, microseconds by key id."""
        if uses:
            with self._context.metadata.write() as connection:
                keys.touch(connection, uses)

    def entries(self) -> dict[str, KeyEntry]:
        """What a gateway needs of every key that is not revoked, by hash of its secret.

        Expired ones stay, so that their callers are told why they are refused.
        """
        with self._context.metadata.read() as connection:
            rows = keys.all_unrevoked(connection)
            standing = Standing(connection)
            return {row.hash: _entry(row, standing.of_key(row)) for row in rows}

    def _find(self, connection: Connection, actor: Principal, key: str, *, project: str | None) -> keys.KeyRow:
        row = keys.by_id(connection, key)
        if row is None or project not in {None, row.project} or not actor.may("keys:write", row.project):
            raise NotFound(
                "There is no such key, or not for you.", hint="GET /api/v1/keys lists them.", code="key_not_found"
            )
        return row


def _status(row: keys.KeyRow, *, now: int) -> KeyStatus:
    if row.revoked is not None:
        return "revoked"
    return "expired" if row.expires is not None and row.expires <= now else "active"


def _shown(row: keys.KeyRow, *, now: int) -> Key:
    return Key(
        id=row.id,
        name=row.name,
        project=row.project,
        prefix=row.prefix,
        scopes=row.scopes,
        models=row.models,
        created=row.created,
        created_by=row.created_by,
        expires=row.expires,
        revoked=row.revoked,
        last_used=row.last_used,
        status=_status(row, now=now),
    )


def _minted(row: keys.KeyRow, *, secret: str, now: int) -> KeyWithSecret:
    return KeyWithSecret(**msgspec.structs.asdict(_shown(row, now=now)), secret=secret)


def _entry(row: keys.KeyRow, grants: Grants) -> KeyEntry:
    return KeyEntry(
        id=row.id,
        name=row.name,
        project=row.project,
        scopes=tuple(sorted(grants.within(row.project))),
        models=tuple(row.models),
        expires=row.expires,
    )
