"""From a credential to a principal: what a key or a session may do at this moment."""

import hmac
import logging
from collections.abc import Iterable

from sqlalchemy import Connection

from penstock.core.errors import Unauthenticated, Unavailable
from penstock.identity.service.context import Context
from penstock.identity.service.credentials import looks_like_key, looks_like_token
from penstock.identity.store import keys, people, projects, sessions
from penstock.identity.types import ROLE_PERMISSIONS, Grants, Principal, as_role
from penstock.wire.snapshot import hash_key

__all__ = ["ABSOLUTE_SECONDS", "IDLE_SECONDS", "Access", "Standing"]

logger = logging.getLogger(__name__)

SECOND = 1_000_000
IDLE_SECONDS = 12 * 3600
ABSOLUTE_SECONDS = 7 * 24 * 3600
TOUCH_SECONDS = 60
"""A session's `seen` is written at most this often: reading a page must not cost a disk write."""
MAX_CREATORS = 32


class Access:
    """Who is behind a credential."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def by_key(self, secret: str | None) -> Principal:
        """The principal of a key.

        Raises:
            Unauthenticated: empty, malformed, unknown, revoked or expired.
        """
        if secret is None or not looks_like_key(secret):
            raise Unauthenticated(
                "A key looks like psk_ and 43 characters; what came does not.",
                hint="Send it as: Authorization: Bearer psk_…",
                code="key_invalid",
            )
        digest = hash_key(secret)
        with self._context.metadata.read() as connection:
            row = keys.by_hash(connection, digest)
            if row is None or not hmac.compare_digest(row.hash, digest):
                raise Unauthenticated("This key is not known here.", hint="Mint another one.", code="key_invalid")
            if row.revoked is not None:
                raise Unauthenticated("This key was revoked.", hint="Mint another one.", code="key_revoked")
            if row.expires is not None and row.expires <= self._context.clock.now():
                raise Unauthenticated("This key has expired.", hint="Mint another one.", code="key_expired")
            grants = Standing(connection).of_key(row)
        return Principal(
            kind="key", id=row.id, name=row.name, grants=grants, project=row.project, user=row.creator_user
        )

    def by_session(self, token: str | None) -> Principal:
        """The principal of a console session.

        Raises:
            Unauthenticated: empty, malformed, unknown, ended, idle for too long, or too old.
        """
        over = Unauthenticated("The session has ended.", hint="Sign in again.", code="session_ended")
        if token is None or not looks_like_token(token):
            raise over
        digest = hash_key(token)
        now = self._context.clock.now()
        with self._context.metadata.read() as connection:
            session = sessions.by_hash(connection, digest)
            if session is None or not hmac.compare_digest(session.hash, digest):
                raise over
            if now >= session.created + ABSOLUTE_SECONDS * SECOND or now >= session.seen + IDLE_SECONDS * SECOND:
                raise over
            user = people.by_id(connection, session.user)
            if user is None:
                raise over
            grants = Standing(connection).of_user(user.id)
            project = _home_project(connection, grants)
        if now - session.seen >= TOUCH_SECONDS * SECOND:
            self._touch(session.id, now=now)
        return Principal(kind="user", id=user.id, name=user.name, grants=grants, project=project, user=user.id)

    def _touch(self, session: str, *, now: int) -> None:
        try:
            with self._context.metadata.write() as connection:
                sessions.touch(connection, session, now=now)
        except Unavailable as error:
            # A full disk must not lock people out of the page that shows it.
            logger.warning("session %s could not be marked as used: %s", session, error)


class Standing:
    """What people and keys may do, as one transaction sees it. Each person and creator is looked up once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._users: dict[str, Grants] = {}
        self._keys: dict[str, keys.KeyRow | None] = {}

    def of_user(self, user: str) -> Grants:
        """What a person's roles allow."""
        known = self._users.get(user)
        if known is None:
            known = self._users[user] = _of_roles(people.memberships_of(self._connection, user))
        return known

    def of_key(self, row: keys.KeyRow) -> Grants:
        """What a key may do now: its own scopes, within what each of its creators may do, up to the first.

        A creator's revocation or expiry does not take its keys along (revoking the admin key would stop
        production), but a person who lost a role takes it from every key that they minted.
        """
        grants = _own(row)
        above = row
        for _ in range(MAX_CREATORS):
            if above.creator_user is not None:
                grants = grants & self.of_user(above.creator_user)
            if above.creator_key is None:
                return grants
            creator = self._key(above.creator_key)
            if creator is None:
                return Grants()
            grants = grants & _own(creator)
            above = creator
        return Grants()

    def _key(self, key: str) -> keys.KeyRow | None:
        if key not in self._keys:
            self._keys[key] = keys.by_id(self._connection, key)
        return self._keys[key]


def _of_roles(memberships: Iterable[people.Membership]) -> Grants:
    everywhere: frozenset[str] = frozenset()
    within: dict[str, frozenset[str]] = {}
    for membership in memberships:
        role = as_role(membership.role)
        allowed = ROLE_PERMISSIONS[role] if role else frozenset[str]()
        if membership.project is None:
            everywhere |= allowed
        else:
            within[membership.project] = within.get(membership.project, frozenset()) | allowed
    return Grants(everywhere=everywhere, projects=within)


def _own(row: keys.KeyRow) -> Grants:
    scopes = frozenset(row.scopes)
    return Grants(everywhere=scopes) if row.all_projects else Grants(projects={row.project: scopes})


def _home_project(connection: Connection, grants: Grants) -> str:
    """The oldest project that a person may see; empty when there is none."""
    if grants.everywhere:
        return projects.first(connection)
    return next((project.id for project in projects.everything(connection) if grants.within(project.id)), "")
