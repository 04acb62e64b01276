"""A real server for tests: in this process, or as the program itself on a free port."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from cpcs_desktop.datamodel.point import point_id
from server_stub import admin as admin_acts

EVENT = "ivo://Test/ev #1+a"


def postgres_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, None when it is not installed."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgres_cluster(programs: Path) -> Iterator[str]:
    """Start a cluster of its own in a temporary folder; yield its address without a database."""
    # PostgreSQL refuses root; then its own user runs it.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="cpcs-pg-"))
    data = folder / "data"
    if as_user:
        shutil.chown(folder, "postgres")
    port = free_port()
    options = (
        f"-p {port} -k {folder} -h 127.0.0.1 -c fsync=off -c full_page_writes=off "
        "-c max_connections=300 -c shared_buffers=128MB"
    )

    def call(*words: str) -> None:
        subprocess.run([*as_user, *words], cwd=folder, check=True, capture_output=True, timeout=60)

    call(str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "cpcs", "-E", "UTF8")
    log = str(folder / "log")
    control = str(programs / "pg_ctl")
    try:
        call(control, "-D", str(data), "-l", log, "-w", "-o", options, "start")
        yield f"postgresql://cpcs@127.0.0.1:{port}"
    finally:
        call(control, "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def server_program(*words: str, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """Run ``cpcs-server`` to its end."""
    return subprocess.run(
        [sys.executable, "-c", "from server_stub.cli import main; main()", *words],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        **kwargs,
    )


@dataclass
class LiveServer:
    """The program itself, answering on loopback."""

    url: str
    process: subprocess.Popen[str]
    database: str
    keys: dict[str, str] = field(default_factory=dict)
    log: Path = Path()

    def get(self, path: str, who: str | None = None, **params: Any) -> requests.Response:
        headers = {} if who is None else {"Authorization": f"Bearer {self.keys[who]}"}
        return requests.get(self.url + path, params=params, headers=headers, timeout=60)

    def stop(self) -> float:
        """SIGTERM; return how long it took to end, s."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
        return time.monotonic() - start


def make_key(database: str, observatory: str, *, admin: bool = False, upload: bool = True) -> str:
    """Make a key as ``cpcs-server key new`` does."""
    with admin_acts.opened(database) as opened:
        made = admin_acts.make_key(opened, observatory, None, None, admin=admin, upload=upload)
    return made["key"]


@contextmanager
def live_server(database: str, folder: Path, *options: str) -> Iterator[LiveServer]:
    """Run ``cpcs-server run`` on a free port."""
    log = folder / "server.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from server_stub.cli import main; main()",
                "run",
                "--port",
                "0",
                "--database",
                database,
                *options,
            ],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), log.read_text()
        yield LiveServer(line.split()[-1], process, database, log=log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        process.stdout.close()


def point_json(
    n: int = 1, *, event: str = EVENT, revision: int = 1, **changes: Any
) -> dict[str, Any]:
    """Return a plausible point as it crosses the wire."""
    point = {
        "id": point_id(event, f"{n:064x}", 0),
        "revision": revision,
        "kind": "DETECTION",
        "event": event,
        "mjd": 58000.5 + n % 1000,
        "exposure_s": 120.0,
        "band": "SDSS/r",
        "mag": 16.25,
        "mag_err": 0.02,
        "mag_err_total": 0.03,
        "error_budget": {
            "photon": 0.02,
            "zero_point": 0.01,
            "scatter": 0.01,
            "colour": None,
            "survey": 0.01,
        },
        "calib_err": 0.015,
        "limit_reason": None,
        "limit_method": None,
        "magnitude_kind": "AUTO",
        "match_radius_arcsec": 2.0,
        "ra": 10.0,
        "dec": 20.0,
        "offset_arcsec": 0.1,
        "zero_point": 25.1,
        "zero_point_err": 0.004,
        "outlier_fraction": 0.03,
        "n_matched": 150,
        "n_used": 143.2,
        "observatory": None,
        "instrument": None,
        "observers": ["A. Observer"],
        "file_name": f"frame{n}.fits",
        "comment": "",
        "provenance": {"software": "cpcs-desktop 0.1.0"},
    }
    return {**point, **changes}


def evidence_json() -> dict[str, Any]:
    """Return a small piece of evidence."""
    return {
        "stars": {
            "ra": [10.0, 10.1, 10.2],
            "dec": [20.0, 20.1, 20.2],
            "mag_inst": [-9.0, -8.0, -7.1],
            "mag_inst_err": [0.01, 0.01, 0.02],
            "mag_ref": [16.1, 17.1, 18.0],
            "mag_ref_err": [0.01, 0.01, None],
            "membership": [0.99, 0.98, 0.2],
            "excluded": [False, False, True],
        },
        "fits": [{"band": "SDSS/r", "status": "ok", "zero_point": 25.1, "scatter": 0.02}],
        "choice": {"band": "SDSS/r", "reason": "the only one"},
        "checks": [],
        "settings": {"min_stars": 5},
        "source_list": "# ECSV\n1 2 3\n",
    }


def quoted(name: str) -> str:
    """Percent-encode an event's name as scripts do."""
    return urllib.parse.quote(name, safe="")
