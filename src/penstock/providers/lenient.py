"""A second look at stream events that the strict decoder turned away."""

import json
from collections.abc import Callable
from typing import TypeVar

import msgspec

from penstock.providers.failures import JSON_ERRORS

__all__ = ["decode_odd"]

T = TypeVar("T")


def decode_odd(decode: Callable[[bytes], T], data: bytes) -> T | None:
    """Decode an event that `decode` failed on, for what is unusual but no breach of JSON.

    Servers that cut text between the halves of a surrogate pair send each half by itself, which RFC 8259
    §8.2 allows; each half is read as `?`. JSON of another shape than `decode` wants is None: an
    unknown event, to be passed over.

    Raises:
        ValueError: the data is not JSON.
    """
    try:
        value = json.loads(data, parse_constant=_refuse)
        mended = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    try:
        return decode(mended)
    except msgspec.ValidationError:
        return None
    except JSON_ERRORS as error:
        raise ValueError("no JSON that can be read") from error


def _refuse(name: str) -> None:
    raise ValueError(name)
