"""Texts of post-mortems. Rows are only ever added: every version stays."""

from sqlalchemy import Connection, select

from penstock.alerts.incidents.types import Postmortem
from penstock.store.metadata.schema import postmortems

__all__ = ["append", "get"]


def get(connection: Connection, incident: str, *, version: int | None = None) -> Postmortem | None:
    """A version, or the last one."""
    wanted = select(postmortems).where(postmortems.c.incident == incident)
    if version is not None:
        wanted = wanted.where(postmortems.c.version == version)
    row = connection.execute(wanted.order_by(postmortems.c.version.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    return Postmortem(markdown=row.markdown, version=row.version, saved=row.saved, saved_by=row.saved_by)


def append(connection: Connection, incident: str, text: Postmortem) -> None:
    row = {"markdown": text.markdown, "version": text.version, "saved": text.saved, "saved_by": text.saved_by}
    connection.execute(postmortems.insert().values(incident=incident, **row))
