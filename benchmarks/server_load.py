"""Load on the server, on loopback, bounded: light curves, pushes, and 10 million points.

    python benchmarks/server_load.py [--archive DIR] [--no-sqlite] [--postgres] [--points 10000000]

Ten million points take 4 minutes to make and 6 GB of disk.

Every figure of the server stands beside a bare answer of the framework with the same bytes, from
the same process and in the same run, so that a slow or busy machine shows in both.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import uvicorn
from fastapi import FastAPI, Response

sys.path.insert(0, str(Path(__file__).parents[1]))

from server_stub import schema
from server_stub.admin import add_event, opened
from server_stub.archive import import_archive
from server_stub.database import Database
from tests.serving import (
    EVENT,
    evidence_json,
    live_server,
    make_key,
    point_json,
    postgres_cluster,
    postgres_programs,
)

SECONDS = 4.0
P95_LIMIT_MS, LEAST_RATE, GROWTH_LIMIT = 10.0, 200.0, 1.5
MISSED: list[str] = []


def fetched(url: str, path: str, headers: dict[str, str], seconds: float) -> list[float]:
    """Fetch one address again and again over one connection; return the times, s."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
        times.append(time.perf_counter() - start)
        assert answer.status == 200, content[:200]
    connection.close()
    return times


def side_by_side(clients: int, job: Callable[[], list[float]]) -> tuple[list[float], float]:
    """Run a job in some threads; return all times and the rate, requests per second."""
    results: list[list[float]] = [[] for _ in range(clients)]

    def one(n: int) -> None:
        results[n] = job()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = [t for part in results for t in part]
    return times, len(times) / (time.perf_counter() - start)


@contextmanager
def bare_server(content: bytes) -> Iterator[tuple[str, int]]:
    """Serve the same bytes from a bare FastAPI route in a process of its own."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    process = multiprocessing.get_context("fork").Process(
        target=_bare, args=(content, listener), daemon=True
    )
    process.start()
    assert process.pid is not None
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", process.pid
    process.terminate()
    process.join()
    listener.close()


def _bare(content: bytes, listener: Any) -> None:
    app = FastAPI(openapi_url=None)

    @app.get("/")
    def answer() -> Response:
        return Response(content, media_type="application/json")

    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run([listener])


def cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used: it tells the cost even on a busy machine."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(name: str, times: list[float], rate: float, cpu_s: float = 0.0) -> dict[str, float]:
    ordered = sorted(times)
    figures = {
        "median_ms": 1000 * statistics.median(ordered),
        "p95_ms": 1000 * ordered[int(0.95 * (len(ordered) - 1))],
        "per_second": rate,
        "cpu_ms": 1000 * cpu_s / len(ordered),
    }
    words = "  ".join(f"{key} {value:.2f}" for key, value in figures.items() if value)
    print(f"{name:58} {words}")
    return figures


def judge(what: str, value: float, limit: float) -> None:
    """Say whether a limit was kept."""
    verdict = "kept" if value <= limit else "MISSED"
    MISSED.extend([what] if value > limit else [])
    print(f"  {what}: {value:.2f}, limit {limit:g}: {verdict}")


def light_curves(url: str, pid: int, key: str, path: str) -> float:
    """Compare a rich light curve with a bare answer of the same size; light curves a second."""
    headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request("GET", path, headers=headers)
    content = connection.getresponse().read()
    connection.close()
    print(f"light curve of {len(content)} bytes")
    with bare_server(content) as (bare, bare_pid):
        time.sleep(1.5)
        for clients in (1, 4):
            figures = []
            for name, address, target, process, words in (
                ("server", url, path, pid, headers),
                ("bare framework", bare, "/", bare_pid, {}),
            ):
                before = cpu_seconds(process)
                times, rate = side_by_side(
                    clients, partial(fetched, address, target, words, SECONDS)
                )
                cpu_s = cpu_seconds(process) - before
                figures.append(report(f"  {name}, {clients} client(s)", times, rate, cpu_s))
            ratios = "  ".join(
                f"{kind} {figures[0][kind] / figures[1][kind]:.2f}"
                for kind in ("median_ms", "cpu_ms")
            )
            print(f"  ratios to the bare framework: {ratios}")
            judge("p95, ms", figures[0]["p95_ms"], P95_LIMIT_MS)
            judge("ms for a request", 1000 / figures[0]["per_second"], 1000 / LEAST_RATE)
    return figures[0]["per_second"]


def pushes(url: str, keys: list[str], each: int) -> float:
    """Push from all observers at once; every answer must be 201. Return points a second."""
    failed = 0

    def push(n: int) -> list[float]:
        nonlocal failed
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        times = []
        for m in range(each):
            point = point_json(1_000_000 + 1000 * n + m)
            body = gzip.compress(json.dumps({"point": point, "evidence": evidence_json()}).encode())
            headers = {
                "Authorization": f"Bearer {keys[n]}",
                "Content-Encoding": "gzip",
                "Content-Type": "application/json",
            }
            start = time.perf_counter()
            connection.request("PUT", f"/api/v1/points/{point['id']}", body, headers)
            answer = connection.getresponse()
            answer.read()
            times.append(time.perf_counter() - start)
            failed += answer.status != 201
        connection.close()
        return times

    numbers = iter(range(len(keys)))
    times, rate = side_by_side(len(keys), lambda: push(next(numbers)))
    report(f"  {len(keys)} observers pushing {each} points each", times, rate)
    print(f"  failed writes: {failed}")
    assert failed == 0
    return rate


def on_sqlite(archive: Path) -> dict[str, float]:
    """Measure light curves and pushes; return how many a second."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = str(folder / "server.sqlite")
        with opened(database) as store:
            start = time.perf_counter()
            counts = import_archive(store, archive)
            print(f"import of {counts['points']} points: {time.perf_counter() - start:.1f} s")
            add_event(store, EVENT, 10.0, 20.0, None)
        keys = [make_key(database, f"Observatory {n}") for n in range(20)]
        with live_server(database, folder) as server:
            print("SQLite, /api/v1/light-curve")
            path = f"/api/v1/light-curve?ivorn={quote('ivo://cpcs/alert-25726', safe='')}"
            curves = light_curves(server.url, server.process.pid, keys[0], path)
            print("SQLite, the old wire's get_alert_lc_data")
            light_curves(
                server.url, server.process.pid, keys[0], "/get_alert_lc_data?alert_id=25726"
            )
            return {"curves_s": curves, "pushes_s": pushes(server.url, keys, 20)}


