"""Vendors that need no more than a key: their dialect, address, price list and environment variable."""

from dataclasses import dataclass
from typing import Literal

from penstock.wire.snapshot import ProviderKind

__all__ = ["AZURE_API_VERSION", "DEFAULT_BASE_URLS", "VENDORS", "Vendor"]

DEFAULT_BASE_URLS: dict[ProviderKind, str] = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
}
"""Where a provider of a kind is when its `base_url` is left out."""

AZURE_API_VERSION = "2024-10-21"
"""Azure OpenAI's newest stable `api-version` of the deployment paths."""


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """A provider known by its name."""

    name: str
    kind: ProviderKind
    base_url: str
    variables: tuple[str, ...]
    """Environment variables that hold its key; the first that is set is used."""
    price_as: str
    responses: Literal["native", "convert"] = "convert"
    serves: tuple[str, ...] = ("*",)
    """Which models of the price list its API serves: Google's list, for one, has the models of Vertex too."""


VENDORS: dict[str, Vendor] = {
    vendor.name: vendor
    for vendor in (
        Vendor(
            name="openai",
            kind="openai",
            base_url=DEFAULT_BASE_URLS["openai"],
            variables=("OPENAI_API_KEY",),
            price_as="openai",
            responses="native",
        ),
        Vendor(
            name="anthropic",
            kind="anthropic",
            base_url=DEFAULT_BASE_URLS["anthropic"],
            variables=("ANTHROPIC_API_KEY",),
            price_as="anthropic",
        ),
        Vendor(
            name="gemini",
            kind="gemini",
            base_url=DEFAULT_BASE_URLS["gemini"],
            variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            price_as="google",
            serves=("gemini-*", "gemma-*", "text-embedding-*"),
        ),
        Vendor(
            name="mistral",
            kind="openai",
            base_url="https://api.mistral.ai/v1",
            variables=("MISTRAL_API_KEY",),
            price_as="mistral",
        ),
        Vendor(
            name="groq",
            kind="openai",
            base_url="https://api.groq.com/openai/v1",
            variables=("GROQ_API_KEY",),
            price_as="groq",
        ),
        Vendor(
            name="openrouter",
            kind="openai",
            base_url="https://openrouter.ai/api/v1",
            variables=("OPENROUTER_API_KEY",),
            price_as="openrouter",
        ),
        Vendor(
            name="deepseek",
            kind="openai",
            base_url="https://api.deepseek.com/v1",
            variables=("DEEPSEEK_API_KEY",),
            price_as="deepseek",
        ),
        Vendor(
            name="xai",
            kind="openai",
            base_url="https://api.x.ai/v1",
            variables=("XAI_API_KEY",),
            price_as="x-ai",
            responses="native",
        ),
        Vendor(
            name="together",
            kind="openai",
            base_url="https://api.together.xyz/v1",
            variables=("TOGETHER_API_KEY",),
            price_as="together",
        ),
        Vendor(
            name="fireworks",
            kind="openai",
            base_url="https://api.fireworks.ai/inference/v1",
            variables=("FIREWORKS_API_KEY",),
            price_as="fireworks",
        ),
        Vendor(
            name="cerebras",
            kind="openai",
            base_url="https://api.cerebras.ai/v1",
            variables=("CEREBRAS_API_KEY",),
            price_as="cerebras",
        ),
        Vendor(
            name="perplexity",
            kind="openai",
            base_url="https://api.perplexity.ai",
            variables=("PERPLEXITY_API_KEY",),
            price_as="perplexity",
        ),
    )
}
"""By name: what a provider of that name is when the file does not say, and what the environment may bring."""
