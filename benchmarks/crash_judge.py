"""What the crash campaign promised, and what is there."""

from __future__ import annotations

import collections
import contextlib
import gzip
import json
import sqlite3
from typing import Any

from benchmarks.crash_observer import EVENT
from cpcs_desktop.datamodel.submission import SubmissionState
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.light_curves import LightCurveCache
from cpcs_desktop.sync.outbox import Outbox

_QUERY = """select p.uuid, p.revision, p.state, p.change, p.mag, d.body, d.evidence
            from points p left join point_details d on d.point_id = p.id order by p.id"""


def judge(
    outbox: Outbox, database: str, told: list[str], cache: LightCurveCache, client: CpcsClient
) -> dict[str, Any]:
    """Compare what the observer was told, the outbox, the server and the light curve."""
    promised = [line.split() for line in told if line.startswith("A ")]
    intended = {(i[1], float(i[2])) for i in (x.split() for x in told if x.startswith("I "))}
    errors = collections.Counter(x.split()[1] for x in told if x.startswith("E "))
    surprises = [line for line in told if line.startswith("X ")]
    ours = {row.point_id: row for row in outbox.submissions()}
    revisions = {
        uuid: {a.submission.point.revision: a.submission.point.mag for a in outbox.revisions(uuid)}
        for uuid in ours
    }
    theirs: dict[str, list[dict[str, Any]]] = {}
    for row in _server_rows(database):
        theirs.setdefault(row["uuid"], []).append(row)

    lost = [p for p in promised if revisions.get(p[1], {}).get(int(p[3])) != float(p[2])]
    for uuid, row in ours.items():
        there = theirs.get(uuid, [])
        newest = max(there, key=lambda r: r["revision"], default=None)
        if row.state is SubmissionState.WITHDRAWN:
            if newest is not None and newest["state"] != "withdrawn":
                lost.append(["withdrawal", uuid])
        elif newest is None or newest["state"] != "current" or newest["mag"] != row.mag:
            lost.append(["point", uuid])
    doubled = [
        uuid
        for uuid, rows in theirs.items()
        if len({r["revision"] for r in rows}) != len(rows)
        or sum(r["state"] == "current" for r in rows) > 1
        or uuid not in ours
    ]
    half = [uuid for uuid, rows in theirs.items() if not all(_whole(row) for row in rows)]
    disorder = [
        uuid
        for uuid, rows in theirs.items()
        if [r["revision"] for r in rows] != sorted(r["revision"] for r in rows)
        or any(revisions[uuid].get(r["revision"]) != r["mag"] for r in rows if uuid in revisions)
    ]
    everything = client.get_light_curve(EVENT, 0)
    fresh = {(r.id, r.revision, r.mag) for r in everything.rows if not r.withdrawn}
    followed = {(p.id, p.revision, p.mag) for p in cache.get(EVENT).points}
    stored = {(u, r.revision, r.mag) for u, r in ours.items() if r.state is SubmissionState.STORED}
    never_meant = [
        (uuid, mag)
        for uuid, kept in revisions.items()
        for mag in kept.values()
        if (uuid, mag) not in intended
    ]
    return {
        "points": len(ours),
        "accepted": len(promised),
        "server rows": sum(len(rows) for rows in theirs.values()),
        "lost": len(lost),
        "doubled": len(doubled) + len(never_meant),
        "half": len(half),
        "out of order": len(disorder),
        "still waiting": sum(row.unfinished for row in ours.values()),
        "cache differs": len(fresh ^ followed) + len(fresh ^ stored),
        "told the observer": dict(errors),
        "unexpected": surprises[:5],
    }


def _server_rows(database: str) -> list[dict[str, Any]]:
    if "://" in database:
        import psycopg
        from psycopg.rows import dict_row

        with psycopg.connect(database, row_factory=dict_row) as connection:
            return connection.execute(_QUERY).fetchall()
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(_QUERY)]


def _whole(row: dict[str, Any]) -> bool:
    """A point has its body, and its evidence can be read."""
    if row["body"] is None or row["evidence"] is None:
        return False
    body = row["body"] if isinstance(row["body"], dict) else json.loads(row["body"])
    evidence = json.loads(gzip.decompress(bytes(row["evidence"])))
    return bool(body["id"] == row["uuid"] and len(evidence["stars"]["ra"]) == 60)
