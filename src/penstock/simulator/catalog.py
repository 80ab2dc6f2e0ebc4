"""The vendors' lists of models."""

from typing import Any, Final

import msgspec

from penstock.core.errors import NotFound
from penstock.simulator.config import SimulatorConfig
from penstock.simulator.models import SIMULATED_MODELS

__all__ = ["anthropic_list", "anthropic_one", "gemini_list", "gemini_one", "openai_list", "openai_one"]

CREATED: Final = 1_735_689_600
"""2025-01-01, for every model."""

_encode = msgspec.json.encode
Answer = tuple[str, bytes]


def _openai(model: str, owner: str) -> dict[str, Any]:
    return {"id": model, "object": "model", "created": CREATED, "owned_by": owner}


def _anthropic(model: str) -> dict[str, Any]:
    name = model.replace("-", " ").title()
    return {
        "type": "model",
        "id": model,
        "display_name": name,
        "created_at": "2025-01-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
    }


def _gemini(model: str) -> dict[str, Any]:
    embeds = "embedding" in model
    methods = ["embedContent", "batchEmbedContents"] if embeds else ["generateContent", "countTokens"]
    return {
        "name": f"models/{model}",
        "version": "001",
        "displayName": model.replace("-", " ").title(),
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": methods,
    }


def _known(model: str | None, vendors: tuple[str, ...]) -> str:
    if model is None or not any(model in SIMULATED_MODELS[vendor] for vendor in vendors):
        raise NotFound(f"The model {model!r} does not exist or you do not have access to it.")
    return model


def openai_list(_body: bytes, _model: str | None, _config: SimulatorConfig) -> Answer:
    """`GET /v1/models`: every model, as a server of many vendors lists them."""
    listed = [_openai(model, vendor) for vendor, models in SIMULATED_MODELS.items() for model in models]
    return "", _encode({"object": "list", "data": listed})


def openai_one(_body: bytes, model: str | None, _config: SimulatorConfig) -> Answer:
    name = _known(model, tuple(SIMULATED_MODELS))
    return name, _encode(_openai(name, "simulator"))


def anthropic_list(_body: bytes, _model: str | None, _config: SimulatorConfig) -> Answer:
    listed = [_anthropic(model) for model in SIMULATED_MODELS["anthropic"]]
    ends = {"first_id": listed[0]["id"], "last_id": listed[-1]["id"]}
    return "", _encode({"data": listed, "has_more": False, **ends})


def anthropic_one(_body: bytes, model: str | None, _config: SimulatorConfig) -> Answer:
    name = _known(model, ("anthropic",))
    return name, _encode(_anthropic(name))


def gemini_list(_body: bytes, _model: str | None, _config: SimulatorConfig) -> Answer:
    return "", _encode({"models": [_gemini(model) for model in SIMULATED_MODELS["gemini"]]})


def gemini_one(_body: bytes, model: str | None, _config: SimulatorConfig) -> Answer:
    name = _known(model, ("gemini",))
    return name, _encode(_gemini(name))
