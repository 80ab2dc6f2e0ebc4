"""One answer as the bytes that Redis keeps: a byte that names the form, then MessagePack, deflated when it is long."""

import zlib
from typing import Final

import msgspec

from penstock.wire.answers import CachedAnswer

__all__ = ["COMPRESS_FROM", "pack", "unpack"]

COMPRESS_FROM: Final = 4096
"""Bytes; below, compression saves less than it costs."""
MAX_UNPACKED: Final = 16 * 1024 * 1024
"""Bytes of an answer at most; more is nothing that Penstock wrote."""

# Another form gets another byte, so that two versions of Penstock can share one Redis.
_PLAIN: Final = b"\x01"
_DEFLATED: Final = b"\x02"
_FASTEST: Final = 1


class _Envelope(msgspec.Struct, array_like=True):
    expires: int
    """Microseconds since the epoch."""
    answer: CachedAnswer


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Envelope).decode


def pack(answer: CachedAnswer, *, expires: int) -> bytes:
    """The bytes; `expires` is in microseconds since the epoch."""
    plain = _encode(_Envelope(expires, answer))
    if len(plain) < COMPRESS_FROM:
        return _PLAIN + plain
    return _DEFLATED + zlib.compress(plain, _FASTEST)


def unpack(data: bytes, *, now: int) -> CachedAnswer | None:
    """The answer; None when it is over, or the bytes are of another version or broken."""
    form, rest = data[:1], data[1:]
    try:
        if form == _DEFLATED:
            inflating = zlib.decompressobj()
            rest = inflating.decompress(rest, MAX_UNPACKED)
            if not inflating.eof:
                return None
        elif form != _PLAIN:
            return None
        envelope = _decode(rest)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return envelope.answer if envelope.expires > now else None
