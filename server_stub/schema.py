"""Bring the tables up to date with Alembic; the migrations travel inside the package."""

from __future__ import annotations

from importlib import resources

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from cpcs_desktop.datamodel.errors import CpcsError
from server_stub.database import Database
from server_stub.tables import Base

#: PostgreSQL advisory lock under which one process at a time upgrades ("CPCS" in ASCII).
UPGRADE_LOCK = 0x43504353


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("server_stub") / "migrations"))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database) -> None:
    """Bring empty or older tables to this version; harmless when they are there.

    Raises
    ------
    CpcsError
        Code ``newer_database`` when a newer version of the program has been here.
    """
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    found = version(database)
    if found is not None and found not in known:
        raise CpcsError(
            "newer_database",
            f"The database is of a newer version ({found}) than this program.",
            "Update the program, or restore the backup made before the upgrade.",
        )
    with database.engine.connect() as plain:
        connection = plain.execution_options(cpcs_writes=True) if database.is_sqlite else plain
        with connection.begin():
            if not database.is_sqlite:
                connection.execute(text(f"select pg_advisory_xact_lock({UPGRADE_LOCK})"))
            command.upgrade(_config(connection), "head")


def version(database: Database) -> str | None:
    """Return the migration the tables are at, None for an empty database."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_version() -> str:
    """Return the migration this program wants."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def differences(database: Database) -> list[str]:
    """Return how the database's tables differ from :mod:`server_stub.tables`."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "render_as_batch": True}
        )
        return [str(difference) for difference in compare_metadata(context, Base.metadata)]
