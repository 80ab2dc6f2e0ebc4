"""Keys of the console's own: with them it calls the gateway for people, as an experiment or a playground does."""

import hashlib
import hmac
import threading

from penstock.identity.service.context import Context
from penstock.identity.service.credentials import KEY_PREFIX, Randomness
from penstock.wire.snapshot import KeyEntry, hash_key

__all__ = ["CONSOLE_KEY", "ConsoleKeys"]

CONSOLE_KEY = "console"
"""Id and name of these keys in records; one for each project."""
SCOPES = ("gateway:call",)
SEED_BYTES = 32


class ConsoleKeys:
    """One key for each project that the console calls the gateway in. Never stored: they end with this process.

    What somebody may do with one is for the service to check that uses it on somebody's behalf.
    """

    def __init__(self, context: Context, *, randomness: Randomness) -> None:
        self._context = context
        self._seed = randomness(SEED_BYTES)
        self._entries: dict[str, KeyEntry] = {}
        self._lock = threading.Lock()

    def secret(self, project: str) -> str:
        """The secret of this project's key; when it is asked for first, the key is published before this returns.

        A gateway takes it once it serves that snapshot.
        """
        digest = hmac.new(self._seed, project.encode(), hashlib.sha256).hexdigest()
        secret = f"{KEY_PREFIX}{digest}"
        with self._lock:
            known = hash_key(secret) in self._entries
            if not known:
                entry = KeyEntry(id=CONSOLE_KEY, name=CONSOLE_KEY, project=project, scopes=SCOPES)
                self._entries = {**self._entries, hash_key(secret): entry}
        if not known:
            self._context.on_change()
        return secret

    def entries(self) -> dict[str, KeyEntry]:
        """What the gateway needs of them, by hash."""
        return self._entries
