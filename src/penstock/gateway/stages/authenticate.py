"""Key → project and scopes: a dictionary look-up, no I/O."""

from penstock.core.errors import PermissionDenied, Unauthenticated
from penstock.gateway.catalog import Catalog
from penstock.gateway.inbound.request import Request
from penstock.wire.snapshot import KeyEntry, hash_key

__all__ = ["authenticate"]

BEARER = b"bearer "
KEY_HEADERS = (b"x-api-key", b"api-key", b"x-goog-api-key")
"""Where the SDKs of Anthropic, Azure and Google put a key."""


def authenticate(catalog: Catalog, request: Request, scope: str, *, now: int) -> KeyEntry:
    """The key of a request, from `Authorization: Bearer` or one of `KEY_HEADERS`. All pass the same checks.

    Raises:
        Unauthenticated: no key came (`missing_key`), it is unknown or revoked (`invalid_key`), or over (`expired_key`).
        PermissionDenied: `scope_missing`.
    """
    secret = _secret(request)
    if not secret:
        raise Unauthenticated(
            "No API key came with the request.",
            hint="Send a Penstock key as 'Authorization: Bearer psk_…' or 'x-api-key: psk_…'.",
            code="missing_key",
        )
    key = catalog.snapshot.keys.get(hash_key(secret.decode("latin-1")))
    if key is None:
        raise Unauthenticated(
            "The API key is unknown or was revoked.",
            hint="Create one with 'penstock keys create', or ask your platform team.",
            code="invalid_key",
        )
    if key.expires is not None and now >= key.expires:
        raise Unauthenticated(
            f"The API key {key.name!r} has expired.",
            hint="Create or rotate one with 'penstock keys'.",
            code="expired_key",
        )
    if scope not in key.scopes:
        raise PermissionDenied(
            f"The API key {key.name!r} lacks the scope {scope!r}; it has: {', '.join(key.scopes) or 'none'}.",
            code="scope_missing",
        )
    return key


def _secret(request: Request) -> bytes:
    authorization = request.headers.get(b"authorization")
    if authorization is not None and authorization[:7].lower() == BEARER:
        return authorization[7:].strip()
    return next((request.headers[name].strip() for name in KEY_HEADERS if name in request.headers), b"")
