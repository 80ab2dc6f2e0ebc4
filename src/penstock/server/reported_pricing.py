"""What model calls cost that applications report, by the names that their conventions have for providers."""

import functools
from collections.abc import Callable

from penstock.finops.pricing import Pricer
from penstock.wire.snapshot import ProviderEntry, Snapshot
from penstock.wire.usage import Usage

__all__ = ["ReportedPricing"]

PROVIDERS = 256
"""Names of providers that are remembered; senders choose them, at most 500 characters each."""
PRICE_LISTS = {
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "aws.bedrock": "aws",
    "bedrock": "aws",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "vertex_ai": "google",
    "vertexai": "google",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "together_ai": "together",
    "voyage": "voyageai",
    "x_ai": "x-ai",
    "xai": "x-ai",
}
"""Names of providers in OpenTelemetry's and OpenInference's conventions that are not the price list's own."""


class ReportedPricing:
    """What model calls cost that applications report themselves, the provider by OpenTelemetry's name for it.

    By the overrides of the configuration, then by list prices. Any thread may ask.

    The list is loaded when it is first needed, which takes about half a second.

    Args:
        snapshot: What is published now.
    """

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self._version = -1
        self._pricer = Pricer()

    def __call__(self, provider: str, model: str, usage: Usage, at: int) -> tuple[int | None, str | None]:
        """Nano-dollars and the list that priced it; None when either name is not known to it."""
        snapshot = self._snapshot()
        if snapshot.version != self._version:
            self._pricer, self._version = Pricer(snapshot.prices), snapshot.version
        entry = snapshot.providers.get(provider) or _listed(provider)
        price = self._pricer.price(entry, model, usage, at)
        return price.cost, price.version


@functools.lru_cache(PROVIDERS)
def _listed(provider: str) -> ProviderEntry:
    """A provider that the configuration does not name, as the price list does."""
    # Some emitters write the vendor's name with its API: `openai.responses`.
    name = provider.lower()
    known = PRICE_LISTS.get(name) or PRICE_LISTS.get(name.partition(".")[0]) or name.partition(".")[0]
    return ProviderEntry(name=provider or "unknown", kind="openai", base_url="", price_as=known)
