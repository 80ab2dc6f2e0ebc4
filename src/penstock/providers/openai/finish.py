"""Finish reasons of OpenAI-compatible servers, in the neutral spelling."""

from typing import Final

from penstock.wire.chat import FinishReason

__all__ = ["finish_reason"]

_KNOWN: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
    "function_call": "tool_calls",
    # Of compatible servers.
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_length": "length",
    "refusal": "content_filter",
    "safety": "content_filter",
    "abort": "error",
}


def finish_reason(reason: str | None) -> FinishReason | None:
    """None while there is none; a word that nobody documents means that the model stopped by itself."""
    return _KNOWN.get(reason.lower(), "stop") if reason else None
