"""Gemini as an upstream of chats, as the protocol of `penstock.providers.vendor` names it."""

from penstock.providers.gemini.errors import error
from penstock.providers.gemini.request import render_request
from penstock.providers.gemini.response import decode_response
from penstock.providers.gemini.stream import GeminiStreamDecoder

__all__ = ["decode_response", "error", "render_request", "stream_decoder"]


def stream_decoder() -> GeminiStreamDecoder:
    """A fresh decoder for one 2xx event stream."""
    return GeminiStreamDecoder()
