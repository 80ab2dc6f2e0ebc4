"""Chat Completions in both roles, as the protocols of `penstock.providers.vendor` name it."""

from penstock.providers.openai.errors import error
from penstock.providers.openai.render import render_request
from penstock.providers.openai.request import parse_request
from penstock.providers.openai.response import decode_response, encode_response
from penstock.providers.openai.stream import ChatStreamDecoder, ChatStreamEncoder
from penstock.wire.chat import ChatRequest

__all__ = [
    "decode_response",
    "encode_response",
    "error",
    "parse_request",
    "render_request",
    "stream_decoder",
    "stream_encoder",
]


def stream_decoder() -> ChatStreamDecoder:
    """A fresh decoder for one 2xx event stream."""
    return ChatStreamDecoder()


def stream_encoder(request: ChatRequest, /, *, created: int, wants_usage: bool) -> ChatStreamEncoder:
    """An encoder for one answer."""
    return ChatStreamEncoder(model=request.model, created=created, wants_usage=wants_usage)
