"""The nouns of identity, and what each role may do."""

import re
from typing import Literal, get_args

import msgspec

__all__ = [
    "PERMISSIONS",
    "ROLE_PERMISSIONS",
    "SYSTEM",
    "Bootstrap",
    "Grants",
    "Key",
    "KeyStatus",
    "KeyWithSecret",
    "Permission",
    "Principal",
    "Project",
    "Role",
    "Rotation",
    "Secret",
    "SecretUse",
    "SessionToken",
    "SigninLink",
    "as_role",
    "holds",
    "is_permission",
]

Permission = Literal[
    "gateway:call",
    "gateway:models",
    "traces:read",
    "traces:write",
    "traces:delete",
    "scores:write",
    "dashboards:read",
    "dashboards:write",
    "alerts:read",
    "alerts:write",
    "incidents:read",
    "incidents:write",
    "retention:read",
    "retention:write",
    "metrics:read",
    "models:read",
    "models:write",
    "models:promote",
    "prompts:read",
    "prompts:write",
    "prompts:promote",
    "datasets:read",
    "datasets:write",
    "datasets:promote",
    "evaluators:read",
    "evaluators:write",
    "evaluators:promote",
    "experiments:read",
    "experiments:write",
    "annotation:read",
    "annotation:write",
    "annotation:label",
    "webhooks:read",
    "webhooks:write",
    "keys:read",
    "keys:write",
    "projects:read",
    "projects:write",
    "users:write",
    "routes:read",
    "routes:write",
    "limits:read",
    "limits:write",
    "config:read",
    "system:read",
    "secrets:read",
    "secrets:write",
]
Role = Literal["viewer", "editor", "admin"]
KeyStatus = Literal["active", "expired", "revoked"]

