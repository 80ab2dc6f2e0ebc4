"""Durations and sizes as people write them: `250ms`, `1.5s`, `2m`, `64KiB`, `20MB`."""

import re

from penstock.core.errors import InvalidInput

__all__ = ["parse_duration", "parse_size"]

_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*([a-zA-Z]*)\s*")
_SECONDS = {"": 1.0, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = {"": 1, "b": 1, "kb": 1000, "mb": 10**6, "gb": 10**9, "kib": 1024, "mib": 1024**2, "gib": 1024**3}


def parse_duration(text: str) -> float:
    """Seconds of `250ms`, `1.5s`, `2m`, `1h`; a bare number is seconds.

    Raises:
        InvalidInput: not a duration, or negative.
    """
    found = _NUMBER.fullmatch(text)
    if found is None or found[2] not in _SECONDS:
        raise InvalidInput(f"A duration is a number with us, ms, s, m or h, like 250ms; got {text!r}.")
    return float(found[1]) * _SECONDS[found[2]]


def parse_size(text: str) -> int:
    """Bytes of `64KiB`, `20MB`; a bare number is bytes.

    Raises:
        InvalidInput: not a size, or negative.
    """
    found = _NUMBER.fullmatch(text)
    if found is None or found[2].lower() not in _BYTES:
        raise InvalidInput(f"A size is a number with B, KB, MB, GB, KiB, MiB or GiB, like 64KiB; got {text!r}.")
    return round(float(found[1]) * _BYTES[found[2].lower()])
