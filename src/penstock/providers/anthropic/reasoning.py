"""How hard to think, in the words each generation of Claude understands.

Three generations, told apart by the model's name
(https://platform.claude.com/docs/en/build-with-claude/thinking, …/effort):

* Up to Claude 4.5 (and for models that are not Claude behind a compatible server): a token budget,
  `thinking: {type: enabled, budget_tokens}`. Off unless asked for.
* From Claude 4.6 on: `thinking: {type: adaptive}` with `output_config.effort`. Off unless asked for up
  to 4.8; on by default from Claude 5, which can be told `disabled`.
* Fable, Mythos and the 5.5 models think always; `effort: low` is the least that can be asked.

| effort asked | budget (tokens) | `output_config.effort` |
|---|---|---|
| minimal | 1,024 | low |
| low | 2,048 | low |
| medium | 8,192 | medium |
| high | 16,384 | high |
| xhigh | 32,768 | xhigh, where the model has it (4.7 and later), else high |
"""

import re
from typing import Final, Literal

from penstock.wire.chat import ChatRequest, Reasoning

__all__ = ["BUDGETS", "MIN_BUDGET", "reasoning_members", "thinking_budget"]

MIN_BUDGET: Final = 1024
"""Fewest thinking tokens the API accepts; the budget must also stay below `max_tokens`."""
BUDGETS: Final = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768}

Effort = Literal["low", "medium", "high", "xhigh"]
_EFFORTS: Final[dict[str, Effort]] = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
}
# `claude-opus-4-6`, `claude-sonnet-4.5@…`, `us.anthropic.claude-opus-5-v1:0`; a date is not a minor version.
_FAMILY_FIRST = re.compile(r"claude-(?P<family>[a-z]+)-(?P<major>\d{1,2})(?!\d)(?:[.-](?P<minor>\d{1,2})(?!\d))?")
_VERSION_FIRST = re.compile(r"claude-(?:instant|\d)")


def _generation(model: str) -> tuple[int, int] | None:
    """Major and minor version of a Claude model; None when the name is no Claude's or tells none."""
    name = model.lower()
    if _VERSION_FIRST.search(name):
        return (3, 0)
    found = _FAMILY_FIRST.search(name)
    if found is not None:
        return int(found["major"]), int(found["minor"] or 0)
    # `claude-mythos-preview` and whatever comes next; compatible servers are not named Claude.
    return (5, 5) if "claude" in name else None


def _always_thinks(model: str, generation: tuple[int, int]) -> bool:
    return generation >= (5, 5) or "fable" in model.lower() or "mythos" in model.lower()


def _budget_effort(budget: int) -> str:
    """The weakest effort whose budget holds `budget` tokens."""
    return next((name for name, tokens in BUDGETS.items() if budget <= tokens), "xhigh")


def thinking_budget(request: ChatRequest) -> int:
    """Tokens of thinking that the request asks of a model that takes budgets; 0 for none, or for other models."""
    generation = _generation(request.model)
    if generation is not None and generation >= (4, 6):
        return 0
    if request.reasoning_budget is not None:
        return request.reasoning_budget
    return BUDGETS.get(request.reasoning_effort or "none", 0)


def reasoning_members(request: ChatRequest, max_tokens: int) -> dict[str, object]:
    """`thinking` and `output_config` members for the request; empty when nothing was asked or nothing fits.

    Thinking is left out where the API would refuse it: with a forced tool call and, for a budget, in the
    middle of a tool loop whose reasoning the caller did not send back signed. A budget made from an effort
    takes at most half of `max_tokens`, which the caller set for the whole answer; one that the caller
    named stays, below `max_tokens`.
    """
    effort, budget = request.reasoning_effort, request.reasoning_budget
    if effort is None and budget is None:
        return {}
    generation = _generation(request.model)
    if generation is not None and generation >= (4, 6):
        members = _adaptive(request.model, generation, effort if effort is not None else _budget_effort(budget or 0))
        if _forces_a_tool(request):
            members.pop("thinking", None)
        return members
    tokens = min(thinking_budget(request), max_tokens // 2 if budget is None else max_tokens - 1)
    if tokens < MIN_BUDGET or _forces_a_tool(request) or _in_unsigned_tool_loop(request):
        return {}
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


def _adaptive(model: str, generation: tuple[int, int], effort: str) -> dict[str, object]:
    if effort == "none":
        if _always_thinks(model, generation):
            return {"output_config": {"effort": "low"}}
        return {"thinking": {"type": "disabled"}} if generation >= (5, 0) else {}
    level = _EFFORTS[effort]
    if level == "xhigh" and generation < (4, 7):
        level = "high"
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": level}}


def _forces_a_tool(request: ChatRequest) -> bool:
    return request.tool_choice is not None and request.tool_choice.mode in ("required", "tool")


def _in_unsigned_tool_loop(request: ChatRequest) -> bool:
    """True when the last turn answers tool calls that came without signed reasoning."""
    messages = request.messages
    if not messages or messages[-1].role != "tool":
        return False
    calls = next((message for message in reversed(messages) if message.role == "assistant"), None)
    if calls is None:
        return False
    return not any(isinstance(part, Reasoning) and (part.redacted or part.signature) for part in calls.parts)
