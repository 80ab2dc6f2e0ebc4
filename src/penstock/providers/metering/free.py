"""Endpoints that cost nothing. What is not known to be free has a cost, known or not (FAILURES G26)."""

import re
from typing import Final

from penstock.wire.snapshot import ProviderKind

__all__ = ["is_free"]

_READING: Final = frozenset({"GET", "DELETE"})
_FREE: Final = re.compile(
    r"files(?:/.*)?"
    r"|uploads(?:/.*)?"
    r"|models(?:/[^:]+)?"
    r"|tokenize|detokenize"
    r"|responses/input_tokens"
    r"|messages/count_tokens"
    r"|(?:models|tunedModels)/[^/]+:countTokens"
    r"|.+/cancel|.+:cancel"
)
_DEPLOYMENT: Final = re.compile(r"deployments/[^/]+/")


def is_free(kind: ProviderKind, method: str, path: str, *, reported: bool = False) -> bool:
    """True when the vendors charge nothing for it.

    Args:
        kind: Of the provider.
        method: HTTP method. What is read or deleted was paid for when it was made, also where the answer repeats
            the usage of then.
        path: Below the provider's `base_url`, without a leading slash.
        reported: The answer told of tokens: some vendors charge for moderation, and those say how much.
    """
    if method in _READING:
        return True
    if kind == "azure":
        path = _DEPLOYMENT.sub("", path, count=1)
    if path == "moderations":
        return not reported
    return _FREE.fullmatch(path) is not None
