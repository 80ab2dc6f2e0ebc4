"""OpenAI's embeddings request and answer by way of `batchEmbedContents` (https://ai.google.dev/api/embeddings)."""

import base64
import struct

import msgspec

from penstock.core.errors import InvalidInput
from penstock.providers import failures
from penstock.providers.estimate import estimate_input_tokens
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.gemini.request import headers_for, resource_name, url_for
from penstock.providers.gemini.usage import read_usage
from penstock.providers.gemini.wire import NOTHING, given
from penstock.providers.types import Answer, InboundCall, Reply, Target, UpstreamRequest
from penstock.wire.usage import Usage

__all__ = ["decode_embeddings", "render_embeddings"]


class _Embedding(msgspec.Struct):
    values: list[float]


class _Response(msgspec.Struct, rename="camel"):
    embeddings: list[_Embedding]
    usage_metadata: msgspec.Raw = NOTHING


_decode = msgspec.json.Decoder(_Response).decode


def render_embeddings(call: InboundCall, target: Target) -> UpstreamRequest:
    """The request in Gemini's form, one content per text.

    Raises:
        InvalidInput: `input` is not text (lists of token ids are of OpenAI's tokeniser), or another member is wrong.
    """
    _encoding(call)
    dimensions = _dimensions(call)
    name = resource_name(target.model)
    requests: list[dict[str, object]] = []
    for text in _texts(call, target):
        request: dict[str, object] = {"model": name, "content": {"parts": [{"text": text}]}}
        if dimensions is not None:
            request["outputDimensionality"] = dimensions
        requests.append(request)
    return UpstreamRequest(
        url=url_for(target, "batchEmbedContents"),
        headers=headers_for(target),
        body=msgspec.json.encode({"requests": requests}),
    )


def decode_embeddings(call: InboundCall, target: Target, body: bytes) -> Reply:
    """A 2xx body as OpenAI's list of embeddings. Tokens that Gemini did not count are estimated.

    Raises:
        UpstreamError: the body is none, or has not one embedding per text (`upstream_malformed`).
    """
    try:
        found = _decode(body)
    except JSON_ERRORS as error:
        raise failures.malformed(f"expected embeddings, {error}", body=body) from error
    expected = len(_texts(call, target))
    if len(found.embeddings) != expected:
        raise failures.malformed(f"expected {expected} embeddings, got {len(found.embeddings)}")
    raw = given(found.usage_metadata)
    usage = read_usage(raw)
    if usage is None or not usage.total_input:
        usage = Usage(input=estimate_input_tokens(call), estimated=True)
    as_base64 = _encoding(call) == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _base64(item.values) if as_base64 else item.values}
        for index, item in enumerate(found.embeddings)
    ]
    tokens = usage.total_input
    answer = {
        "object": "list",
        "data": data,
        "model": target.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return Reply(
        body=msgspec.json.encode(answer),
        answer=Answer(usage=usage, usage_raw=raw, served_model=target.model),
    )


def _texts(call: InboundCall, target: Target) -> list[str]:
    raw = call.fields.get("input")
    try:
        texts = msgspec.json.decode(raw or b"null", type=str | list[str])
    except JSON_ERRORS as error:
        raise InvalidInput(
            f"input: provider {target.provider.name!r} (Gemini) embeds a text or a list of texts; "
            "lists of token ids are not understood there.",
            field="input",
            hint="Send the text itself.",
        ) from error
    texts = [texts] if isinstance(texts, str) else texts
    if not texts:
        raise InvalidInput("input: expected at least one text, the list is empty.", field="input")
    return texts


def _dimensions(call: InboundCall) -> int | None:
    try:
        return msgspec.json.decode(call.fields.get("dimensions") or b"null", type=int | None)
    except JSON_ERRORS as error:
        raise InvalidInput("dimensions: expected a whole number.", field="dimensions") from error


def _encoding(call: InboundCall) -> str:
    try:
        encoding = msgspec.json.decode(call.fields.get("encoding_format") or b"null", type=str | None) or "float"
    except JSON_ERRORS:
        encoding = ""
    if encoding not in ("float", "base64"):
        raise InvalidInput("encoding_format: expected 'float' or 'base64'.", field="encoding_format")
    return encoding


def _base64(values: list[float]) -> str:
    """32-bit floats, little-endian, as OpenAI encodes them."""
    try:
        packed = struct.pack(f"<{len(values)}f", *values)
    except OverflowError as error:
        raise failures.malformed("an embedding has a value beyond 32-bit floats") from error
    return base64.b64encode(packed).decode()
