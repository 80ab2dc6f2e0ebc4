"""The hash that stands for an end user, the same in every process of an installation."""

from penstock.gateway.catalog import MAX_SALT
from penstock.gateway.limits.claims import hash_user
from penstock.wire.snapshot import Snapshot

__all__ = ["user_hash"]


def user_hash(snapshot: Snapshot, user: str) -> str:
    """The hash that stands for an end user in the records."""
    return hash_user(user, bytes.fromhex(snapshot.user_salt)[:MAX_SALT])
