"""Who calls the control API, and whether they may: credentials, cookie, CSRF, permission of the matched route."""

import hmac
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from anyio import to_thread
from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from litestar.routes import ASGIRoute, HTTPRoute, WebSocketRoute

from penstock.core.errors import InvalidInput, NotFound, PermissionDenied, Unauthenticated
from penstock.identity.service import IdentityService
from penstock.identity.service.access import ABSOLUTE_SECONDS
from penstock.identity.types import PERMISSIONS, Principal

__all__ = [
    "AUTHENTICATED",
    "SESSION_COOKIE",
    "STILL_HOLDS",
    "Access",
    "Gatekeeper",
    "access_of",
    "check_declared",
    "csrf_token",
    "provide_named_project",
    "provide_principal",
    "provide_project",
    "session_cookie",
]

AUTHENTICATED = "authenticated"
"""What a route declares that any valid credential may call."""
SESSION_COOKIE = "penstock_session"
CROSS_ORIGIN = "cross_origin"
"""What a public route declares that looks at the origin of a request itself."""
KIND = "{kind}"
"""In the permission that a route declares: the kind of artifact that its address names."""
CSRF_HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD"})
STILL_HOLDS = "penstock_still_holds"
"""In a request's state: an async callable that raises once the credential holds no more."""
_STATE = "penstock_access"

Connection = ASGIConnection[Any, Any, Any, Any]


class Access(msgspec.Struct, frozen=True):
    """What the guard found out about a request."""

    principal: Principal
    project: str
    """Id of the project that the request means; empty for a person who has none."""
    named: bool
    """Whether the request named the project itself."""
    session: str | None
    """The session cookie's token when that is how the caller came in."""


def check_declared(app: Litestar) -> None:
    """Refuse to start with a route that does not say who may call it.

    Raises:
        ImproperlyConfiguredException: names the routes and what is missing.
    """
    wrong: list[str] = []
    for route in app.routes:
        for method, handler in _handlers(route):
            permission, reason = handler.opt.get("permission"), handler.opt.get("public")
            declared = (_is_declared(permission, route.path) or permission == AUTHENTICATED) and reason is None
            if not declared and not (permission is None and isinstance(reason, str) and reason):
                wrong.append(f"{method} {route.path}")
    if wrong:
        raise ImproperlyConfiguredException(
            "Every route declares opt={'permission': …} or opt={'public': reason}; "
            f"these do not: {', '.join(wrong)}."
        )


def _is_declared(permission: object, path: str) -> bool:
    """Whether this is a permission, or one of each kind of artifact where the address names the kind."""
    if not isinstance(permission, str):
        return False
    by_kind = KIND in permission and "{kind:str}" in path
    return (permission.replace(KIND, "prompt") if by_kind else permission) in PERMISSIONS


def _handlers(route: HTTPRoute | ASGIRoute | WebSocketRoute) -> Iterable[tuple[str, BaseRouteHandler]]:
    if isinstance(route, HTTPRoute):
        # OPTIONS is added by the framework and answered before any route is reached.
        return [(method, entry[0]) for method, entry in route.route_handler_map.items() if method != "OPTIONS"]
    return [("*", route.route_handler)]


