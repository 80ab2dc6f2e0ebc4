"""The nouns of the artifact registry, as its callers and the control API see them.

Times are microseconds since the epoch, UTC.
"""

from typing import Any, Final, Literal

import msgspec

__all__ = [
    "LATEST",
    "MAIN",
    "Artifact",
    "ArtifactRow",
    "Branch",
    "Changed",
    "Comment",
    "Comparison",
    "Draft",
    "Edge",
    "Event",
    "EventType",
    "Graph",
    "Label",
    "LabelMove",
    "Listing",
    "Merge",
    "MoveAction",
    "NewArtifact",
    "Node",
    "Protection",
    "Ref",
    "Relation",
    "Saved",
    "Use",
    "Version",
    "VersionRow",
]

MAIN: Final = "main"
"""The branch that every artifact begins with."""
LATEST: Final = "latest"
"""A label that is never moved: always the head of `main`."""

MoveAction = Literal["move", "rollback", "remove"]
Relation = Literal["derived_from", "uses", "produced_by", "evaluated_on", "calibrated_on"]
EventType = Literal[
    "artifact.created",
    "artifact.changed",
    "artifact.archived",
    "artifact.unarchived",
    "version.created",
    "branch.created",
    "label.moved",
    "label.removed",
    "labels.protected",
    "comment.created",
]


class Ref(msgspec.Struct, frozen=True):
    """Which artifact is meant."""

    project: str
    """Id."""
    kind: str
    name: str
    """Its name or id."""


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A name that stands at a version and can be moved."""

    name: str
    version: int
    moved: int
    moved_by: str
    protected: bool


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    head: int
    """Number of its newest version."""
    digest: str
    """Of that version: what a save names as `expected`."""
    created: int
    created_by: str


class ArtifactRow(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact in a list."""

    id: str
    kind: str
    name: str
    description: str
    tags: list[str]
    head: int | None
    """Number of the newest version of `main`; null before the first."""
    digest: str | None
    """Of the head."""
    versions: int
    """How many there are, on all branches."""
    labels: list[Label]
    archived: int | None
    created: int
    created_by: str
    updated: int
    updated_by: str


class Artifact(ArtifactRow, frozen=True, kw_only=True):
    """One artifact with its branches."""

    branches: list[Branch]


class VersionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version without its body."""

    number: int
    digest: str
    """SHA-256 of kind and body, hex: the same for the same content."""
    branch: str
    parent: int | None
    """The version it was made from."""
    merged: int | None
    """Of a merge: the head of the branch that was merged."""
    message: str
    created: int
    created_by: str
    labels: list[str]
    """Labels that stand at it now, `latest` among them."""


class Version(VersionRow, frozen=True, kw_only=True):
    """One immutable version."""

    kind: str
    name: str
    """The artifact's."""
    artifact: str
    """The artifact's id."""
    body: Any


class Saved(Version, frozen=True, kw_only=True):
    """What came of saving."""

    outcome: Literal["created", "unchanged"]
    """`unchanged`: the head of the branch has this content already, and is what is answered."""


class Use(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a version was made from or used: another version, or something that lies elsewhere."""

    relation: Relation = "uses"
    kind: str | None = None
    name: str | None = None
    """Of an artifact in the same project."""
    version: str = LATEST
    """Number, `sha256:…`, label or `branch:…` of it."""
    external: str | None = None
    """Instead: a reference like `trace:0af7651916cd43dd8448eb211c80319c`."""


class NewArtifact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    """1 to 128 of a-z, 0-9, dots, dashes and underscores; slashes make folders."""
    description: str = ""
    tags: list[str] = []


class Changed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of an artifact; null leaves it."""

    description: str | None = None
    tags: list[str] | None = None


class Draft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to become a version."""

    body: Any
    branch: str = MAIN
    message: str = ""
    expected: str | None = None
    """Digest that the branch's head must have; an empty text: there is no version yet. Null does not ask."""
    uses: list[Use] = []


class Merge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A merge of a branch into `main`."""

    body: Any = None
    """What it is resolved to; null takes the branch's head as it is."""
    expected: str | None = None
    """Digest that the head of `main` must have."""
    message: str = ""


class LabelMove(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a label."""

    id: str
    label: str
    action: MoveAction
    before: int | None
    """Version it stood at; null: nowhere."""
    after: int | None
    at: int
    actor_kind: str
    """`key`, `user` or `system`."""
    actor: str
    reason: str


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """Labels of a kind that only those move who may promote."""

    kind: str
    labels: list[str]


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    version: int | None
    """Null: it is about the artifact."""
    at: int
    actor_kind: str
    actor: str
    text: str


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A version, or something elsewhere, in a graph of lineage."""

    id: str
    """`<artifact id>@<number>`, or the external reference."""
    kind: str | None
    name: str | None
    version: int | None
    external: str | None = None


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """One node was made from, or used, another one."""

    from_: str = msgspec.field(name="from")
    to: str
    relation: Relation
    at: int
    by: str


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Lineage around a version. What the caller may not read is left out."""

    nodes: list[Node]
    edges: list[Edge]
    complete: bool
    """False: there is more beyond the depth or number asked for."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two versions."""

    kind: str
    name: str
    before: VersionRow
    after: VersionRow
    differences: list[dict[str, Any]]
    """In the form of the kind; see `penstock.registry.artifacts.diff`."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Which artifacts are asked for."""

    q: str = ""
    """Words that all occur in the name, the description or the text of the head."""
    folder: str | None = None
    tag: str | None = None
    label: str | None = None
    archived: bool = False
    """True: only those that are archived."""
    sort: Literal["name", "updated"] = "name"
    cursor: str | None = None
    limit: int = 50


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to an artifact: what a webhook is sent as JSON."""

    id: str
    """The same in each try to deliver it."""
    type: EventType
    at: int
    project: str
    """Its id."""
    data: dict[str, Any]
    """`kind`, `name` and `artifact` (its id), and what belongs to the type: `version`, `digest`, `label`, …"""
