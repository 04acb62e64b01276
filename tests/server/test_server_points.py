"""PUT, GET and DELETE of points: stored once, superseded, withdrawn, never lost."""

from __future__ import annotations

import gzip
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cpcs_desktop.wire import Evidence, PointBody, PointReceipt
from tests.serving import EVENT, evidence_json, point_json


def test_stored_once_however_often_it_is_sent(bench: Any) -> None:
    first = bench.put(point_json(), evidence=evidence_json())
    again = bench.put(point_json(), evidence=evidence_json())
    assert (first.status_code, again.status_code) == (201, 200)
    receipts = [PointReceipt.model_validate_json(a.content) for a in (first, again)]
    assert [r.state for r in receipts] == ["stored", "unchanged"]
    assert receipts[0].stored_at == receipts[1].stored_at
    assert len(bench.curve().json()["rows"]) == 1


def test_what_was_sent_comes_back(bench: Any) -> None:
    point, evidence = point_json(comment="thin cloud “μ”"), evidence_json()
    bench.put(point, evidence=evidence)
    path = f"/api/v1/points/{point['id']}"
    answer = bench.client.get(path, headers=bench.auth("other"))
    assert answer.json() == point
    assert answer.headers["CPCS-State"] == "current"
    assert answer.headers["CPCS-Owner"] == "Ostrowik 0.6m"
    there = bench.client.get(f"{path}/evidence", headers=bench.auth())
    assert Evidence.model_validate(there.json()) == Evidence.model_validate(evidence)


def test_other_content_without_a_higher_revision_is_a_conflict(bench: Any) -> None:
    bench.put(point_json())
    clash = bench.put(point_json(mag=16.3))
    assert clash.status_code == 409
    assert clash.json()["revision"] == 1
    assert clash.json()["code"] == "other_content"
    better = bench.put(point_json(mag=16.3, band="PS1/r", revision=2))
    assert better.status_code == 201
    late = bench.put(point_json())  # the first answer was lost, the retry comes after revision 2
    assert (late.status_code, late.json()["state"]) == (200, "unchanged")
    older = bench.put(point_json(mag=16.4))
    assert (older.status_code, older.json()["revision"]) == (409, 2)
    rows = bench.curve().json()["rows"]
    assert [(r["revision"], r["mag"], r["band"]) for r in rows] == [(2, 16.3, "PS1/r")]
    old = bench.client.get(
        f"/api/v1/points/{point_json()['id']}", params={"revision": 1}, headers=bench.auth()
    )
    assert old.json()["mag"] == 16.25
    assert old.headers["CPCS-State"] == "superseded"


def test_a_point_of_another_observatory_names_its_owner(bench: Any) -> None:
    bench.put(point_json())
    for revision in (1, 2):
        clash = bench.put(point_json(mag=17.0, revision=revision), who="other")
        assert clash.status_code == 409
        assert "Ostrowik 0.6m" in clash.json()["message"]


def test_every_reason_at_once(bench: Any) -> None:
    bad = point_json(mag=99.0, mag_err=-1.0, mjd=2.0, band="SDSS/q", event="ivo://nowhere")
    answer = bench.put(bad)
    assert answer.status_code == 422
    reasons = " ".join(answer.json()["reasons"])
    for word in ("magnitude 99", "mag_err -1", "MJD 2.0", "SDSS/q", "ivo://nowhere"):
        assert word in reasons
    assert bench.curve().json()["rows"] == []


TOO_MUCH: list[dict[str, Any]] = [
    {"comment": "a\x00b"},
    {"band": "\x00/V"},
    {"band": "x" * 100 + "/V"},
    {"n_matched": 10**12},
    {"exposure_s": -1.0},
    {"observatory": "x" * 300},
    {"provenance": {"a": "\x00"}},
    {"provenance": {"a": "x" * 70000}},
    {"revision": 0},
    {"surprise": 1},
    {"observers": ["x"] * 30},
]


def test_what_the_tables_cannot_hold_is_refused(bench: Any) -> None:
    for change in TOO_MUCH:
        answer = bench.put(point_json(**change))
        assert answer.status_code == 422, change
        assert answer.json()["reasons"]


def test_nonsense_inside_free_json_is_refused(bench: Any) -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    point = point_json(provenance={"a": deep})
    text = json.dumps({"point": point, "evidence": None})
    path = f"/api/v1/points/{point['id']}"
    answer = bench.client.put(path, content=text, headers=bench.auth())
    assert (answer.status_code, bool(answer.json()["reasons"])) == (422, True)
    text = json.dumps({"point": point_json(provenance={"a": float("nan")}), "evidence": None})
    assert bench.client.put(path, content=text, headers=bench.auth()).status_code == 422
    bottomless = b'{"point":' + b"[" * 100_000
    assert bench.client.put(path, content=bottomless, headers=bench.auth()).status_code in {
        400,
        422,
    }


