"""Secrets that plain instrumentations record by accident are hidden before anything is written."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from penstock.tracing.otlp.types import Attributes

__all__ = ["HIDDEN", "SecretNames", "hide_secrets", "secret_names"]

HIDDEN = "[hidden]"
_HEADERS = ("http.request.header.", "http.response.header.", "rpc.grpc.request.metadata.", "rpc.request.metadata.")
_SECRET_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "x-auth-token",
    }
)
_HEADER_MAPS = ("llm.headers", "gen_ai.headers", "llm.request.headers")
"""All of a request's headers in one text."""
_ADDRESSES = ("url.full", "url.query", "http.url", "http.target")
_USERINFO = re.compile(r"(?<=://)[^/?#@\s]+@")
_SECRET_QUERY = re.compile(
    r"(?i)\b((?:api[-_]?key|key|access[-_]?token|token|sig|signature|x-amz-signature|password|secret)=)[^&#\s]+"
)


class SecretNames(NamedTuple):
    """Attributes that hold credentials."""

    whole: tuple[str, ...]
    """Nothing of these is kept."""
    addresses: tuple[str, ...]
    """Of these, only what is secret is hidden."""


def secret_names(names: Sequence[str], prefixes: AbstractSet[str]) -> SecretNames:
    """Which of the attributes of a span hold credentials, or may.

    Args:
        names: Of all its attributes.
        prefixes: What they begin with, up to the first dot.
    """
    whole = [name for name in _HEADER_MAPS if name in names]
    if "http" in prefixes or "rpc" in prefixes:
        whole += [
            name
            for name in names
            if name.startswith(_HEADERS) and name.rpartition(".")[2].lower().replace("_", "-") in _SECRET_HEADERS
        ]
    return SecretNames(tuple(whole), tuple(name for name in _ADDRESSES if name in names))


def hide_secrets(attributes: Attributes, secrets: SecretNames) -> None:
    """Hide credentials in headers and addresses, in place."""
    for name in secrets.whole:
        attributes[name] = HIDDEN
    for name in secrets.addresses:
        address = attributes[name]
        if isinstance(address, str):
            attributes[name] = _SECRET_QUERY.sub(rf"\1{HIDDEN}", _USERINFO.sub(f"{HIDDEN}@", address))
