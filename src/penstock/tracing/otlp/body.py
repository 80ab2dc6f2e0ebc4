"""The bytes of a request: what they are encoded as, and unpacking them within a limit."""

import zlib

from penstock.core.errors import InvalidInput, PenstockError, TooLarge
from penstock.tracing.otlp.types import Encoding

__all__ = ["JSON", "PROTOBUF", "UnsupportedMedia", "encoding_of", "unpack"]

PROTOBUF: Encoding = "application/x-protobuf"
JSON: Encoding = "application/json"
GZIP = zlib.MAX_WBITS | 16
STEP = 1024 * 1024
"""Bytes unpacked at a time, so that a bomb is met before it has gone off."""


class UnsupportedMedia(PenstockError):
    """The body is encoded in a way that is not understood."""

    status = 415
    default_code = "unsupported_media_type"


def encoding_of(content_type: str | None) -> Encoding:
    """What a body is, by its `Content-Type`.

    Raises:
        UnsupportedMedia: neither protobuf nor JSON.
    """
    media = (content_type or "").partition(";")[0].strip().lower()
    if media in {PROTOBUF, "application/protobuf"}:
        return PROTOBUF
    if media == JSON:
        return JSON
    raise UnsupportedMedia(
        f"OTLP comes as {PROTOBUF} or {JSON}, this as {media[:64] or 'nothing stated'}.",
        hint="Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf.",
    )


def unpack(body: bytes, content_encoding: str | None, *, limit: int) -> bytes:
    """The body without its `Content-Encoding`.

    Raises:
        UnsupportedMedia: another encoding than gzip.
        TooLarge: more than `limit` bytes.
        InvalidInput: no whole gzip data.
    """
    match (content_encoding or "").strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _gunzip(body, limit)
        case other:
            raise UnsupportedMedia(
                f"A body comes as it is or with Content-Encoding gzip, this with {other[:64]!r}.",
                hint="Set OTEL_EXPORTER_OTLP_COMPRESSION=gzip.",
            )


def _gunzip(body: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    rest = body
    try:
        while rest:
            member = zlib.decompressobj(GZIP)
            while not member.eof:
                part = member.decompress(rest, STEP)
                rest = member.unconsumed_tail
                size += len(part)
                if size > limit:
                    raise TooLarge(
                        f"The body is larger than {limit} bytes when unpacked.", hint="Send smaller batches."
                    )
                if not part and not member.eof and not rest:
                    raise InvalidInput("The gzip data ends in the middle.", hint="Send it again.")
                parts.append(part)
            rest = member.unused_data
    except zlib.error as error:
        raise InvalidInput(f"The body is no gzip data: {error}.", code="malformed_otlp") from error
    return b"".join(parts)
