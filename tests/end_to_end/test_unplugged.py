"""Unplugged: everything but the push works, and the push happens by itself later."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from cpcs_desktop.datamodel.submission import Submission
from cpcs_desktop.profile import open_profile
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.pusher import BackgroundPusher

#: The child's ``sitecustomize``: the cable is out, every connection fails at once.
UNPLUGGED = """
import errno, socket

def connect(self, address):
    raise OSError(errno.ENETUNREACH, "Network is unreachable")

socket.socket.connect = connect
socket.socket.connect_ex = lambda self, address: errno.ENETUNREACH

def getaddrinfo(*words, **more):
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

socket.getaddrinfo = getaddrinfo
"""


def cpcs(
    folder: Path, *words: str, url: str | None = None, plugged: bool = False
) -> tuple[list[dict[str, Any]], int]:
    """Run a verb as a child process in a profile of its own; JSON lines and exit status."""
    site = folder / "unplugged"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(UNPLUGGED)
    env = {**os.environ, "CPCS_PROFILE": str(folder / "profile")}
    env |= {} if plugged else {"PYTHONPATH": str(site)}
    env |= {} if url is None else {"CPCS_SERVER_URL": url, "CPCS_ACCESS_KEY": "cpcs_nobody_yet"}
    done = subprocess.run(
        [sys.executable, "-c", "from cpcs_desktop.cli.main import main; main()", *words],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


@pytest.mark.parametrize("server_is_set", [False, True])
def test_a_night_without_a_network_reaches_the_server_later_exactly_once(
    *,
    server_is_set: bool,
    practice: Path,
    practice_truth: dict[str, Any],
    tmp_path: Path,
    free_port: int,
    new_key: Callable[[Path], str],
    running_server: Callable[[Path, int], AbstractContextManager[str]],
) -> None:
    address = f"http://127.0.0.1:{free_port}"
    url = address if server_is_set else None
    event = practice_truth["event"]
    frames = [str(practice / "frames" / f"practice-0{n}-r.fits") for n in (1, 2)]
    cache = ("--cache", str(practice / "cache"))
    place = ("--ra", str(practice_truth["ra"]), "--dec", str(practice_truth["dec"]))

    assert cpcs(tmp_path, "event", "add", event, *place, "--json", url=url)[1] == 0
    lines, status = cpcs(
        tmp_path,
        *("submit", *frames, "--event", event, "--force-filter", "any/r", "--accept-red"),
        *("--json", *cache),
        url=url,
    )
    assert status == 0
    assert [line["status"] for line in lines] == ["ok", "ok"]
    assert {line["submission"]["state"] for line in lines} == {"WAITING"}
    points = {line["submission"]["point_id"] for line in lines}
    again, _ = cpcs(tmp_path, "queue", "list", "--json", url=url)
    assert {row["point_id"] for row in again} == points

    # Later, at home: a server where the profile expects it, and a window that is simply open.
    key = new_key(tmp_path / "server")
    arrived: dict[str, str] = {}
    done = threading.Event()

    def changed(rows: list[Submission]) -> None:
        arrived.update({row.point_id: str(row.state.value) for row in rows})
        if set(arrived) >= points and set(arrived.values()) == {"STORED"}:
            done.set()

    profile = open_profile(tmp_path / "profile")
    with running_server(tmp_path / "server", free_port) as running:
        assert running == address
        pusher = BackgroundPusher(
            profile.outbox_file, lambda: CpcsClient(address, key), changed, poll_s=0.1
        )
        pusher.start()
        try:
            assert done.wait(60), arrived
        finally:
            assert pusher.stop()
        client = CpcsClient(address, key)
        try:
            rows = client.get_light_curve(event).rows
        finally:
            client.close()
    assert sorted(row.id for row in rows) == sorted(points)
    by_kind = {row.kind: row for row in rows}
    assert set(by_kind) == {"DETECTION", "UPPER_LIMIT"}
    truth = practice_truth["mags"][by_kind["DETECTION"].band]
    assert by_kind["DETECTION"].mag == pytest.approx(truth, abs=0.1)
