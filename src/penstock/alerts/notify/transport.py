"""Sends one notification, in a process of its own.

The libraries that speak to services open their connections themselves. In that process every connection is checked
where it is made, whatever name led to it and whatever redirect was followed; it ends when the notification is sent,
and it is ended when it takes too long.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final, Literal, Protocol

import msgspec

from penstock.alerts.notify.message import Message
from penstock.alerts.notify.network import Network
from penstock.core.errors import InvalidInput, Unavailable
from penstock.core.settings import process_environment

__all__ = ["Address", "Answer", "Order", "ProcessTransport", "Transport"]

SECONDS: Final = 20
KEPT_VARIABLES: Final = ("LANG", "LC_ALL", "PATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE", "TZ")
"""Of the environment; proxies would reach what may not be reached, and secrets have no business there."""


class Address(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a channel sends."""

    url: str
    secret: str | None = None
    """Of a webhook: signs its requests."""

    def __repr__(self) -> str:
        # The default would print it into whatever log shows the object.
        return "Address(…)"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is told to do."""

    act: Literal["check", "send"]
    address: Address
    allow: list[str]
    message: Message | None = None
    timestamp: int = 0
    """Seconds since the epoch, for the signature."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    error: str | None = None


class Transport(Protocol):
    """Sends notifications. Blocking."""

    def check(self, url: str, *, allow: Sequence[Network]) -> None:
        """Raise `InvalidInput` unless a service's address is complete."""
        ...

    def send(self, address: Address, message: Message, *, allow: Sequence[Network]) -> None:
        """Raise `Unavailable`, with what to tell people, unless it was sent."""
        ...


class ProcessTransport:
    """The transport that starts a process for each notification."""

    def check(self, url: str, *, allow: Sequence[Network]) -> None:
        answer = self._run(Order(act="check", address=Address(url=url), allow=[str(one) for one in allow]))
        if answer.error is not None:
            raise InvalidInput(answer.error, field="url", hint="See https://github.com/caronc/apprise/wiki.")

    def send(self, address: Address, message: Message, *, allow: Sequence[Network]) -> None:
        networks = [str(network) for network in allow]
        order = Order(act="send", address=address, allow=networks, message=message, timestamp=message.at // 1_000_000)
        answer = self._run(order)
        if answer.error is not None:
            raise Unavailable(answer.error, code="notification_failed")

    @staticmethod
    def _run(order: Order) -> Answer:
        command = [sys.executable, "-P", "-m", "penstock.alerts.notify.sender"]
        try:
            done = subprocess.run(  # noqa: S603 - nothing of a user's is on the command line
                command,
                input=msgspec.json.encode(order),
                capture_output=True,
                timeout=SECONDS,
                check=False,
                env=_environment(process_environment()),
            )
            return msgspec.json.decode(done.stdout, type=Answer)
        except subprocess.TimeoutExpired:
            return Answer(error=f"There was no answer within {SECONDS} seconds.")
        except (OSError, msgspec.MsgspecError) as error:
            raise Unavailable(f"The process that sends notifications failed: {error}.") from error


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: variables[name] for name in KEPT_VARIABLES if name in variables}
