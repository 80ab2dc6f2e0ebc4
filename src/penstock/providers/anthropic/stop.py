"""Why an answer ended, in Anthropic's words and in the neutral ones."""

from typing import Final

from penstock.wire.chat import FinishReason

__all__ = ["finish_reason", "stop_reason"]

_TO_NEUTRAL: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    # A server tool's pause: the vendor handed the turn back, the text so far is whole.
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_TO_ANTHROPIC: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    # Anthropic has no word for it; this one at least says that the answer is incomplete.
    "error": "max_tokens",
}


def finish_reason(reason: str | None) -> FinishReason:
    """The neutral reason; a word this version does not know is an ordinary stop."""
    return _TO_NEUTRAL.get(reason or "end_turn", "stop")


def stop_reason(reason: FinishReason | None, *, stop_sequence: str | None = None, refused: bool = False) -> str:
    """Anthropic's reason. `refused`: the answer holds a refusal, which Anthropic tells here and not in the content."""
    if reason in (None, "stop"):
        if refused:
            return "refusal"
        return "end_turn" if stop_sequence is None else "stop_sequence"
    return _TO_ANTHROPIC[reason]
