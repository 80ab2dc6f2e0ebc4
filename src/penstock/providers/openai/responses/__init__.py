"""The Responses API as a caller's dialect, as the protocol of `penstock.providers.vendor` names it.

Where the upstream has the API itself, `relay` passes the call through and none of this is used.
"""

from penstock.providers.openai.responses.request import parse_request
from penstock.providers.openai.responses.response import encode_response
from penstock.providers.openai.responses.stream import ResponsesStreamEncoder
from penstock.wire.chat import ChatRequest

__all__ = ["encode_response", "parse_request", "stream_encoder"]


def stream_encoder(request: ChatRequest, /, *, created: int, wants_usage: bool) -> ResponsesStreamEncoder:
    """An encoder for one answer. The dialect always tells usage."""
    del wants_usage
    return ResponsesStreamEncoder(request, created=created)
