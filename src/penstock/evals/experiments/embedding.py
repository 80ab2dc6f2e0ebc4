"""Embeddings for evaluators, asked of the gateway and paid for once."""

import asyncio
import base64
import sys
from array import array
from collections.abc import Sequence
from typing import Any, Protocol

from penstock.core.errors import UpstreamError
from penstock.evals.experiments.asking import Consult
from penstock.evals.experiments.keys import digest, trace_id
from penstock.evals.experiments.ports import Request
from penstock.evals.experiments.types import CallMark, Output

__all__ = ["Embedder", "GatewayEmbed", "pack", "unpack"]


class Embedder(Protocol):
    """Makes one call for vectors."""

    async def embed(self, request: Request, *, trace_id: str, timeout: float) -> Output:  # noqa: ASYNC109 - the other side's time, not the task's
        """`data` is a packed vector. Raises `UpstreamError`, as `Caller.call`."""
        ...


class GatewayEmbed:
    """An evaluator's `Embed`. A text has one vector by one model, whichever answers and rows it comes up in.

    Args:
        caller: Who asks.
        consult: Keeps answers.
        experiment: Names the traces.
        salt: Of an experiment that uses no answers of others.
        timeout: Seconds of one call.
    """

    def __init__(self, caller: Embedder, consult: Consult, *, experiment: str, salt: str, timeout: float) -> None:
        self._caller = caller
        self._consult = consult
        self._experiment = experiment
        self._salt = salt
        self._timeout = timeout

    async def __call__(self, texts: Sequence[str], *, model: str) -> Sequence[Sequence[float]]:
        """As `Embed`."""
        return await asyncio.gather(*(self._one(text, model) for text in texts))

    async def _one(self, text: str, model: str) -> Sequence[float]:
        key = digest(["embedding", model, text, self._salt])

        async def ask(mark: CallMark) -> Output:
            body: dict[str, Any] = {"model": model, "input": [text], "encoding_format": "float"}
            trace = trace_id(self._experiment, key, mark.attempt)
            return await self._caller.embed(Request(key=key, body=body), trace_id=trace, timeout=self._timeout)

        asked = await self._consult(key, ask)
        return unpack(asked.output.data)


def pack(vector: Sequence[float]) -> str:
    """A vector as it is kept: base64 of 32-bit floats, little-endian."""
    return base64.b64encode(_little(array("f", vector)).tobytes()).decode()


def unpack(data: object) -> Sequence[float]:
    """What `pack` made. Raises `UpstreamError`."""
    if not isinstance(data, str):
        raise UpstreamError("What was kept under this key is no embedding.", retryable=False, code="answer_malformed")
    vector = array("f")
    vector.frombytes(base64.b64decode(data))
    return _little(vector)


def _little(vector: "array[float]") -> "array[float]":
    if sys.byteorder == "big":
        vector.byteswap()
    return vector