def fill(address: str, points: int) -> str:
    """Make a database with many events of 1,500 points each, interleaved as years bring them."""
    name = f"load_{points}"
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f"create database {name}")
    database = Database(f"{address}/{name}")
    schema.upgrade(database)
    database.close()
    make_key(f"{address}/{name}", "Load")
    events = max(1, points // 1500)
    with psycopg.connect(f"{address}/{name}", autocommit=True) as connection:
        connection.execute(
            "insert into events (ivorn, wanted_bands, updated_at, change, n_followup)"
            " select 'ivo://load/' || n, '[]', now(), 1500, 1500 from generate_series(1, %s) n",
            (events,),
        )
        # Point n belongs to event n mod events: one event's rows lie all over the table.
        connection.execute(
            "insert into points (uuid, revision, event_id, observatory_id, state, change,"
            " content_digest, kind, mjd, band, mag, mag_err, calib_err, implausible, stored_at)"
            " select md5(n::text)::uuid::text, 1, 1 + n %% %s, 1, 'current', 1 + n / %s, '',"
            " 'DETECTION', 55000 + n * 1e-5, 'SDSS/r', 15 + random(), 0.02, 0.02, false, now()"
            " from generate_series(0, %s) n",
            (events, events, events * 1500 - 1),
        )
        connection.execute("vacuum analyze")
    return f"{address}/{name}"


def on_postgres(points: int) -> dict[str, float]:
    """Compare uncached reads of 1,500 points among 100 thousand with those among many more."""
    from sqlalchemy import select

    from server_stub.light_curves import light_curve_json
    from server_stub.tables import EventRow

    programs = postgres_programs()
    if programs is None:
        print("PostgreSQL is not installed: skipped")
        return {}
    with postgres_cluster(programs) as address:
        medians = []
        for size in (100_000, points):
            start = time.perf_counter()
            url = fill(address, size)
            print(f"PostgreSQL: {size} points made in {time.perf_counter() - start:.0f} s")
            database = Database(url)
            with database.reading() as session:
                events = session.scalars(select(EventRow).limit(60)).all()
            times = []
            for event in [*events, *events]:
                with database.reading() as session:
                    start = time.perf_counter()
                    answer = json.dumps(light_curve_json(session, event, 0))
                    times.append(time.perf_counter() - start)
                assert len(answer) > 100_000
            medians.append(report(f"  read of 1,500 among {size}", times[60:], 0)["median_ms"])
            report(f"  the same, first time (cold) among {size}", times[:60], 0)
            database.close()
        growth = medians[1] / medians[0]
        judge(f"{points} points against 100000", growth, GROWTH_LIMIT)
        return {"growth": growth}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, default=Path("../shared/data/cpcs-archive"))
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--no-sqlite", action="store_true")
    parser.add_argument("--json", type=Path, help="write what one second carries")
    wish = parser.parse_args()
    figures: dict[str, float] = {}
    if wish.no_sqlite:
        pass
    elif wish.archive.is_dir():
        figures |= on_sqlite(wish.archive)
    else:
        print(f"no archive at {wish.archive}: the SQLite part is skipped")
    if wish.postgres:
        figures |= on_postgres(wish.points)
    if wish.json is not None:
        wish.json.write_text(json.dumps(figures))
    sys.exit(1 if MISSED else 0)


if __name__ == "__main__":
    main()
