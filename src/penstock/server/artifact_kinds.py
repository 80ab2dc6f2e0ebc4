"""The kinds of artifacts of this installation. Light: the command line reads and writes files with them."""

from penstock.registry.artifacts.kinds import ArtifactKind

__all__ = ["artifact_kinds"]


def artifact_kinds() -> list[ArtifactKind]:
    """Those that have more to check than the default ones of `penstock.registry.artifacts.kinds`."""
    return []
