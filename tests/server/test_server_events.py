"""Events: created once, found by name, cone, time and page."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from server_stub.events import place
from server_stub.tables import EventRow
from tests.serving import EVENT, point_json


def post(bench: Any, **body: Any) -> Any:
    return bench.client.post("/api/v1/events", json=body, headers=bench.auth())


def search(bench: Any, **params: Any) -> list[str]:
    names: list[str] = []
    while True:
        answer = bench.client.get("/api/v1/events", params=params, headers=bench.auth())
        assert answer.status_code == 200, answer.text
        page = answer.json()
        names += [e["ivorn"] for e in page["events"]]
        if page["next_cursor"] is None:
            return names
        params["cursor"] = page["next_cursor"]


def test_the_same_again_is_not_an_error(bench: Any, together: Any) -> None:
    first = post(bench, ivorn="ivo://Gaia16aye", ra=295.0, dec=30.1, wanted_bands=["SDSS/r"])
    again = post(bench, ivorn="ivo://Gaia16aye", ra=1.0, dec=2.0)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["ra"] == 295.0
    codes = together(*[lambda: post(bench, ivorn="ivo://race", ra=1.0, dec=2.0).status_code] * 5)
    assert sorted(codes) == [200, 200, 200, 200, 201]


BAD_EVENTS: list[dict[str, Any]] = [
    {"ivorn": ""},
    {"ivorn": " x"},
    {"ivorn": "a\nb"},
    {"ivorn": "x", "ra": 1.0},
    {"ivorn": "x", "ra": 400.0, "dec": 0.0},
    {"ivorn": "x", "url": "javascript:alert(1)"},
    {"ivorn": "x", "wanted_bands": ["Q"]},
    {"ivorn": "x", "priority": 10**9},
    {"ivorn": "x", "published": "yesterday"},
    {"ivorn": "x" * 300},
]


def test_bad_events_are_refused(bench: Any) -> None:
    for body in BAD_EVENTS:
        answer = post(bench, **body)
        assert answer.status_code == 422, body
        assert answer.json()["reasons"]


def test_cone_agrees_with_astropy(bench: Any) -> None:
    rng = np.random.default_rng(3)
    ra = np.concatenate([rng.uniform(0, 360, 150), rng.uniform(-1, 1, 50) % 360])
    dec = np.concatenate(
        [rng.uniform(-90, 90, 100), rng.uniform(88, 90, 50), rng.uniform(-1, 1, 50)]
    )
    with bench.database.writing() as session:
        for n, (a, d) in enumerate(zip(ra, dec, strict=True)):
            event = EventRow(ivorn=f"e{n}")
            place(event, float(a), float(d))
            session.add(event)
    sky = SkyCoord(ra, dec, unit="deg")
    for a, d, radius in (
        (0.0, 0.0, 1.0),
        (359.9, 0.2, 0.7),
        (10.0, 89.5, 1.0),
        (200.0, -30.0, 40.0),
    ):
        inside = sky.separation(SkyCoord(a, d, unit="deg")) <= radius * u.deg
        wanted = {f"e{n}" for n in np.flatnonzero(inside)}
        assert set(search(bench, ra=a, dec=d, radius=radius, limit=7)) - {EVENT} == wanted


def test_observed_only_updated_since_and_pages(bench: Any) -> None:
    for n in range(12):
        post(bench, ivorn=f"ivo://e{n}", ra=float(n), dec=0.0)
    assert search(bench, observed_only=True) == []
    before = bench.client.get("/api/v1/health").json()["time"]
    bench.put(point_json())
    assert search(bench, observed_only=True) == [EVENT]
    assert search(bench, updated_since=before) == [EVENT]
    everything = search(bench, limit=5)
    assert len(everything) == len(set(everything)) == 13
    assert search(bench, ivorn="ivo://e3") == ["ivo://e3"]
