"""Lists that live on this machine and follow the server's."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.datamodel.point import PhotometricPoint
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.events import EventList, separation_deg, sync_events
from cpcs_desktop.sync.light_curves import LightCurveCache, refresh_light_curve
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.sync.pusher import push

MakePoint = Callable[..., PhotometricPoint]
EVENT = "ivo://Test/ev #1+a"


def test_sync_takes_all_pages_and_creates_what_is_new(
    outbox: Outbox, client: CpcsClient, server: Any
) -> None:
    for n in range(5):
        name = f"ivo://other/{n}"
        server.events[name] = {"ivorn": name, "ra": float(n), "dec": 1.0}
    events = EventList(outbox.database)
    assert events.add(Event("ivo://mine", 5.0, 6.0))
    assert not events.add(Event("ivo://mine", 5.0, 6.00001))
    assert sync_events(events, client) == 6  # all but the one just confirmed
    assert "ivo://mine" in server.events
    assert len(events.all()) == 7
    assert events.pending() == []
    assert sync_events(events, client) == 0
    assert "updated_since" in server.log[-1][1]


@pytest.mark.parametrize(
    "event", [Event("", 1.0, 2.0), Event("x", None, 2.0), Event("x", 360.0, 2.0),
              Event("x", 1.0, float("nan")), Event("y" * 201, 1.0, 2.0)]
)  # fmt: skip
def test_impossible_events(outbox: Outbox, event: Event) -> None:
    with pytest.raises(CpcsError):
        EventList(outbox.database).add(event)


@given(st.floats(0, 359.999), st.floats(-90, 90), st.floats(0, 359.999), st.floats(-90, 90))
def test_separation_against_astropy(ra1: float, dec1: float, ra2: float, dec2: float) -> None:
    theirs = SkyCoord(ra1, dec1, unit="deg").separation(SkyCoord(ra2, dec2, unit="deg")).deg
    assert separation_deg(Event("x", ra1, dec1), ra2, dec2) == pytest.approx(theirs, abs=1e-7)


def frame_at(ra: float, dec: float, size: int = 1000, scale: float = 1.0 / 3600) -> Frame:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [size / 2, size / 2]
    wcs.wcs.cdelt = [-scale, scale]
    return Frame(sha256="0" * 64, hdu=0, path="f", kind="frame", wcs=wcs, shape=(size, size))


@pytest.mark.parametrize(("ra", "dec"), [(10.0, 20.0), (0.01, -30.0), (123.0, 89.95)])
def test_events_on_a_frame_and_in_a_list(outbox: Outbox, ra: float, dec: float) -> None:
    """At the wrap of RA and near the pole, too."""
    frame = frame_at(ra, dec)
    rng = random.Random(1)
    events = EventList(outbox.database)
    inside: list[tuple[float, str]] = []
    pixels = {f"e{n}": (rng.uniform(-400, 1400), rng.uniform(-400, 1400)) for n in range(40)}
    assert frame.wcs is not None
    for name, (x, y) in pixels.items():
        sky = frame.wcs.pixel_to_world(x, y)
        events.add(Event(name, float(sky.ra.deg) % 360, float(sky.dec.deg)))
        if -0.5 <= x <= 999.5 and -0.5 <= y <= 999.5:
            inside.append((np.hypot(x - 499.5, y - 499.5), name))
    corners = [
        (float(c.ra.deg), float(c.dec.deg))
        for c in frame.wcs.pixel_to_world([0, 999, 999, 0], [0, 0, 999, 999])
    ]
    found = [e.ivorn for e in events.in_footprint(frame, corners)]
    assert sorted(found) == sorted(name for _, name in inside)
    assert found[0] == min(inside)[1]
    # A list has no WCS: its outermost sources decide.
    listed = Frame(sha256="1" * 64, hdu=0, path="l", kind="list")
    sure = {n for n, (x, y) in pixels.items() if 20 < x < 980 and 20 < y < 980}
    far = {n for n, (x, y) in pixels.items() if not (-20 < x < 1020 and -20 < y < 1020)}
    found_in_list = {e.ivorn for e in events.in_footprint(listed, corners)}
    assert sure <= found_in_list
    assert not far & found_in_list
    assert events.in_footprint(listed, []) == []


def test_the_cache_follows_new_superseded_and_withdrawn(
    outbox: Outbox, client: CpcsClient, server: Any, make_point: MakePoint
) -> None:
    cache = LightCurveCache(outbox.database, client.url)
    assert cache.get(EVENT).points == ()
    assert cache.fetched_at(EVENT) is None
    for n in (1, 2, 3):
        outbox.add(make_point(n))
    push(outbox, client, now=1.8e9)
    assert [p.mjd for p in refresh_light_curve(cache, client, EVENT).points] == [
        57601.0, 57602.0, 57603.0,
    ]  # fmt: skip
    outbox.add(make_point(2, mag=14.0))
    outbox.withdraw(make_point(3).id, "cloud")
    push(outbox, client, now=1.8e9)
    asked = len(server.log)
    curve = refresh_light_curve(cache, client, EVENT)
    assert [(p.mag, p.revision) for p in curve.points] == [(15.5, 1), (14.0, 2)]
    assert "since=3" in server.log[asked][1]
    assert [p.withdrawn for p in cache.get(EVENT, withdrawn=True).points] == [False, False, True]
    assert cache.get("ivo://other").points == ()
    assert LightCurveCache(outbox.database, "http://other").get(EVENT).points == ()


def test_a_server_restored_from_a_copy_is_asked_for_everything(
    outbox: Outbox, client: CpcsClient, server: Any, make_point: MakePoint
) -> None:
    cache = LightCurveCache(outbox.database, client.url)
    for n in (1, 2, 3):
        outbox.add(make_point(n))
    push(outbox, client, now=1.8e9)
    refresh_light_curve(cache, client, EVENT)
    server.points.pop(make_point(3).id)
    server.changes[EVENT] = server.changes[EVENT][:2]
    assert len(refresh_light_curve(cache, client, EVENT).points) == 2
    assert cache.cursor(EVENT) == 2


def test_answers_that_came_out_of_turn_are_left_aside(
    outbox: Outbox, client: CpcsClient, make_point: MakePoint
) -> None:
    cache = LightCurveCache(outbox.database, client.url)
    outbox.add(make_point(1))
    push(outbox, client, now=1.8e9)
    old = client.get_light_curve(EVENT, 0)
    outbox.add(make_point(1, mag=12.0))
    push(outbox, client, now=1.8e9)
    new = client.get_light_curve(EVENT, 0)
    assert cache.merge(new, 0)
    assert not cache.merge(old, 0)
    assert [p.mag for p in cache.get(EVENT).points] == [12.0]
    assert not cache.merge(new, 99)