PERMISSIONS: frozenset[str] = frozenset(get_args(Permission))
_PROMOTION = re.compile(r"[a-z]+:promote:[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
_VIEWER: frozenset[str] = frozenset(
    {
        "traces:read",
        "dashboards:read",
        "alerts:read",
        "incidents:read",
        "retention:read",
        "metrics:read",
        "models:read",
        "prompts:read",
        "datasets:read",
        "evaluators:read",
        "experiments:read",
        "annotation:read",
        "webhooks:read",
        "keys:read",
        "projects:read",
        "routes:read",
        "limits:read",
        "config:read",
        "system:read",
    }
)
ROLE_PERMISSIONS: dict[Role, frozenset[str]] = {
    "viewer": _VIEWER,
    "editor": _VIEWER
    | {
        "gateway:call",
        "gateway:models",
        "keys:write",
        "routes:write",
        "traces:write",
        "scores:write",
        "dashboards:write",
        "alerts:write",
        "incidents:write",
        "prompts:write",
        "models:write",
        "datasets:write",
        "evaluators:write",
        "experiments:write",
        "annotation:write",
        "annotation:label",
        "webhooks:write",
    },
    "admin": PERMISSIONS,
}


def is_permission(text: str) -> bool:
    """Whether this can be granted: one of `PERMISSIONS`, or the promotion of one label: `prompts:promote:staging`."""
    return text in PERMISSIONS or (_PROMOTION.fullmatch(text) is not None and text.rpartition(":")[0] in PERMISSIONS)


def holds(allowed: frozenset[str], permission: str) -> bool:
    """Whether a permission is among these, or follows from one: `prompts:promote` is that of every label."""
    if permission in allowed:
        return True
    general, _, label = permission.rpartition(":")
    return bool(label) and general.endswith(":promote") and general in allowed


def _common(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    return frozenset({each for each in one if holds(other, each)} | {each for each in other if holds(one, each)})


class Grants(msgspec.Struct, frozen=True, kw_only=True):
    """Permissions, and where they hold."""

    everywhere: frozenset[str] = frozenset()
    """In every project, those made later included."""
    projects: dict[str, frozenset[str]] = {}
    """By project id, beside those that hold everywhere."""

    def within(self, project: str) -> frozenset[str]:
        """What is allowed in one project."""
        return self.everywhere | self.projects.get(project, frozenset())

    def covers(self, other: "Grants") -> bool:
        """Whether everything that `other` allows is allowed here too, wherever it allows it."""
        return all(holds(self.everywhere, each) for each in other.everywhere) and all(
            holds(self.within(project), each) for project, allowed in other.projects.items() for each in allowed
        )

    def __and__(self, other: "Grants") -> "Grants":
        """What both allow."""
        return Grants(
            everywhere=_common(self.everywhere, other.everywhere),
            projects={
                project: _common(self.within(project), other.within(project))
                for project in {*self.projects, *other.projects}
            },
        )


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: a key, a person in a session, or the program itself."""

    kind: Literal["key", "user", "system"]
    id: str
    name: str
    grants: Grants
    project: str
    """Id of the project that is meant when a request names none."""
    user: str | None = None
    """Id of the person; of a key, the person at the root of its chain of creators, if any."""

    def may(self, permission: str, project: str) -> bool:
        return holds(self.grants.within(project), permission)

    def may_somewhere(self, permission: str) -> bool:
        return holds(self.grants.everywhere, permission) or any(
            holds(allowed, permission) for allowed in self.grants.projects.values()
        )

    def sees(self, project: str) -> bool:
        """Whether this project exists for the principal at all."""
        return bool(self.grants.within(project))


SYSTEM = Principal(kind="system", id="", name="penstock", grants=Grants(everywhere=PERMISSIONS), project="")
"""The program itself, on the machine where it runs."""


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant boundary: keys, traces and budgets belong to one project."""

    id: str
    name: str
    created: int
    """Microseconds since the epoch, UTC."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual API key, without its secret. Times are microseconds since the epoch, UTC."""

    id: str
    name: str
    project: str
    """Project id."""
    prefix: str
    """First characters of the secret, to tell keys apart."""
    scopes: list[str]
    models: list[str]
    """Allow-list of `provider/model` or alias names, `*` globs allowed; empty allows all."""
    created: int
    created_by: str
    """Name of the key or person that minted it."""
    expires: int | None
    revoked: int | None
    last_used: int | None
    status: KeyStatus


class KeyWithSecret(Key, frozen=True, kw_only=True):
    """A key with its secret: this is the only time it is shown."""

    secret: str

    def __repr__(self) -> str:
        # The default would print the secret into whatever log shows the object.
        return f"KeyWithSecret(id={self.id!r}, prefix={self.prefix!r})"


class SigninLink(msgspec.Struct, frozen=True, kw_only=True):
    """A way in for one person, once. The token goes into the fragment of `/signin#token=…`."""

    token: str
    expires: int
    """Microseconds since the epoch, UTC."""

    def __repr__(self) -> str:
        return f"SigninLink(expires={self.expires})"

    def url(self, console: str) -> str:
        """The link for a console at this address. A fragment never reaches a server's log."""
        return f"{console.rstrip('/')}/signin#token={self.token}"


class SessionToken(msgspec.Struct, frozen=True, kw_only=True):
    """A new session of the console: what its cookie holds."""

    token: str
    expires: int
    """When it ends at the latest; microseconds since the epoch, UTC."""

    def __repr__(self) -> str:
        return f"SessionToken(expires={self.expires})"


class SecretUse(msgspec.Struct, frozen=True, kw_only=True):
    """Where the configuration refers to a stored secret."""

    name: str
    """The secret's."""
    provider: str
    """Its name, or `redis`."""
    field: str
    """Path in the configuration: `providers.openai.api_key`."""
    origin: str
    """Where this provider would send it: `https://api.openai.com`."""


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """A stored secret, without its value, which is shown to nobody. Times are microseconds since the epoch, UTC."""

    name: str
    origins: list[str]
    """Where it may be sent; empty until it is bound to that of the first provider that uses it."""
    created: int
    created_by: str
    """Name of the key or person."""
    updated: int
    updated_by: str
    master_key: str
    """Id of the master key that it is sealed under."""
    used_by: list[str]
    """Providers of the served configuration that refer to it."""


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """What came of replacing the master key."""

    master_key: str
    """Id of the key that everything is sealed under now."""
    resealed: int
    """How many secrets."""
    kept: list[str]
    """Ids of earlier keys that are still kept for reading."""


class Bootstrap(msgspec.Struct, frozen=True, kw_only=True):
    """What the very first start made."""

    organization: str
    project: str
    user: str
    key: str
    """Id of the admin key."""
    secret: str
    """The admin key itself, also in the home's `admin.key`."""

    def __repr__(self) -> str:
        return f"Bootstrap(organization={self.organization!r}, project={self.project!r})"


def as_role(name: str) -> Role | None:
    """The role of that name, if there is one."""
    return name if name in ROLE_PERMISSIONS else None
