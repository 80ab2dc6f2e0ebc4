"""Signing in and out of the console, and asking who one is."""

from typing import Any

import msgspec
from anyio import to_thread
from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from penstock import __version__
from penstock.identity.service import IdentityService
from penstock.identity.types import ROLE_PERMISSIONS, Principal
from penstock.server.auth import AUTHENTICATED, access_of, csrf_token, session_cookie
from penstock.server.settings import ConsoleSettings

__all__ = ["SessionController"]

Identity = NamedDependency[IdentityService]
Settings = NamedDependency[ConsoleSettings]
ProjectId = NamedDependency[str]


class Named(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, and what they may do in the project that is meant."""

    user: Named | None
    key: Named | None
    role: str | None
    """The role whose permissions these are; null for a key."""
    permissions: list[str]
    projects: list[Named]
    default_project: str
    """Id; empty for a person who has no project."""
    csrf_token: str | None
    """Goes into the header `x-csrf-token` of every write; null for a key, which needs none."""
    version: str
    gateway_url: str | None


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    token: str
    """From the fragment of a sign-in link."""


class SessionController(Controller):
    path = "/session"
    tags = ("session",)

    @get("/", operation_id="getSession", opt={"permission": AUTHENTICATED}, sync_to_thread=True)
    def get_session(
        self,
        request: Request[Any, Any, Any],
        identity: Identity,
        settings: Settings,
        project: ProjectId,
    ) -> Session:
        access = access_of(request)
        return describe(identity, settings, access.principal, project=project, session=access.session)

    @post(
        "/",
        operation_id="createSession",
        opt={"public": "the one-time link's token in the body is the credential"},
        status_code=200,
    )
    async def sign_in(
        self,
        request: Request[Any, Any, Any],
        identity: Identity,
        settings: Settings,
        data: JSONBody[SignIn],
    ) -> Response[Session]:
        def open_session() -> tuple[str, Session]:
            token = identity.people.sign_in(data.token).token
            principal = identity.access.by_session(token)
            return token, describe(identity, settings, principal, project=principal.project, session=token)

        token, session = await to_thread.run_sync(open_session)
        return Response(session, cookies=[session_cookie(token, secure=_secure(request, settings))])

    @delete("/", operation_id="deleteSession", opt={"permission": AUTHENTICATED}, status_code=204)
    async def sign_out(
        self,
        request: Request[Any, Any, Any],
        identity: Identity,
        settings: Settings,
    ) -> Response[None]:
        session = access_of(request).session
        if session is not None:
            await to_thread.run_sync(identity.people.sign_out, session)
        return Response(None, cookies=[session_cookie("", secure=_secure(request, settings))])


def describe(
    identity: IdentityService, settings: ConsoleSettings, principal: Principal, *, project: str, session: str | None
) -> Session:
    """The answer of `GET /session`."""
    me = Named(id=principal.id, name=principal.name)
    permissions = principal.grants.within(project)
    role = next((name for name, allowed in ROLE_PERMISSIONS.items() if allowed == permissions), None)
    return Session(
        user=me if principal.kind == "user" else None,
        key=me if principal.kind == "key" else None,
        role=role if principal.kind == "user" else None,
        permissions=sorted(permissions),
        projects=[Named(id=p.id, name=p.name) for p in identity.projects.visible(principal)],
        default_project=principal.project,
        csrf_token=None if session is None else csrf_token(session),
        version=__version__,
        gateway_url=settings.gateway_url,
    )


def _secure(request: Request[Any, Any, Any], settings: ConsoleSettings) -> bool:
    return settings.https or request.scope["scheme"] == "https"
