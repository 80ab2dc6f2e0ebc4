"""Sends webhooks over connections that are checked where they are made, and signs them."""

import http.client
import socket
import ssl
import threading
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

from penstock import __version__
from penstock.alerts.notify.network import Network, check_address, check_host, read_destination
from penstock.alerts.notify.sender import signature
from penstock.core.errors import InvalidInput, Unavailable

__all__ = ["CheckedSender"]

SECONDS: Final = 10
"""To connect, and of silence."""
WHOLE_SECONDS: Final = 20
"""For one message, however slowly its receiver answers."""


class CheckedSender:
    """A `WebhookSender` that reaches public addresses, and networks that the operator allows.

    A name is resolved once for each message, and the address that it gave is both checked and connected to, so that
    no name can mean one address when it is checked and another when it is used. No redirect is followed.

    Args:
        allow: Networks that are not public and may be sent to.
    """

    def __init__(self, allow: Sequence[Network] = ()) -> None:
        self._allow = tuple(allow)

    def check(self, url: str) -> str:
        destination = read_destination(url)
        if destination.kind != "webhook" or destination.host is None:
            raise InvalidInput("Expected the address of a webhook: https://….", field="url")
        check_host(destination.host, allow=self._allow)
        return destination.host

    def send(self, url: str, secret: str, *, id_: str, timestamp: int, body: bytes) -> None:
        parts = urlsplit(url)
        headers = {
            "content-type": "application/json",
            "user-agent": f"penstock/{__version__}",
            "webhook-id": id_,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(secret, id_, timestamp, body),
        }
        try:
            status = self._post(parts, headers, body)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(f"{parts.hostname} did not take the webhook: {reason}.", code="webhook_failed") from error
        if not 200 <= status < 300:
            what = "a redirect, which is not followed" if 300 <= status < 400 else "not 2xx"
            raise Unavailable(f"{parts.hostname} answered {status}: {what}.", code="webhook_failed")

    def _post(self, parts: SplitResult, headers: dict[str, str], body: bytes) -> int:
        secure = parts.scheme == "https"
        host, port = parts.hostname or "", parts.port or (443 if secure else 80)
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(host, parts.port, timeout=SECONDS)
        opened = self._open(host, port)
        # A receiver that sends a byte now and then would otherwise hold the thread for as long as it likes.
        alarm = threading.Timer(WHOLE_SECONDS, _shut, (opened,))
        alarm.daemon = True
        alarm.start()
        try:
            # Given a socket, the connection does not look the name up again.
            connection.sock = (
                ssl.create_default_context().wrap_socket(opened, server_hostname=host) if secure else opened
            )
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body=body, headers=headers)
            return connection.getresponse().status
        finally:
            alarm.cancel()
            connection.close()
            opened.close()

    def _open(self, host: str, port: int) -> socket.socket:
        failed: OSError | None = None
        for family, type_, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            check_address(str(address[0]), allow=self._allow)
            made = socket.socket(family, type_, protocol)
            made.settimeout(SECONDS)
            try:
                made.connect(address)
            except OSError as error:
                made.close()
                failed = error
            else:
                return made
        raise failed or OSError("the name has no address")


def _shut(opened: socket.socket) -> None:
    try:
        opened.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is over already
