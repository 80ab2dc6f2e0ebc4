"""Tokens that let anyone who holds one judge one trace, until they expire.

A token is base64url of project (16 bytes), trace (16), expiry in seconds since the epoch (4) and a message
authentication code (16): BLAKE2b (RFC 7693) keyed with a key of the project's own. It is no secret of the trace: it
holds ids, and gives nothing but the right to send a judgement.
"""

import hashlib
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

__all__ = ["HEADER", "LENGTH", "Claim", "feedback_token", "read_token"]

HEADER: Final = "x-penstock-feedback-token"
"""On answers of the gateway, where the configuration asks for it."""
LENGTH: Final = 70
"""Characters of a token."""
_FORM = struct.Struct(">16s16sI")
_CODE_BYTES = 16
_KEY_PERSON = b"penstock token k"
_CODE_PERSON = b"penstock token c"


class Claim(NamedTuple):
    """What a genuine token says."""

    project: str
    trace_id: str
    expires: int
    """Seconds since the epoch."""


@lru_cache(maxsize=1024)
def _key(salt: bytes, project: bytes) -> bytes:
    """A project's own key: one that leaks forges nothing in another project."""
    return hashlib.blake2b(project, key=salt, digest_size=32, person=_KEY_PERSON).digest()


@lru_cache(maxsize=1024)
def _packed(project: str) -> bytes:
    return UUID(project).bytes


def feedback_token(salt: bytes, *, project: str, trace_id: str, expires: int) -> str:
    """A token for one trace.

    Args:
        salt: The installation's own secret, 1 to 64 bytes.
        project: Its id, a UUID.
        trace_id: 32 hex digits.
        expires: Seconds since the epoch.

    Raises:
        ValueError: an id has another form, or there is no salt.
    """
    if not salt:
        raise ValueError("a token is made with a salt")
    packed = _packed(project)
    claim = _FORM.pack(packed, bytes.fromhex(trace_id), expires)
    return _text(claim + _code(salt, packed, claim))


def read_token(salt: bytes, token: str) -> Claim | None:
    """What a token says; None when it was not made with this salt, whatever it is. Expired ones are read too."""
    if not salt or len(token) != LENGTH or not token.isascii():
        return None
    try:
        data = urlsafe_b64decode(token + "==")
    except (Base64Error, ValueError):
        return None
    # The last character has bits to spare: only one spelling counts, or one token would be many.
    if len(data) != _FORM.size + _CODE_BYTES or _text(data) != token:
        return None
    claim, code = data[: _FORM.size], data[_FORM.size :]
    project, trace_id, expires = _FORM.unpack(claim)
    if not hmac.compare_digest(code, _code(salt, project, claim)):
        return None
    return Claim(str(UUID(bytes=project)), trace_id.hex(), expires)


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _code(salt: bytes, project: bytes, claim: bytes) -> bytes:
    return hashlib.blake2b(claim, key=_key(salt, project), digest_size=_CODE_BYTES, person=_CODE_PERSON).digest()
