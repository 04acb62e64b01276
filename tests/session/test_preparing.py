"""A preparation whose child is killed ends in a sentence; closing it ends the child."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.session.preparing import prepared_by_child
from cpcs_desktop.surveys.fetch import FetchProgress
from cpcs_desktop.surveys.prepare import Wish


@pytest.fixture
def silent() -> Iterator[str]:
    """Address of a service that takes requests and never answers."""
    asked = threading.Event()

    class Silent(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.wait(20)

        def log_message(self, *words: object) -> None:
            del words

    server = HTTPServer(("127.0.0.1", 0), Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/tap"
    asked.set()
    server.shutdown()
    server.server_close()
    thread.join()


def wish(folder: Path, url: str) -> Wish:
    return Wish(folder, ("APASS",), ((10.0, 10.0, 0.1),), {"APASS": url})


def test_a_killed_child_is_one_sentence(tmp_path: Path, silent: str) -> None:
    running = prepared_by_child(wish(tmp_path, silent))
    piece = next(piece for piece in running if piece is not None)
    assert isinstance(piece, FetchProgress)
    (child,) = multiprocessing.active_children()
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(CpcsError, match="ended by the system"):
        list(running)
    assert multiprocessing.active_children() == []


def test_closing_ends_the_child_within_a_second(tmp_path: Path, silent: str) -> None:
    running = prepared_by_child(wish(tmp_path, silent))
    next(piece for piece in running if piece is not None)
    start = time.monotonic()
    running.close()
    assert time.monotonic() - start < 1.0
    assert multiprocessing.active_children() == []
