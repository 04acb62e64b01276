"""Tables: migrations from empty equal the models, on both databases; newer ones are refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from cpcs_desktop.datamodel.errors import CpcsError
from server_stub import schema
from server_stub.admin import opened
from server_stub.database import Database
from server_stub.tables import Base


def test_upgrade_from_empty_equals_the_models(database_url: str) -> None:
    database = Database(database_url)
    assert schema.differences(database) == []
    assert schema.version(database) == schema.newest_version()
    schema.upgrade(database)  # safe to repeat
    with database.engine.connect() as connection:
        assert {t.name for t in Base.metadata.sorted_tables} <= set(
            database.engine.dialect.get_table_names(connection)
        )
    database.close()


def test_a_newer_database_is_left_alone(database_url: str) -> None:
    database = Database(database_url)
    with database.writing() as session:
        session.execute(text("update alembic_version set version_num = '9999'"))
    database.close()
    with pytest.raises(CpcsError, match="newer version"), opened(database_url):
        pass


def test_sqlite_is_durable_private_and_strict(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(str(tmp_path / "new" / "server.sqlite"))
    with database.engine.connect() as connection:
        for pragma, value in (
            ("journal_mode", "wal"),
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("busy_timeout", 30000),
        ):
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    database.close()
    assert stat.S_IMODE((tmp_path / "new" / "server.sqlite").stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///:memory:"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(CpcsError, match="not a database"):
        Database(url)


def test_passwords_are_never_shown() -> None:
    database = Database("postgresql://cpcs:verysecret@127.0.0.1:1/x")
    assert "verysecret" not in repr(database)
    database.close()
