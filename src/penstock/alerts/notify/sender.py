"""`python -m penstock.alerts.notify.sender`: sends the one notification that it is given on stdin, says how it went.

Every connection of this process is checked when it is made; it starts no program.
"""

import base64
import hashlib
import hmac
import http.client
import logging
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msgspec

from penstock import __version__
from penstock.alerts.notify.message import Message
from penstock.alerts.notify.network import Network, allowed_networks, check_address
from penstock.alerts.notify.transport import Address, Answer, Order
from penstock.core.errors import MissingExtra, PenstockError, PermissionDenied

__all__ = ["guard", "main", "post", "run", "signature"]

SECONDS: Final = 10
FORBIDDEN: Final = frozenset({"subprocess.Popen", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system"})


def guard(allow: Sequence[Network], denied: list[str]) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook (`sys.addaudithook`) that lets no connection reach a forbidden address.

    Args:
        allow: Networks that are not public and may be reached.
        denied: Is given why, since libraries swallow errors.
    """

    def check(event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"socket.connect", "socket.sendto"}:
            address: Any = arguments[1]
            try:
                # What is no pair of address and port is a socket of this machine, which no network allows.
                if isinstance(address, tuple):
                    check_address(str(cast("tuple[object, ...]", address)[0]), allow=allow)
                else:
                    check_address("::", allow=())
            except ValueError:
                denied.append("A connection was made to a name, and could not be checked.")
                raise
            except PermissionDenied as error:
                denied.append(str(error))
                raise
        elif event in FORBIDDEN:
            denied.append("A service's library wanted to start a program.")
            raise PermissionDenied(denied[-1])

    return check


def run(order: Order, *, denied: Sequence[str] = ()) -> Answer:
    """Do it. No message holds the address."""
    url = order.address.url
    try:
        if order.message is not None and urlsplit(url).scheme in {"http", "https"}:
            post(order.address, order.message, timestamp=order.timestamp)
            return Answer()
        error = _through_apprise(url, order.message)
    except (PenstockError, OSError, http.client.HTTPException, ValueError) as problem:
        error = str(problem) or type(problem).__name__
    if error is None:
        return Answer()
    return Answer(error=denied[0] if denied else _without_secrets(error, url))


def post(address: Address, message: Message, *, timestamp: int) -> None:
    """Send a webhook, signed as https://www.standardwebhooks.com says. No redirect is followed.

    Raises:
        PermissionDenied: it may not be sent there, or the answer is a redirect or an error.
        OSError, http.client.HTTPException: there was no answer.
    """
    parts = urlsplit(address.url)
    body = msgspec.json.encode(message)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    options: dict[str, Any] = {"context": ssl.create_default_context()} if parts.scheme == "https" else {}
    connection = kind(parts.hostname or "", parts.port, timeout=SECONDS, **options)
    headers = {
        "content-type": "application/json",
        "user-agent": f"penstock/{__version__}",
        "webhook-id": message.id,
        "webhook-timestamp": str(timestamp),
    }
    if address.secret is not None:
        headers["webhook-signature"] = signature(address.secret, message.id, timestamp, body)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, body=body, headers=headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    if not 200 <= status < 300:
        what = "a redirect, which is not followed" if 300 <= status < 400 else "not 2xx"
        raise PermissionDenied(f"The webhook answered {status}: {what}.")


def signature(secret: str, id_: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256 of `<id>.<timestamp>.<body>` in base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(mac.digest()).decode()}"


def _through_apprise(url: str, message: Message | None) -> str | None:
    """Send by apprise, or only read the address; why that failed."""
    try:
        import apprise  # noqa: PLC0415 - of the server's extra, and slow to load
    except ImportError as error:
        raise MissingExtra("apprise", extra="server") from error
    library: Any = apprise
    said = _Said()
    logging.getLogger("apprise").addHandler(said)
    asset = library.AppriseAsset(
        async_mode=False, secure_logging=True, app_id="Penstock", app_desc="Penstock", storage_mode="memory"
    )
    asset.http_redirects = False
    service = library.Apprise.instantiate(url, asset=asset)
    if service is None:
        return "The address is not complete, or not understood."
    if message is None:
        return None
    kinds = {"alert.resolved": library.NotifyType.SUCCESS, "alert.test": library.NotifyType.INFO}
    urgent = library.NotifyType.FAILURE if message.severity == "critical" else library.NotifyType.WARNING
    kind = kinds.get(message.type, urgent)
    sender = library.Apprise(asset=asset)
    sender.add(service)
    sent = sender.notify(title=message.title, body=message.text, notify_type=kind, body_format="text")
    return None if sent else said.last or "The service did not take it."


class _Said(logging.Handler):
    """Keeps the last warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()[:500]


def _without_secrets(text: str, url: str) -> str:
    """A library's words, without the parts of the address: tokens stand in its path, its user and its query."""
    tail = url.partition("://")[2]
    for part in sorted({*tail.replace("?", "/").replace("@", "/").replace(":", "/").split("/"), tail, url}, key=len):
        if len(part) >= 6:
            text = text.replace(part, "…")
    return text


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    denied: list[str] = []
    socket.setdefaulttimeout(SECONDS)
    sys.addaudithook(guard(allowed_networks(",".join(order.allow)), denied))
    sys.stdout.buffer.write(msgspec.json.encode(run(order, denied=denied)))


if __name__ == "__main__":
    main()
