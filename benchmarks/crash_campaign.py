"""Kill everything at random, and count what was lost, doubled, halved or out of order.

Rounds of: an observer's program that accepts, revises, withdraws and pushes; a network that loses,
doubles, cuts and delays (crash_proxy.py); the real server on SQLite or PostgreSQL. Each round ends
with SIGKILL of the observer at a random instant; in some the server is killed too, the disk is
full, a database is locked, or the observer's clock is wrong by a day. At the end everything is
started once more, the outbox is pushed, and outbox, server and light-curve cache are compared.

    python benchmarks/crash_campaign.py --rounds 500 --database sqlite
    python benchmarks/crash_campaign.py --rounds 500 --database postgresql

Needs Linux: fork, SIGKILL and a small tmpfs (without the right to mount, the disk never fills).
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import multiprocessing
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.crash_judge import judge
from benchmarks.crash_observer import EVENT, observe
from benchmarks.crash_proxy import proxy_child
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.light_curves import LightCurveCache, refresh_light_curve
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.sync.pusher import push

FORK = multiprocessing.get_context("fork")
PROGRAM = [sys.executable, "-c", "from server_stub.cli import main; main()"]
DAY = 86400.0


class Server:
    """``cpcs-server run``, always on the same port."""

    def __init__(self, database: str, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def program(self, *words: str) -> str:
        return subprocess.run(
            [*PROGRAM, *words, "--database", self.database, "--profile", str(self.folder)],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    def start(self) -> bool:
        """Start, unless it runs; a full disk may prevent it."""
        if self.process is not None and self.process.poll() is None:
            return True
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [*PROGRAM, "run", "--port", str(self.port), "--database", self.database,
                 "--profile", str(self.folder)],
                stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert self.process.stdout is not None
        return self.process.stdout.readline().startswith("listening")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@contextlib.contextmanager
def small_disk() -> Iterator[tuple[Path, bool]]:
    """Give a folder on a disk of 48 MB of its own, or an ordinary one."""
    with tempfile.TemporaryDirectory(prefix="crash") as name:
        folder = Path(name)
        mounted = (
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", name],
                capture_output=True, check=False,
            ).returncode
            == 0
        )  # fmt: skip
        try:
            yield folder, mounted
        finally:
            if mounted:
                subprocess.run(["umount", "-l", name], check=True)


def fill_disk(folder: Path, leave: int) -> None:
    """Write until nothing (or ``leave`` bytes) is left."""
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with (folder / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        for _ in range(max(0, free - leave) // 65536 + 1):
            ballast.write(bytes(65536))


def locked(database: str, seconds: float) -> None:
    """Keep a database busy: SQLite's one write lock, or PostgreSQL's table of points."""
    with contextlib.suppress(Exception):
        if "://" in database:
            import psycopg

            with psycopg.connect(database) as connection:
                connection.execute("lock table points in access exclusive mode")
                time.sleep(seconds)
        else:
            connection = sqlite3.connect(database, timeout=1.0, isolation_level=None)
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")
            connection.close()


def play_round(
    rng: random.Random, server: Server, outbox_file: Path, url: str, key: str, mounted: bool,
    counts: collections.Counter[str],
) -> list[str]:  # fmt: skip
    """Let the observer work and kill them; return what they had been told."""
    hear, tell = os.pipe()
    clock_offset = rng.choice([0.0, 0.0, 0.0, DAY, -DAY])
    first_frame = play_round.frame  # type: ignore[attr-defined]
    program = FORK.Process(
        target=observe,
        args=(outbox_file, url, key, rng.getrandbits(32), first_frame, clock_offset, tell),
    )
    helpers = []
    mishap = rng.choices(
        ["none", "server killed", "disk full", "outbox locked", "server locked"],
        [55, 15, 10, 10, 10],
    )[0]
    counts[mishap] += 1
    counts["clock off by a day"] += clock_offset != 0
    if mishap == "disk full" and mounted:
        fill_disk(outbox_file.parent, rng.choice([0, 20_000, 100_000]))
    if mishap in {"outbox locked", "server locked"}:
        database = str(outbox_file) if mishap == "outbox locked" else server.database
        helpers.append(FORK.Process(target=locked, args=(database, rng.uniform(0.1, 0.8))))
    for process in [*helpers, program]:
        process.start()
    os.close(tell)
    if mishap == "server killed":
        time.sleep(rng.uniform(0.0, 0.3))
        server.kill()
    time.sleep(rng.uniform(0.05, 0.5))
    os.kill(program.pid or 0, signal.SIGKILL)
    counts["observer killed"] += 1
    program.join()
    for helper in helpers:
        helper.join()
    with os.fdopen(hear) as pipe:
        told = pipe.read().split("\n")[:-1]  # the last may be half a line
    (outbox_file.parent / "ballast").unlink(missing_ok=True)
    play_round.frame = first_frame + sum(line[0] == "I" for line in told) + 1  # type: ignore[attr-defined]
    if not server.start():
        server.kill()
        assert server.start(), "the server does not start any more"
    return told


def campaign(rounds: int, database: str, folder: Path, mounted: bool, seed: int) -> dict[str, Any]:
    """Play all rounds, let peace return, and judge."""
    rng = random.Random(seed)
    server = Server(database, folder)
    server.program("init")
    key = json.loads(server.program("key", "new", "--observatory", "Crash", "--json"))["key"]
    server.program("event", "add", EVENT, "--ra", "10", "--dec", "20")
    bad = FORK.Value("i", 1)
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    tally_file = Path(tempfile.gettempdir()) / f"crash-tally-{os.getpid()}"
    proxy = FORK.Process(
        target=proxy_child, args=(listening, server.port, bad, seed, tally_file), daemon=True
    )
    proxy.start()
    assert server.start()
    outbox_file = folder / "outbox.sqlite"
    cache_file = folder / "cache.sqlite"
    counts: collections.Counter[str] = collections.Counter()
    told: list[str] = []
    play_round.frame = 0  # type: ignore[attr-defined]
    started = time.monotonic()
    for number in range(1, rounds + 1):
        told += play_round(rng, server, outbox_file, url, key, mounted, counts)
        if number % 10 == 0:
            # A second desktop reads along by the cursor.
            reader = CpcsClient(f"http://127.0.0.1:{server.port}", key)
            cache = LightCurveCache(cache_file, "server")
            refresh_light_curve(cache, reader, EVENT)
            cache.database.close()
            reader.close()
        if number % 50 == 0:
            accepted = sum(line[0] == "A" for line in told)
            seconds = time.monotonic() - started
            print(f"  round {number}: {accepted} accepted, {seconds:.0f} s", flush=True)
    bad.value = 0
    outbox = Outbox(outbox_file)
    last = CpcsClient(url, key)
    for _ in range(10):
        push(outbox, last, force=True)
        if not any(row.unfinished for row in outbox.submissions()):
            break
    cache = LightCurveCache(cache_file, "server")
    refresh_light_curve(cache, last, EVENT)
    answer = judge(outbox, database, told, cache, last)
    faults = tally_file.read_text()
    tally_file.unlink()
    last.close()
    proxy.terminate()
    server.kill()
    return {
        "rounds": rounds,
        **answer,
        "mishaps": dict(counts),
        "network": faults,
        "seconds": round(time.monotonic() - started, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder, mounted = stack.enter_context(small_disk())
        database = str(folder / "server.sqlite")
        if options.database == "postgresql":
            import psycopg

            from tests.serving import postgres_cluster, postgres_programs

            programs = postgres_programs()
            assert programs is not None, "PostgreSQL is not installed"
            address = stack.enter_context(postgres_cluster(programs))
            with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
                connection.execute("create database crash")
            database = f"{address}/crash"
        result = campaign(options.rounds, database, folder, mounted, options.seed)
    for name, value in result.items():
        print(f"{name:>24}: {value}")
    bad = ("lost", "doubled", "half", "out of order", "still waiting", "cache differs")
    if any(result[name] for name in bad):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
