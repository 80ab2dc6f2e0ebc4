"""Prompts as they lie in the registry of artifacts."""

from penstock.registry.artifacts.context import find_artifact
from penstock.registry.artifacts.resolve import find_version
from penstock.registry.artifacts.store.versions import bodies
from penstock.registry.artifacts.types import Ref
from penstock.registry.prompts.ports import PromptVersion
from penstock.store.metadata import Metadata

__all__ = ["StoredPrompts"]


class StoredPrompts:
    """`PromptVersions` on the metadata store."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    def find(self, project: str, name: str, selector: str) -> PromptVersion:
        """See `PromptVersions.find`."""
        with self._metadata.read() as connection:
            artifact = find_artifact(connection, Ref(project, "prompt", name), active=True)
            row = find_version(connection, artifact, selector)
            body = bodies(connection, [row.digest])[row.digest]
        return PromptVersion(name=artifact.name, version=row.number, digest=row.digest, body=body)
