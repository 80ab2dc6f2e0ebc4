"""How hard to think, in the words each generation of Gemini understands.

The table is the one Google documents for its OpenAI-compatible endpoint
(https://ai.google.dev/gemini-api/docs/openai#thinking):

| effort asked | Gemini 2.5: `thinkingBudget` | Gemini 3 and later: `thinkingLevel` |
|---|---|---|
| none | 0; 128 for 2.5 Pro, which always thinks | the model's least |
| minimal | 1,024 | MINIMAL; LOW for Pro, which has no less |
| low | 1,024 | LOW |
| medium | 8,192 | MEDIUM |
| high, xhigh | 24,576 | HIGH |

Models before 2.5, and models that are not Gemini, do not think: nothing is sent.
"""

import re
from typing import Final

from penstock.wire.chat import ChatRequest

__all__ = ["is_signing_model", "thinking_config"]

_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
_BUDGETS: Final = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576}
_LEVELS: Final = {
    "none": "MINIMAL",
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
}
_PRO_MINIMUM: Final = 128
_MAXIMUM: Final = {True: 32_768, False: 24_576}
"""Largest `thinkingBudget` of Gemini 2.5: Pro, and the others."""


def _generation(model: str) -> tuple[int, int] | None:
    found = _VERSION.search(model.lower())
    if found is not None:
        return int(found[1]), int(found[2] or 0)
    # `gemini-flash-latest` names no version and is always the newest.
    return (3, 0) if "gemini" in model.lower() else None


def is_signing_model(model: str) -> bool:
    """True for models that demand signed function calls."""
    generation = _generation(model)
    return generation is not None and generation >= (3, 0)


def thinking_config(request: ChatRequest, model: str) -> dict[str, object] | None:
    """`thinkingConfig` for the request; None when nothing was asked or the model does not think."""
    effort, budget = request.reasoning_effort, request.reasoning_budget
    generation = _generation(model)
    if (effort is None and budget is None) or generation is None or generation < (2, 5):
        return None
    pro = "-pro" in model.lower()
    config: dict[str, object] = {}
    if generation >= (3, 0):
        level = _LEVELS[effort] if effort is not None else _level(budget or 0)
        config["thinkingLevel"] = "LOW" if pro and level == "MINIMAL" else level
    else:
        tokens = _BUDGETS[effort] if effort is not None else min(budget or 0, _MAXIMUM[pro])
        config["thinkingBudget"] = max(tokens, _PRO_MINIMUM) if pro else tokens
    if effort != "none" and budget != 0:
        config["includeThoughts"] = True
    return config


def _level(budget: int) -> str:
    """The weakest level whose budget in the table holds `budget` tokens."""
    return next((_LEVELS[name] for name, tokens in _BUDGETS.items() if budget <= tokens), "HIGH")
