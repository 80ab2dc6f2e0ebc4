"""Projects: which exist, for whom, and making one."""

from sqlalchemy.exc import IntegrityError

from penstock.core.errors import Conflict, NotFound, PermissionDenied, Unavailable
from penstock.identity.service.context import Context
from penstock.identity.service.validation import check_project_name
from penstock.identity.store import projects
from penstock.identity.types import Principal, Project

__all__ = ["Projects"]


class Projects:
    """Projects of the one organisation."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def visible(self, principal: Principal) -> list[Project]:
        """Those that exist for this principal, oldest first."""
        with self._context.metadata.read() as connection:
            return [project for project in projects.everything(connection) if principal.sees(project.id)]

    def resolve(self, principal: Principal, name_or_id: str | None) -> Project:
        """The project a request means: by id or name, or the principal's own when it names none.

        Raises:
            NotFound: it does not exist, or not for this principal; which of the two is not told.
        """
        wanted = principal.project if name_or_id is None else name_or_id
        with self._context.metadata.read() as connection:
            project = projects.find(connection, wanted) if wanted else None
        if project is None or not principal.sees(project.id):
            raise NotFound(
                "There is no such project, or not for you.",
                hint="GET /api/v1/projects lists those you may see.",
                code="project_not_found",
            )
        return project

    def clear_cache(self, actor: Principal, project: str) -> None:
        """Forget all answers that gateways keep for a project.

        Every worker, on every machine, asks its providers anew once it has the next snapshot. What was kept leaves
        memory and Redis as other answers take its room, or with its time to live.
        """
        with self._context.change() as connection:
            projects.forget_answers(connection, project)
            self._context.audit(connection, actor, action="cache.clear", on=project, project=project)

    def create(self, actor: Principal, name: str) -> Project:
        """Make a project.

        Raises:
            InvalidInput: the name does not fit.
            PermissionDenied: the actor's permission does not reach beyond single projects.
            Conflict: a project has that name.
        """
        if "projects:write" not in actor.grants.everywhere:
            raise PermissionDenied("Making a project needs projects:write in every project.", hint="Ask an admin.")
        project = Project(
            id=self._context.ids.uuid7(), name=check_project_name(name), created=self._context.clock.now()
        )
        try:
            with self._context.change() as connection:
                organization = projects.organization(connection)
                if organization is None:
                    raise Unavailable("The organisation does not exist yet.", hint="Start the console once.")
                projects.insert(connection, project, organization=organization)
                self._context.audit(
                    connection, actor, action="project.create", on=project.id, project=project.id, name=project.name
                )
        except IntegrityError as error:
            raise Conflict(f"There is a project named {project.name} already.", code="project_exists") from error
        return project
