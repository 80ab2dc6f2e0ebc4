"""The registry of artifacts over a real store, with a vault in memory and a sender that keeps what it is given."""

from dataclasses import dataclass, field

from penstock.core.clock import ManualClock
from penstock.core.errors import InvalidInput, NotFound, Unavailable
from penstock.identity.types import PERMISSIONS, ROLE_PERMISSIONS, Grants, Principal
from penstock.registry.artifacts.service import ArtifactService
from penstock.registry.artifacts.types import Draft, Ref


class MemoryVault:
    def __init__(self):
        self.values = {}

    def put(self, name, value):
        self.values[name] = value

    def open(self, name):
        if name not in self.values:
            raise NotFound(f"The stored secret {name} is gone.")
        return self.values[name]

    def drop(self, name):
        self.values.pop(name, None)


@dataclass
class KeepingSender:
    """Keeps what it is to send; fails as often as it is told to."""

    sent: list = field(default_factory=list)
    failures: int = 0

    def check(self, url):
        if not url.startswith("https://"):
            raise InvalidInput("Expected an https address.", field="url")
        return url.removeprefix("https://").partition("/")[0]

    def send(self, url, secret, *, id_, timestamp, body):
        if self.failures:
            self.failures -= 1
            raise Unavailable("The webhook answered 500: not 2xx.", code="webhook_failed")
        self.sent.append((url, secret, id_, timestamp, body))


@dataclass
class Registry:
    service: ArtifactService
    clock: ManualClock
    vault: MemoryVault
    sender: KeepingSender
    metadata: object
    published: list

    def ref(self, name="greeting", kind="prompt", project="p1"):
        return Ref(project, kind, name)

    def save(self, name="greeting", body=None, kind="prompt", actor=None, create=True, project="p1", **draft):
        return self.service.versions.save(
            actor or ADMIN, Ref(project, kind, name), Draft(body={} if body is None else body, **draft), create=create
        )


def principal(*permissions, project=None, name="ada"):
    grants = (
        Grants(everywhere=frozenset(permissions))
        if project is None
        else Grants(projects={project: frozenset(permissions)})
    )
    return Principal(kind="user", id="u1", name=name, grants=grants, project="p1")


ADMIN = principal(*PERMISSIONS, name="admin")
EDITOR = principal(*ROLE_PERMISSIONS["editor"], name="editor")
VIEWER = principal(*ROLE_PERMISSIONS["viewer"], name="viewer")