class Gatekeeper:
    """The guard of all routes. Runs after routing, so what is authorised is what will run.

    Args:
        identity: Gives the service that knows keys, sessions and projects.
        origins: Authorities (`host:port`) of the console beside the request's own, from which a browser may write.
    """

    def __init__(self, identity: Callable[[], IdentityService], *, origins: Iterable[str]) -> None:
        self._identity = identity
        self._origins = frozenset(origins)

    async def authorize(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Raise unless the caller may call this route.

        Raises:
            Unauthenticated: no credential, or one that does not hold.
            NotFound: the project is not there for this caller.
            PermissionDenied: known, but not allowed; or a browser's write without proof of its origin.
        """
        writes = _method(connection) not in SAFE_METHODS
        key = presented_key(connection.headers)
        if writes and key is None and CROSS_ORIGIN not in handler.opt:
            self._check_origin(connection)
        if "public" in handler.opt:
            return
        token = None if key is not None else connection.cookies.get(SESSION_COOKIE)
        if key is None and not token:
            raise Unauthenticated(
                "This needs a key or a session, and neither came.",
                hint="Send Authorization: Bearer psk_…, or sign in.",
            )
        named = _single_project(connection)
        access = await to_thread.run_sync(self._identify, key, token, named)
        if writes and token is not None:
            _check_csrf(connection, token)
        permission = _permission(handler.opt, connection.path_params)
        _check_permission(access, permission, handler.opt)
        connection.scope["state"][_STATE] = access

        async def still_holds() -> None:
            _check_permission(await to_thread.run_sync(self._identify, key, token, named), permission, handler.opt)

        connection.scope["state"][STILL_HOLDS] = still_holds

    def _identify(self, key: str | None, token: str | None, named: str | None) -> Access:
        identity = self._identity()
        doors = identity.access
        principal = doors.by_key(key) if key is not None else doors.by_session(token)
        if named is None:
            return Access(principal, principal.project, False, token)
        project = identity.projects.resolve(principal, named)
        return Access(principal, project.id, True, token)

    def _check_origin(self, connection: Connection) -> None:
        """A browser says which page sent a write; only the console's own pages may."""
        origin = connection.headers.get("origin")
        if origin is None:
            return
        authority = urlsplit(origin).netloc
        if not authority or authority not in {connection.headers.get("host"), *self._origins}:
            raise PermissionDenied(
                "This write comes from a page of another origin.",
                hint="Use the console itself, or a key.",
                code="origin_not_allowed",
            )


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The key of `Authorization: Bearer` or `x-api-key`; both mean the same, so both must say the same.

    Raises:
        Unauthenticated: another scheme, an empty key, or two different ones.
    """
    found: set[str] = set()
    authorization = headers.get("authorization")
    if authorization is not None:
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated(
                "The Authorization header has another scheme than Bearer.",
                hint="Send: Authorization: Bearer psk_…",
                code="key_invalid",
            )
        found.add(value.strip())
    api_key = headers.get("x-api-key")
    if api_key is not None:
        found.add(api_key.strip())
    if len(found) > 1:
        raise Unauthenticated(
            "Authorization and x-api-key hold two different keys.", hint="Send one of them.", code="key_ambiguous"
        )
    return found.pop() if found else None


def _method(connection: Connection) -> str:
    scope = connection.scope
    return scope["method"] if scope["type"] == "http" else "GET"


def _single_project(connection: Connection) -> str | None:
    named = connection.query_params.getall("project", [])
    if len(named) > 1 or "" in named:
        raise InvalidInput("A request names one project, by id or name.", field="project")
    return named[0] if named else None


def _check_csrf(connection: Connection, token: str) -> None:
    sent = connection.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(sent.encode(), csrf_token(token).encode()):
        raise PermissionDenied(
            f"A write with a session needs the header {CSRF_HEADER}.",
            hint="GET /api/v1/session tells its value.",
            code="csrf_failed",
        )


def _permission(opt: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    """What this request needs: the address of an artifact says of which kind.

    Raises:
        NotFound: `kind_not_found`.
    """
    declared: str = opt["permission"]
    if KIND not in declared:
        return declared
    kind = str(parameters["kind"])
    permission = declared.replace(KIND, kind)
    if permission not in PERMISSIONS:
        raise NotFound(f"There is no kind of artifact called {kind[:40]!r}.", code="kind_not_found")
    return permission


def _check_permission(access: Access, permission: str, opt: Mapping[str, Any]) -> None:
    if permission == AUTHENTICATED:
        return
    # A request that names an object, not a project, is decided where the object is found.
    by_object = "object" in opt and not access.named
    allowed = (
        access.principal.may_somewhere(permission) if by_object else access.principal.may(permission, access.project)
    )
    if not allowed:
        raise PermissionDenied(
            f"This needs the permission {permission}.", hint="Ask an admin for a key or role that has it."
        )


def access_of(request: Request[Any, Any, Any]) -> Access:
    """What the guard found out; only for routes that are not public."""
    return request.scope["state"][_STATE]


def provide_principal(request: Request[Any, Any, Any]) -> Principal:
    """Dependency `principal`: who calls."""
    return access_of(request).principal


def provide_project(
    request: Request[Any, Any, Any],
    requested_project: Annotated[
        str | None,
        QueryParameter(name="project", description="Id or name of a project; without it, the caller's default one."),
    ] = None,
) -> str:
    """Dependency `project`: id of the project that the request means."""
    del requested_project  # declared for the API's description; the guard has resolved it
    return access_of(request).project


def provide_named_project(
    request: Request[Any, Any, Any],
    requested_project: Annotated[
        str | None,
        QueryParameter(name="project", description="Id or name of the project that the object must lie in."),
    ] = None,
) -> str | None:
    """Dependency `named_project`: id of the project that the request names, None when it names none."""
    del requested_project  # as above
    access = access_of(request)
    return access.project if access.named else None


def csrf_token(session: str) -> str:
    """What a page must send with a write: derived from the cookie, which other origins cannot read."""
    return hmac.new(session.encode(), b"penstock csrf", sha256).hexdigest()


def session_cookie(token: str, *, secure: bool) -> Cookie:
    """The cookie of a session; an empty token takes it away."""
    return Cookie(
        key=SESSION_COOKIE,
        value=token,
        path="/",
        httponly=True,
        samesite="lax",
        secure=secure,
        max_age=ABSOLUTE_SECONDS if token else 0,
    )
