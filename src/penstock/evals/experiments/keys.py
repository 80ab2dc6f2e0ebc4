"""Names by content: what an answer depends on decides under which key it is kept."""

from hashlib import sha256
from typing import Any

import msgspec

from penstock.evals.experiments.types import Row

__all__ = ["digest", "output_key", "reference_digest", "span_id", "trace_id"]

_encoder = msgspec.json.Encoder(order="deterministic")


def digest(value: Any) -> str:
    """SHA-256, hex, of the canonical JSON of a value."""
    return sha256(_encoder.encode(value)).hexdigest()


def output_key(target: str, row: Row, repetition: int, *, salt: str = "") -> str:
    """The key of an answer.

    Rows with the same input are told apart by their order, or one answer would count as many.

    Args:
        target: Digest of what is asked: model, prompt, parameters.
        row: The row.
        repetition: From 0.
        salt: Something of one experiment, so that answers of others are not used.
    """
    return digest([target, row.input, row.occurrence, repetition, salt])


def reference_digest(row: Row) -> str:
    """Digest of what judgements depend on beside the answer."""
    return digest([row.input, row.reference, row.context, row.metadata])


def trace_id(experiment: str, key: str, attempt: int) -> str:
    """The trace of one attempt at a call: whoever resumes finds its record by it."""
    return sha256(f"{experiment}\0{key}\0{attempt}".encode()).hexdigest()[:32]


def span_id(trace: str) -> str:
    """The span that stands for the caller in that trace."""
    return sha256(trace.encode()).hexdigest()[:16]
