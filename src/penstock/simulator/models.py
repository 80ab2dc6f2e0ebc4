"""The models that the simulator lists: names of real ones, so that prices are known."""

from types import MappingProxyType
from typing import Final, Literal

__all__ = ["SIMULATED_MODELS", "Vendor", "is_reasoning_model"]

Vendor = Literal["openai", "anthropic", "gemini"]

SIMULATED_MODELS: Final = MappingProxyType(
    {
        "openai": ("gpt-4o-mini", "gpt-4o", "gpt-5-mini", "o4-mini", "text-embedding-3-small"),
        "anthropic": ("claude-sonnet-4-6", "claude-haiku-4-5", "claude-sonnet-4-5"),
        "gemini": ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-embedding-001"),
    }
)
"""Model names by vendor, in the vendor's own spelling."""


def is_reasoning_model(model: str) -> bool:
    """True for the model families that think without being asked."""
    return model.startswith(("o1", "o3", "o4", "gpt-5", "gpt-6", "gemini-2.5-pro"))
