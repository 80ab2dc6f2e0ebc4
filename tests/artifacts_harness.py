"""The registry of artifacts over a real store, with a vault in memory and a sender that keeps what it is given."""

from dataclasses import dataclass, field

import msgspec
from litestar import Litestar, Router
from litestar.di import Provide
from litestar.testing import TestClient

from penstock.core.clock import ManualClock
from penstock.core.errors import InvalidInput, NotFound, Unavailable
from penstock.identity.types import PERMISSIONS, ROLE_PERMISSIONS, Grants, Principal
from penstock.registry.artifacts.routes import artifacts_router
from penstock.registry.artifacts.service import ArtifactService
from penstock.registry.artifacts.types import Draft, Ref
from penstock.sdk.control import _BY_STATUS
from penstock.server.problems import EXCEPTION_HANDLERS


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


class ServedConsole:
    """The control API of a registry without a socket: what `ControlClient` is to the command line."""

    current: "ServedConsole"
    http: TestClient | None = None
    """One app for all, since building it is slow; each console takes its place in it."""

    def __init__(self, registry: Registry, actor: Principal) -> None:
        self.actor = actor
        self.registry = registry
        ServedConsole.current = self
        ServedConsole.http = ServedConsole.http or TestClient(self.app())

    @staticmethod
    def app() -> Litestar:
        return Litestar(
            [Router("/api/v1", route_handlers=[artifacts_router()])],
            dependencies={
                "project": Provide(lambda: "p1", sync_to_thread=False),
                "principal": Provide(lambda: ServedConsole.current.actor, sync_to_thread=False),
                "artifacts": Provide(lambda: ServedConsole.current.registry.service, sync_to_thread=False),
            },
            exception_handlers=EXCEPTION_HANDLERS,
        )

    def _ask(self, method, path, query=None, body=None):
        query = {name: value for name, value in (query or {}).items() if value is not None}
        content = None if body is None else msgspec.json.encode(body)
        answer = self.http.request(
            method, path, params=query, content=content, headers={"content-type": "application/json"}
        )
        if answer.status_code >= 400:
            problem = answer.json()
            raise _BY_STATUS[answer.status_code](problem["detail"], hint=problem.get("hint"), code=problem["code"])
        return answer.content

    def get(self, path, query=None):
        return self._ask("GET", path, query)

    def post(self, path, body=None, query=None):
        return self._ask("POST", path, query, body)

    def put(self, path, body, query=None, *, if_match=None):
        return self._ask("PUT", path, query, body)

    def patch(self, path, body, query=None):
        return self._ask("PATCH", path, query, body)

    def delete(self, path, query=None):
        return self._ask("DELETE", path, query)
