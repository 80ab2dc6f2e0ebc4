"""Keys of the console's own: it calls the gateway with them on people's behalf, for experiments and playgrounds."""

import threading

from penstock.identity.service.context import Context
from penstock.identity.service.credentials import new_key
from penstock.wire.snapshot import KeyEntry, hash_key

__all__ = ["CONSOLE_KEY", "ConsoleKeys"]

CONSOLE_KEY = "console"
"""Id and name of these keys in records."""
SCOPES = ("gateway:call",)


class ConsoleKeys:
    """One key for each project that the console calls the gateway in. Never stored: they end with this process.

    Whether somebody may have the console call for them is for the service to check that does it.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._secrets: dict[str, str] = {}
        self._entries: dict[str, KeyEntry] = {}
        self._lock = threading.Lock()

    def secret(self, project: str) -> str:
        """The secret of this project's key. One that is asked for first is published before this returns; a gateway
        takes it once it serves that snapshot.
        """
        with self._lock:
            secret = self._secrets.get(project)
            if secret is not None:
                return secret
            secret = self._secrets[project] = new_key(self._context.randomness)
            entry = KeyEntry(id=CONSOLE_KEY, name=CONSOLE_KEY, project=project, scopes=SCOPES)
            self._entries = {**self._entries, hash_key(secret): entry}
            # Within the lock: nobody is given a key that is not published yet.
            self._context.on_change()
        return secret

    def entries(self) -> dict[str, KeyEntry]:
        """What the gateway needs of them, by hash."""
        return self._entries
