"""Splits: which part of a dataset a row belongs to, now and in all later versions.

Weighted rendezvous hashing (Schindelhauer and Schomaker, "Weighted distributed hash tables", SPAA 2005): a row goes to
the split with the largest -share / ln(u), u being a hash of the salt, the split's name and the row's key. It depends on
nothing else, so rows that are added or removed move no other row.
"""

import math
from hashlib import sha256

from penstock.core.errors import InvalidInput
from penstock.evals.datasets.types import MAX_SPLITS, DatasetRow, Entry, Splits

__all__ = ["check_split_name", "check_splits", "split_key", "split_of"]

TWO_53 = float(2**53)


def check_split_name(name: str, *, field: str = "split") -> str:
    """Raises `InvalidInput` unless it can be a split's name."""
    if not (0 < len(name) <= 40 and name.isascii() and name.replace("-", "").replace("_", "").isalnum()):
        raise InvalidInput(
            f"Expected the name of a split as up to 40 letters, digits, '-' and '_', got {name[:60]!r}.", field=field
        )
    return name


def check_splits(splits: Splits) -> Splits:
    """Raises `InvalidInput` unless there are one to ten splits with positive shares."""
    if not 1 <= len(splits.shares) <= MAX_SPLITS:
        raise InvalidInput(f"Expected 1 to {MAX_SPLITS} splits, got {len(splits.shares)}.", field="splits.shares")
    for name, share in splits.shares.items():
        check_split_name(name, field="splits.shares")
        if not (math.isfinite(share) and share > 0):
            raise InvalidInput(f"Expected a share above 0, got {share:g}.", field=f"splits.shares.{name}")
    if not 0 < len(splits.salt) <= 100:
        raise InvalidInput("Expected a salt of 1 to 100 characters.", field="splits.salt")
    return splits


def split_key(row: DatasetRow, input_digest: str) -> str:
    """What a row's split is decided by: its group, or else its input, so that equal inputs never part."""
    return f"g:{row.group}" if row.group is not None else f"i:{input_digest[:32]}"


def split_of(entry: Entry, splits: Splits | None) -> str | None:
    """The split of a row; None where a version has none."""
    if entry.split is not None or splits is None:
        return entry.split
    return max(splits.shares, key=lambda name: (_score(splits, name, entry.key), name))


def _score(splits: Splits, name: str, key: str) -> float:
    digest = sha256(f"{splits.salt}\0{name}\0{key}".encode()).digest()
    u = ((int.from_bytes(digest[:8]) >> 11) + 0.5) / TWO_53
    return -splits.shares[name] / math.log(u)
