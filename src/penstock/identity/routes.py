"""Control API of projects, keys, sign-in links and stored secrets.

The app provides the dependencies: `principal` and `project` (from its guard), `identity`, `console_url`.
"""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from penstock.identity.service import IdentityService
from penstock.identity.types import Key, KeyWithSecret, Principal, Project, Rotation, Secret

__all__ = ["identity_router"]

Identity = NamedDependency[IdentityService]
Caller = NamedDependency[Principal]
ProjectId = NamedDependency[str]
NamedProject = NamedDependency[str | None]
ConsoleUrl = NamedDependency[str]
KeyId = Annotated[str, PathParameter(description="Id of the key.")]


class ProjectPage(msgspec.Struct, frozen=True, kw_only=True):
    """Projects that the caller may see, oldest first."""

    items: list[Project]
    next_cursor: str | None


class NewProject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    """1 to 63 letters, digits, dots, dashes and underscores."""


class KeyPage(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of a project, newest first, revoked and expired ones included."""

    items: list[Key]
    next_cursor: str | None


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    scopes: list[str] | None = None
    """At most the creator's; null: `gateway:call`, `gateway:models`, and as far as the creator has them `scores:write`
    and `traces:write`.
    """
    models: list[str] | None = None
    """Allow-list of `provider/model` or alias names, `*` globs allowed; null or empty allows all."""
    expires: int | None = None
    """Microseconds since the epoch, UTC; null: never."""


class NewSigninLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    role: str
    """`viewer`, `editor` or `admin`."""
    name: str | None = None
    """The person; a new name makes a new user. Null: a user named like the role."""
    project: str | None = None
    """Id or name of the project where the role holds; null: the caller's own. An admin's holds in all."""


class SigninUrl(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    """Signs in once, from one browser."""
    expires: int
    """Microseconds since the epoch, UTC."""


class ProjectsController(Controller):
    path = "/projects"
    tags = ("projects",)

    @get("/", operation_id="listProjects", opt={"permission": "projects:read"}, sync_to_thread=True)
    def list_projects(self, identity: Identity, principal: Caller) -> ProjectPage:
        return ProjectPage(items=identity.projects.visible(principal), next_cursor=None)

    @post("/", operation_id="createProject", opt={"permission": "projects:write"}, sync_to_thread=True)
    def create_project(self, identity: Identity, principal: Caller, data: JSONBody[NewProject]) -> Project:
        return identity.projects.create(principal, data.name)


class KeptAnswersController(Controller):
    path = "/cache"
    tags = ("cache",)

    @delete("/", operation_id="clearCache", opt={"permission": "routes:write"}, sync_to_thread=True)
    def clear_cache(self, identity: Identity, principal: Caller, project: ProjectId) -> None:
        """Forget all answers kept for the project, on every gateway, within two seconds."""
        identity.projects.clear_cache(principal, project)


class KeysController(Controller):
    path = "/keys"
    tags = ("keys",)

    @get("/", operation_id="listKeys", opt={"permission": "keys:read"}, sync_to_thread=True)
    def list_keys(self, identity: Identity, project: ProjectId) -> KeyPage:
        return KeyPage(items=identity.keys.of_project(project), next_cursor=None)

    @post("/", operation_id="createKey", opt={"permission": "keys:write"}, sync_to_thread=True)
    def create_key(
        self,
        identity: Identity,
        principal: Caller,
        project: ProjectId,
        data: JSONBody[NewKey],
    ) -> KeyWithSecret:
        return identity.keys.create(
            principal,
            project=project,
            name=data.name,
            scopes=data.scopes,
            models=data.models or (),
            expires=data.expires,
        )

    @post(
        "/{id:str}/rotate",
        operation_id="rotateKey",
        opt={"permission": "keys:write", "object": "key"},
        status_code=200,
        sync_to_thread=True,
    )
    def rotate_key(
        self,
        identity: Identity,
        principal: Caller,
        id: KeyId,  # noqa: A002 - the address's own name for it
        named_project: NamedProject,
    ) -> KeyWithSecret:
        return identity.keys.rotate(principal, id, project=named_project)

    @delete(
        "/{id:str}",
        operation_id="revokeKey",
        opt={"permission": "keys:write", "object": "key"},
        sync_to_thread=True,
    )
    def revoke_key(
        self,
        identity: Identity,
        principal: Caller,
        id: KeyId,  # noqa: A002 - the address's own name for it
        named_project: NamedProject,
    ) -> None:
        identity.keys.revoke(principal, id, project=named_project)


class SigninLinksController(Controller):
    path = "/signin-links"
    tags = ("session",)

    @post("/", operation_id="createSigninLink", opt={"permission": "users:write"}, sync_to_thread=True)
    def create_signin_link(
        self,
        identity: Identity,
        principal: Caller,
        console_url: ConsoleUrl,
        data: JSONBody[NewSigninLink],
    ) -> SigninUrl:
        link = identity.people.invite(principal, role=data.role, name=data.name, project=data.project)
        return SigninUrl(url=link.url(console_url), expires=link.expires)


class SecretPage(msgspec.Struct, frozen=True, kw_only=True):
    """Stored secrets by name, never with their values."""

    items: list[Secret]
    next_cursor: str | None


class NewSecret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    """1 to 64 letters, digits, dots, dashes and underscores; configuration refers to it as `secret:NAME`."""
    value: str
    """The secret. It is sealed at once and never shown again."""
    origins: list[str] | None = None
    """Addresses that it may be sent to, of which scheme, host and port count. Null: those of the value before; of a
    new secret, that of the first provider that uses it."""

    def __repr__(self) -> str:
        # The default would print the value into whatever log shows the object.
        return f"NewSecret(name={self.name!r})"


class SecretsController(Controller):
    path = "/secrets"
    tags = ("secrets",)

    @get("/", operation_id="listSecrets", opt={"permission": "secrets:read"}, sync_to_thread=True)
    def list_secrets(self, identity: Identity, principal: Caller) -> SecretPage:
        return SecretPage(items=identity.secrets.everything(principal), next_cursor=None)

    @post("/", operation_id="setSecret", opt={"permission": "secrets:write"}, status_code=200, sync_to_thread=True)
    def set_secret(self, identity: Identity, principal: Caller, data: JSONBody[NewSecret]) -> Secret:
        """Store a secret, in place of the value before if there is one."""
        return identity.secrets.set(principal, data.name, data.value, origins=data.origins)

    @post(
        "/rotate",
        operation_id="rotateMasterKey",
        opt={"permission": "secrets:write"},
        status_code=200,
        sync_to_thread=True,
    )
    def rotate_master_key(self, identity: Identity, principal: Caller) -> Rotation:
        """Seal all stored secrets under a new master key. Their values stay the same."""
        return identity.secrets.rotate(principal)

    @delete(
        "/{name:str}",
        operation_id="deleteSecret",
        opt={"permission": "secrets:write", "object": "secret"},
        sync_to_thread=True,
    )
    def delete_secret(
        self,
        identity: Identity,
        principal: Caller,
        name: Annotated[str, PathParameter(description="Name of the secret.")],
    ) -> None:
        """Delete a secret that no provider uses."""
        identity.secrets.delete(principal, name)


def identity_router() -> Router:
    """The routes of this slice, to be mounted under `/api/v1`."""
    handlers: list[Any] = [
        ProjectsController,
        KeptAnswersController,
        KeysController,
        SigninLinksController,
        SecretsController,
    ]
    return Router("/", route_handlers=handlers)
