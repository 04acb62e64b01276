"""Several processes in front of one PostgreSQL; many observers at once on SQLite."""

from __future__ import annotations

import concurrent.futures
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import requests

from server_stub.admin import make_key, opened
from server_stub.checking import check
from tests.serving import EVENT, LiveServer, evidence_json, live_server, point_json

OBSERVERS = 20
EACH = 5


def put(server: LiveServer, url: str, who: str, point: dict[str, Any]) -> int:
    body = {"point": point, "evidence": evidence_json()}
    answer = requests.put(
        f"{url}/api/v1/points/{point['id']}",
        data=gzip.compress(json.dumps(body).encode()),
        headers={
            "Authorization": f"Bearer {server.keys[who]}",
            "Content-Encoding": "gzip",
            "Content-Type": "application/json",
        },
        timeout=60,
    )
    return answer.status_code


def push_together(server: LiveServer, urls: list[str]) -> list[int]:
    """Let twenty observers push at the same moment, every point twice."""
    jobs = [
        (urls[n % len(urls)], f"o{o}", point_json(1000 * o + n // 2))
        for o in range(OBSERVERS)
        for n in range(2 * EACH)
    ]
    with concurrent.futures.ThreadPoolExecutor(OBSERVERS) as pool:
        return list(pool.map(lambda job: put(server, *job), jobs))


def prepared(database: str) -> dict[str, str]:
    names = {f"o{o}": f"Observatory {o}" for o in range(OBSERVERS)}
    with opened(database) as store:
        return {who: make_key(store, n, None, None)["key"] for who, n in names.items()}


def create_event(server: LiveServer) -> None:
    answer = requests.post(
        f"{server.url}/api/v1/events",
        json={"ivorn": EVENT, "ra": 10.0, "dec": 20.0},
        headers={"Authorization": f"Bearer {server.keys['o0']}"},
        timeout=60,
    )
    assert answer.status_code == 201


def stored_exactly_once(server: LiveServer, url: str) -> None:
    answer = requests.get(
        f"{url}/api/v1/light-curve",
        params={"ivorn": EVENT},
        headers={"Authorization": f"Bearer {server.keys['o1']}"},
        timeout=60,
    ).json()
    assert len({row["id"] for row in answer["rows"]}) == len(answer["rows"]) == OBSERVERS * EACH


def test_twenty_observers_push_at_once_on_sqlite(sqlite_url: str, tmp_path: Path) -> None:
    keys = prepared(sqlite_url)
    with live_server(sqlite_url, tmp_path) as server:
        server.keys = keys
        create_event(server)
        codes = push_together(server, [server.url])
        assert sorted(set(codes)) == [200, 201]
        assert codes.count(201) == OBSERVERS * EACH
        stored_exactly_once(server, server.url)
    with opened(sqlite_url) as database:
        assert check(database)["problems"] == []


@pytest.mark.parametrize("how", ["two programs", "two workers"])
def test_several_processes_in_front_of_one_postgresql(
    postgres_url: str, tmp_path: Path, how: str
) -> None:
    keys = prepared(postgres_url)
    (tmp_path / "second").mkdir()
    words = ["--workers", "2"] if how == "two workers" else []
    with live_server(postgres_url, tmp_path, *words) as first:
        first.keys = keys
        create_event(first)
        if how == "two workers":
            codes = push_together(first, [first.url])
            stored_exactly_once(first, first.url)
            assert first.stop() < 5
        else:
            with live_server(postgres_url, tmp_path / "second") as second:
                codes = push_together(first, [first.url, second.url])
                stored_exactly_once(first, first.url)
                stored_exactly_once(first, second.url)
        assert sorted(set(codes)) == [200, 201]
        assert codes.count(201) == OBSERVERS * EACH
    with opened(postgres_url) as database:
        assert check(database)["problems"] == []


def test_killed_in_the_middle_loses_nothing(sqlite_url: str, tmp_path: Path) -> None:
    """SIGKILL while points arrive: what was acknowledged is there after the restart, once."""
    keys = prepared(sqlite_url)
    acknowledged: set[str] = set()
    with live_server(sqlite_url, tmp_path) as server:
        server.keys = keys
        create_event(server)

        def send(n: int) -> None:
            point = point_json(n)
            try:
                if put(server, server.url, "o0", point) == 201:
                    acknowledged.add(point["id"])
            except requests.RequestException:
                return
            if len(acknowledged) == 15:
                server.process.kill()

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(60)))
        server.process.wait(20)
    with live_server(sqlite_url, tmp_path) as server:
        server.keys = keys
        answer = server.get("/api/v1/light-curve", "o0", ivorn=EVENT).json()
        there = [row["id"] for row in answer["rows"]]
        assert acknowledged <= set(there)
        assert len(there) == len(set(there)) < 60
        codes = [put(server, server.url, "o0", point_json(n)) for n in range(60)]
        assert codes.count(200) == len(there)
        assert codes.count(201) == 60 - len(there)
    with opened(sqlite_url) as database:
        assert check(database)["problems"] == []
