"""Backup and restore as the operator's guide says, with points arriving meanwhile."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cpcs_desktop.wire import LightCurveAnswer
from server_stub.admin import opened
from server_stub.checking import check
from server_stub.events import event_of_name
from server_stub.light_curves import light_curve
from tests.serving import EVENT, point_json, postgres_programs


def backed_up_while_writing(bench: Any, backup: Any) -> int:
    """Back up while a thread puts points; return how many were acknowledged before."""
    for n in range(10):
        assert bench.put(point_json(n)).status_code == 201
    stop = threading.Event()

    def write() -> None:
        n = 10
        while not stop.is_set():
            assert bench.put(point_json(n)).status_code == 201
            n += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backup()
    finally:
        stop.set()
        writer.join(60)
    return 10


def restored(url: str, at_least: int, cursor: int) -> None:
    with opened(url) as database:
        assert check(database)["problems"] == []
        with database.reading() as session:
            event = event_of_name(session, EVENT)
            answer: LightCurveAnswer = light_curve(session, event, cursor)
        assert answer.complete  # the cursor is ahead of the backup
        assert len(answer.rows) >= at_least


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite(bench: Any, database_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "backup.sqlite"

    def backup() -> None:
        # What ".backup" of the sqlite3 shell does.
        source, target = sqlite3.connect(database_url), sqlite3.connect(copy)
        source.backup(target)
        source.close()
        target.close()

    count = backed_up_while_writing(bench, backup)
    cursor = bench.curve().json()["cursor"]
    restored(str(copy), count, cursor + 1000)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql(bench: Any, database_url: str, tmp_path: Path) -> None:
    programs = postgres_programs()
    assert programs is not None
    dump = tmp_path / "cpcs.dump"

    def run(program: str, *words: str) -> None:
        done = subprocess.run(
            [str(programs / program), *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
        assert done.returncode == 0, done.stderr

    count = backed_up_while_writing(
        bench, lambda: run("pg_dump", "--format=custom", f"--file={dump}", database_url)
    )
    address, _, name = database_url.rpartition("/")
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f"create database {name}_restored")
    target = f"{address}/{name}_restored"
    run("pg_restore", f"--dbname={target}", "--no-owner", str(dump))
    restored(target, count, bench.curve().json()["cursor"] + 1000)
