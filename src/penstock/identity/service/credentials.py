"""Secrets: how they are made, shown and recognised. Only hashes of them are ever stored."""

import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable

__all__ = [
    "Randomness",
    "key_prefix",
    "looks_like_key",
    "looks_like_token",
    "new_key",
    "new_token",
    "strong_randomness",
]

Randomness = Callable[[int], bytes]
"""So many unguessable bytes."""

strong_randomness: Randomness = secrets.token_bytes

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_KEY = re.compile(r"psk_[A-Za-z0-9_-]{43}", re.ASCII)


def new_token(randomness: Randomness) -> str:
    """256 random bits as 43 characters of base64url."""
    return urlsafe_b64encode(randomness(32)).rstrip(b"=").decode("ascii")


def new_key(randomness: Randomness) -> str:
    """A key's secret: `psk_` and 43 characters, a form that secret scanners can find."""
    return f"psk_{new_token(randomness)}"


def key_prefix(secret: str) -> str:
    """What is shown of a key: 36 of its 256 random bits."""
    return secret[:10]


def looks_like_token(text: object) -> bool:
    """Whether this can be a token at all: empty, null and oversized ones go no further."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


def looks_like_key(text: object) -> bool:
    return isinstance(text, str) and _KEY.fullmatch(text) is not None
