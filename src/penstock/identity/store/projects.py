"""Rows of the organisation and its projects."""

from sqlalchemy import Connection, or_, select, update

from penstock.identity.types import Project
from penstock.store.metadata.schema import organizations, projects

__all__ = [
    "cache_generations",
    "everything",
    "find",
    "first",
    "forget_answers",
    "insert",
    "insert_organization",
    "organization",
]

_COLUMNS = (projects.c.id, projects.c.name, projects.c.created)


def organization(connection: Connection) -> str | None:
    """Id of the one organisation; None before the first start has made it."""
    return connection.execute(select(organizations.c.id)).scalar_one_or_none()


def insert_organization(connection: Connection, *, organization: str, name: str, created: int) -> None:
    connection.execute(organizations.insert().values(id=organization, name=name, created=created))


def insert(connection: Connection, project: Project, *, organization: str) -> None:
    connection.execute(
        projects.insert().values(id=project.id, organization=organization, name=project.name, created=project.created)
    )


def everything(connection: Connection) -> list[Project]:
    """All projects, oldest first."""
    found = connection.execute(select(*_COLUMNS).order_by(projects.c.created, projects.c.id))
    return [Project(id=row.id, name=row.name, created=row.created) for row in found]


def cache_generations(connection: Connection) -> dict[str, int]:
    """By project id."""
    found = connection.execute(select(projects.c.id, projects.c.cache_generation))
    return {row.id: row.cache_generation for row in found}


def forget_answers(connection: Connection, project: str) -> None:
    connection.execute(
        update(projects).where(projects.c.id == project).values(cache_generation=projects.c.cache_generation + 1)
    )


def find(connection: Connection, name_or_id: str) -> Project | None:
    """A project's name never has the form of an id, so both share one look-up."""
    row = connection.execute(
        select(*_COLUMNS).where(or_(projects.c.id == name_or_id, projects.c.name == name_or_id))
    ).one_or_none()
    return None if row is None else Project(id=row.id, name=row.name, created=row.created)


def first(connection: Connection) -> str:
    """Id of the oldest project."""
    return connection.execute(select(projects.c.id).order_by(projects.c.created, projects.c.id).limit(1)).scalar_one()
