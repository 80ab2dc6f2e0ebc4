"""Addresses of channels among the stored secrets: sealed under the same master key, and sealed anew with it.

Each is bound to an origin that does not exist, so that no provider's configuration can send it anywhere.
"""

from pathlib import Path
from typing import Final

from penstock.core.errors import NotFound
from penstock.core.secrets import read_master_keys, unseal
from penstock.core.settings import Environment
from penstock.identity.service.secrets import Secrets
from penstock.identity.store import secrets
from penstock.identity.types import SYSTEM
from penstock.store.metadata import Metadata

__all__ = ["StoredVault"]

NOWHERE: Final = "https://channel.invalid"


class StoredVault:
    """A `Vault` on the identity slice's secrets.

    Args:
        stored: Writes and deletes.
        metadata: Where they lie.
        master_key: The home's own file of master keys.
        environment: Where another place of the keys is looked for; None is the process's own.
    """

    def __init__(
        self, stored: Secrets, metadata: Metadata, *, master_key: Path, environment: Environment | None = None
    ) -> None:
        self._stored = stored
        self._metadata = metadata
        self._file = master_key
        self._environment = environment

    def put(self, name: str, value: str) -> None:
        self._stored.set(SYSTEM, name, value, origins=[NOWHERE])

    def open(self, name: str) -> str:
        with self._metadata.read() as connection:
            row = secrets.by_name(connection, name)
        if row is None:
            raise NotFound(f"The stored secret {name} is gone.", hint="Give the channel its address again.")
        return unseal(name, row.sealed, keys=read_master_keys(self._file, self._environment))

    def drop(self, name: str) -> None:
        try:
            self._stored.delete(SYSTEM, name)
        except NotFound:
            return
