"""Embeddings of OpenAI and Gemini: unit vectors by feature hashing, so that like texts are alike."""

import base64
import math
from array import array
from hashlib import blake2b
from typing import Any, Final, Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.simulator.config import SimulatorConfig
from penstock.simulator.dialects.gemini import decode_gemini
from penstock.simulator.tokens import count_tokens, tokenize

__all__ = ["embed", "gemini_batch", "gemini_one", "openai"]

HASHES: Final = 8
"""Positions of the vector that one token touches."""
MAX_INPUTS: Final = 2048

_encode = msgspec.json.encode


def embed(text: str, dimensions: int, *, seed: int = 0) -> list[float]:
    """A vector of length 1. Texts that share tokens have a positive inner product."""
    vector = [0.0] * dimensions
    for token in ["", *tokenize(text)]:
        digest = blake2b(f"{seed}\0{token.strip().lower()}".encode("utf-8", "surrogatepass"), digest_size=4 * HASHES)
        bits = digest.digest()
        for start in range(0, 4 * HASHES, 4):
            number = int.from_bytes(bits[start : start + 4])
            vector[(number >> 1) % dimensions] += 1.0 if number & 1 else -1.0
    norm = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / norm for value in vector]


def _texts(value: Any) -> list[str]:
    """The inputs as texts; token numbers are spelled out."""
    if isinstance(value, str):
        return [value]
    if value and isinstance(value[0], int):
        return [" ".join(map(str, value))]
    return [item if isinstance(item, str) else " ".join(map(str, item)) for item in value]


class _OpenAIRequest(msgspec.Struct):
    input: Any
    model: str | None = None
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] = "float"


def openai(body: bytes, model: str | None, config: SimulatorConfig) -> tuple[str, bytes]:
    """`POST /v1/embeddings`."""
    asked = _parse(body)
    name = model or asked.model
    if not name:
        raise InvalidInput("You must provide a model parameter.", field="model")
    texts = _texts(asked.input)
    if not texts or len(texts) > MAX_INPUTS or not all(texts):
        raise InvalidInput(
            f"'$.input' is invalid: expected 1 to {MAX_INPUTS} texts, none of them empty.", field="input"
        )
    size = config.embedding_dimensions if asked.dimensions is None else asked.dimensions
    if not 1 <= size <= 16_384:
        raise InvalidInput(f"Expected 'dimensions' between 1 and 16384, got {size}.", field="dimensions")
    tokens = sum(map(count_tokens, texts))
    data: list[dict[str, Any]] = []
    for index, text in enumerate(texts):
        vector: Any = embed(text, size, seed=config.seed)
        if asked.encoding_format == "base64":
            vector = base64.b64encode(array("f", vector).tobytes()).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return name, _encode({"object": "list", "data": data, "model": name, "usage": usage})


def _parse(body: bytes) -> _OpenAIRequest:
    try:
        asked = msgspec.json.decode(body, type=_OpenAIRequest)
        msgspec.convert(asked.input, str | list[Any])
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"Invalid request body: {error}.") from error
    items: list[Any] = [] if isinstance(asked.input, str) else asked.input
    if not (all(isinstance(item, str) for item in items) or all(isinstance(item, int | list) for item in items)):
        raise InvalidInput("Expected 'input' to be a text, a list of texts, or tokens.", field="input")
    return asked


class _GeminiPart(msgspec.Struct):
    text: str = ""


class _GeminiContent(msgspec.Struct):
    parts: list[_GeminiPart]


class _GeminiRequest(msgspec.Struct, rename="camel"):
    content: _GeminiContent
    output_dimensionality: int | None = None


class _GeminiBatch(msgspec.Struct):
    requests: list[_GeminiRequest]


def _gemini_vector(asked: _GeminiRequest, config: SimulatorConfig) -> dict[str, Any]:
    text = "\n".join(part.text for part in asked.content.parts)
    return {"values": embed(text, asked.output_dimensionality or config.embedding_dimensions, seed=config.seed)}


def gemini_one(body: bytes, model: str | None, config: SimulatorConfig) -> tuple[str, bytes]:
    """`POST /v1beta/models/{model}:embedContent`."""
    asked = decode_gemini(body, _GeminiRequest)
    return model or "", _encode({"embedding": _gemini_vector(asked, config)})


def gemini_batch(body: bytes, model: str | None, config: SimulatorConfig) -> tuple[str, bytes]:
    """`POST /v1beta/models/{model}:batchEmbedContents`."""
    asked = decode_gemini(body, _GeminiBatch)
    return model or "", _encode({"embeddings": [_gemini_vector(one, config) for one in asked.requests]})
