"""Control API of artifacts: prompts, models, datasets, evaluators, whatever kind is registered.

The app provides the dependencies: `principal` and `project` (id, from its guard), and `artifacts`. In an address the
slashes of a name are written as colons. `{kind}` in a permission is the one in the address.
"""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Router, delete, get, patch, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter, QueryParameter

from penstock.identity.types import Principal
from penstock.registry.artifacts.service import ArtifactService
from penstock.registry.artifacts.types import (
    LATEST,
    Artifact,
    ArtifactRow,
    Branch,
    Changed,
    Comment,
    Comparison,
    Draft,
    Graph,
    Label,
    LabelMove,
    Listing,
    Merge,
    NewArtifact,
    Protection,
    Ref,
    Saved,
    Use,
    Version,
    VersionRow,
)
from penstock.registry.artifacts.webhook_routes import WebhookDeliveriesController, WebhooksController

__all__ = ["artifacts_router"]

MAX_REQUEST = 12 * 1024 * 1024
"""Bytes of a request that holds a body: more than a body may have, so that the answer says how much that is."""

Artifacts = NamedDependency[ArtifactService]
Caller = NamedDependency[Principal]
ProjectId = NamedDependency[str]
Which = NamedDependency[Ref]
Kind = Annotated[str, PathParameter(description="`prompt`, `model`, `dataset` or `evaluator`.")]
LabelName = Annotated[str, PathParameter(description="Name of the label.")]
BranchName = Annotated[str, PathParameter(description="Name of the branch.")]
VersionText = Annotated[
    str, PathParameter(description="A number, `sha256:…`, a label, `latest`, or `branch:…` for a branch's head.")
]
OfVersion = Annotated[
    str, QueryParameter(name="version", description="A number, `sha256:…`, a label, `latest`, or `branch:…`.")
]
Cursor = Annotated[str | None, QueryParameter(name="cursor", description="The `next_cursor` of the page before.")]
Number = Annotated[int | None, QueryParameter(name="cursor", description="The `next_cursor` of the page before.")]
Limit = Annotated[int, QueryParameter(name="limit", description="Entries on one page, 1 to 200.")]


def provide_ref(
    project: ProjectId,
    kind: Kind,
    name: Annotated[str, PathParameter(description="Id, or name with colons for its slashes.")],
) -> Ref:
    """Dependency `ref`: which artifact is meant."""
    return Ref(project, kind, name)


