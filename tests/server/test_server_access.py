"""Keys: every way in, every kind of key, on every route; failures limited, nothing leaked."""

from __future__ import annotations

import hashlib
import logging
import re
from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import select

from server_stub.access_keys import FailureLimit, caller_of_key
from server_stub.app import OLD_WIRE, PAGES
from server_stub.dependencies import HASHTAG
from server_stub.serve import LOGGING, HideKeys
from server_stub.tables import AccessKeyRow
from tests.serving import EVENT, point_json

ID = point_json()["id"]
NEW_WIRE = [
    ("GET", f"/api/v1/points/{ID}", {}),
    ("GET", f"/api/v1/points/{ID}/evidence", {}),
    ("GET", f"/api/v1/points/{ID}/revisions", {}),
    ("PUT", f"/api/v1/points/{ID}", {"json": {"point": point_json()}}),
    ("DELETE", f"/api/v1/points/{ID}", {"params": {"reason": "x"}}),
    ("GET", "/api/v1/events", {}),
    ("POST", "/api/v1/events", {"json": {"ivorn": "ivo://n"}}),
    ("GET", "/api/v1/light-curve", {"params": {"ivorn": EVENT}}),
    ("GET", "/api/v1/me", {}),
    ("GET", "/api/v1/observatories", {}),
]
STORING = {"PUT", "POST"}
#: What anybody may see; every other page and post wants a valid key.
PUBLIC = {
    ("GET", "/"),
    ("GET", "/manual"),
    ("GET", "/surveys"),
    ("GET", "/observatories"),
    ("GET", "/list_of_alerts"),
    ("GET", "/get_alert_lc"),
    ("GET", "/alert_lc_picture"),
    ("GET", "/login"),
    ("GET", "/request_access"),
    ("POST", "/request_access"),
    ("GET", "/favicon.ico"),
    ("GET", "/static/{name}"),
}


def test_shape_of_a_key(bench: Any) -> None:
    key = bench.keys["observer"]
    assert re.fullmatch(r"cpcs_[a-z0-9]{8}_[A-Za-z0-9_-]{43}", key)
    with bench.database.reading() as session:
        rows = session.scalars(select(AccessKeyRow)).all()
    assert hashlib.sha256(key.encode()).hexdigest() in {row.secret_hash for row in rows}
    assert all(key not in str(vars(row)) for row in rows)


def test_the_list_of_routes_is_whole(bench: Any) -> None:
    listed = {(verb, path.replace(ID, "{uuid}")) for verb, path, _ in NEW_WIRE}
    document = bench.client.get("/api/v1/openapi.json").json()["paths"]
    there = {
        (verb.upper(), re.sub(r"{.*}", "{uuid}", path))
        for path, o in document.items()
        for verb in o
    }
    assert there == listed | {("GET", "/api/v1/health"), ("GET", "/api/v1/version")}


def test_every_page_and_post_that_is_not_public_wants_a_valid_key(bench: Any) -> None:
    prefix = bench.keys["observer"].split("_")[1]
    bench.client.app.state.failures = FailureLimit(allowed=1000)
    wrong = ["", f"cpcs_{prefix}_{'A' * 43}", bench.keys["revoked"], "' or 1=1 --"]
    routes = [
        (verb, route.path)
        for module in (*OLD_WIRE, *PAGES)
        for route in module.router.routes
        if isinstance(route, APIRoute)
        for verb in route.methods
    ]
    assert set(routes) > PUBLIC
    for verb, path in routes:
        for key in wrong:
            given = {"params" if verb == "GET" else "data": {HASHTAG: key} if key else {}}
            answer = bench.client.request(verb, path, **given)
            allowed = {401}
            if (verb, path) in PUBLIC and not key:
                allowed = {200, 400, 404}
            elif (verb, path) in PUBLIC:
                allowed = {200, 400, 401, 404}
            elif path == "/logout":
                allowed = {200, 303}  # nobody is logged in: nothing happens
            assert answer.status_code in allowed, (verb, path, key, answer.text)
        for way in ({"params": {HASHTAG: bench.keys["admin"]}}, {"headers": bench.auth("admin")}):
            if verb == "GET":
                answer = bench.client.get(path, **way)
                assert answer.status_code not in {401, 403}, path
                assert bench.keys["admin"] not in answer.text + str(answer.headers), path


def test_every_route_wants_a_valid_key(bench: Any) -> None:
    prefix = bench.keys["observer"].split("_")[1]
    bench.client.app.state.failures = FailureLimit(allowed=1000)
    for verb, path, extra in NEW_WIRE:
        for header in (
            {},
            {"Authorization": "Bearer "},
            {"Authorization": f"Bearer cpcs_{prefix}_{'A' * 43}"},
            {"Authorization": "Bearer ' or 1=1 --"},
            {"Authorization": f"Basic {bench.keys['observer']}"},
            {"Cookie": f"hashtag={bench.keys['observer']}"},  # for browsers and the old wire
            bench.auth("revoked"),
        ):
            answer = bench.client.request(verb, path, headers=header, **extra)
            assert answer.status_code == 401, (verb, path, header, answer.text)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert set(answer.json()) >= {"code", "message", "reasons"}
        if verb in STORING:
            answer = bench.client.request(verb, path, headers=bench.auth("reader"), **extra)
            assert answer.status_code == 403


def test_last_use_is_noted(bench: Any) -> None:
    bench.client.get("/api/v1/me", headers=bench.auth("admin"))
    with bench.database.reading() as session:
        used = {r.prefix: r.last_used_at for r in session.scalars(select(AccessKeyRow))}
    assert used[bench.keys["admin"].split("_")[1]] is not None
    assert used[bench.keys["reader"].split("_")[1]] is None


def test_failures_are_limited_and_honest_keys_go_on(bench: Any) -> None:
    wrong = {"Authorization": f"Bearer cpcs_{'a' * 8}_{'A' * 43}"}
    answers = [bench.client.get("/api/v1/me", headers=wrong) for _ in range(22)]
    assert [a.status_code for a in answers] == [401] * 20 + [429] * 2
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert bench.client.get("/api/v1/me", headers=bench.auth()).status_code == 200


def test_failure_counts_are_bounded() -> None:
    limit = FailureLimit(allowed=1, window_s=1000)
    limit.LARGEST = 10
    for n in range(100):
        assert limit.failed(f"10.0.0.{n}") is None
    assert len(limit._failures) <= 10


@pytest.mark.parametrize("key", ["", "x", "cpcs_", "cpcs_" + "a" * 8, "\x00", "cpcs_é_é", "%00"])
def test_malformed_keys_are_nobody(bench: Any, key: str) -> None:
    assert caller_of_key(bench.database, key) is None


def test_keys_never_reach_a_log(bench: Any) -> None:
    key = bench.keys["observer"]
    for line, args in (
        ('%s - "%s %s"', ("127.0.0.1", "GET", f"/list_of_alerts?hashtag={key}&num=3")),
        (f"odd {key}", ()),
        ("%s", (f"hashtag=oldkey1234 {key}",)),
    ):
        record = logging.LogRecord("x", logging.INFO, "", 0, line, args, None)
        assert HideKeys().filter(record)
        text = record.getMessage()
        assert key not in text
        assert "oldkey1234" not in text
    assert LOGGING["handlers"]["stderr"]["filters"] == ["hide_keys"]
