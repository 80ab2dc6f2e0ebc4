"""The Messages dialect in both roles, as the protocols of `penstock.providers.vendor` name it."""

from penstock.providers.anthropic.errors import error
from penstock.providers.anthropic.inbound import parse_request
from penstock.providers.anthropic.outbound import render_request
from penstock.providers.anthropic.response import decode_response, encode_response
from penstock.providers.anthropic.stream_decode import MessageStreamDecoder
from penstock.providers.anthropic.stream_encode import MessageStreamEncoder
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


def stream_decoder() -> MessageStreamDecoder:
    """A fresh decoder for one 2xx event stream."""
    return MessageStreamDecoder()


def stream_encoder(request: ChatRequest, /, *, created: int, wants_usage: bool) -> MessageStreamEncoder:
    """An encoder for one answer. The dialect has no creation time and always tells usage."""
    del created, wants_usage
    return MessageStreamEncoder(model=request.model)
