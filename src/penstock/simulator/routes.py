"""Which request is for which dialect."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from penstock.simulator import catalog
from penstock.simulator.config import SimulatorConfig
from penstock.simulator.dialects import embeddings
from penstock.simulator.dialects.anthropic import AnthropicMessages
from penstock.simulator.dialects.gemini import GeminiContent
from penstock.simulator.dialects.openai_chat import OpenAIChat
from penstock.simulator.dialects.openai_responses import OpenAIResponses
from penstock.simulator.dialects.types import Dialect
from penstock.simulator.endpoints.table import Found, find_endpoint
from penstock.simulator.models import Vendor

__all__ = ["Plain", "Route", "find_route"]

Plain = Callable[[bytes, str | None, SimulatorConfig], tuple[str, bytes]]
"""Request body, model of the path, configuration → model, answer. Raises InvalidInput or NotFound."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """What a path stands for."""

    label: str
    """The path with its variable parts named."""
    dialect: Dialect
    """Answers, or at least gives its error object."""
    plain: Plain | None = None
    """Answers what is no chat."""
    model: str | None = None
    """The model that the path names."""
    stream: bool | None = None
    """Whether it streams, where the path says so."""
    other: Found | None = None
    """Answers what is neither a chat nor always JSON."""


_CHAT, _AZURE, _RESPONSES = OpenAIChat(), OpenAIChat(azure=True), OpenAIResponses()
_MESSAGES, _COUNT, _GEMINI = AnthropicMessages(), AnthropicMessages(counting=True), GeminiContent()

_FIXED: Final[Mapping[tuple[str, str], Route]] = {
    ("POST", "/v1/chat/completions"): Route(label="/v1/chat/completions", dialect=_CHAT),
    ("POST", "/v1/responses"): Route(label="/v1/responses", dialect=_RESPONSES),
    ("POST", "/v1/embeddings"): Route(label="/v1/embeddings", dialect=_CHAT, plain=embeddings.openai),
    ("GET", "/v1/models"): Route(label="/v1/models", dialect=_CHAT, plain=catalog.openai_list),
    ("POST", "/v1/messages"): Route(label="/v1/messages", dialect=_MESSAGES),
    ("POST", "/v1/messages/count_tokens"): Route(label="/v1/messages/count_tokens", dialect=_COUNT),
    ("GET", "/v1beta/models"): Route(label="/v1beta/models", dialect=_GEMINI, plain=catalog.gemini_list),
}
_MODELS: Final[Mapping[Vendor, Route]] = {
    "openai": Route(label="/v1/models", dialect=_CHAT, plain=catalog.openai_list),
    "anthropic": Route(label="/v1/models", dialect=_MESSAGES, plain=catalog.anthropic_list),
    "gemini": Route(label="/v1/models", dialect=_GEMINI, plain=catalog.gemini_list),
}
_ONE: Final[Mapping[Vendor, tuple[Dialect, Plain]]] = {
    "openai": (_CHAT, catalog.openai_one),
    "anthropic": (_MESSAGES, catalog.anthropic_one),
    "gemini": (_GEMINI, catalog.gemini_one),
}
_GEMINI_CALL: Final = re.compile(r"/v1(?:beta|alpha)?/(?:models|tunedModels)/([^/:]+):(\w+)")
_GEMINI_MODEL: Final = re.compile(r"/v1beta/models/([^/:]+)")
_AZURE_CALL: Final = re.compile(r"/openai/deployments/([^/]+)/(chat/completions|embeddings)")
_MODEL: Final = re.compile(r"/v1/models/([^:]+)")
_GEMINI_PLAIN: Final[Mapping[str, Plain]] = {
    "countTokens": GeminiContent.count,
    "embedContent": embeddings.gemini_one,
    "batchEmbedContents": embeddings.gemini_batch,
}


def find_route(method: str, path: str, *, caller: Vendor | None) -> Route | None:
    """The route of a path, or None.

    Args:
        method: HTTP method.
        path: Without its query. `/anthropic` and `/openai` (Azure's newer form) may stand before `/v1`.
        caller: Whose headers the request carries; decides about the paths that vendors share.
    """
    found = _FIXED.get((method, path))
    if found is not None:
        return _MODELS[caller] if path == "/v1/models" and caller else found
    if path.startswith("/anthropic/"):
        return find_route(method, path[len("/anthropic") :], caller="anthropic")
    if path.startswith("/openai/v1/"):
        return find_route(method, path[len("/openai") :], caller="openai")
    if other := find_endpoint(method, path):
        return Route(label=other.label, dialect=_CHAT, model=other.model, other=other)
    if method == "GET":
        return _get(path, caller)
    return _post(path) if method == "POST" else None


def _get(path: str, caller: Vendor | None) -> Route | None:
    if found := _GEMINI_MODEL.fullmatch(path):
        return Route(label="/v1beta/models/{model}", dialect=_GEMINI, plain=catalog.gemini_one, model=found[1])
    if found := _MODEL.fullmatch(path):
        dialect, plain = _ONE[caller or "openai"]
        return Route(label="/v1/models/{model}", dialect=dialect, plain=plain, model=found[1])
    return None


def _post(path: str) -> Route | None:
    if found := _AZURE_CALL.fullmatch(path):
        label = f"/openai/deployments/{{model}}/{found[2]}"
        if found[2] == "embeddings":
            return Route(label=label, dialect=_CHAT, plain=embeddings.openai, model=found[1])
        return Route(label=label, dialect=_AZURE, model=found[1])
    if found := _GEMINI_CALL.fullmatch(path):
        label = f"/v1beta/models/{{model}}:{found[2]}"
        if found[2] in ("generateContent", "streamGenerateContent"):
            return Route(label=label, dialect=_GEMINI, model=found[1], stream=found[2].startswith("stream"))
        plain = _GEMINI_PLAIN.get(found[2])
        return Route(label=label, dialect=_GEMINI, plain=plain, model=found[1]) if plain else None
    return None
