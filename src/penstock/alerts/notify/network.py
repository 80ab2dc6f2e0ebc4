"""Where notifications may be sent: the public internet, and what the operator allows beside it."""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from penstock.core.errors import InvalidInput, PermissionDenied

__all__ = [
    "ALLOW_VARIABLE",
    "HOSTED",
    "Destination",
    "Network",
    "allowed_networks",
    "check_address",
    "check_host",
    "read_destination",
]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
ALLOW_VARIABLE: Final = "PENSTOCK_ALERTS_ALLOW"
"""Networks of the operator's own that may be sent to: `10.0.0.0/8,fd00::/8`."""
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
HOSTED: Final = frozenset(
    {
        "discord", "dingtalk", "feishu", "gchat", "ifttt", "lark", "line", "mailgun", "opsgenie",
        "pagerduty", "pagertree", "postmark", "pover", "pbul", "resend",         "sendgrid", "signl4",
        "slack", "smtp2go", "sns", "sparkpost", "spike", "splunk", "tgram", "twilio", "victorops", "vonage",
        "webex", "wecombot", "wxteams", "workflow", "workflows", "zulip",
    }
)  # fmt: skip
"""Schemes of apprise whose service has an address of its own."""
SELF_HOSTED: Final = frozenset(
    {"gotify", "gotifys", "mailto", "mailtos", "matrix", "matrixs", "mmost", "mmosts", "ntfy", "ntfys", "rocket",
     "rockets"}
)  # fmt: skip
"""Schemes whose address names a host. What starts a program or writes to this machine is in neither list."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A channel's address, as far as may be said of it."""

    kind: str
    host: str | None


def read_destination(url: str) -> Destination:
    """What an address is for.

    Raises:
        InvalidInput: it is none that notifications can be sent to. The message does not hold it.
    """
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), parts.hostname
        _ = parts.port
    except ValueError:
        scheme, host, parts = "", None, urlsplit("")
    if not url.isascii() or not url.isprintable() or len(url) > 4096:
        scheme = ""
    if scheme in {"http", "https"} and host and parts.username is None:
        return Destination(kind="webhook", host=host)
    if scheme in HOSTED:
        return Destination(kind=scheme, host=None)
    if scheme in SELF_HOSTED and host:
        return Destination(kind=scheme, host=_mail_host(url, host) if scheme.startswith("mailto") else host)
    raise InvalidInput(
        "Expected the address of a webhook (https://…) or of a service, like slack://… or mailtos://….",
        hint=f"Services: {', '.join(sorted(HOSTED | SELF_HOSTED))}; see https://github.com/caronc/apprise/wiki.",
        field="url",
    )


def check_address(address: str, *, allow: Sequence[Network]) -> None:
    """Raise unless this IP address may be connected to.

    Raises:
        PermissionDenied: `destination_forbidden`: it is private, of this machine, or otherwise not public.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    inner = found
    if isinstance(found, ipaddress.IPv6Address):
        embedded = found.ipv4_mapped or found.sixtofour
        if embedded is None and found in NAT64:
            embedded = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        inner = found if embedded is None else embedded
    if any(inner in network for network in allow):
        return
    if not inner.is_global or inner.is_multicast or inner.is_reserved or found.is_multicast:
        raise PermissionDenied(
            f"Notifications are not sent to {found}: it is not a public address.",
            hint=f"The operator can allow networks with {ALLOW_VARIABLE}.",
            code="destination_forbidden",
        )


def check_host(host: str, *, allow: Sequence[Network]) -> None:
    """Raise unless every address of a host may be connected to. One that cannot be resolved now is checked when it is
    connected to, as all are.

    Raises:
        InvalidInput: `destination_forbidden`.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return
    for entry in found:
        try:
            check_address(str(entry[4][0]), allow=allow)
        except PermissionDenied as error:
            raise InvalidInput(error.message, field="url", hint=error.hint, code=error.code) from None


def allowed_networks(text: str | None) -> tuple[Network, ...]:
    """The networks that the operator allows, out of the variable.

    Raises:
        InvalidInput: one of them is no network.
    """
    words = [word.strip() for word in (text or "").split(",")]
    try:
        return tuple(ipaddress.ip_network(word, strict=False) for word in words if word)
    except ValueError as error:
        raise InvalidInput(f"{ALLOW_VARIABLE} holds networks like 10.0.0.0/8: {error}.") from error


def _mail_host(url: str, host: str) -> str:
    """Of a mail address the server may be named apart: `?smtp=`."""
    return parse_qs(urlsplit(url).query).get("smtp", [host])[0]
