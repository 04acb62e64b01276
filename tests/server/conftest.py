"""Fixtures of the server: the same tests run on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from server_stub import schema
from server_stub.access_keys import new_key
from server_stub.admin import observatory_named
from server_stub.app import create_app
from server_stub.database import Database
from server_stub.settings import ServerSettings
from tests.serving import EVENT, evidence_json, point_json, postgres_cluster, postgres_programs


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a PostgreSQL cluster of our own, or a skip with the reason."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres_cluster(programs) as address:
        with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
            connection.execute("create database template_cpcs")
        database = Database(f"{address}/template_cpcs")
        schema.upgrade(database)
        database.close()
        yield address


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an empty, up-to-date SQLite file to copy."""
    file = tmp_path_factory.mktemp("template") / "empty.sqlite"
    database = Database(str(file))
    schema.upgrade(database)
    database.close()
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Address of an empty SQLite database."""
    return str(shutil.copy(sqlite_template, tmp_path / "server.sqlite"))


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """Address of an empty PostgreSQL database."""
    name = f"cpcs_{uuid.uuid4().hex}"
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute(f"create database {name} template template_cpcs")
    return f"{postgres}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Address of an empty database, of each kind in turn."""
    kind = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(kind)
    return url


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> ServerSettings:
    """Settings of the app under test."""
    return ServerSettings(database_url, tmp_path / "surveys", largest_body=2**20)


@dataclass
class Bench:
    """The app, its database, and keys of all kinds."""

    client: TestClient
    database: Database
    keys: dict[str, str]

    def auth(self, who: str = "observer") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[who]}"}

    def put(self, point: dict[str, Any], who: str = "observer", evidence: Any = None) -> Any:
        body = {"point": point, "evidence": evidence}
        return self.client.put(f"/api/v1/points/{point['id']}", json=body, headers=self.auth(who))

    def curve(self, since: int = 0, event: str = EVENT, **headers: str) -> Any:
        return self.client.get(
            "/api/v1/light-curve",
            params={"ivorn": event, "since": since},
            headers={**self.auth(), **headers},
        )


@pytest.fixture
def bench(settings: ServerSettings) -> Iterator[Bench]:
    """Give a running app with one event and keys: observer, other, admin, reader, revoked."""
    app = create_app(settings)
    database: Database = app.state.database
    with database.writing() as session:
        keys = {}
        for who, name in (
            ("observer", "Ostrowik 0.6m"),
            ("other", "Loiano"),
            ("admin", "Cambridge"),
            ("reader", "Readers"),
            ("revoked", "Gone"),
        ):
            row = observatory_named(session, name)
            keys[who] = new_key(session, row, admin=who == "admin", upload=who != "reader")
    from server_stub.admin import revoke_key

    revoke_key(database, keys["revoked"])
    with TestClient(app, raise_server_exceptions=False) as client:
        made = Bench(client, database, keys)
        answer = client.post(
            "/api/v1/events", json={"ivorn": EVENT, "ra": 10.0, "dec": 20.0}, headers=made.auth()
        )
        assert answer.status_code == 201, answer.text
        yield made


@pytest.fixture
def together() -> Callable[..., list[Any]]:
    """Run calls at the same moment in threads and return what they return."""

    def run(*calls: Callable[[], Any]) -> list[Any]:
        results: list[Any] = [None] * len(calls)
        barrier = threading.Barrier(len(calls))

        def one(n: int) -> None:
            barrier.wait()
            results[n] = calls[n]()

        threads = [threading.Thread(target=one, args=(n,)) for n in range(len(calls))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return results

    return run


__all__ = ["evidence_json", "point_json"]
