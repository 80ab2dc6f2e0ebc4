"""OpenAI's error object."""

from typing import Final

import msgspec

__all__ = ["openai_error"]

_KINDS: Final = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    413: ("invalid_request_error", "request_too_large"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}


def openai_error(status: int, message: str) -> bytes:
    """`{"error": {"message", "type", "param", "code"}}`."""
    kind, code = _KINDS.get(status, ("invalid_request_error", None) if status < 500 else ("server_error", None))
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": None, "code": code}})
