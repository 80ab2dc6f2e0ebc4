"""The kinds of artifacts of this installation. Light: the command line reads and writes files with them."""

from penstock.evals.datasets.kind import DatasetKind
from penstock.registry.artifacts.kinds import ArtifactKind
from penstock.registry.prompts.kind import PromptKind

__all__ = ["artifact_kinds"]


def artifact_kinds() -> list[ArtifactKind]:
    """Those that have more to check than the default ones of `penstock.registry.artifacts.kinds`."""
    return [PromptKind(), DatasetKind()]
