"""Secrets that plain instrumentations record by accident are hidden before anything is written."""

import re
from collections.abc import Set as AbstractSet

from penstock.tracing.otlp.types import Attributes

__all__ = ["HIDDEN", "hide_secrets"]

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


def hide_secrets(attributes: Attributes, prefixes: AbstractSet[str]) -> None:
    """Hide credentials in headers and addresses, in place.

    Args:
        attributes: Of one span.
        prefixes: What their names begin with, up to the first dot.
    """
    if "http" in prefixes or "rpc" in prefixes:
        for name in attributes:
            if name.startswith(_HEADERS) and name.rpartition(".")[2].lower().replace("_", "-") in _SECRET_HEADERS:
                attributes[name] = HIDDEN
    for name in _HEADER_MAPS:
        if name in attributes:
            attributes[name] = HIDDEN
    if "url" in prefixes or "http" in prefixes:
        for name in _ADDRESSES:
            address = attributes.get(name)
            if isinstance(address, str):
                attributes[name] = _SECRET_QUERY.sub(rf"\1{HIDDEN}", _USERINFO.sub(f"{HIDDEN}@", address))
