"""What the sender of a request is told, in the encoding that it used."""

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from penstock.tracing.otlp.body import PROTOBUF
from penstock.tracing.otlp.types import Encoding, Outcome

__all__ = ["encode_outcome", "encode_status"]

_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 413: 3, 415: 3, 429: 8, 503: 14}
"""HTTP statuses as gRPC's, which `google.rpc.Status` carries."""
INTERNAL = 13


def encode_outcome(outcome: Outcome, encoding: Encoding) -> bytes:
    """An ExportTraceServiceResponse; `partial_success` is set only when spans were rejected."""
    rejected = sum(outcome.rejected.values())
    message = _sentence(outcome)
    if encoding == PROTOBUF:
        answer = ExportTraceServiceResponse()
        if rejected:
            answer.partial_success.rejected_spans = rejected
            answer.partial_success.error_message = message
        return answer.SerializeToString()
    # 64-bit integers are text in proto3's JSON mapping.
    told = {"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": message}} if rejected else {}
    return msgspec.json.encode(told)


def _sentence(outcome: Outcome) -> str:
    reasons = "; ".join(f"{count} because {reason}" for reason, count in sorted(outcome.rejected.items()))
    return f"{outcome.accepted} spans are stored. Not taken: {reasons}."


def encode_status(status: int, message: str) -> bytes:
    """A `google.rpc.Status` in protobuf, which a failed request is answered with."""
    text = message.encode()
    return b"\x08" + _varint(_CODES.get(status, INTERNAL)) + b"\x12" + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)
