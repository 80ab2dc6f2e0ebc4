"""People: their roles, one-time sign-in links and sessions."""

from sqlalchemy import Connection

from penstock.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied, Unauthenticated, Unavailable
from penstock.identity.service.access import ABSOLUTE_SECONDS, SECOND
from penstock.identity.service.context import Context
from penstock.identity.service.credentials import looks_like_token, new_token
from penstock.identity.service.validation import check_name, check_role
from penstock.identity.store import people, projects, sessions
from penstock.identity.types import ROLE_PERMISSIONS, Grants, Principal, Role, SessionToken, SigninLink
from penstock.wire.snapshot import hash_key

__all__ = ["LINK_SECONDS", "People"]

LINK_SECONDS = 15 * 60
KEPT_SECONDS = 30 * 24 * 3600
"""Used links and ended sessions are forgotten after this."""


class People:
    """Who comes in through the console, and how."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def invite(self, actor: Principal, *, role: str, name: str | None = None, project: str | None = None) -> SigninLink:
        """A one-time link that signs a person in, with this role from now on.

        A new name makes a new user. An admin's role holds in every project; `project` (id or name)
        says where another role holds, the actor's own project when it is None.

        Raises:
            InvalidInput: an unknown role, or an admin of one project.
            NotFound: no such project for this actor.
            PermissionDenied: the role may do more than the actor, or the person belongs elsewhere too.
            Conflict: it would leave the organisation without an admin.
        """
        wanted = check_role(role)
        if wanted == "admin" and project is not None:
            raise InvalidInput("An admin's role holds in every project.", field="project", hint="Leave it out.")
        person = check_name(name) if name is not None else wanted
        token = new_token(self._context.randomness)
        now = self._context.clock.now()
        expires = now + LINK_SECONDS * SECOND
        with self._context.change() as connection:
            where = None if wanted == "admin" else self._project(connection, actor, project)
            _check_reach(actor, wanted, where)
            user = self._user(connection, actor, person)
            self._set_role(connection, actor, user, role=wanted, project=where)
            link = sessions.Link(
                id=self._context.ids.uuid7(), hash=hash_key(token), user=user.id, created=now, expires=expires
            )
            sessions.insert_link(connection, link)
            self._context.audit(
                connection, actor, action="link.create", on=link.id, project=where, user=user.id, role=wanted
            )
        return SigninLink(token=token, expires=expires)

    def sign_in(self, token: str | None) -> SessionToken:
        """Use a link up and open a session.

        Raises:
            Unauthenticated: the link is malformed, unknown, used or expired (`link_invalid`).
        """
        now = self._context.clock.now()
        fresh = new_token(self._context.randomness)
        invalid = Unauthenticated(
            "This sign-in link was used, has expired, or is not from here.",
            hint="Make another with: penstock signin-link",
            code="link_invalid",
        )
        if token is None or not looks_like_token(token):
            raise invalid
        with self._context.metadata.write() as connection:
            user = sessions.consume_link(connection, hash_key(token), now=now)
            person = None if user is None else people.by_id(connection, user)
            if person is None:
                raise invalid
            session = sessions.Session(
                id=self._context.ids.uuid7(), hash=hash_key(fresh), user=person.id, created=now, seen=now
            )
            sessions.insert(connection, session)
            who = Principal(kind="user", id=person.id, name=person.name, grants=Grants(), project="")
            self._context.audit(connection, who, action="session.create", on=session.id)
            sessions.forget_before(
                connection,
                sessions_before=now - KEPT_SECONDS * SECOND,
                links_before=now - KEPT_SECONDS * SECOND,
            )
        return SessionToken(token=fresh, expires=now + ABSOLUTE_SECONDS * SECOND)

    def sign_out(self, token: str) -> None:
        """End a session. One that is unknown or ended is no error."""
        if looks_like_token(token):
            with self._context.metadata.write() as connection:
                sessions.end(connection, hash_key(token), now=self._context.clock.now())

    def _project(self, connection: Connection, actor: Principal, project: str | None) -> str:
        if project is None:
            return actor.project or projects.first(connection)
        found = projects.find(connection, project)
        if found is None or not actor.sees(found.id):
            raise NotFound("There is no such project, or not for you.", code="project_not_found")
        return found.id

    def _user(self, connection: Connection, actor: Principal, name: str) -> people.User:
        known = people.by_name(connection, name)
        if known is not None:
            return known
        organization = projects.organization(connection)
        if organization is None:
            raise Unavailable("The organisation does not exist yet.", hint="Start the console once.")
        user = people.User(id=self._context.ids.uuid7(), name=name, created=self._context.clock.now())
        people.insert(connection, user, organization=organization)
        self._context.audit(connection, actor, action="user.create", on=user.id, name=name)
        return user

    def _set_role(
        self, connection: Connection, actor: Principal, user: people.User, *, role: Role, project: str | None
    ) -> None:
        """Let the role hold; a change of role ends every session that began under the old one."""
        held = people.memberships_of(connection, user.id)
        if any(m.project == project and m.role == role for m in held):
            return
        if "users:write" not in actor.grants.everywhere and any(m.project != project for m in held):
            raise PermissionDenied("This person has roles beyond this project; only an admin changes them.")
        # A role in every project and one in a single project would contradict each other.
        replaced = [m.id for m in held if role == "admin" or m.project in {None, project}]
        people.drop_memberships(connection, replaced)
        people.insert_membership(
            connection,
            people.Membership(id=self._context.ids.uuid7(), user=user.id, project=project, role=role),
        )
        if held and not people.admins(connection):
            raise Conflict(
                "This would leave nobody to administer the organisation.",
                hint="Make another admin first, or give this person another name.",
                code="last_admin",
            )
        sessions.end_all_of(connection, user.id, now=self._context.clock.now())
        self._context.audit(connection, actor, action="user.role", on=user.id, project=project, role=role)


def _check_reach(actor: Principal, role: Role, project: str | None) -> None:
    allowed = ROLE_PERMISSIONS[role]
    asked = Grants(everywhere=allowed) if project is None else Grants(projects={project: allowed})
    if not actor.grants.covers(asked) or (project is not None and not actor.may("users:write", project)):
        raise PermissionDenied(
            f"The role {role} may do more than you, so it is not yours to give.",
            hint="Ask an admin.",
            code="role_exceeds_creator",
        )
