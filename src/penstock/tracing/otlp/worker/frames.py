"""Frames on a stream socket: the lengths of a head and a body (4 bytes each, big-endian), the head as JSON, the body.

Bodies are handed over as they are: of a request as they came, of an answer the lines.
"""

import socket
import struct
from collections.abc import Sequence

import msgspec

from penstock.core.errors import InvalidInput, PenstockError, TooLarge
from penstock.tracing.otlp.body import UnsupportedMedia
from penstock.tracing.otlp.request import Arrived
from penstock.tracing.otlp.types import Mapped

__all__ = ["READY", "receive_answer", "receive_request", "send_answer", "send_request"]

READY = b"+"
"""What the process sends on its first lane, once, when it takes requests on all."""

_LENGTHS = struct.Struct("!II")
_ERRORS: dict[str, type[InvalidInput | TooLarge | UnsupportedMedia]] = {
    kind.__name__: kind for kind in (InvalidInput, TooLarge, UnsupportedMedia)
}


class Failure(msgspec.Struct, frozen=True):
    """Why a request is not taken at all: an error by the name of its class."""

    kind: str
    message: str
    hint: str | None
    code: str


class Answer(msgspec.Struct, frozen=True):
    """What became of a request. The lines are the frame's body."""

    spans: int = 0
    rejected: dict[str, int] = {}
    failure: Failure | None = None


_encode = msgspec.json.Encoder().encode
_decode_request = msgspec.json.Decoder(Arrived).decode
_decode_answer = msgspec.json.Decoder(Answer).decode


def send_request(lane: socket.socket, arrived: Arrived, parts: Sequence[bytes]) -> None:
    """Raises `OSError` when the other side is gone."""
    _send(lane, _encode(arrived), parts)


def receive_request(lane: socket.socket) -> tuple[Arrived, bytes] | None:
    """The next request; None when there will be no more."""
    frame = _receive(lane)
    return None if frame is None else (_decode_request(frame[0]), frame[1])


def send_answer(lane: socket.socket, outcome: Mapped | PenstockError) -> None:
    """Raises `OSError` when the other side is gone."""
    if isinstance(outcome, PenstockError):
        failure = Failure(type(outcome).__name__, outcome.message, outcome.hint, outcome.code)
        _send(lane, _encode(Answer(failure=failure)), ())
    else:
        _send(lane, _encode(Answer(spans=outcome.spans, rejected=outcome.rejected)), (outcome.lines,))


def receive_answer(lane: socket.socket) -> Mapped | None:
    """What became of a request; None when the process is gone.

    Raises:
        InvalidInput, TooLarge, UnsupportedMedia: the request is not taken.
        OSError: the process is gone.
    """
    frame = _receive(lane)
    if frame is None:
        return None
    head = _decode_answer(frame[0])
    if head.failure is not None:
        raise _ERRORS[head.failure.kind](head.failure.message, hint=head.failure.hint, code=head.failure.code)
    return Mapped(frame[1], head.spans, head.rejected)


def _send(lane: socket.socket, head: bytes, parts: Sequence[bytes]) -> None:
    lane.sendall(_LENGTHS.pack(len(head), sum(map(len, parts))) + head)
    for part in parts:
        lane.sendall(part)


def _receive(lane: socket.socket) -> tuple[bytes, bytes] | None:
    lengths = _exactly(lane, _LENGTHS.size)
    if lengths is None:
        return None
    head_length, body_length = _LENGTHS.unpack(lengths)
    head = _exactly(lane, head_length)
    body = b"" if not body_length else _exactly(lane, body_length)
    return None if head is None or body is None else (head, body)


def _exactly(lane: socket.socket, length: int) -> bytes | None:
    """So many bytes; None when the stream ends before."""
    data = lane.recv(length, socket.MSG_WAITALL)
    if len(data) == length:
        return data
    # A signal came in between, or the end.
    parts = [data]
    missing = length - len(data)
    while missing and parts[-1]:
        parts.append(lane.recv(missing, socket.MSG_WAITALL))
        missing -= len(parts[-1])
    return None if missing else b"".join(parts)
