"""Labelled versions, for whoever compiles them into what a gateway serves."""

import threading
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from penstock.registry.artifacts.context import Context
from penstock.registry.artifacts.store import labels, versions

__all__ = ["Labelled", "LabelledVersion", "LabelledVersions"]


class LabelledVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version that a label stands at."""

    project: str
    artifact: str
    name: str
    label: str
    version: int
    digest: str
    """Equal digests are equal bodies: what was compiled of one is good for the other."""
    body: Any


class LabelledVersions(Protocol):
    """What a snapshot's compiler asks. Blocking."""

    def __call__(self, kind: str) -> Sequence[LabelledVersion]:
        """All labelled versions of a kind in all projects, archived artifacts left out."""
        ...


class Labelled:
    """`LabelledVersions` on the store: reads anew only when something a gateway must learn of has changed.

    Bodies are kept by digest as long as a label stands at them, so that a label that moves costs one body.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._found: dict[str, tuple[int, list[LabelledVersion]]] = {}

    def __call__(self, kind: str) -> list[LabelledVersion]:
        self._context.kinds.get(kind)
        with self._lock:
            revision = self._context.metadata.revision()
            known = self._found.get(kind)
            if known is not None and known[0] == revision:
                return known[1]
            bodies = {} if known is None else {one.digest: one.body for one in known[1]}
            with self._context.metadata.read() as connection:
                rows = labels.all_labelled(connection, kind)
                bodies |= versions.bodies(connection, {row.digest for row in rows} - bodies.keys())
            found = [
                LabelledVersion(
                    project=row.project,
                    artifact=row.artifact,
                    name=row.name,
                    label=row.label,
                    version=row.number,
                    digest=row.digest,
                    body=bodies[row.digest],
                )
                for row in rows
            ]
            # The revision was read first: what changed since is read again next time.
            self._found[kind] = (revision, found)
            return found