def provide_listing(
    *,
    q: Annotated[
        str, QueryParameter(name="q", description="Words that all occur in name, description or text of the head.")
    ] = "",
    folder: Annotated[str | None, QueryParameter(name="folder", description="Only names below it.")] = None,
    tag: Annotated[str | None, QueryParameter(name="tag", description="Only those with this tag.")] = None,
    label: Annotated[str | None, QueryParameter(name="label", description="Only those with this label.")] = None,
    archived: Annotated[
        bool, QueryParameter(name="archived", description="Those that are archived, instead of the others.")
    ] = False,
    sort: Annotated[
        Literal["name", "updated"], QueryParameter(name="sort", description="By name, or what was changed last first.")
    ] = "name",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Listing:
    """Dependency `listing`: which artifacts are asked for."""
    return Listing(q=q, folder=folder, tag=tag, label=label, archived=archived, sort=sort, cursor=cursor, limit=limit)


class ArtifactPage(msgspec.Struct, frozen=True, kw_only=True):
    """Artifacts of one kind in a project."""

    items: list[ArtifactRow]
    next_cursor: str | None


class ArtifactVersionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Versions without their bodies, newest first."""

    items: list[VersionRow]
    next_cursor: str | None


class ArtifactBranchPage(msgspec.Struct, frozen=True, kw_only=True):
    """Branches by name."""

    items: list[Branch]
    next_cursor: str | None


class LabelMovePage(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of labels, newest first."""

    items: list[LabelMove]
    next_cursor: str | None


class CommentPage(msgspec.Struct, frozen=True, kw_only=True):
    """Comments, newest first."""

    items: list[Comment]
    next_cursor: str | None


class NewBranch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    version: str = LATEST
    """What its head is to be: a number, `sha256:…`, a label, `latest` or `branch:…`."""


class MoveLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: str
    """Where to: a number, `sha256:…`, another label, `latest` or `branch:…`."""
    reason: str = ""
    """For the history."""
    expected: int | None = None
    """Number of the version that it must stand at now; 0: nowhere. Null does not ask."""


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: str = ""
    """For the history."""


class Proposed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    body: Any
    version: str = LATEST
    """What it is compared with."""


class NewComment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: str
    version: str | None = None
    """The version that it is about; null: the artifact."""


class NewUses(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    uses: list[Use]
    version: str = LATEST
    """The version that was made from them, or used them."""


class Added(msgspec.Struct, frozen=True, kw_only=True):
    added: int
    """Those that were known already are not counted."""


class NewProtection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    labels: list[str]


class ArtifactsController(Controller):
    path = "/artifacts"
    tags = ("artifacts",)

    @get(
        "/{kind:str}",
        operation_id="listArtifacts",
        opt={"permission": "{kind}s:read"},
        dependencies={"listing": Provide(provide_listing, sync_to_thread=False)},
        sync_to_thread=True,
    )
    def list_artifacts(
        self, artifacts: Artifacts, project: ProjectId, kind: Kind, listing: NamedDependency[Listing]
    ) -> ArtifactPage:
        """List or search artifacts, each with its labels and the number of its head."""
        items, cursor = artifacts.catalog.listed(project, kind, listing)
        return ArtifactPage(items=items, next_cursor=cursor)

    @post("/{kind:str}", operation_id="createArtifact", opt={"permission": "{kind}s:write"}, sync_to_thread=True)
    def create_artifact(
        self, artifacts: Artifacts, principal: Caller, project: ProjectId, kind: Kind, data: JSONBody[NewArtifact]
    ) -> Artifact:
        """Make an artifact without a version. Saving with `create` makes one too."""
        return artifacts.catalog.create(principal, project, kind, data)

    @get("/{kind:str}/{name:str}", operation_id="getArtifact", opt={"permission": "{kind}s:read"}, sync_to_thread=True)
    def get_artifact(self, artifacts: Artifacts, ref: Which) -> Artifact:
        return artifacts.catalog.get(ref)

    @patch(
        "/{kind:str}/{name:str}",
        operation_id="changeArtifact",
        opt={"permission": "{kind}s:write"},
        sync_to_thread=True,
    )
    def change_artifact(self, artifacts: Artifacts, principal: Caller, ref: Which, data: JSONBody[Changed]) -> Artifact:
        """Describe or tag it anew."""
        return artifacts.catalog.change(principal, ref, data)

    @post(
        "/{kind:str}/{name:str}/archive",
        operation_id="archiveArtifact",
        opt={"permission": "{kind}s:write"},
        status_code=200,
        sync_to_thread=True,
    )
    def archive_artifact(self, artifacts: Artifacts, principal: Caller, ref: Which) -> Artifact:
        """Take it out of use. Versions and labels stay; gateways are not given it any longer.

        One with a protected label needs the permission to promote as well.
        """
        return artifacts.catalog.archive(principal, ref, archived=True)

    @post(
        "/{kind:str}/{name:str}/unarchive",
        operation_id="unarchiveArtifact",
        opt={"permission": "{kind}s:write"},
        status_code=200,
        sync_to_thread=True,
    )
    def unarchive_artifact(self, artifacts: Artifacts, principal: Caller, ref: Which) -> Artifact:
        """Take it back into use, as `archive` says."""
        return artifacts.catalog.archive(principal, ref, archived=False)


class VersionsController(Controller):
    path = "/artifacts/{kind:str}/{name:str}"
    tags = ("artifacts",)

    @get("/versions", operation_id="listArtifactVersions", opt={"permission": "{kind}s:read"}, sync_to_thread=True)
    def list_versions(
        self,
        artifacts: Artifacts,
        ref: Which,
        *,
        branch: Annotated[str | None, QueryParameter(name="branch", description="Only those of this branch.")] = None,
        cursor: Number = None,
        limit: Limit = 50,
    ) -> ArtifactVersionPage:
        found = artifacts.versions.listed(ref, branch=branch, before=cursor, limit=limit)
        more = len(found) == limit and found[-1].number > 1
        return ArtifactVersionPage(items=found, next_cursor=str(found[-1].number) if more else None)

    @post(
        "/versions",
        operation_id="saveArtifactVersion",
        opt={"permission": "{kind}s:write"},
        status_code=200,
        request_max_body_size=MAX_REQUEST,
        sync_to_thread=True,
    )
    def save_version(
        self,
        artifacts: Artifacts,
        principal: Caller,
        ref: Which,
        data: JSONBody[Draft],
        *,
        create: Annotated[
            bool, QueryParameter(name="create", description="Make the artifact when there is none of this name.")
        ] = False,
    ) -> Saved:
        """Save a body as the next version of a branch. What its head already is stays that version."""
        return artifacts.versions.save(principal, ref, data, create=create)

    @get(
        "/versions/{version:str}",
        operation_id="getArtifactVersion",
        opt={"permission": "{kind}s:read"},
        sync_to_thread=True,
    )
    def get_version(self, artifacts: Artifacts, ref: Which, version: VersionText) -> Version:
        """One version with its body."""
        return artifacts.versions.get(ref, version)

    @get("/diff", operation_id="diffArtifact", opt={"permission": "{kind}s:read"}, sync_to_thread=True)
    def diff_versions(
        self,
        artifacts: Artifacts,
        ref: Which,
        *,
        from_: Annotated[
            str | None,
            QueryParameter(
                name="from",
                description="A number, `sha256:…`, a label, `latest`, or `branch:…`; without it, where `to` came from.",
            ),
        ] = None,
        to: Annotated[str, QueryParameter(name="to", description="As `from`.")] = LATEST,
    ) -> Comparison:
        """What differs between two versions, in the form of the kind."""
        return artifacts.versions.diff(ref, before=from_, after=to)

    @post(
        "/diff",
        operation_id="proposeArtifactVersion",
        opt={"permission": "{kind}s:read"},
        status_code=200,
        request_max_body_size=MAX_REQUEST,
        sync_to_thread=True,
    )
    def propose_version(self, artifacts: Artifacts, ref: Which, data: JSONBody[Proposed]) -> Comparison:
        """What saving this body would change. Stores nothing."""
        return artifacts.versions.propose(ref, data.body, version=data.version)

    @get("/branches", operation_id="listArtifactBranches", opt={"permission": "{kind}s:read"}, sync_to_thread=True)
    def list_branches(self, artifacts: Artifacts, ref: Which) -> ArtifactBranchPage:
        return ArtifactBranchPage(items=artifacts.versions.branches(ref), next_cursor=None)

    @post("/branches", operation_id="createArtifactBranch", opt={"permission": "{kind}s:write"}, sync_to_thread=True)
    def create_branch(self, artifacts: Artifacts, principal: Caller, ref: Which, data: JSONBody[NewBranch]) -> Branch:
        return artifacts.versions.branch(principal, ref, name=data.name, version=data.version)

    @post(
        "/branches/{branch:str}/merge",
        operation_id="mergeArtifactBranch",
        opt={"permission": "{kind}s:write"},
        status_code=200,
        request_max_body_size=MAX_REQUEST,
        sync_to_thread=True,
    )
    def merge_branch(
        self, artifacts: Artifacts, principal: Caller, ref: Which, branch: BranchName, data: JSONBody[Merge]
    ) -> Saved:
        """Save the branch's head, or what it was resolved to, on `main`, with both heads as parents."""
        return artifacts.versions.merge(principal, ref, branch, data)


class LabelsController(Controller):
    path = "/artifacts/{kind:str}/{name:str}"
    tags = ("artifacts",)

    @put(
        "/labels/{label:str}", operation_id="moveArtifactLabel", opt={"permission": "{kind}s:read"}, sync_to_thread=True
    )
    def move_label(
        self, artifacts: Artifacts, principal: Caller, ref: Which, label: LabelName, data: JSONBody[MoveLabel]
    ) -> Label:
        """Put a label at a version. A protected one needs `<kind>s:promote` or `<kind>s:promote:<label>`, another one
        `<kind>s:write`.
        """
        return artifacts.labels.move(
            principal, ref, label, version=data.version, reason=data.reason, expected=data.expected
        )

    @delete(
        "/labels/{label:str}",
        operation_id="removeArtifactLabel",
        opt={"permission": "{kind}s:read"},
        sync_to_thread=True,
    )
    def remove_label(
        self,
        artifacts: Artifacts,
        principal: Caller,
        ref: Which,
        label: LabelName,
        *,
        reason: Annotated[str, QueryParameter(name="reason", description="Why, for the history.")] = "",
    ) -> None:
        """Take a label away; its history stays. Needs what moving it needs."""
        artifacts.labels.remove(principal, ref, label, reason=reason)

    @post(
        "/labels/{label:str}/rollback",
        operation_id="rollbackArtifactLabel",
        opt={"permission": "{kind}s:read"},
        status_code=200,
        sync_to_thread=True,
    )
    def rollback_label(
        self, artifacts: Artifacts, principal: Caller, ref: Which, label: LabelName, data: JSONBody[Reason]
    ) -> Label:
        """Put a label back where it stood before its last move; again, and it goes one step further back."""
        return artifacts.labels.rollback(principal, ref, label, reason=data.reason)

    @get(
        "/labels/{label:str}/history",
        operation_id="listArtifactLabelHistory",
        opt={"permission": "{kind}s:read"},
        sync_to_thread=True,
    )
    def label_history(
        self, artifacts: Artifacts, ref: Which, label: LabelName, *, cursor: Cursor = None, limit: Limit = 50
    ) -> LabelMovePage:
        """Who moved it from where to where, when and why."""
        found = artifacts.labels.history(ref, label, before=cursor, limit=limit)
        return LabelMovePage(items=found, next_cursor=found[-1].id if len(found) == limit else None)

    @get("/label-moves", operation_id="listArtifactLabelMoves", opt={"permission": "{kind}s:read"}, sync_to_thread=True)
    def label_moves(
        self, artifacts: Artifacts, ref: Which, *, cursor: Cursor = None, limit: Limit = 50
    ) -> LabelMovePage:
        """The history of all its labels."""
        found = artifacts.labels.history(ref, before=cursor, limit=limit)
        return LabelMovePage(items=found, next_cursor=found[-1].id if len(found) == limit else None)


class RelationsController(Controller):
    path = "/artifacts/{kind:str}/{name:str}"
    tags = ("artifacts",)

    @get("/comments", operation_id="listArtifactComments", opt={"permission": "{kind}s:read"}, sync_to_thread=True)
    def list_comments(
        self,
        artifacts: Artifacts,
        ref: Which,
        *,
        version: Annotated[str | None, QueryParameter(name="version", description="Only those about this one.")] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> CommentPage:
        found = artifacts.comments.listed(ref, version=version, before=cursor, limit=limit)
        return CommentPage(items=found, next_cursor=found[-1].id if len(found) == limit else None)

    @post("/comments", operation_id="addArtifactComment", opt={"permission": "{kind}s:write"}, sync_to_thread=True)
    def add_comment(self, artifacts: Artifacts, principal: Caller, ref: Which, data: JSONBody[NewComment]) -> Comment:
        return artifacts.comments.add(principal, ref, text=data.text, version=data.version)

    @get("/lineage", operation_id="getArtifactLineage", opt={"permission": "{kind}s:read"}, sync_to_thread=True)
    def get_lineage(
        self,
        artifacts: Artifacts,
        principal: Caller,
        ref: Which,
        *,
        version: OfVersion = LATEST,
        direction: Annotated[
            Literal["up", "down", "both"],
            QueryParameter(name="direction", description="`up`: what it was made from; `down`: what was made from it."),
        ] = "both",
        depth: Annotated[int, QueryParameter(name="depth", description="Steps from it, 1 to 10.")] = 3,
    ) -> Graph:
        """Which versions produced it, and which it produced. What the caller may not read is left out."""
        return artifacts.lineage.graph(principal, ref, version=version, direction=direction, depth=depth)

    @post(
        "/lineage",
        operation_id="addArtifactLineage",
        opt={"permission": "{kind}s:write"},
        status_code=200,
        sync_to_thread=True,
    )
    def add_lineage(self, artifacts: Artifacts, principal: Caller, ref: Which, data: JSONBody[NewUses]) -> Added:
        """Record what a version was made from or used."""
        return Added(added=artifacts.lineage.add(principal, ref, version=data.version, uses=data.uses))


class ProtectionController(Controller):
    path = "/protected-labels"
    tags = ("artifacts",)

    @get("/{kind:str}", operation_id="getProtectedLabels", opt={"permission": "{kind}s:read"}, sync_to_thread=True)
    def get_protected(self, artifacts: Artifacts, project: ProjectId, kind: Kind) -> Protection:
        """Labels of a kind that only those move who may promote."""
        return artifacts.labels.protection(project, kind)

    @put("/{kind:str}", operation_id="putProtectedLabels", opt={"permission": "{kind}s:promote"}, sync_to_thread=True)
    def put_protected(
        self, artifacts: Artifacts, principal: Caller, project: ProjectId, kind: Kind, data: JSONBody[NewProtection]
    ) -> Protection:
        return artifacts.labels.protect(principal, project, kind, data.labels)


def artifacts_router() -> Router:
    """The routes of this slice, to be mounted under `/api/v1`."""
    of_one: list[Any] = [VersionsController, LabelsController, RelationsController]
    handlers: list[Any] = [
        ArtifactsController,
        ProtectionController,
        WebhooksController,
        WebhookDeliveriesController,
        *of_one,
    ]
    return Router("/", route_handlers=handlers, dependencies={"ref": Provide(provide_ref, sync_to_thread=False)})
