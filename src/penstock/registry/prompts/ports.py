"""What prompts need from the registry of artifacts."""

from typing import Any, Protocol

import msgspec

__all__ = ["PromptVersion", "PromptVersions"]


class PromptVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version as it is stored."""

    name: str
    version: int
    digest: str
    """SHA-256 of kind and body, hex."""
    body: Any


class PromptVersions(Protocol):
    """Finds versions of prompts. Blocking."""

    def find(self, project: str, name: str, selector: str) -> PromptVersion:
        """The version that a label, a number, `sha256:…` or `latest` means.

        Args:
            project: Its id.
            name: Of the prompt.
            selector: Which version.

        Raises:
            NotFound: there is no such prompt, or no such version of it.
            Conflict: the prompt is archived, or several digests begin so.
        """
        ...
