"""What became of a segment that a store was given."""

from pathlib import Path

import msgspec

__all__ = ["Loaded"]


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one segment."""

    path: Path
    spans: int
    """Records stored now; 0 when it was stored before."""
    size: int
    """Bytes of its file."""
    quarantined: int = 0
    """Lines set aside, with the reason, in the quarantine folder."""
    duplicates: int = 0
    """Spans of an application that were stored before, under the same ids, and are not stored again; of scores, those
    that a newer one of the same id replaces."""
    repeated: bool = False
    """True when this segment had been stored before."""
