"""Stored secrets of providers: written once, shown never, sealed under a master key, bound to where they may go."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from penstock.core.errors import Conflict, CorruptData, InvalidInput, NotFound, PenstockError, PermissionDenied
from penstock.core.secrets import (
    MasterKeys,
    key_of,
    new_master_key,
    origin_of,
    origins_of,
    read_master_keys,
    seal,
    unseal,
    write_master_keys,
)
from penstock.core.settings import Environment
from penstock.identity.service.context import Context
from penstock.identity.store import secrets
from penstock.identity.types import SYSTEM, Principal, Rotation, Secret, SecretUse

__all__ = ["MAX_ORIGINS", "MAX_VALUE", "Secrets"]

logger = logging.getLogger(__name__)

MAX_VALUE = 16 * 1024
MAX_ORIGINS = 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
OWN: Final = "channel."
"""Beginning of the names that Penstock gives to secrets of its own, which people neither see nor change."""
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?", re.ASCII)
"""What a header can carry: printable ASCII, no blank at either end."""


class Secrets:
    """The secrets of the one organisation; only who may do so in every project reads or sets them.

    The file of master keys is changed, and values are sealed, within a write transaction of the store only, so that no
    key goes while something is sealed under it. No lock is held when a change is told of: the registry publishes then.

    Args:
        context: What the parts of the service share.
        master_key: The home's own file of master keys; made with the first secret.
        environment: Where another place of the keys is looked for; None is the process's own.
    """

    def __init__(self, context: Context, *, master_key: Path, environment: Environment | None = None) -> None:
        self._context = context
        self._file = master_key
        self._environment = environment
        self._uses: Sequence[SecretUse] = ()

    def everything(self, actor: Principal) -> list[Secret]:
        """All secrets that people have stored, by name.

        Raises:
            PermissionDenied: the actor's permission does not reach beyond single projects.
        """
        _check_everywhere(actor, "secrets:read")
        with self._context.metadata.read() as connection:
            return [self._shown(row) for row in secrets.everything(connection) if not row.name.startswith(OWN)]

    def set(self, actor: Principal, name: str, value: str, *, origins: Iterable[str] | None = None) -> Secret:
        """Store a value, in place of an older one if there is one.

        Args:
            actor: Who does it.
            name: Configuration refers to it as `secret:NAME`.
            value: The secret; a trailing line end is dropped.
            origins: Addresses it may be sent to, of which scheme, host and port count. None: those of the value
                before; of a new secret, that of the first provider that uses it.

        Raises:
            InvalidInput: a field does not fit.
            Conflict: `secret_used_elsewhere`: a provider that uses it stands at none of `origins`.
            PermissionDenied: the actor's permission does not reach beyond single projects.
            NotFound, CorruptData, Unavailable: the master key cannot be used.
        """
        _check_everywhere(actor, "secrets:write")
        _check_name(name, actor)
        value = value.rstrip("\r\n")
        if len(value) > MAX_VALUE or _VALUE.fullmatch(value) is None:
            raise InvalidInput(
                f"A secret has 1 to {MAX_VALUE} printable ASCII characters on one line; what came does not fit.",
                field="value",
            )
        wanted = None if origins is None else _check_origins(origins)
        now = self._context.clock.now()
        with self._context.change() as connection:
            before = secrets.by_name(connection, name)
            if wanted is None:
                wanted = (_origins(before) or []) if before is not None else []
            if wanted:
                self._check_uses(name, wanted)
            sealed = seal(name, value, origins=wanted, keys=self._sealing_keys(connection))
            if before is None:
                row = secrets.SecretRow(
                    name=name,
                    sealed=sealed,
                    created=now,
                    created_by=actor.name,
                    updated=now,
                    updated_by=actor.name,
                )
                secrets.insert(connection, row)
            else:
                secrets.replace(connection, name, sealed=sealed, at=now, by=actor.name)
            self._context.audit(
                connection, actor, action="secret.set", on=name[:36], name=name, origins=wanted, new=before is None
            )
        return self._one(name)

    def delete(self, actor: Principal, name: str) -> None:
        """Delete a secret.

        Raises:
            NotFound: there is none, or not for this actor.
            Conflict: `secret_in_use`: a provider refers to it.
        """
        users = self._providers(name)
        with self._context.change() as connection:
            allowed = "secrets:write" in actor.grants.everywhere and (actor is SYSTEM or not name.startswith(OWN))
            if not allowed or secrets.by_name(connection, name) is None:
                raise NotFound("There is no such secret, or not for you.", code="secret_not_found")
            if users:
                raise Conflict(
                    f"The secret {name} is used by {', '.join(users)}.",
                    hint="Take it out of the configuration first, or set another value.",
                    code="secret_in_use",
                )
            secrets.remove(connection, name)
            self._context.audit(connection, actor, action="secret.delete", on=name[:36], name=name)

    def rotate(self, actor: Principal) -> Rotation:
        """Seal everything under a new master key, in one transaction.

        Penstock's own key file is given a new key; a key of the operator's is not Penstock's to make, so there all is
        sealed under the first of those that are given. The keys before stay readable until `retire`.

        Raises:
            PermissionDenied: the actor's permission does not reach beyond single projects.
            CorruptData: `secret_unreadable`: a secret cannot be opened; nothing was changed.
            NotFound, Unavailable: the master key cannot be used.
        """
        _check_everywhere(actor, "secrets:write")
        with self._context.change() as connection:
            keys = self._sealing_keys(connection)
            found = secrets.everything(connection)
            values = {row.name: unseal(row.name, row.sealed, keys=keys) for row in found}
            if keys.own:
                # In the file before anything is sealed under it: a crash between the two leaves a key too many.
                keys = write_master_keys(self._file, [new_master_key(), *keys.keys.values()])
            sealed = {
                row.name: seal(row.name, values[row.name], origins=origins_of(row.name, row.sealed), keys=keys)
                for row in found
            }
            if sealed:
                secrets.reseal(connection, sealed)
            self._context.audit(
                connection, actor, action="secret.rotate", on=keys.sealing, secrets=len(sealed), key=keys.sealing
            )
        return Rotation(
            master_key=keys.sealing, resealed=len(sealed), kept=[key for key in keys.keys if key != keys.sealing]
        )

    def retire(self, published: Mapping[str, str]) -> list[str]:
        """Drop keys that seal nothing any more from Penstock's own file; their ids.

        To be called when every gateway worker serves the snapshot that carries `published`, sealed secrets by name.

        Raises:
            CorruptData: a secret is damaged, so that the key it needs cannot be told; nothing is dropped.
            NotFound, Unavailable: the master key cannot be used.
        """
        try:
            keys = read_master_keys(self._file, self._environment)
        except NotFound:
            return []
        if not keys.own or len(keys.keys) == 1:
            return []
        with self._context.metadata.write() as connection:
            keys = read_master_keys(self._file, self._environment)
            stored = {row.name: row.sealed for row in secrets.everything(connection)}
            needed = {keys.sealing}
            needed.update(key_of(name, sealed) for each in (stored, published) for name, sealed in each.items())
            dropped = [key for key in keys.keys if key not in needed]
            if dropped:
                write_master_keys(self._file, [key for name, key in keys.keys.items() if name in needed])
                logger.info("Master keys that seal nothing any more were deleted: %s", ", ".join(dropped))
        return dropped

    def check(self, uses: Iterable[SecretUse]) -> list[tuple[SecretUse, str, str]]:
        """The uses that would send a secret where it was not saved for, each with what is wrong and what to do."""
        with self._context.metadata.read() as connection:
            allowed = {row.name: _origins(row) for row in secrets.everything(connection)}
        wrong: list[tuple[SecretUse, str, str]] = []
        for use in uses:
            # One that is bound to nothing yet is bound by its first use.
            origins = allowed.get(use.name)
            if origins == []:
                allowed[use.name] = [use.origin]
            elif origins is not None and use.origin not in origins:
                saved = ", ".join(origins)
                problem = f"the secret {use.name} was saved for {saved}, and this provider is at {use.origin}."
                remedy = f"Set it again for that address: penstock secrets set {use.name} --for {use.origin}"
                wrong.append((use, problem, remedy))
        return wrong

    def missing(self, uses: Iterable[SecretUse]) -> list[SecretUse]:
        """The uses of secrets that are not set."""
        with self._context.metadata.read() as connection:
            known = {row.name for row in secrets.everything(connection)}
        return [use for use in uses if use.name not in known]

    def sealed_for(self, uses: Sequence[SecretUse]) -> dict[str, str]:
        """The sealed secrets that a snapshot with these uses carries, by name.

        One that is bound to no origin yet is bound to that of its first use. What is published from now on decides
        which secrets are in use.
        """
        self._uses = tuple(uses)
        first: dict[str, str] = {}
        for use in uses:
            first.setdefault(use.name, use.origin)
        with self._context.metadata.read() as connection:
            rows = [row for row in secrets.everything(connection) if row.name in first]
        unbound = [row.name for row in rows if _origins(row) == []]
        return {row.name: row.sealed for row in rows} | self._bind({name: first[name] for name in unbound})

    def _bind(self, origins: Mapping[str, str]) -> dict[str, str]:
        """Seal these secrets anew for one origin each, as far as that can be done now.

        Nothing else that is published waits for it: the gateway sends a secret without an origin nowhere.
        """
        if not origins:
            return {}
        bound: dict[str, str] = {}
        try:
            with self._context.metadata.write() as connection:
                keys = self._sealing_keys(connection)
                for name, origin in origins.items():
                    row = secrets.by_name(connection, name)
                    # Whoever set it meanwhile may have said where it may go.
                    if row is not None and _origins(row) == []:
                        value = unseal(name, row.sealed, keys=keys)
                        bound[name] = seal(name, value, origins=[origin], keys=keys)
                        self._context.audit(
                            connection, SYSTEM, action="secret.bind", on=name[:36], name=name, origins=[origin]
                        )
                if bound:
                    secrets.reseal(connection, bound)
        except PenstockError as error:
            logger.error("Secrets could not be bound to their providers' addresses: %s", error)  # noqa: TRY400 - the error tells all, a traceback nothing
            return {}
        return bound

    def _check_uses(self, name: str, origins: Sequence[str]) -> None:
        for use in self._uses:
            if use.name == name and use.origin not in origins:
                raise Conflict(
                    f"{use.field} sends the secret {name} to {use.origin}, and it would be saved for "
                    f"{', '.join(origins)}.",
                    hint="Name every address it may be sent to, or change the configuration first.",
                    code="secret_used_elsewhere",
                )

    def _sealing_keys(self, connection: Connection) -> MasterKeys:
        """The master keys; made where none is needed to open what is stored."""
        try:
            return read_master_keys(self._file, self._environment)
        except NotFound as error:
            # A file that the operator named is not Penstock's to make.
            if error.code != "master_key_missing" or secrets.everything(connection):
                raise
        return write_master_keys(self._file, [new_master_key()])

    def _one(self, name: str) -> Secret:
        with self._context.metadata.read() as connection:
            row = secrets.by_name(connection, name)
        if row is None:
            raise NotFound("The secret was deleted meanwhile.", code="secret_not_found")
        return self._shown(row)

    def _shown(self, row: secrets.SecretRow) -> Secret:
        return Secret(
            name=row.name,
            origins=_origins(row) or [],
            created=row.created,
            created_by=row.created_by,
            updated=row.updated,
            updated_by=row.updated_by,
            master_key=key_of(row.name, row.sealed),
            used_by=self._providers(row.name),
        )

    def _providers(self, name: str) -> list[str]:
        return list(dict.fromkeys(use.provider for use in self._uses if use.name == name))


def _origins(row: secrets.SecretRow) -> list[str] | None:
    """The origins of a stored secret; None, with a word in the log, of a damaged one."""
    try:
        return origins_of(row.name, row.sealed)
    except CorruptData as error:
        logger.error("%s", error)  # noqa: TRY400 - the error tells all, a traceback nothing
        return None


def _check_everywhere(actor: Principal, permission: str) -> None:
    if permission not in actor.grants.everywhere:
        raise PermissionDenied(f"Stored secrets need {permission} in every project.", hint="Ask an admin.")


def _check_name(name: str, actor: Principal) -> None:
    if name.startswith(OWN) and actor is not SYSTEM:
        raise InvalidInput(f"Names that begin with {OWN} are Penstock's own.", field="name", hint="Choose another.")
    if _NAME.fullmatch(name) is None:
        raise InvalidInput(
            "A secret's name has 1 to 64 letters, digits, dots, dashes and underscores, and begins with a letter or "
            "digit.",
            field="name",
        )


def _check_origins(addresses: Iterable[str]) -> list[str]:
    origins = sorted({origin_of(address) for address in addresses})
    if not 1 <= len(origins) <= MAX_ORIGINS:
        raise InvalidInput(f"A secret is for 1 to {MAX_ORIGINS} addresses.", field="origins")
    return origins
