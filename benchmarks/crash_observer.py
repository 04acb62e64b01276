"""The observer's program of the crash campaign: accepts and pushes until it is killed."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from pathlib import Path

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.point import ErrorBudget, PhotometricPoint, point_id
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.database import Database
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.sync.pusher import push
from cpcs_desktop.wire import Evidence

EVENT = "ivo://crash/campaign #1"


def make_point(frame: int, mag: float) -> PhotometricPoint:
    """Return a point of a frame number."""
    return PhotometricPoint(
        id=point_id(EVENT, f"{frame:064x}", 0), revision=1, kind="DETECTION", event=EVENT,
        mjd=58000.0 + frame / 1000.0, exposure_s=60.0, band="APASS/V", mag=mag, mag_err=0.01,
        mag_err_total=0.02, error_budget=ErrorBudget(0.01, 0.01, 0.01, None, 0.01),
        calib_err=0.02, limit_reason=None, limit_method=None, magnitude_kind="AUTO",
        match_radius_arcsec=2.0, ra=10.0, dec=20.0, offset_arcsec=0.1, zero_point=25.0,
        zero_point_err=0.005, outlier_fraction=0.05, n_matched=50, n_used=47.5,
        observatory="Crash", instrument=None, observers=("A", "B"), file_name=f"{frame}.fits",
        comment="", provenance={"software": "campaign"},
    )  # fmt: skip


def make_evidence(rng: random.Random) -> Evidence:
    """Return evidence of a few kilobytes."""
    stars: dict[str, list[float | int | bool | str | None]] = {
        name: [rng.random() for _ in range(60)] for name in ("ra", "dec", "mag_inst", "mag_ref")
    }
    return Evidence(stars=stars, fits=[], choice={}, checks=[], settings={}, source_list="x" * 500)


def observe(
    file: Path, url: str, key: str, seed: int, first_frame: int, clock_offset: float, tell: int
) -> None:
    """Accept, revise, withdraw and push until killed.

    Every word is told on a pipe: ``I`` before an acceptance, ``A`` after it has returned, so that
    the judge knows what was promised to the observer.
    """
    rng = random.Random(seed)

    def clock() -> float:
        return time.time() + clock_offset

    def say(text: str) -> None:
        os.write(tell, (text + "\n").encode())

    outbox = Outbox(Database(file, busy_timeout_s=0.5), clock)
    client = CpcsClient(url, key, silence_s=1.0, deadline_s=3.0)
    frame = first_frame
    while True:
        act = rng.random()
        try:
            if act < 0.45:
                frame += 1
                n, mag = frame, round(rng.uniform(10, 20), 3)
            elif act < 0.6:
                n, mag = rng.randint(1, frame), round(rng.uniform(10, 20), 3)
            elif act < 0.64:
                row = rng.choice(outbox.submissions() or [None])
                if row is not None:
                    outbox.withdraw(row.point_id, "campaign")
                continue
            else:
                push(outbox, client, now=clock(), force=act > 0.8)
                continue
            point = make_point(n, mag)
            say(f"I {point.id} {mag}")
            submission = outbox.add(point, make_evidence(rng))
            say(f"A {point.id} {mag} {submission.revision}")
        except CpcsError as error:
            say(f"E {error.code}")
        except sqlite3.Error as error:
            say(f"X {error!r}")
