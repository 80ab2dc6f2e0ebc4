"""The simulator as providers: what serves when no other is configured."""

from penstock.simulator.models import SIMULATED_MODELS
from penstock.wire.snapshot import ProviderEntry

__all__ = ["SIMULATOR_NAMES", "simulator_providers"]

SIMULATOR_NAMES = frozenset({"sim", "sim-anthropic", "sim-gemini"})


def simulator_providers(base_url: str) -> dict[str, ProviderEntry]:
    """One provider per dialect of a simulator at `base_url` (without a path), priced as the real vendors."""
    root = base_url.rstrip("/")
    entries = (
        ProviderEntry(
            name="sim",
            kind="openai",
            base_url=f"{root}/v1",
            models=SIMULATED_MODELS["openai"],
            price_as="openai",
        ),
        ProviderEntry(
            name="sim-anthropic",
            kind="anthropic",
            base_url=f"{root}/anthropic/v1",
            models=SIMULATED_MODELS["anthropic"],
            price_as="anthropic",
        ),
        ProviderEntry(
            name="sim-gemini",
            kind="gemini",
            base_url=f"{root}/v1beta",
            models=SIMULATED_MODELS["gemini"],
            price_as="google",
        ),
    )
    return {entry.name: entry for entry in entries}
