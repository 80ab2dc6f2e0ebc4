"""Which version a text means."""

import re
from typing import Final

from sqlalchemy import Connection

from penstock.core.errors import Conflict, NotFound
from penstock.registry.artifacts.store import labels
from penstock.registry.artifacts.store import versions as store
from penstock.registry.artifacts.store.artifacts import ArtifactRecord
from penstock.registry.artifacts.store.versions import VersionRecord
from penstock.registry.artifacts.types import LATEST

__all__ = ["find_version"]

DIGEST: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})|sha256:([0-9a-f]{8,63})")


def find_version(connection: Connection, artifact: ArtifactRecord, version: str) -> VersionRecord:
    """The version that a number, `sha256:…`, label, `latest` or `branch:…` means.

    Raises:
        NotFound: `version_not_found`.
        Conflict: `digest_ambiguous`: several begin so.
    """
    number: int | None = None
    digest = DIGEST.fullmatch(version)
    if version.isascii() and version.isdigit() and len(version) < 19:
        number = int(version)
    elif digest is not None:
        found = store.by_digest(connection, artifact.id, digest[1] or digest[2])
        if len(found) > 1:
            raise Conflict(f"Several versions begin with {version}.", hint="Write more of it.", code="digest_ambiguous")
        number = found[0].number if found else None
    elif version.startswith("branch:"):
        branch = store.branch(connection, artifact.id, version.removeprefix("branch:"))
        number = None if branch is None else branch.head
    elif version == LATEST:
        number = artifact.head
    else:
        label = labels.find(connection, artifact.id, version)
        number = None if label is None else label.number
    row = None if number is None else store.by_number(connection, artifact.id, number)
    if row is None:
        raise NotFound(
            f"The {artifact.kind} {artifact.name} has no version {version[:80]}.",
            hint="A version is a number, sha256:…, a label, latest, or branch:NAME.",
            code="version_not_found",
        )
    return row
