"""What the registry of artifacts needs from its neighbours; bound in `server`."""

from typing import Protocol

__all__ = ["Vault", "WebhookSender"]


class Vault(Protocol):
    """Sealed texts by name. Blocking."""

    def put(self, name: str, value: str) -> None: ...

    def open(self, name: str) -> str:
        """Raises `PenstockError` when it is not there, or cannot be read."""
        ...

    def drop(self, name: str) -> None:
        """Nothing happens when it is not there."""
        ...


class WebhookSender(Protocol):
    """Sends webhooks over the network. Blocking."""

    def check(self, url: str) -> str:
        """The host of an address that webhooks may be sent to.

        Raises:
            InvalidInput: it is no http address, or it leads where webhooks may not go (`destination_forbidden`).
        """
        ...

    def send(self, url: str, secret: str, *, id_: str, timestamp: int, body: bytes) -> None:
        """POST one message, signed as https://www.standardwebhooks.com says.

        Args:
            url: Where to.
            secret: `whsec_…`.
            id_: The message's, the same in each try.
            timestamp: Seconds since the epoch.
            body: JSON.

        Raises:
            PenstockError: it was not taken; the message says why and holds no part of the address but its host.
        """
        ...
