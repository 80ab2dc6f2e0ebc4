"""Step-by-step migration of an older metadata store, by Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

__all__ = ["alembic_config", "upgrade"]


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration, without an ini file: the scripts lie in this package."""
    config = Config()
    # A % in the path would be read as an interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run all missing migrations in the connection's transaction: all of them hold, or none."""
    command.upgrade(alembic_config(connection), revision)
