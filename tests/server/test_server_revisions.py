"""What is hidden by default is there for who asks: every revision, with who, when and why."""

from __future__ import annotations

import uuid

from tests.server.conftest import Bench, evidence_json, point_json
from tests.serving import EVENT


def test_every_revision_is_told_with_who_when_and_why(bench: Bench) -> None:
    first = point_json(1, mag=16.0)
    other = point_json(2)
    for point in (first, {**first, "revision": 2, "mag": 16.1}, other):
        assert bench.put(point, evidence=evidence_json()).is_success
    bench.client.delete(
        f"/api/v1/points/{other['id']}", params={"reason": "a trail"}, headers=bench.auth()
    )
    told = bench.client.get(f"/api/v1/points/{first['id']}/revisions", headers=bench.auth("other"))
    assert [(r["revision"], r["state"], r["mag"]) for r in told.json()["revisions"]] == [
        (1, "superseded", 16.0), (2, "current", 16.1),
    ]  # fmt: skip
    assert {r["observatory"] for r in told.json()["revisions"]} == {"Ostrowik 0.6m"}
    [gone] = bench.client.get(
        f"/api/v1/points/{other['id']}/revisions", headers=bench.auth()
    ).json()["revisions"]
    assert (gone["state"], gone["withdraw_reason"]) == ("withdrawn", "a trail")
    assert gone["withdrawn_at"] >= gone["stored_at"]


def test_older_rows_are_told_on_request_only(bench: Bench) -> None:
    first = point_json(1, mag=16.0)
    other = point_json(2)
    for point in (first, {**first, "revision": 2, "mag": 16.1}, other):
        assert bench.put(point).is_success
    bench.client.delete(
        f"/api/v1/points/{other['id']}", params={"reason": "a trail"}, headers=bench.auth()
    )
    plain = bench.curve().json()
    assert [(r["id"], r["revision"]) for r in plain["rows"]] == [(first["id"], 2)]
    older = bench.client.get(
        "/api/v1/light-curve", params={"ivorn": EVENT, "older": True}, headers=bench.auth()
    ).json()
    assert [(r["id"], r["revision"], r["withdrawn"]) for r in older["rows"]] == [
        (first["id"], 1, False), (first["id"], 2, False), (other["id"], 1, True),
    ]  # fmt: skip
    assert older["complete"]
    assert bench.curve().json() == plain, "the cache of answers keeps the two apart"


def test_unknown_points_and_no_key(bench: Bench) -> None:
    address = f"/api/v1/points/{uuid.uuid4()}/revisions"
    assert bench.client.get(address, headers=bench.auth()).status_code == 404
    assert bench.client.get(address).status_code == 401