def test_address_and_point_must_name_one_id(bench: Any) -> None:
    point = point_json()
    answer = bench.client.put(
        f"/api/v1/points/{point_json(2)['id']}", json={"point": point}, headers=bench.auth()
    )
    assert answer.status_code == 422


def test_gzip_bodies_within_limits(bench: Any) -> None:
    path = f"/api/v1/points/{point_json()['id']}"
    headers = {**bench.auth(), "Content-Encoding": "gzip", "Content-Type": "application/json"}
    packed = gzip.compress(json.dumps({"point": point_json()}).encode())
    assert bench.client.put(path, content=packed, headers=headers).status_code == 201
    bomb = gzip.compress(b" " * 80_000_000, 6)
    assert len(bomb) < 2**20
    answer = bench.client.put(path, content=bomb, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_long")
    answer = bench.client.put(path, content=b"not gzip", headers=headers)
    assert answer.status_code == 400
    long = bench.client.put(path, content=b" " * (2**20 + 1), headers=bench.auth())
    assert long.status_code == 413
    headers["Content-Encoding"] = "br"
    assert bench.client.put(path, content=b"x", headers=headers).status_code == 415


def test_withdrawn_points_are_hidden_and_kept(bench: Any) -> None:
    point = point_json()
    bench.put(point)
    path = f"/api/v1/points/{point['id']}"
    assert bench.client.delete(path, headers=bench.auth()).status_code == 422
    blank = bench.client.delete(path, params={"reason": "  "}, headers=bench.auth())
    assert blank.status_code == 422
    stranger = bench.client.delete(path, params={"reason": "x"}, headers=bench.auth("other"))
    assert stranger.status_code == 403
    done = bench.client.delete(path, params={"reason": "wrong star"}, headers=bench.auth())
    assert done.json() == {"id": point["id"], "revision": 1, "state": "withdrawn"}
    again = bench.client.delete(path, params={"reason": "wrong star"}, headers=bench.auth())
    assert again.status_code == 200
    assert bench.curve().json()["rows"] == []
    assert [r["withdrawn"] for r in bench.curve(since=1).json()["rows"]] == [True]
    assert bench.client.get(path, headers=bench.auth()).headers["CPCS-State"] == "withdrawn"
    assert bench.put(point).status_code == 200  # a late retry does not bring it back
    assert bench.curve().json()["rows"] == []
    assert bench.put(point_json(revision=2)).status_code == 201  # a new revision does
    assert [r["revision"] for r in bench.curve().json()["rows"]] == [2]
    assert (
        bench.client.get("/api/v1/events", headers=bench.auth()).json()["events"][0]["n_followup"]
        == 1
    )


def test_a_withdrawal_of_an_older_revision_does_not_hit_the_newer(bench: Any) -> None:
    point = point_json()
    bench.put(point)
    bench.put(point_json(mag=16.5, revision=3))
    path = f"/api/v1/points/{point['id']}"
    old = bench.client.delete(path, params={"reason": "r", "revision": 1}, headers=bench.auth())
    assert (old.status_code, old.json()["revision"]) == (409, 3)
    new = bench.client.delete(path, params={"reason": "r", "revision": 3}, headers=bench.auth())
    assert new.status_code == 200
    admin = bench.client.delete(path, params={"reason": "r"}, headers=bench.auth("admin"))
    assert admin.status_code == 200
    unknown = f"/api/v1/points/{point_json(9)['id']}"
    gone = bench.client.delete(unknown, params={"reason": "r"}, headers=bench.auth())
    assert gone.status_code == 404


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    mag=st.floats(-5, 30),
    mjd=st.floats(40000, 60000),
    err=st.floats(0, 5),
    comment=st.text(max_size=200).filter(lambda t: "\x00" not in t),
    n=st.integers(100, 10**9),
)
def test_any_plausible_point_survives_to_the_last_bit(
    bench: Any, mag: float, mjd: float, err: float, comment: str, n: int
) -> None:
    point = point_json(n, mag=mag, mjd=mjd, mag_err=err, comment=comment)
    assert bench.put(point).status_code in {200, 201, 409}
    if bench.put(point).status_code == 409:
        return  # hypothesis drew the same n with other numbers
    there = bench.client.get(f"/api/v1/points/{point['id']}", headers=bench.auth()).json()
    assert PointBody.model_validate(there) == PointBody.model_validate(point)
    row = next(r for r in bench.curve().json()["rows"] if r["id"] == point["id"])
    assert (row["mag"], row["mjd"], row["mag_err"]) == (mag, mjd, err)


def test_two_at_once_store_one(bench: Any, together: Any) -> None:
    answers = together(*[lambda: bench.put(point_json()).status_code] * 6)
    assert sorted(answers) == [200, 200, 200, 200, 200, 201]
    answers = together(
        *[lambda m=m: bench.put(point_json(2, mag=m)).status_code for m in (15.0, 15.1, 15.2, 15.3)]
    )
    assert sorted(answers) == [201, 409, 409, 409]
    assert len(bench.curve(event=EVENT).json()["rows"]) == 2
